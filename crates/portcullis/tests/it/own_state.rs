//! The state of Portcullis itself: copied while `serve` runs, lost, and put back by the commands of the guide.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::postgres_server::PostgresServer;
use crate::rig::Rig;

const GUIDE: &str = include_str!("../../../../docs/guide/own-state.md");

/// The commands of a section of docs/guide/own-state.md, as they stand there, block by block. What only says how something
/// is called is left out: here it is called otherwise.
fn commands(heading: &str) -> Vec<String> {
    let (_, rest) = GUIDE.split_once(heading).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| block.contains(' ')).collect()
}

/// A shell that carries commands of the guide out in the folder of portcullis.toml, with these folders of programs first.
fn shell(rig: &Rig, programs: &[&Path], script: &str) -> Command {
    let ours = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent();
    let searched = std::env::var_os("PATH").unwrap();
    let first = programs.iter().copied().chain(ours).map(Path::to_path_buf);
    let path = std::env::join_paths(first.chain(std::env::split_paths(&searched)));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script])
        .current_dir(rig.folder.path())
        .env("PATH", path.unwrap())
        .env("STATE", rig.path(".portcullis"))
        .env("COPY", rig.path("copy"))
        .stdin(Stdio::null());
    bash
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs commands that must succeed, and returns what they said.
fn carried_out(bash: &mut Command) -> String {
    let output = bash.output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    said
}

/// Copies the state while `serve` runs.
fn copy(rig: &Rig) {
    let blocks = commands("## Copy it\n");
    assert_eq!(blocks.len(), 2);
    let told = carried_out(&mut shell(rig, &[], &blocks.concat()));
    assert!(told.lines().any(|line| line == "ok"), "{told}");
}

fn lose_journal(rig: &Rig) {
    std::fs::remove_file(rig.path(".portcullis/journal.db")).unwrap();
    for log in ["journal.db-wal", "journal.db-shm"] {
        let _ = std::fs::remove_file(rig.path(".portcullis").join(log));
    }
}

#[test]
fn a_lost_journal_is_put_back_from_a_copy_that_was_made_while_serve_ran() {
    let mut rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    copy(&rig);
    assert_eq!(users.stop(), 0, "requests were dropped");
    let history = rig.json(&["history"]);
    let verified = rig.json(&["journal", "verify"]);
    let address = rig.json(&["status"])["serving"]["address"].clone();
    rig.kill();
    lose_journal(&rig);
    assert_eq!(rig.exit(&["journal", "verify"]), 1);

    let blocks = commands("## Put it back\n");
    assert_eq!(blocks.len(), 1);
    let told = carried_out(&mut shell(&rig, &[], &blocks.concat()));
    assert!(told.contains("chain whole, 2 rollouts fold"), "{told}");
    assert_eq!(rig.json(&["journal", "verify"]), verified);
    rig.start();
    assert_eq!(rig.json(&["history"]), history);
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(rig.json(&["status"])["serving"]["address"], address);
    assert!(rig.get("/health", "me").contains("\"version\":\"1.1\""));
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.2", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.2");
    assert_eq!(rig.state_of("dhash-3"), "promoted");
    rig.ok(&["journal", "verify"]);
}

#[test]
fn an_older_copy_is_gone_on_from_when_a_person_gives_up_what_came_after_it() {
    let mut rig = Rig::serving("none");
    copy(&rig);
    for _ in 0..3 {
        assert_eq!(rig.stop(), Some(0));
        rig.start();
    }
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        ["watching", "paused"].contains(&rig.state_of("dhash-2").as_str())
    });
    rig.ok(&["abort", "--wait"]);
    assert_eq!(rig.state_of("dhash-2"), "rolled back");
    let newest = rig.json(&["backup", "list"])["backups"][0]["name"].clone();
    let newest = newest.as_str().unwrap();
    let recorded = |rig: &Rig| rig.json(&["backup", "verify", newest])["recorded"].clone();
    assert_eq!(recorded(&rig), true);
    rig.kill();
    lose_journal(&rig);

    let put_back = commands("## Put it back\n").concat();
    let refused = shell(&rig, &[], &put_back).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("is torn"), "{}", said(&refused));
    let [heads, gateway]: [String; 2] = commands("## When the copy is older\n").try_into().unwrap();
    let told = carried_out(&mut shell(&rig, &[], &heads));
    assert!(told.contains("chain whole, 1 rollouts fold"), "{told}");
    rig.launch();
    rig.until("the gateway knows more", |rig| {
        rig.log().contains("its epoch is 2, the gateway has seen 4")
    });
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    rig.kill();
    carried_out(&mut shell(&rig, &[], &gateway));
    rig.start();
    assert!(rig.log().contains("was given it again"), "{}", rig.log());
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(rig.state_of("dhash-1"), "promoted");
    assert_eq!(rig.state_of("dhash-2"), "", "it is lost");
    assert_eq!(recorded(&rig), false);

    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.state_of("dhash-2"), "promoted");
    rig.ok(&["journal", "verify"]);
}

#[test]
fn a_lost_state_folder_is_put_back_and_its_release_is_started() {
    let mut rig = Rig::serving("none");
    copy(&rig);
    let history = rig.json(&["history"]);
    rig.stop_what_runs();
    std::fs::remove_dir_all(rig.path(".portcullis")).unwrap();
    assert_eq!(rig.get("/health", "me"), "", "nothing may be left running");

    let blocks = commands("## When the whole state folder is gone\n");
    assert_eq!(blocks.len(), 1);
    carried_out(&mut shell(&rig, &[], &blocks.concat()));
    let mode = |name: &str| {
        let found = std::fs::metadata(rig.path(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode(".portcullis"), 0o700);
    assert_eq!(mode(".portcullis/journal.db"), 0o600);
    assert_eq!(mode(".portcullis/token"), 0o600);
    rig.start();
    rig.until("the release serves", |rig| {
        rig.get("/health", "me").contains("\"version\":\"1.0\"")
    });
    assert_eq!(rig.json(&["history"]), history);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.1");
}

#[test]
fn an_empty_journal_is_begun_with_and_older_backups_can_still_be_restored() {
    let mut rig = Rig::serving("none");
    rig.until("a backup was made", |rig| {
        rig.run(&["backup", "create"]).status.success()
    });
    let name = rig.json(&["backup", "list"])["backups"][0]["name"].clone();
    let name = name.as_str().unwrap();
    rig.kill();
    lose_journal(&rig);
    rig.launch();
    rig.until("the heads know more", |rig| rig.log().contains("is torn"));
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    assert_eq!(rig.exit(&["deploy", "--release", "1.1"]), 8);
    // The services too, as the guide says.
    rig.stop();

    let blocks = commands("## Begin with an empty journal\n");
    assert_eq!(blocks.len(), 1);
    carried_out(&mut shell(&rig, &[], &blocks.concat()));
    rig.start();
    assert_eq!(rig.json(&["history"])["rollouts"], serde_json::json!([]));
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    assert_eq!(rig.serving_release(), "1.0");
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    let verified = rig.json(&["backup", "verify", name]);
    assert_eq!(verified["recorded"], false, "{verified}");
    rig.ok(&["backup", "restore", name, "--to", "copies"]);
    let restored = std::fs::read(rig.path("copies/library")).unwrap();
    assert!(restored == std::fs::read(rig.path("data/library.json")).unwrap());
    rig.ok(&["journal", "verify"]);
}

#[test]
fn a_journal_in_postgresql_is_put_back_from_its_dump_and_so_is_an_older_one() {
    let server = PostgresServer::start();
    let journal = server.create_database("journal");
    let mut rig = Rig::new("none");
    let state =
        format!("[state]\njournal = \"{journal}\"\nlease = \"3s\"\nvault = \"vault\"\n\n[service]");
    rig.edit("[service]", &state);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let programs = server.program("psql");
    let programs = [programs.parent().unwrap()];
    let run = |rig: &Rig, script: &str| {
        let mut bash = shell(rig, &programs, script);
        carried_out(bash.env("JOURNAL", &journal))
    };
    let [dump, put_back, forget]: [String; 3] =
        commands("## A journal in PostgreSQL\n").try_into().unwrap();
    let folder = commands("## Copy it\n").swap_remove(0);
    run(&rig, &(folder + &dump));
    let history = rig.json(&["history"]);
    rig.kill();
    server.sql("journal", "DROP SCHEMA portcullis CASCADE");
    assert_eq!(rig.exit(&["journal", "verify"]), 1);
    let told = run(&rig, &put_back);
    assert!(told.contains("chain whole, 1 rollouts fold"), "{told}");
    rig.start();
    assert_eq!(rig.json(&["history"]), history);

    // The same dump again, now that the engine has acted under later epochs.
    for _ in 0..2 {
        assert_eq!(rig.stop(), Some(0));
        rig.start();
    }
    rig.kill();
    let told = run(&rig, &put_back);
    assert!(told.contains("chain whole, 1 rollouts fold"), "{told}");
    rig.launch();
    rig.until("the state folder knows more", |rig| {
        rig.log()
            .contains("its epoch is 2, this engine acted under 4")
    });
    rig.kill();
    run(&rig, &forget);
    rig.start();
    assert_eq!(rig.json(&["history"]), history);
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.1");
    rig.ok(&["journal", "verify"]);
    let kept = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'portcullis\\_replaced\\_%'";
    assert_eq!(server.sql("journal", kept), "1");
}
