//! Encrypted backups and their copies in a bucket, by the built binary.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use portcullis_backup::{BackupRequest, Store, Vault};
use serde_json::Value;

use crate::cloud::{Server, free_port};
use crate::rig::Rig;

const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");

/// A rig that encrypts its backups for a key that it has.
fn encrypting(rig: &Rig) -> String {
    let recipient = rig.ok(&["backup", "key", "new", "--file", "backup.key"]);
    let recipient = recipient.trim().to_owned();
    let keys = format!(
        "[backup.encryption]\nrecipients = [\"{recipient}\"]\nidentities = [\"file:backup.key\"]\n\n[timeouts]"
    );
    rig.edit("[timeouts]", &keys);
    recipient
}

/// A place for copies, and what else is said of it.
fn copied_to(rig: &Rig, endpoint: &str, more: &str) {
    let place = format!(
        "[[backup.copy]]\nname = \"offsite\"\nurl = \"s3://backups/shop\"\nendpoint = \"{endpoint}\"\n\
         access_key = \"testing\"\nsecret = \"file:secret\"\n{more}\n[timeouts]"
    );
    rig.edit("[timeouts]", &place);
    std::fs::write(rig.path("secret"), "a-secret-of-the-cloud\n").unwrap();
}

fn there(rig: &Rig) -> Vec<(String, bool)> {
    let listed = rig.json(&["backup", "list", "--copy", "offsite"]);
    let rows = listed["backups"].as_array().unwrap().iter();
    rows.map(|row| {
        let name = row["name"].as_str().unwrap().to_owned();
        (name, row["verified"] == true)
    })
    .collect()
}

/// Makes a backup. Within the second of another one the name is taken.
fn created(rig: &Rig) -> Value {
    loop {
        let output = rig.run(&["backup", "create", "--json"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return serde_json::from_str(&told).unwrap();
        }
        assert!(
            told.contains("already has a backup"),
            "{told}{}",
            said(&output)
        );
    }
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_lost_machine_comes_back_from_an_encrypted_copy() {
    let server = Server::s3(None);
    let mut rig = Rig::new("none");
    let recipient = encrypting(&rig);
    copied_to(&rig, &server.url(), "");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = rig.library_sha256();
    let made = created(&rig);
    let name = made["name"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made["encrypted"], &made["verified"]),
        (&true.into(), &true.into())
    );
    rig.until("serve has copied the backup", |rig| {
        there(rig).contains(&(name.clone(), true))
    });
    let verified = rig.json(&["backup", "verify", &name]);
    assert_eq!(
        (&verified["recorded"], &verified["read_through"]),
        (&true.into(), &true.into())
    );
    let keys = rig.json(&["backup", "key", "list"]);
    let row = keys["backups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == name.as_str());
    assert_eq!(row.unwrap()["recipients"][0], recipient.as_str());
    rig.until("the copy is recorded", |rig| {
        rig.ok(&["journal", "verify"]).contains("record")
            && std::fs::read_to_string(rig.path("serve.log"))
                .unwrap()
                .contains("was copied and read back")
    });
    rig.stop();
    assert!(
        !rig.log().contains("a-secret-of-the-cloud"),
        "{}",
        rig.log()
    );
    // An identity that others may read is worth a word.
    let key = rig.path("backup.key");
    let open = |mode| {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let told = String::from_utf8(rig.run(&["doctor"]).stdout).unwrap();
        told.contains("backup.key has mode 0644: whoever can use it opens every backup")
    };
    assert!(open(0o644));
    assert!(!open(0o600));
    // Nothing is left but the configuration with its keys.
    std::fs::remove_dir_all(rig.path(".portcullis")).unwrap();
    std::fs::remove_dir_all(rig.path("data")).unwrap();

    let fetched = rig.json(&["backup", "fetch", &name, "--from", "offsite"]);
    assert_eq!(fetched["verified"], true, "{fetched:#}");
    let restored = rig.run(&["backup", "restore", &name, "--in-place"]);
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(
        said(&restored).contains("/data was missing and was made"),
        "{}",
        said(&restored)
    );
    assert_eq!(rig.library_sha256(), before);
}

#[test]
fn a_backup_whose_files_were_all_replaced_is_found() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    rig.start();
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    assert_eq!(rig.json(&["backup", "verify", &name])["recorded"], true);
    // Another backup of the same name, whole in itself.
    let forged = Vault::open_or_create(&rig.path("forged")).unwrap();
    std::fs::write(rig.path("library.json"), "forged").unwrap();
    let name_of: portcullis_backup::BackupName = name.parse().unwrap();
    let request = BackupRequest {
        service: name_of.service().to_owned(),
        environment: name_of.environment().to_owned(),
        created_at: name_of.created_at(),
        release: None,
        reason: "by hand".to_owned(),
    };
    let store = Store::file("library", rig.path("library.json"));
    forged.create(&request, &[store]).unwrap();
    forged.verify(&name_of).unwrap();
    for file in std::fs::read_dir(rig.path("forged")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(
            file.path(),
            rig.path(".portcullis/vault").join(file.file_name()),
        )
        .unwrap();
    }
    let output = rig.run(&["backup", "verify", &name]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("the manifest was replaced: the journal says"),
        "{told}"
    );
    let state = |rig: &Rig| rig.json(&["backup", "list"])["backups"][0]["state"].clone();
    assert_eq!(state(&rig), "damaged");
    // Nor is it restored, to a copy or in place.
    rig.stop();
    let before = rig.library_sha256();
    for way in [["--to", "copy"].as_slice(), &["--in-place"]] {
        let output = rig.run(&[["backup", "restore", &name].as_slice(), way].concat());
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("was replaced: the journal says"), "{told}");
    }
    assert_eq!(rig.library_sha256(), before);
    assert!(!rig.path("copy").exists());
    // A drill that tries it out does not make it good.
    assert_ne!(rig.exit(&["drill", "--backup", &name]), 0);
    assert_eq!(state(&rig), "damaged");
}

#[test]
fn a_backup_of_another_service_or_environment_does_not_take_the_place_of_live_data() {
    let rig = Rig::new("none");
    rig.ok(&["init"]);
    let name = created(&rig)["name"].as_str().unwrap().to_owned();
    let before = rig.library_sha256();
    let file = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
    std::fs::write(rig.path("data/library.json"), "of the other").unwrap();
    for (from, to, whose) in [
        ("name = \"", "name = \"other-", "other-dhash (test)"),
        (
            "environment = \"test\"",
            "environment = \"staging\"",
            "dhash (staging)",
        ),
    ] {
        let other = file.replacen(from, to, 1);
        assert_ne!(other, file);
        std::fs::write(rig.path("other.toml"), other).unwrap();
        let output = rig.run(&["-f", "other.toml", "backup", "restore", &name, "--in-place"]);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        let words = format!(
            "{name} is a backup of dhash (test), and this configuration is of {whose}; nothing was changed"
        );
        assert!(told.contains(&words), "{words}: {told}");
        let now = std::fs::read(rig.path("data/library.json")).unwrap();
        assert_eq!(now, b"of the other");
    }
    rig.ok(&["backup", "restore", &name, "--in-place"]);
    assert_eq!(rig.library_sha256(), before);
}

/// The backup of each rollout is in the journal too.
#[test]
fn a_release_waits_for_a_copy_that_is_required() {
    let server = Server::s3(None);
    let mut rig = Rig::new("none");
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig.stop();
    copied_to(&rig, &endpoint, "required = true\n");
    rig.start();
    let before = rig.library_sha256();
    let output = rig.run(&["deploy", "--release", "1.1", "--wait"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output);
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("could not connect"), "{told}");
    assert_eq!(
        (rig.library_sha256(), rig.serving_release()),
        (before, "1.0".to_owned())
    );
    rig.stop();
    rig.edit(&endpoint, &server.url());
    rig.start();
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    let copies = there(&rig);
    assert!(
        !copies.is_empty() && copies.iter().all(|(_, whole)| *whole),
        "{copies:?}"
    );
    let newest = rig.json(&["backup", "list"])["backups"][0]["name"].clone();
    let verified = rig.json(&["backup", "verify", newest.as_str().unwrap()]);
    assert_eq!(verified["recorded"], true, "{verified:#}");
}

#[test]
fn without_the_identity_backups_are_made_and_never_count_as_verified() {
    let mut rig = Rig::new("none");
    encrypting(&rig);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig.stop();
    rig.edit("identities = [\"file:backup.key\"]\n", "");
    rig.start();
    let made = created(&rig);
    assert_eq!(made["verified"], false);
    let output = rig.run(&["backup", "verify"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.starts_with("error[PC0807]") && told.contains("was not read through"),
        "{told}"
    );
    assert_eq!(
        rig.json(&["backup", "list"])["backups"][0]["verified"],
        false
    );
    let output = rig.run(&["deploy", "--release", "1.1", "--wait"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output);
    assert!(!output.status.success(), "{told}");
    assert!(
        told.contains("backups are encrypted and could not be read here"),
        "{told}"
    );
    assert_eq!(rig.serving_release(), "1.0");
}

#[test]
fn old_copies_go_by_the_rules_of_their_place() {
    let server = Server::s3(None);
    let rig = Rig::new("none");
    copied_to(&rig, &server.url(), "keep_last = 2\nkeep_days = 0\n");
    rig.ok(&["init"]);
    let mut names = Vec::new();
    for _ in 0..3 {
        let name = created(&rig)["name"].as_str().unwrap().to_owned();
        rig.ok(&["backup", "copy", &name]);
        names.push(name);
    }
    let dry = rig.ok(&["backup", "prune", "--dry-run"]);
    assert!(
        dry.contains(&format!("would remove  {}", names[0])) && dry.contains("[offsite]"),
        "{dry}"
    );
    assert_eq!(there(&rig).len(), 3);
    rig.ok(&["backup", "prune"]);
    let left: Vec<String> = there(&rig).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, [names[2].clone(), names[1].clone()]);
    // What its rules would not keep is not sent again.
    rig.ok(&["backup", "copy"]);
    assert_eq!(there(&rig).len(), 2);
    assert_eq!(
        rig.json(&["backup", "list"])["backups"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn keys_and_places_that_cannot_be_are_refused() {
    let rig = Rig::new("none");
    rig.ok(&["backup", "key", "new", "--file", "backup.key"]);
    let mode = Command::new("stat")
        .args(["-c", "%a"])
        .arg(rig.path("backup.key"))
        .output();
    assert_eq!(
        String::from_utf8(mode.unwrap().stdout).unwrap().trim(),
        "600"
    );
    let again = rig.run(&["backup", "key", "new", "--file", "backup.key"]);
    assert!(
        said(&again).contains("nothing is overwritten"),
        "{}",
        said(&again)
    );
    let text = std::fs::read_to_string(rig.path("backup.key")).unwrap();
    let secret = text.lines().last().unwrap().to_owned();
    for (keys, told) in [
        (
            format!("[backup.encryption]\nrecipients = [\"{secret}\"]"),
            "this is a secret key",
        ),
        (
            format!("[backup.encryption]\nidentities = [\"{secret}\"]"),
            "does not belong into a file",
        ),
        (
            format!("[backup.encryption]\nidentities = \"{secret}\""),
            "write it in brackets",
        ),
        (
            "[backup.encryption]\nrecipients = [\"age1short\"]".to_owned(),
            "expected a recipient",
        ),
        (
            // Of a real one, with one letter changed.
            "[backup.encryption]\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q\"]"
                .to_owned(),
            "is mistyped",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"ftp://x\"".to_owned(),
            "expected \"s3://BUCKET",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"s3://x\"\nendpoint = \"http://s3.example\""
                .to_owned(),
            "nothing is encrypted on the way",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"gs://x\"\nregion = \"eu\"".to_owned(),
            "`region` is one of s3://",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"s3://x\"\naccess_key = \"k\"".to_owned(),
            "`access_key` needs `secret`",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"gs://x\"\nlock = \"30d\"".to_owned(),
            "lock the bucket itself",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"s3://x\"\nlock_mode = \"compliance\""
                .to_owned(),
            "`lock` is missing",
        ),
        (
            "[[backup.copy]]\nname = \"a\"\nurl = \"s3://x\"\nlock = \"1h\"".to_owned(),
            "lock",
        ),
    ] {
        let file = rig.path("portcullis.toml");
        let before = std::fs::read_to_string(&file).unwrap();
        rig.edit("[timeouts]", &format!("{keys}\n\n[timeouts]"));
        let output = rig.run(&["check"]);
        let words = said(&output);
        assert!(
            !output.status.success() && words.contains(told),
            "{keys}: {words}"
        );
        assert!(!words.contains(&secret[..30]), "{words}");
        std::fs::write(file, before).unwrap();
    }
}

/// The commands of docs/guide/restore-by-hand.md, as they stand there: only the names at their beginning differ.
#[test]
fn the_runbook_restores_an_encrypted_backup_without_portcullis() {
    let rig = Rig::new("none");
    encrypting(&rig);
    rig.ok(&["init"]);
    let before = rig.library_sha256();
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    let (_, rest) = RUNBOOK.split_once("## An encrypted backup\n").unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let commands: Vec<&str> = blocks.filter(|block| block.contains(' ')).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands.concat()])
        .env("VAULT", rig.path(".portcullis/vault"))
        .env("NAME", &name)
        .env("STORE", "library")
        .env("RESTORED", rig.path("restored"))
        .env("IDENTITY", rig.path("backup.key"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{out}{}", said(&output));
    assert!(
        out.contains(".tar.zst.age: OK") && out.contains(".manifest.json.age: OK"),
        "{out}"
    );
    std::fs::copy(
        rig.path("restored/stores/library/library.json"),
        rig.path("data/library.json"),
    )
    .unwrap();
    assert_eq!(rig.library_sha256(), before);
}

#[test]
fn variables_of_the_provider_do_not_lead_copies_elsewhere() {
    let server = Server::s3(None);
    let rig = Rig::new("none");
    let place = format!(
        "[[backup.copy]]\nname = \"offsite\"\nurl = \"s3://backups/shop\"\nendpoint = \"{}\"\n[timeouts]",
        server.url()
    );
    rig.edit("[timeouts]", &place);
    rig.ok(&["init"]);
    let name = created(&rig)["name"].as_str().unwrap().to_owned();
    let copy = |variable: &str, address: &str| {
        Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(rig.folder.path())
            .args(["backup", "copy", &name])
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "testing")
            .env(variable, address)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    // The endpoint of the configuration goes before that of the environment.
    let copied = copy("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    assert!(copied.status.success(), "{}", said(&copied));

    rig.edit(&format!("endpoint = \"{}\"\n", server.url()), "");
    let refused = copy("AWS_ENDPOINT_URL", "http://192.0.2.1:9000");
    let why = said(&refused);
    assert!(!refused.status.success());
    assert!(
        why.contains("http://192.0.2.1 is not encrypted and not on this machine"),
        "{why}"
    );
}
