use std::path::Path;

use super::*;
use crate::parse;

#[test]
fn the_template_is_a_right_file_with_and_without_a_store() {
    let store = TemplateStore {
        name: "library".to_owned(),
        kind: StoreKind::File,
        place: "data/@PORTS@ \"quoted\".json".to_owned(),
    };
    for store in [None, Some(store)] {
        let options = TemplateOptions {
            store: store.clone(),
            ..TemplateOptions::default()
        };
        let text = template(&options);
        let config =
            parse(&text, Path::new("/srv/portcullis.toml")).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(config.service.name.as_str(), "my-service");
        assert_eq!(config.service.ports, PortRange::DEFAULT);
        assert_eq!(config.gateway.listen, options.listen);
        assert_eq!(config.releases[0].command, options.command);
        let paths: Vec<_> = config
            .stores
            .iter()
            .map(|store| store.path().unwrap().to_owned())
            .collect();
        let wanted = store.map(|store| Path::new("/srv").join(store.place));
        assert_eq!(paths, Vec::from_iter(wanted));
    }
}

#[test]
fn the_first_line_names_the_schema_for_editors() {
    let path = "./.portcullis/portcullis.schema.json".to_owned();
    let options = TemplateOptions {
        schema: Some(path),
        ..TemplateOptions::default()
    };
    let text = template(&options);
    assert!(
        text.starts_with("#:schema ./.portcullis/portcullis.schema.json\n# How"),
        "{text}"
    );
    assert!(parse(&text, Path::new("/srv/portcullis.toml")).is_ok());
    assert!(!template(&TemplateOptions::default()).contains("#:schema"));
}

/// Its gate is the one that a file without any has, there to be seen and changed.
#[test]
fn the_template_has_the_default_gate() {
    let text = template(&TemplateOptions::default());
    let config = parse(&text, Path::new("/srv/portcullis.toml")).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(config.analysis, portcullis_analysis::Analysis::usual());
}

/// Whoever follows the template's own advice gets a right file, too.
#[test]
fn the_template_is_right_with_every_setting_uncommented() {
    let text = template(&TemplateOptions::default());
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect();
    // The key of nobody is refused: backups for it could never be read.
    let nobody = format!("age1{}", "q".repeat(58));
    let somebody = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let text = uncommented.join("\n");
    let refused = parse(&text, Path::new("/srv/portcullis.toml")).unwrap_err();
    assert!(refused.to_string().contains("is mistyped"), "{refused}");
    let text = text.replace(&nobody, somebody);
    let config = parse(&text, Path::new("/srv/portcullis.toml")).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(config.stores.len(), 1);
    assert!(config.releases[0].migration.is_some());
    assert!(config.service.metrics.is_some());
    assert_eq!(config.hooks.len(), 1);
    assert_eq!(config.environments(), ["staging"]);
    assert_eq!(config.service.smoke[0].contains.as_deref(), Some("ok"));
}
