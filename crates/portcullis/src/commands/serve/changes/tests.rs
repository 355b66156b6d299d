use std::path::Path;

use portcullis_config::{Config, TemplateOptions, parse, template};

use super::{When, parts};

fn configuration(change: impl Fn(String) -> String) -> Config {
    let text = template(&TemplateOptions {
        service: "shop".to_owned(),
        ..TemplateOptions::default()
    });
    parse(&change(text), Path::new("portcullis.toml")).unwrap()
}

fn differing(text: &str) -> Vec<(&'static str, When)> {
    let (before, after) = (
        configuration(|plain| plain),
        configuration(|plain| format!("{plain}\n{text}")),
    );
    let parts = parts(&before, &after);
    let differ = parts.iter().filter(|part| part.differs);
    differ.map(|part| (part.key, part.when)).collect()
}

#[test]
fn an_unchanged_file_differs_in_nothing() {
    assert_eq!(differing(""), []);
}

#[test]
fn a_route_needs_a_reload_and_a_log_of_requests_a_new_process() {
    let route = "[[gateway.route]]\nname = \"here\"\nexact = \"/here\"\n\
                 redirect = { location = \"/there\", status = 307 }\n";
    assert_eq!(differing(route), [("[[gateway.route]]", When::Reload)]);
    let log = "[gateway.log]\nto = \"log\"\n";
    assert_eq!(differing(log), [("[gateway.log]", When::Upgrade)]);
}

#[test]
fn a_change_of_a_mask_is_told() {
    let mask = "[[gateway.mask]]\nname = \"chat\"\napplication = \"openai\"\n";
    let with = |more: &str| format!("default_mask = \"chat\"\n{mask}{more}");
    let config = |more: &str| {
        let text = with(more);
        let (key, tables) = text.split_once('\n').unwrap();
        configuration(|plain| {
            let plain = plain.replacen("[gateway]\n", &format!("[gateway]\n{key}\n"), 1);
            format!("{plain}\n{tables}")
        })
    };
    let (before, after) = (config(""), config("mode = \"shadow\"\n"));
    let parts = parts(&before, &after);
    let differ: Vec<_> = parts.iter().filter(|part| part.differs).collect();
    assert_eq!(differ.len(), 1);
    assert_eq!(
        (differ[0].key, differ[0].when),
        ("[[gateway.mask]]", When::Reload)
    );
}

#[test]
fn every_part_has_the_name_that_the_reference_has() {
    let config = configuration(|plain| plain);
    let reference = portcullis_config::reference();
    for part in parts(&config, &config) {
        if part.key.starts_with('[') {
            assert!(reference.contains(part.key), "{}", part.key);
            continue;
        }
        let (table, name) = part.key.rsplit_once('.').unwrap();
        let begin = reference.find(&format!("`[{table}]`\n")).unwrap();
        let section = reference[begin..].split("\n## ").next().unwrap();
        assert!(section.contains(&format!("| `{name}` |")), "{}", part.key);
    }
}
