//! What would be tried out on a copy and names live data is refused before anything is started.

use std::path::PathBuf;

use crate::databases::{digest, ledger_of, sqlite};
use crate::rig::Rig;

const LEDGER: &str = include_str!("fixtures/ledger/portcullis.toml");

const MIGRATION: &str = r#""python3", "{artifact}", "migrate", "--database", "{store.entries}""#;
const PROOF: &str = r#""migrated", "--database", "{store.entries}"] }"#;
const NEWEST: &str = "version = \"1.2\"\nartifact = \"ledger.py\"\n";

fn serving(configuration: &str) -> Rig {
    let mut rig = ledger_of(configuration);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig
}

fn database(rig: &Rig) -> PathBuf {
    rig.path("data/entries.db")
}

/// All that a migration of the live data would change.
fn live(rig: &Rig) -> (String, String, String) {
    let definitions = "SELECT group_concat(name || ' ' || sql, '; ') FROM sqlite_schema";
    (
        sqlite(&database(rig), definitions),
        sqlite(&database(rig), "PRAGMA user_version"),
        digest(rig),
    )
}

/// What a command that must end with this code says, in one line.
fn said(rig: &Rig, code: i32, args: &[&str]) -> String {
    let output = rig.run(args);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every way of trying 1.2 out on a copy must be refused in these words, and leave the live data as it is.
fn refused_everywhere(rig: &Rig, edits: &[(&str, String)], sentence: &str) {
    let file = rig.path("portcullis.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in edits {
        rig.edit(from, to);
    }
    let before = live(rig);
    for args in [
        ["migrate", "rehearse", "--release", "1.2"].as_slice(),
        &["plan", "--release", "1.2"],
        &["deploy", "--release", "1.2", "--wait"],
        &["twin", "up", "--release", "1.2"],
    ] {
        let told = said(rig, 1, args);
        assert!(told.contains(sentence), "{args:?}: {sentence}: {told}");
        assert_eq!(live(rig), before, "{args:?}");
    }
    let checked = said(rig, 0, &["check"]);
    assert!(checked.contains(sentence), "{sentence}: {checked}");
    assert_eq!(rig.state_of("ledger-2"), "", "nothing was begun");
    std::fs::write(file, text).unwrap();
}

/// The sentence about what names live data.
fn astray(whose: &str, named: &str) -> String {
    format!(
        "release 1.2: {whose} names {named}, so it would use live data; write {{store.entries}} instead"
    )
}

#[test]
fn a_migration_that_names_live_data_is_never_tried_out() {
    let rig = serving(LEDGER);
    std::os::unix::fs::symlink("data", rig.path("link")).unwrap();
    let absolute = database(&rig).display().to_string();
    let whose = "the command of its migration";
    for named in [
        absolute.as_str(),
        "data/entries.db",
        "./data/../data/entries.db",
        "link/entries.db",
    ] {
        let migrates = format!(r#""python3", "{{artifact}}", "migrate", "--database", "{named}""#);
        refused_everywhere(&rig, &[(MIGRATION, migrates)], &astray(whose, named));
    }
    // A path in a script, beside the copy.
    let script = r#""sh", "-c", "python3 $0 migrate --database data/entries.db", "{artifact}", "{store.entries}""#;
    let told = astray(whose, "data/entries.db");
    refused_everywhere(&rig, &[(MIGRATION, script.to_owned())], &told);
    // A path in a program, which nobody can see.
    let migrate = "exec python3 ledger.py migrate --database data/entries.db";
    std::fs::write(rig.path("migrate.sh"), migrate).unwrap();
    refused_everywhere(
        &rig,
        &[(MIGRATION, r#""sh", "migrate.sh""#.to_owned())],
        "release 1.2: neither the command of its migration nor its environment has {store.entries}, so nobody can \
         tell that it would use the copy and not live data",
    );
    // As it was, all of it works.
    let rehearsed = said(&rig, 0, &["migrate", "rehearse", "--release", "1.2"]);
    assert!(rehearsed.contains("1.2 can be brought out"), "{rehearsed}");
    assert_eq!(live(&rig).1, "1");
}

#[test]
fn proofs_reverses_and_variables_that_name_live_data_are_refused_as_well() {
    let rig = serving(LEDGER);
    let absolute = database(&rig).display().to_string();
    for named in [absolute.as_str(), "data/entries.db"] {
        let proof = format!(r#""migrated", "--database", "{named}"] }}"#);
        let told = astray("the proof of its migration", named);
        refused_everywhere(&rig, &[(PROOF, proof)], &told);
        let variable = format!("{NEWEST}env = {{ LEDGER = \"{named}\" }}\n");
        let told = astray("its variable LEDGER", named);
        // The release's own variables are those of its migration.
        refused_everywhere(&rig, &[(NEWEST, variable.clone())], &told);
        let migrates = r#""sh", "-c", "python3 $0 migrate --database $LEDGER", "{artifact}""#;
        let edits = [(NEWEST, variable), (MIGRATION, migrates.to_owned())];
        refused_everywhere(&rig, &edits, &told);
    }
    let variable = format!("{NEWEST}env = {{ LEDGER = \"sqlite:///data/entries.db\" }}\n");
    let told = astray("its variable LEDGER", "data/entries.db");
    refused_everywhere(&rig, &[(NEWEST, variable)], &told);
    let file = format!(
        "{PROOF}\nreverse = [\"python3\", \"{{artifact}}\", \"migrate\", \"--database\", \"data/entries.db\"]"
    );
    let back = "rollback = \"reverse\"".to_owned();
    let edits = [(PROOF, file), ("rollback = \"restore\"", back)];
    let told = astray("the reverse of its migration", "data/entries.db");
    refused_everywhere(&rig, &edits, &told);
}

#[test]
fn a_release_that_serves_with_a_live_path_is_not_started_a_second_time_on_it() {
    let rig = serving(&LEDGER.replacen("{store.entries}", "data/entries.db", 1));
    let before = live(&rig);
    for args in [
        ["migrate", "rehearse", "--release", "1.2"].as_slice(),
        &["deploy", "--release", "1.2", "--wait"],
    ] {
        let told = said(&rig, 1, args);
        let sentence = "release 1.0, which serves: its command names data/entries.db, so it would use live data; first \
                        bring out one without a migration that has {store.entries} instead";
        assert!(told.contains(sentence), "{told}");
        assert_eq!(live(&rig), before);
    }
    // What it says can be done.
    let mended = "[[release]]\nversion = \"1.0-mended\"\nartifact = \"ledger.py\"\n\
        command = [\"python3\", \"{artifact}\", \"serve\", \"--database\", \"{store.entries}\", \"--port\", \
        \"{port}\", \"--release\", \"{release}\"]\n\n[[release]]\nversion = \"1.1\"";
    rig.edit("[[release]]\nversion = \"1.1\"", mended);
    let users = rig.users();
    let deployed = rig.exit(&["deploy", "--release", "1.0-mended", "--wait"]);
    users.stop();
    assert_eq!(deployed, 0, "{}", rig.log());
    let rehearsed = said(&rig, 0, &["migrate", "rehearse", "--release", "1.2"]);
    assert!(rehearsed.contains("1.2 can be brought out"), "{rehearsed}");
}

/// When the plan is made the link leads to something else, and to live data when the step begins.
#[test]
fn the_step_itself_looks_again_before_it_starts_anything() {
    let hook = "[[hook]]\nname = \"swap\"\non = [\"before-rehearse\"]\n\
        command = [\"ln\", \"-sfn\", \"data\", \"link\"]\n\n[timeouts]";
    let migrates = r#""sh", "-c", "exec python3 $0 migrate --database link/entries.db", "{artifact}", "{store.entries}""#;
    let text = LEDGER.replace("[timeouts]", hook);
    let rig = serving(&text.replace(MIGRATION, migrates));
    std::fs::create_dir(rig.path("elsewhere")).unwrap();
    let elsewhere = rig.path("elsewhere/entries.db");
    sqlite(
        &database(&rig),
        &format!("VACUUM INTO '{}'", elsewhere.display()),
    );
    std::os::unix::fs::symlink("elsewhere", rig.path("link")).unwrap();
    let before = live(&rig);
    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 1);
    let shown = said(&rig, 0, &["show", "ledger-2"]);
    assert_eq!(rig.state_of("ledger-2"), "rolled back", "{shown}");
    let target = std::fs::read_link(rig.path("link")).unwrap();
    assert_eq!(
        target,
        PathBuf::from("data"),
        "otherwise this tests nothing"
    );
    let told = astray("the command of its migration", "link/entries.db");
    assert!(shown.contains(&told), "{shown}");
    assert!(shown.contains("nothing was rehearsed"), "{shown}");
    assert_eq!(live(&rig), before);
    assert_eq!(sqlite(&elsewhere, "PRAGMA user_version"), "1");
    assert_eq!(rig.serving_release(), "1.0");
}
