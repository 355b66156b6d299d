//! Services that are stopped with `portcullis serve`, or that the machine took with it, are started again
//! by the next one.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::rig::{Rig, processes_in, signal};

/// What a user gets.
fn answered(rig: &Rig) -> String {
    rig.get("/health", "me")
}

fn address(rig: &Rig) -> String {
    rig.json(&["status"])["serving"]["address"].to_string()
}

/// The records of instances, each with its file.
fn records(rig: &Rig) -> Vec<(PathBuf, Value)> {
    let folder = rig.path(".portcullis/instances/dhash");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let live = files.filter(|file| file.extension().is_some_and(|ending| ending == "json"));
    let read = |file: PathBuf| {
        let record = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        (file, record)
    };
    live.map(read).collect()
}

/// Makes the records tell of another run of the system, in which a living process had the number of the
/// release's: this test's own.
fn machine_was_restarted(rig: &Rig) {
    let own = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = own.rsplit_once(')').unwrap();
    let ticks = fields.split_ascii_whitespace().nth(19).unwrap();
    for (file, mut record) in records(rig) {
        record["boot_id"] = "another-run".into();
        record["process"]["pid"] = std::process::id().into();
        record["process"]["start_ticks"] = ticks.parse::<u64>().unwrap().into();
        std::fs::write(file, serde_json::to_vec(&record).unwrap()).unwrap();
    }
}

#[test]
fn services_stopped_with_serve_are_started_again_by_the_next_one_before_it_is_ready() {
    let mut rig = Rig::serving("none");
    let before = address(&rig);
    assert_eq!(rig.stop(), Some(0));
    assert!(processes_in(rig.folder.path()).is_empty(), "something runs");
    rig.start();
    assert!(
        answered(&rig).contains("\"version\":\"1.0\""),
        "it was ready before its service: {}\n{}",
        answered(&rig),
        rig.log()
    );
    assert_eq!(address(&rig), before);
    assert!(rig.log().contains("started again"), "{}", rig.log());
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(users.stop(), 0, "requests were dropped");
    // Twice in a row, and without a request in between.
    rig.stop();
    rig.start();
    rig.stop();
    rig.start();
    assert!(answered(&rig).contains("\"version\":\"1.1\""));
}

#[test]
fn a_rollout_whose_services_were_stopped_with_serve_goes_on_with_both_releases() {
    let mut rig = Rig::serving("none");
    rig.edit("window = \"2s\"", "window = \"4s\"");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    users.stop();
    rig.stop();
    assert!(processes_in(rig.folder.path()).is_empty(), "something runs");
    rig.start();
    let users = rig.users();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    assert!(answered(&rig).contains("\"version\":\"1.1\""));
}

#[test]
fn after_a_restart_of_the_machine_the_next_serve_starts_what_served() {
    let mut rig = Rig::serving("none");
    let before = address(&rig);
    rig.kill();
    for id in processes_in(rig.folder.path()) {
        signal("-KILL", id);
    }
    machine_was_restarted(&rig);
    rig.start();
    assert!(
        answered(&rig).contains("\"version\":\"1.0\""),
        "it was ready before its service: {}\n{}",
        answered(&rig),
        rig.log()
    );
    assert_eq!(address(&rig), before);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_service_that_does_not_come_back_keeps_no_engine_from_acting() {
    let mut rig = Rig::serving("none");
    rig.stop();
    let program = rig.path("releases/1.0/dhash");
    std::fs::rename(&program, rig.path("elsewhere")).unwrap();
    rig.start();
    assert!(
        rig.log().contains("release 1.0 of dhash") && rig.log().contains("cannot be read"),
        "{}",
        rig.log()
    );
    // It is tried again until it works.
    std::fs::rename(rig.path("elsewhere"), &program).unwrap();
    rig.until("it serves again", |rig| {
        answered(rig).contains("\"version\":\"1.0\"")
    });
}

#[test]
fn data_restored_in_place_is_served_again_by_the_next_serve() {
    let mut rig = Rig::serving("none");
    let before = rig.library_sha256();
    // The release's own backup may be of the same second.
    rig.until("a backup is made", |rig| {
        rig.exit(&["backup", "create", "--reason", "mine"]) == 0
    });
    let listed = rig.ok(&["backup", "list"]);
    let mine = listed.lines().find(|line| line.ends_with("mine")).unwrap();
    let name = mine.split_whitespace().next().unwrap().to_owned();
    let in_place = ["backup", "restore", &name, "--in-place"];
    assert_eq!(rig.exit(&in_place), 6, "serve runs");
    rig.kill();
    let refused = rig.run(&in_place);
    assert_eq!(refused.status.code(), Some(1), "the service runs");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("release 1.0 runs at"), "{told}");
    assert!(told.contains("serve --stop-services"), "{told}");
    // As the hint says: adopt, and stop with Ctrl-C.
    rig.start();
    rig.stop();
    std::fs::write(rig.path("data/library.json"), "spoiled").unwrap();
    rig.ok(&in_place);
    assert_eq!(rig.library_sha256(), before);
    rig.start();
    assert!(answered(&rig).contains("\"version\":\"1.0\""));
    assert_eq!(rig.library_sha256(), before);
}

/// A process of somebody else who has the address when the service is to be started again.
fn somebody_at(address: &str) -> Child {
    let port = address.rsplit_once(':').unwrap().1;
    let serve = "import http.server, sys\n\
                 http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), \
                 http.server.SimpleHTTPRequestHandler).serve_forever()";
    Command::new("python3")
        .args(["-c", serve, port])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn an_address_that_somebody_took_meanwhile_is_named_and_taken_back_when_it_is_free() {
    let mut rig = Rig::serving("none");
    let at = address(&rig).trim_matches('"').to_owned();
    rig.stop();
    let mut somebody = somebody_at(&at);
    rig.until("somebody listens", |_| {
        std::net::TcpStream::connect(&at).is_ok()
    });
    rig.start();
    assert!(
        rig.log().contains(&format!("address {at} is taken by")),
        "{}",
        rig.log()
    );
    somebody.kill().unwrap();
    somebody.wait().unwrap();
    rig.until("it serves again", |rig| {
        answered(rig).contains("\"version\":\"1.0\"")
    });
}
