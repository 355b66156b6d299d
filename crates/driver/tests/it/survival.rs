//! What becomes of processes when Portcullis is killed, at every point.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_driver::{Driver, InstanceState, ProcessDriver};
use portcullis_rollout::{Launch, Op, Presence};

use rustix::process::Signal;

use crate::world::{World, answers, example, lives, pid_in, retire, signal, start, until};

/// Runs a stand-in for Portcullis in a process of its own.
fn keeper(world: &World, op: &Op) -> Child {
    let file = world.path("op.json");
    std::fs::write(&file, serde_json::to_vec(op).unwrap()).unwrap();
    std::process::Command::new(example("keeper"))
        .args([world.path("state"), file])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts a release by a Portcullis that is then killed; the release's process.
fn started_by_a_killed_one(world: &World, launch: &Launch) -> u32 {
    let mut keeper = keeper(world, &start(launch));
    let mut said = String::new();
    BufReader::new(keeper.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert_eq!(said, "done\n");
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    world.driver.instances()[0].pid.unwrap()
}

#[tokio::test]
async fn a_release_outlives_a_killed_portcullis_and_is_adopted() {
    let world = World::new();
    let launch = world.launch("1.0");
    let pid = started_by_a_killed_one(&world, &launch);
    assert!(lives(pid) && answers(&launch).await);

    let adopted = world.driver.adopt().await.unwrap();
    assert_eq!(adopted.len(), 1);
    assert_eq!((adopted[0].pid, adopted[0].restarts), (Some(pid), 0));
    assert_eq!(
        world.driver.adopt().await.unwrap(),
        adopted,
        "adopting twice changes nothing"
    );
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Applied
    );

    // It is watched again, although it is nobody's child.
    signal(pid, Signal::KILL);
    until("it is restarted", async || {
        world.driver.instances()[0].restarts == 1 && answers(&launch).await
    })
    .await;
    world.driver.apply(&retire(&launch)).await.unwrap();
    assert!(!answers(&launch).await);
}

#[tokio::test]
async fn what_died_while_portcullis_was_away_is_started_again() {
    let world = World::new();
    let launch = world.launch("1.0");
    let pid = started_by_a_killed_one(&world, &launch);
    signal(pid, Signal::KILL);
    until("it is gone", async || !lives(pid)).await;
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Absent
    );
    world.driver.adopt().await.unwrap();
    until("it runs again", async || answers(&launch).await).await;
    assert_eq!(world.driver.instances()[0].restarts, 1);
    world.driver.apply(&retire(&launch)).await.unwrap();
}

#[tokio::test]
async fn after_a_restart_of_the_machine_recorded_numbers_mean_nothing() {
    let world = World::new();
    let launch = world.launch("1.0");
    let pid = started_by_a_killed_one(&world, &launch);
    signal(pid, Signal::KILL);
    until("it is gone", async || !lives(pid)).await;
    // The same number and start time in another run of the system: this test's own process.
    let own = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = own
        .rsplit_once(')')
        .unwrap()
        .1
        .split_ascii_whitespace()
        .nth(19)
        .unwrap();
    edit_record(&world, |record| {
        record["boot_id"] = "another-run".into();
        record["process"]["pid"] = std::process::id().into();
        record["process"]["start_ticks"] = ticks.parse::<u64>().unwrap().into();
    });
    assert_eq!(world.driver.instances()[0].pid, None);
    world.driver.apply(&retire(&launch)).await.unwrap();
    assert_eq!(world.driver.instances(), []);
}

#[tokio::test]
async fn a_start_cut_off_by_a_kill_is_absent_and_is_cleared_away_by_the_next() {
    let world = World::new();
    let script = "if [ -e again ]; then exec \"$0\" \"$@\"; fi; echo $$ > first; sleep 1000";
    let launch = world.launch_script("1.0", script);
    let mut keeper = keeper(&world, &start(&launch));
    let first = pid_in(&world.path("first")).await;
    until("it is recorded", async || {
        world.driver.instances()[0].pid == Some(first)
    })
    .await;
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    assert!(lives(first), "what was started lives on");

    assert_eq!(world.driver.instances()[0].state, InstanceState::Starting);
    world.driver.adopt().await.unwrap();
    let probed = world.driver.probe(&start(&launch)).await;
    assert_eq!(probed.presence, Presence::Absent, "{probed:?}");
    assert_eq!(
        world.driver.probe(&retire(&launch)).await.presence,
        Presence::Absent
    );
    assert!(lives(first), "a probe changes nothing");

    std::fs::write(world.path("again"), "").unwrap();
    world.driver.apply(&start(&launch)).await.unwrap();
    assert!(!lives(first));
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Applied
    );
    world.driver.apply(&retire(&launch)).await.unwrap();
}

#[tokio::test]
async fn a_process_that_was_not_written_down_is_found_by_its_marker() {
    let world = World::new();
    let launch = world.launch("1.0");
    let pid = started_by_a_killed_one(&world, &launch);
    // As if Portcullis had been killed between starting it and writing that down.
    edit_record(&world, |record| {
        record["process"] = serde_json::Value::Null;
        record["state"] = "starting".into();
    });
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Absent
    );
    let probed = world.driver.probe(&retire(&launch)).await;
    assert_eq!(probed.presence, Presence::Absent, "{probed:?}");
    world.driver.apply(&retire(&launch)).await.unwrap();
    assert!(!lives(pid));
    assert_eq!(
        world.driver.probe(&retire(&launch)).await.presence,
        Presence::Applied
    );
}

#[tokio::test]
async fn a_restart_that_was_not_written_down_is_adopted_by_its_marker() {
    let world = World::new();
    let launch = world.launch("1.0");
    let pid = started_by_a_killed_one(&world, &launch);
    edit_record(&world, |record| {
        record["process"]["start_ticks"] = 1.into();
        record["state"] = "restarting".into();
    });
    let adopted = world.driver.adopt().await.unwrap();
    assert_eq!(adopted[0].pid, Some(pid));
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Applied
    );
    world.driver.apply(&retire(&launch)).await.unwrap();
    assert!(!lives(pid));
}

#[tokio::test]
async fn dropping_the_driver_ends_the_watch_but_not_the_release() {
    let world = World::new();
    let launch = world.launch("1.0");
    let driver = ProcessDriver::open(world.path("state")).unwrap();
    driver.apply(&start(&launch)).await.unwrap();
    drop(driver);
    assert!(answers(&launch).await);
    let adopted = world.driver.adopt().await.unwrap();
    assert_eq!(adopted[0].restarts, 0);
    world.driver.apply(&retire(&launch)).await.unwrap();
}

#[tokio::test]
async fn try_outs_of_an_earlier_portcullis_are_stopped_and_own_ones_are_not() {
    let world = World::new();
    let (left, own) = (world.launch("1.0"), world.launch("1.0"));
    let earlier = ProcessDriver::open(world.path("state")).unwrap();
    earlier.for_trials().apply(&start(&left)).await.unwrap();
    drop(earlier);
    assert!(answers(&left).await);
    world.driver.for_trials().apply(&start(&own)).await.unwrap();
    world.driver.adopt().await.unwrap();
    assert!(!answers(&left).await);
    assert!(answers(&own).await);
    world.driver.apply(&retire(&own)).await.unwrap();
}

#[tokio::test]
async fn a_damaged_record_is_unknown_and_never_overwritten() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let file = record_file(&world);
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, "{").unwrap();
    let probed = world.driver.probe(&start(&launch)).await;
    assert_eq!(probed.presence, Presence::Unknown, "{probed:?}");
    let failure = world.driver.apply(&start(&launch)).await.unwrap_err();
    assert!(
        failure.message.contains("is damaged"),
        "{}",
        failure.message
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"{");
    std::fs::write(&file, good).unwrap();
    world.driver.apply(&retire(&launch)).await.unwrap();
}

fn record_file(world: &World) -> std::path::PathBuf {
    let folder = std::fs::read_dir(world.path("state/instances/tiny")).unwrap();
    let files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    let records: Vec<_> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|e| e == "json"))
        .collect();
    assert_eq!(records.len(), 1, "{files:?}");
    records[0].clone()
}

fn edit_record(world: &World, edit: impl FnOnce(&mut serde_json::Value)) {
    let file = record_file(world);
    let mut record = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    edit(&mut record);
    std::fs::write(&file, serde_json::to_vec(&record).unwrap()).unwrap();
}

#[tokio::test]
async fn what_was_stopped_to_be_started_again_is_ready_when_it_is_adopted() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let pid = world.driver.instances()[0].pid.unwrap();

    let left = world.driver.rest(Duration::from_secs(5)).await.unwrap();
    assert_eq!(left, []);
    assert!(!lives(pid) && !answers(&launch).await);
    let resting = world.driver.instances();
    assert_eq!(
        (resting[0].state, resting[0].pid),
        (InstanceState::Resting, None)
    );
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Absent
    );

    let adopted = world.driver.adopt().await.unwrap();
    assert!(answers(&launch).await, "it is ready at once");
    assert_eq!(adopted[0].state, InstanceState::Running);
    assert_eq!(adopted[0].restarts, 0, "it did not end by itself");
    let pid = adopted[0].pid.unwrap();
    // It is watched as before.
    signal(pid, Signal::KILL);
    until("it is restarted", async || {
        world.driver.instances()[0].restarts == 1 && answers(&launch).await
    })
    .await;

    // What rests can be retired, and is then forgotten.
    world.driver.rest(Duration::from_secs(5)).await.unwrap();
    world.driver.apply(&retire(&launch)).await.unwrap();
    assert_eq!(world.driver.adopt().await.unwrap(), []);
    assert!(!answers(&launch).await);
}
