//! A server that runs and does not answer is not taken for one that does not run.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::rig::{Rig, signal};

/// What a command said, on both streams, and its exit code.
fn told(rig: &Rig, args: &[&str]) -> (String, i32) {
    let output = rig.run(args);
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (text, output.status.code().unwrap())
}

#[test]
fn a_server_that_hangs_is_named_within_seconds() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    rig.start();
    let pid = rig.serve_id();
    signal("-STOP", pid);
    let runs = format!("`portcullis serve` (pid {pid}) runs but does not answer");
    for (args, code) in [
        (&["status"][..], 8),
        (&["gateway", "routes"], 8),
        (&["deploy", "--release", "1.0"], 8),
        (&["abort"], 8),
        (&["doctor"], 1),
    ] {
        let begun = Instant::now();
        let (said, exit) = told(&rig, args);
        assert!(begun.elapsed() < Duration::from_secs(10), "{args:?}");
        assert_eq!(exit, code, "{args:?}\n{said}");
        assert!(said.contains(&runs), "{args:?}\n{said}");
        assert!(
            said.contains(&format!("kill -CONT {pid}")),
            "{args:?}\n{said}"
        );
        assert!(!said.contains("starts it"), "{args:?}\n{said}");
        assert!(
            !said.contains("stop what listens there"),
            "{args:?}\n{said}"
        );
    }
    signal("-CONT", pid);
    rig.until("it answers again", |rig| rig.exit(&["status"]) == 0);
}

#[test]
fn a_socket_that_was_removed_is_told_and_not_taken_for_no_server() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    rig.start();
    std::fs::remove_file(rig.path(".portcullis/api.sock")).unwrap();
    let (said, exit) = told(&rig, &["status"]);
    assert_eq!(exit, 8, "{said}");
    assert!(said.contains("its socket was removed"), "{said}");
    assert!(said.contains("start `portcullis serve` again"), "{said}");
    let (said, _) = told(&rig, &["abort"]);
    assert!(said.contains("its socket was removed"), "{said}");
    // The advice holds.
    rig.stop();
    rig.start();
    rig.ok(&["status"]);
}

#[test]
fn a_server_whose_engine_does_not_act_is_not_taken_for_none() {
    let mut rig = Rig::serving("none");
    rig.kill();
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let _ = std::fs::remove_file(rig.path(".portcullis").join(name));
    }
    let head = rig.path(".portcullis/journal.db.dhash.head");
    assert_eq!(
        rig.exit(&["status"]),
        1,
        "the journal is gone, and its head is not"
    );
    std::fs::remove_file(head).unwrap();
    // Backups have a chain of their own in it.
    std::fs::remove_file(rig.path(".portcullis/journal.db.dhash.data.head")).unwrap();
    rig.launch();
    rig.until("it says that it does not act", |rig| {
        rig.log().contains("the engine does not act")
    });
    let (said, exit) = told(&rig, &["status"]);
    assert_eq!(exit, 8, "{said}");
    assert!(said.contains("runs and its engine does not act"), "{said}");
    assert!(said.contains("the gateway serves 1.0"), "{said}");
    assert!(!said.contains("Nothing was released yet"), "{said}");
    let (said, exit) = told(&rig, &["doctor"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("ok    gateway"), "{said}");
    assert!(!said.contains("stop what listens there"), "{said}");
    rig.stop_what_runs();
}

#[test]
fn a_configuration_that_was_broken_blinds_nobody() {
    let mut rig = Rig::serving("none");
    // The release made one.
    let backups = rig.json(&["backup", "list"]);
    let name = backups["backups"][0]["name"].as_str().unwrap().to_owned();
    let looks: [(&[&str], &str); 8] = [
        (&["history"], "dhash-1"),
        (&["show", "dhash-1"], "plan "),
        (&["logs", "--lines", "5"], ""),
        (&["backup", "list"], &name),
        (&["backup", "verify"], &name),
        (&["journal", "verify"], "chain whole"),
        (&["gateway", "routes"], "stable"),
        (&["gateway", "split"], "100 % to 1.0"),
    ];
    let file = rig.path("portcullis.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{good}\n[[[\n")).unwrap();
    for (args, wanted) in looks {
        let (said, exit) = told(&rig, args);
        assert_eq!(exit, 0, "{args:?}\n{said}");
        assert!(said.contains(wanted), "{args:?}\n{said}");
        assert!(
            said.contains("portcullis.toml has problems"),
            "{args:?}\n{said}"
        );
    }
    // What changes something needs the whole file.
    assert_eq!(rig.exit(&["gateway", "split", "10"]), 2);
    assert_eq!(rig.exit(&["backup", "create"]), 2);
    assert_eq!(
        rig.exit(&["--env", "nowhere", "history"]),
        0,
        "nobody knows better"
    );
    // Without a server the files in the state folder say the same.
    rig.kill();
    for (args, wanted) in &looks[..6] {
        let (said, exit) = told(&rig, args);
        assert_eq!(exit, 0, "{args:?}\n{said}");
        assert!(said.contains(wanted), "{args:?}\n{said}");
    }
    std::fs::write(&file, good).unwrap();
    assert_eq!(rig.exit(&["--env", "nowhere", "history"]), 2);
}

#[test]
fn what_this_user_may_not_see_is_told_as_such() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["backup", "create"]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(rig.folder.path(), open).unwrap();
    // The binary may lie where nobody else may look.
    let binary = rig.path("portcullis");
    std::fs::copy(env!("CARGO_BIN_EXE_portcullis"), &binary).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        let output = command
            .arg(&binary)
            .args(args)
            .current_dir(rig.folder.path());
        let output = output.output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (text, output.status.code())
    };
    let (said, exit) = run(&["doctor"]);
    if said.contains("setpriv:") {
        eprintln!("this user may not become another one: {said}");
        return;
    }
    assert_eq!(exit, Some(1), "{said}");
    for about in ["lock", "journal", "backups", "token"] {
        let line = said
            .lines()
            .find(|line| line.contains(&format!("  {about}: ")));
        let line = line.unwrap_or_else(|| panic!("{about}\n{said}"));
        assert!(
            line.starts_with("fail") && line.contains("Permission denied"),
            "{line}"
        );
    }
    for wrong in [
        "nobody has acted",
        "none yet",
        "not there yet",
        "no server of this folder",
    ] {
        assert!(!said.contains(wrong), "{wrong}\n{said}");
    }
    assert!(!said.contains("portcullis init"), "{said}");
    let (said, exit) = run(&["status"]);
    assert_eq!(exit, Some(1), "{said}");
    assert!(said.contains("run this as the user that owns it"), "{said}");
    assert!(!said.contains("portcullis init"), "{said}");
}

#[test]
fn a_token_that_was_made_anew_asks_for_a_restart_of_the_server() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    rig.start();
    std::fs::remove_file(rig.path(".portcullis/token")).unwrap();
    let (said, exit) = told(&rig, &["status"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("must then be started again"), "{said}");
    rig.ok(&["init"]);
    let (said, exit) = told(&rig, &["status"]);
    assert_eq!(exit, 9, "{said}");
    assert!(
        said.contains("stop `portcullis serve` and start it again"),
        "{said}"
    );
    rig.stop();
    rig.start();
    rig.ok(&["status"]);
}

#[test]
fn a_database_out_of_reach_is_told_alike_and_is_no_damage() {
    let mut rig = Rig::new("none");
    // Nothing listens on the port of a socket that was closed.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let journal = format!("[state]\njournal = \"postgres://nobody@127.0.0.1:{port}/none\"");
    rig.edit("[timeouts]", &format!("{journal}\n\n[timeouts]"));
    rig.ok(&["init"]);
    let (said, exit) = told(&rig, &["doctor"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("nothing is lost"), "{said}");
    assert!(!said.contains("keep a copy"), "{said}");
    for args in [["journal", "verify"], ["--plain", "status"]] {
        let (said, exit) = told(&rig, &args);
        assert_eq!(exit, 1, "{said}");
        assert!(said.contains("error[PC0703]"), "{args:?}\n{said}");
        assert!(!said.contains("keep a copy"), "{args:?}\n{said}");
    }
    rig.launch();
    rig.until("it says so", |rig| rig.log().contains("does not act"));
    rig.stop();
    let log = rig.log();
    assert_eq!(
        log.matches("error[PC0703]").count(),
        log.matches("error[").count(),
        "{log}"
    );
}
