//! `kill -9` of Portcullis in the middle of a rollout.

use crate::rig::{Rig, signal};

#[test]
fn a_killed_engine_comes_back_and_finishes_the_rollout() {
    let mut rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    rig.kill();
    rig.start();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    assert_eq!(rig.serving_release(), "1.1");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert_eq!(shown.matches("migrate    done").count(), 1, "{shown}");
    rig.ok(&["journal", "verify"]);
    users.stop();
}

#[test]
fn services_outlive_a_killed_engine_and_are_adopted() {
    let mut rig = Rig::serving("none");
    let pid_before = rig.json(&["show", "dhash-1"])["moments"].to_string();
    rig.kill();
    rig.start();
    rig.until("the gateway serves from its saved split", |rig| {
        rig.get("/health", "me").contains("\"version\":\"1.0\"")
    });
    assert_eq!(
        rig.json(&["show", "dhash-1"])["moments"].to_string(),
        pid_before
    );
    assert_eq!(rig.json(&["status"])["epoch"], 2);
}

#[test]
fn a_second_server_on_one_state_folder_is_refused() {
    let rig = Rig::serving("none");
    let output = rig.run(&["serve"]);
    assert_eq!(output.status.code(), Some(6));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("another Portcullis (pid "), "{told}");
    assert_eq!(
        rig.exit(&[
            "backup",
            "restore",
            "dhash_test_20260101T000000Z",
            "--in-place"
        ]),
        6
    );
}

/// Changes the journal's file behind the engine's back.
fn tamper(rig: &Rig, statement: &'static str) {
    let path = rig.folder.path().join(".portcullis/journal.db");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}", path.display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    });
}

/// Starts a server that may not act, and checks that it serves and says why.
fn serves_but_does_not_act(rig: &mut Rig, why: &str) {
    rig.launch();
    rig.until("the gateway serves", |rig| {
        rig.get("/health", "me").contains("\"version\":\"1.0\"")
    });
    rig.until("it says why", |rig| rig.log().contains(why));
    assert_eq!(rig.exit(&["deploy", "--release", "1.1"]), 8);
    // 8 where the journal can be read without the server, 1 where it cannot.
    assert!([1, 8].contains(&rig.exit(&["status"])));
}

#[test]
fn a_tampered_journal_is_not_acted_on() {
    let mut rig = Rig::serving("none");
    rig.kill();
    tamper(
        &rig,
        "update entries set written_by = 'mallory' where seq = 2",
    );
    assert_eq!(rig.exit(&["journal", "verify"]), 1);
    serves_but_does_not_act(&mut rig, "the engine does not act");
    rig.stop_what_runs();
}

#[test]
fn a_lost_journal_is_noticed_before_anything_is_planned_from_it() {
    let mut rig = Rig::serving("none");
    rig.kill();
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(
            rig.folder
                .path()
                .join(format!(".portcullis/journal.db{end}")),
        );
    }
    // The head beside the file remembers it; without the head, the gateway and the releases do.
    serves_but_does_not_act(&mut rig, "is torn");
    rig.kill();
    for file in std::fs::read_dir(rig.folder.path().join(".portcullis")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "head") {
            std::fs::remove_file(path).unwrap();
        }
    }
    serves_but_does_not_act(&mut rig, "the journal was lost or replaced");
    rig.stop_what_runs();
}

#[test]
fn a_broken_configuration_does_not_keep_anybody_from_aborting() {
    let rig = Rig::serving("none");
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        ["watching", "paused"].contains(&rig.state_of("dhash-2").as_str())
    });
    rig.edit("strategy = \"canary\"", "strategy = canary");
    assert_eq!(rig.exit(&["abort", "--wait"]), 0);
    rig.edit("strategy = canary", "strategy = \"canary\"");
    assert_eq!(rig.state_of("dhash-2"), "rolled back");
}

#[test]
fn a_configuration_broken_while_running_is_shown_at_the_next_deploy_and_changes_nothing() {
    let rig = Rig::serving("none");
    let users = rig.users();
    rig.edit("weights = [20, 100]", "weights = [20, 200]");
    let output = rig.run(&["deploy", "--release", "1.1"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("weights"), "{told}");
    assert_eq!(rig.state_of("dhash-2"), "", "nothing was planned");
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    rig.edit("weights = [20, 200]", "weights = [20, 100]");
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    assert_eq!(users.stop(), 0, "requests were dropped");
}

/// What PC0408 says to do with a damaged file of the gateway.
fn move_split_away(rig: &Rig) {
    let file = rig.path(".portcullis/gateway.json");
    std::fs::rename(&file, file.with_extension("aside")).unwrap();
}

#[test]
fn a_gateway_that_lost_its_split_is_given_that_of_the_journal_again() {
    let mut rig = Rig::serving("none");
    let kept = std::fs::read(rig.path(".portcullis/gateway.json")).unwrap();
    rig.kill();
    move_split_away(&rig);
    rig.start();
    assert!(
        rig.get("/health", "me").contains("\"version\":\"1.0\""),
        "{}\n{}",
        rig.get("/health", "me"),
        rig.log()
    );
    assert!(rig.log().contains("was given it again"), "{}", rig.log());
    assert!(!rig.ok(&["status"]).contains("GATEWAY"));
    rig.ok(&["doctor"]);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    // A copy of before this release: it sends everybody to one that does not run any more.
    rig.kill();
    std::fs::write(rig.path(".portcullis/gateway.json"), kept).unwrap();
    rig.start();
    assert!(
        rig.get("/health", "me").contains("\"version\":\"1.1\""),
        "{}\n{}",
        rig.get("/health", "me"),
        rig.log()
    );
}

#[test]
fn a_canary_whose_split_was_lost_gets_its_share_again_and_its_gate_goes_on() {
    let mut rig = Rig::serving("none");
    rig.edit("window = \"2s\"", "window = \"5s\"");
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let before = rig.json(&["gateway", "split"])["split"].clone();
    assert_eq!(before["weight_percent"], 20);
    rig.kill();
    move_split_away(&rig);
    rig.start();
    assert_eq!(rig.json(&["gateway", "split"])["split"], before);
    let users = rig.users();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    rig.ok(&["journal", "verify"]);
}

#[test]
fn a_split_that_cannot_be_given_back_yet_is_told_and_holds_the_gate_until_it_can() {
    let mut rig = Rig::serving("none");
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let address = rig.json(&["status"])["serving"]["address"].to_string();
    let of_stable = stable_process(&rig, address.trim_matches('"'));
    rig.kill();
    move_split_away(&rig);
    // The gateway gives no arm users that does not answer.
    signal("-STOP", of_stable);
    rig.start();
    rig.until("status tells", |rig| {
        rig.ok(&["status"]).contains("GATEWAY   has no split")
    });
    assert_eq!(rig.exit(&["doctor"]), 1);
    assert_eq!(rig.json(&["status"])["split"]["weight_percent"], 20);
    rig.until("the gate says that it holds", |rig| {
        rig.ok(&["show", "dhash-2"])
            .contains("the gateway has no split")
            || rig.ok(&["status"]).contains("the gateway has no split")
    });
    signal("-CONT", of_stable);
    rig.until("it is in force", |rig| {
        !rig.ok(&["status"]).contains("GATEWAY")
    });
    let users = rig.users();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
}

/// The process of the release at an address.
fn stable_process(rig: &Rig, address: &str) -> u32 {
    let files = std::fs::read_dir(rig.path(".portcullis/instances/dhash")).unwrap();
    let texts = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let records = texts.filter_map(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    let mut ours = records.filter(|record| record.to_string().contains(address));
    let pid = ours.next().unwrap()["process"]["pid"].as_u64();
    u32::try_from(pid.unwrap()).unwrap()
}
