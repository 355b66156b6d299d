//! Every folder of `examples/` is right, and does what its README says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use walkdir::WalkDir;

use crate::rig::{Ports, Rig};

/// The examples, and the environments that each has.
const EXAMPLES: [(&str, &[&str]); 4] = [
    ("hooks", &["staging", "production"]),
    ("notes", &[]),
    ("plain-limits", &["staging", "canary"]),
    ("website", &[]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A copy of an example with ports of its own, and with gates that take seconds.
fn rig(name: &str) -> Rig {
    let copy = tempfile::tempdir().unwrap();
    let example = folder().join(name);
    for entry in WalkDir::new(&example) {
        let entry = entry.unwrap();
        let to = copy
            .path()
            .join(entry.path().strip_prefix(&example).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    let ports = Ports::take();
    let (gateway, (first, last)) = (ports.gateway(), ports.releases());
    let rig = Rig::of(copy, ports);
    rig.edit("127.0.0.1:8080", &format!("127.0.0.1:{gateway}"));
    rig.edit("21000-21099", &format!("{first}-{last}"));
    rig.edit("ready = {", "keep_warm = \"0s\"\nready = {");
    rig
}

fn hurry(rig: &Rig) {
    rig.edit("window = \"1m\"", "window = \"2s\"");
    rig.edit("interval = \"5s\"", "interval = \"250ms\"");
    // On a loaded machine two seconds see few requests.
    rig.edit("extend = \"0s\"", "extend = \"20s\"");
}

#[test]
fn every_example_is_covered_and_checks_without_a_problem() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, EXAMPLES.map(|(name, _)| name.to_owned()));
    for (name, environments) in EXAMPLES {
        let example = folder().join(name);
        let text = std::fs::read_to_string(example.join("portcullis.toml")).unwrap();
        assert!(text.starts_with("#:schema "), "{name}");
        let readme = std::fs::read_to_string(example.join("README.md")).unwrap();
        let begins = format!("cd examples/{name}\n");
        assert!(readme.contains(&begins), "{name}: {readme}");
        let mut chosen: Vec<Vec<&str>> = vec![vec!["check", "--json"]];
        chosen.extend(
            environments
                .iter()
                .map(|env| vec!["check", "--json", "--env", env]),
        );
        for args in chosen {
            let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
                .args(&args)
                .current_dir(&example)
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name} {args:?}: {told}");
        }
    }
}

#[test]
fn the_example_of_a_website_is_released_twice() {
    let mut rig = rig("website");
    hurry(&rig);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    assert!(rig.get("/", "a").contains("Version 1.0"));
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "no request was left without an answer");
    assert!(rig.get("/", "a").contains("Version 1.1"));
}

#[test]
fn the_example_of_notes_migrates_its_database_and_goes_back() {
    let mut rig = rig("notes");
    hurry(&rig);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    assert_eq!(keep(&rig, "buy milk")["kept"], "buy milk");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "no request was left without an answer");
    assert_eq!(keep(&rig, "buy bread")["version"], "1.1");
    let is_migrated = Command::new("python3")
        .args(["releases/1.1/migrate.py", "--check", "data/notes.db"])
        .current_dir(rig.folder.path())
        .status();
    assert!(is_migrated.unwrap().success());

    // Nothing is lost on the way back: 1.0 does not mind the new column.
    let users = rig.users();
    rig.ok(&["rollback", "--wait"]);
    assert_eq!(users.stop(), 0, "no request was left without an answer");
    let answer = rig.get("/", "a");
    assert!(
        answer.contains("\"version\": \"1.0\", \"notes\": 2"),
        "{answer}"
    );
}

#[test]
fn the_example_of_hooks_tells_people_and_freezes() {
    let mut rig = rig("hooks");
    let gate = "[gate]\nwindow = \"2s\"\ninterval = \"250ms\"\nrule = [{ signal = \"health\", max = 2 }]\n";
    rig.edit("\n[gateway]", &format!("\n{gate}\n[gateway]"));
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    std::fs::write(rig.path("FREEZE"), "").unwrap();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    assert_eq!(rig.serving_release(), "1.0");
    std::fs::remove_file(rig.path("FREEZE")).unwrap();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert!(rig.get("/", "a").contains("Hello from 1.1"));
    rig.until("people were told", |rig| {
        let told = std::fs::read_to_string(rig.path("notices.log")).unwrap_or_default();
        told.contains("greeting greeting-2 ") && told.contains("greeting greeting-3 ")
    });
}

/// Sends a note and returns the answer.
fn keep(rig: &Rig, note: &str) -> Value {
    let mut stream = TcpStream::connect(rig.gateway()).unwrap();
    let length = note.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: notes\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{note}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    serde_json::from_str(body.unwrap()).unwrap_or_else(|_| panic!("{answer}"))
}
