//! Where values come from.

use std::path::Path;

use portcullis_config::{Explained, ValueOrigin, explain, explain_text};

use crate::least;

const ENVIRONMENTS: &str = include_str!("environments.toml");
const FULL: &str = include_str!("full.toml");

fn explained(text: &str, environment: Option<&str>) -> Vec<Explained> {
    explain_text(text, Path::new("portcullis.toml"), environment)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn told(list: &[Explained]) -> String {
    let line = |one: &Explained| {
        let value = one.value.as_deref().unwrap_or("-");
        format!("{} | {value} | {}\n", one.key, one.origin)
    };
    list.iter().map(line).collect()
}

#[test]
fn every_value_of_an_environment_has_its_origin() {
    insta::assert_snapshot!(told(&explained(ENVIRONMENTS, Some("staging"))));
}

#[test]
fn every_value_of_the_full_and_the_least_file_has_its_origin() {
    insta::assert_snapshot!(told(&explained(FULL, None)));
    let least = explained(&least("", ""), None);
    insta::assert_snapshot!(told(&least));
    let rules = Explained::below(least, "gate.rule").unwrap();
    assert!(rules.iter().all(|rule| rule.origin == ValueOrigin::Default));
}

#[test]
fn secrets_are_explained_by_their_reference_only() {
    let tables = "env = { TOKEN = \"text:8461937\", PLAIN = \"8461937\", KEY = \"env:KEY\" }\n\
                  [state]\njournal = \"text:postgres://u:8461937@h/d\"\n";
    let list = explained(&least("", tables), None);
    let text = told(&list);
    assert!(!text.contains("8461937"), "{text}");
    for line in [
        "release[0].env.KEY | \"env:KEY\" | portcullis.toml:",
        "release[0].env.PLAIN | (hidden) | portcullis.toml:",
        "release[0].env.TOKEN | (hidden) | portcullis.toml:",
        "state.journal | (hidden) | portcullis.toml:",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn keys_are_asked_for_by_their_tables_and_slips_are_seen() {
    let below = |key| Explained::below(explained(ENVIRONMENTS, None), key);
    let keys =
        |key| -> Vec<String> { below(key).unwrap().into_iter().map(|one| one.key).collect() };
    assert_eq!(
        keys("backup")[..3],
        ["backup.keep_last", "backup.keep_days", "backup.keep_hourly"]
    );
    assert_eq!(keys("service.name"), ["service.name"]);
    assert_eq!(keys("gate.rule[1].signal"), ["gate.rule[1].signal"]);
    assert!(
        keys("release")
            .iter()
            .all(|key| key.starts_with("release[0]."))
    );
    assert_eq!(keys("service.ready.contains"), ["service.ready.contains"]);
    let near = |key| below(key).expect_err("an unknown key").near;
    assert_eq!(near("service.nam").as_deref(), Some("service.name"));
    assert_eq!(near("gatewya").as_deref(), Some("gateway"));
    assert_eq!(near("weights").as_deref(), Some("service.weights"));
    assert_eq!(near("serv"), None);
    assert_eq!(near("something else entirely"), None);
}

#[test]
fn a_file_with_problems_is_not_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    assert!(explain(&file, None).is_err());
    std::fs::write(&file, least("", "[environment.a]")).unwrap();
    assert!(explain(&file, Some("b")).is_err());
    let all = explain(&file, Some("a")).unwrap_or_else(|problems| panic!("{problems}"));
    let named = all.iter().find(|one| one.key == "service.environment");
    let origin = named.map(|one| one.origin.to_string()).unwrap_or_default();
    assert!(origin.ends_with("([environment.a])"), "{origin}");
}
