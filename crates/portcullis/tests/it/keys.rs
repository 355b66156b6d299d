//! `portcullis gateway key`: the file of API keys.

use std::os::unix::fs::PermissionsExt;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::rig::Rig;

const ACCESS: &str = "\n[[gateway.access]]\nname = \"partners\"\nkeys = { file = \"keys.json\" }\n\
                      [[gateway.route]]\nname = \"partners\"\npath = \"/partners\"\naccess = \"partners\"\n";

/// A folder with a configuration that names a file of API keys.
fn rig() -> Rig {
    let rig = Rig::new("none");
    let file = rig.path("portcullis.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text + ACCESS).unwrap();
    rig
}

/// What a command that fails says, after its exit code was looked at.
fn refused(rig: &Rig, args: &[&str], exit: i32) -> String {
    let output = rig.run(args);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {words}");
    words
}

fn kept(rig: &Rig) -> Value {
    let text = std::fs::read(rig.path("keys.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Standard output and what is said beside it, with what differs each time replaced.
fn golden(rig: &Rig, args: &[&str]) {
    let output = rig.run(args);
    let text = format!(
        "$ portcullis {}\n{}--- beside it\n{}",
        args.join(" "),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    );
    let folder = rig.folder.path().display().to_string();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&folder, "FOLDER");
    settings.add_filter(r"pk_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}", "KEY");
    settings.add_filter(r"pk_[0-9A-Za-z]{8}", "PREFIX");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME");
    let name = format!("key_{}", args[2]);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn keys_are_made_listed_rotated_and_revoked() {
    let rig = rig();
    let empty = rig.run(&["gateway", "key", "list"]);
    assert!(empty.status.success() && empty.stdout.is_empty());
    golden(
        &rig,
        &[
            "gateway",
            "key",
            "add",
            "--name",
            "ci",
            "--scope",
            "read",
            "--expires",
            "90d",
        ],
    );
    let file = rig.path("keys.json");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let made = rig.json(&[
        "gateway", "key", "add", "--note", "partner", "--access", "partners",
    ]);
    assert_eq!(made["schema"], "portcullis.gateway-key/1");
    let key = made["key"].as_str().unwrap().to_owned();
    let secret = &key[12..];
    assert!(key.starts_with(made["prefix"].as_str().unwrap()));

    // The file has no key, only what tells that a key is the right one.
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(secret));
    let list = rig.ok(&["gateway", "key", "list", "--json"]);
    assert!(!list.contains(secret));
    let first = &kept(&rig)["keys"][0];
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let good_for = time(&first["expires"]).duration_since(time(&first["created"]));
    assert_eq!(good_for, SignedDuration::from_hours(24 * 90));

    // A key that expires is replaced by one of which it was said how long it is good for.
    let words = refused(&rig, &["gateway", "key", "rotate", "ci"], 2);
    assert!(words.contains("--expires never"), "{words}");
    golden(
        &rig,
        &[
            "gateway",
            "key",
            "rotate",
            "ci",
            "--overlap",
            "24h",
            "--expires",
            "90d",
        ],
    );
    let keys = kept(&rig);
    let left = time(&keys["keys"][0]["expires"]).duration_since(time(&keys["keys"][2]["created"]));
    assert_eq!(left, SignedDuration::from_hours(24));
    assert_eq!(keys["keys"][2]["scopes"], serde_json::json!(["read"]));
    golden(&rig, &["gateway", "key", "list"]);
    let prefix = made["prefix"].as_str().unwrap().to_owned();
    rig.ok(&["gateway", "key", "revoke", &prefix]);
    let list = rig.json(&["gateway", "key", "list"]);
    let names: Vec<&str> = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ci", "ci-2"]);
    assert_eq!(list["keys"][0]["state"], "replaced");
    golden(&rig, &["gateway", "key", "revoke", "ci"]);
}

#[test]
fn mistakes_about_keys_are_told_with_what_to_do_and_change_nothing() {
    let rig = rig();
    rig.ok(&["gateway", "key", "add", "--name", "ci"]);
    let before = std::fs::read(rig.path("keys.json")).unwrap();
    for (args, exit, words) in [
        (&["add", "--name", "ci"][..], 1, "key rotate"),
        (&["add", "--name", "two words"], 2, "none of them a space"),
        (&["add"], 2, "--name"),
        (
            &["add", "--name", "x", "--expires", "soon"],
            2,
            "for example 15m, 24h or 90d",
        ),
        (
            &["add", "--name", "x", "--expires", "0s"],
            2,
            "for some time",
        ),
        (
            &["add", "--name", "x", "--scope", "a b"],
            2,
            "without spaces",
        ),
        (
            &["add", "--name", "x", "--access", "none"],
            2,
            "those with keys are: partners",
        ),
        (&["revoke", "none"], 1, "key list"),
        (&["rotate", "none"], 1, "key list"),
        (&["rotate", "ci", "--name", "ci"], 1, "already"),
    ] {
        let args = [&["gateway", "key"][..], args].concat();
        let told = refused(&rig, &args, exit);
        assert!(told.contains(words), "{args:?}: {told}");
        assert!(told.starts_with("error[PC"), "{told}");
    }
    assert_eq!(std::fs::read(rig.path("keys.json")).unwrap(), before);

    // A damaged file is refused with its place by whatever would write it, and stays as it is.
    let damaged = "{\n  \"keys\": [\n    { \"id\": \"ci\", }\n  ]\n}\n";
    std::fs::write(rig.path("keys.json"), damaged).unwrap();
    for args in [
        &["add", "--name", "b"][..],
        &["list"],
        &["rotate", "ci"],
        &["revoke", "ci"],
    ] {
        let args = [&["gateway", "key"][..], args].concat();
        let told = refused(&rig, &args, 1);
        assert!(
            told.contains("keys.json") && told.contains("line 3 column"),
            "{told}"
        );
        assert!(told.contains("it was not changed"), "{told}");
    }
    let after = std::fs::read_to_string(rig.path("keys.json")).unwrap();
    assert_eq!(after, damaged);
}

#[test]
fn a_file_is_found_by_its_access_or_named_and_needs_no_configuration_then() {
    let rig = rig();
    let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
    let other = ACCESS
        .replace("partners", "office")
        .replace("keys.json", "office.json");
    std::fs::write(rig.path("portcullis.toml"), text.clone() + &other).unwrap();
    let add = ["gateway", "key", "add", "--name", "ci"];
    let told = refused(&rig, &add, 2);
    assert!(told.contains("--access: partners, office"), "{told}");
    rig.ok(&[&add[..], &["--access", "office"]].concat());
    assert!(rig.path("office.json").exists() && !rig.path("keys.json").exists());

    std::fs::write(rig.path("portcullis.toml"), "nothing").unwrap();
    rig.ok(&[&add[..], &["--keys-file", "own.json"]].concat());
    let list = rig.json(&["gateway", "key", "list", "--keys-file", "own.json"]);
    assert_eq!(list["keys"][0]["id"], "ci");
    let told = refused(
        &rig,
        &[&add[..], &["--keys-file", "none/own.json"]].concat(),
        1,
    );
    assert!(
        told.contains("none/own.json") && told.contains("its folder"),
        "{told}"
    );

    let bare = text.replace(ACCESS, "");
    std::fs::write(rig.path("portcullis.toml"), bare).unwrap();
    let told = refused(&rig, &add, 2);
    assert!(
        told.contains("has no [[gateway.access]] with API keys"),
        "{told}"
    );
}
