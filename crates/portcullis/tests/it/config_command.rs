//! `portcullis config`, `--env`, and secrets, through the binary.

use std::path::Path;
use std::process::{Command, Output};

const FILE: &str = r#"
[service]
name = "dhash"
ready = { path = "/health" }

[[release]]
version = "1.0"
artifact = "dhash"
command = ["{artifact}", "--port", "{port}"]
env = { API_TOKEN = "env:DHASH_TOKEN", PLAIN = "8461937" }

[environment.staging.service]
weights = [50, 100]
[environment.staging.state]
journal = "text:postgres://u:8461937@h/d"
"#;

fn run(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(folder)
        .env_remove("PORTCULLIS_ENV")
        .env_remove("PORTCULLIS_FILE")
        .args(words)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn config_explain_says_where_each_value_came_from_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("portcullis.toml"), FILE).unwrap();
    let output = run(
        folder.path(),
        &["--env", "staging", "config", "explain", "service"],
    );
    let told = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let line = |key: &str| {
        let found = told.lines().find(|line| line.starts_with(key));
        let words = found.unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("service.name"),
        "service.name \"dhash\" portcullis.toml:3"
    );
    let weights = "service.weights [50, 100] portcullis.toml:13 ([environment.staging])";
    assert_eq!(line("service.weights"), weights);
    assert_eq!(
        line("service.strategy"),
        "service.strategy \"canary\" default"
    );

    let all = run(
        folder.path(),
        &["--env", "staging", "config", "explain", "--json"],
    );
    let told = text(&all.stdout);
    assert!(!told.contains("8461937"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(json["schema"], "portcullis.config-explain/1");
    let keys = json["keys"].as_array().unwrap();
    let of = |key: &str| keys.iter().find(|one| one["key"] == key).unwrap();
    assert_eq!(of("state.journal")["value"], "(hidden)");
    assert_eq!(of("state.journal")["origin"]["environment"], "staging");
    assert_eq!(
        of("release[0].env.API_TOKEN")["value"],
        "\"env:DHASH_TOKEN\""
    );
    assert_eq!(of("state.folder")["origin"]["from"], "default");
}

#[test]
fn unknown_keys_and_environments_are_told_with_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("portcullis.toml"), FILE).unwrap();
    let wrong = |words: &[&str], hint: &str| {
        let output = run(folder.path(), words);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(hint), "{told}");
    };
    wrong(
        &["config", "explain", "service.wieghts"],
        "did you mean `service.weights`?",
    );
    wrong(
        &["--env", "stagin", "config", "explain"],
        "did you mean staging?",
    );
    wrong(&["--env", "stagin", "check"], "did you mean staging?");
}

#[test]
fn config_schema_prints_the_schema_that_is_kept_with_the_documents() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["config", "schema"]);
    let kept = include_str!("../../../../docs/reference/portcullis.schema.json");
    assert_eq!(text(&output.stdout), kept);
}
