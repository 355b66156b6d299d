//! Starting, watching and stopping processes.

use std::time::Duration;

use portcullis_driver::conformance::{self, Scenario};
use portcullis_driver::{Driver, InstanceState, ProcessDriver};
use portcullis_rollout::Presence;

use rustix::process::Signal;

use crate::world::{
    World, answers, example, fact, free_address, lives, pid_in, retire, sha256, signal, start,
    until,
};

#[tokio::test]
async fn the_process_driver_conforms() {
    let world = World::new();
    // Slow to become ready, so that most interruptions come before it is.
    let launch = world.launch_script("1.0", "sleep 0.25; exec \"$0\" \"$@\"");
    let scenario = Scenario {
        op: start(&launch),
        inverse: retire(&launch),
        cut_after_ms: vec![0, 1, 3, 10, 40, 150, 270, 330],
    };
    let shown = conformance::check(&world.driver, &scenario, async || answers(&launch).await).await;
    let shown = shown.unwrap();
    assert!(
        shown.interrupted >= 8,
        "only {} applies were cut",
        shown.interrupted
    );
    assert_eq!(world.driver.instances(), []);
}

#[tokio::test]
async fn a_started_release_shows_what_runs() {
    let world = World::new();
    let mut launch = world.launch("1.0");
    launch.command.env = [("GREETING".to_owned(), "hello".to_owned())].into();
    let facts = world.driver.apply(&start(&launch)).await.unwrap();
    assert_eq!(fact(&facts, "address"), launch.target.address);
    assert_eq!(fact(&facts, "sha256"), &launch.artifact.sha256[..12]);
    assert!(fact(&facts, "ready after").ends_with(" ms"));

    let instances = world.driver.instances();
    let [instance] = instances.as_slice() else {
        panic!("{instances:?}")
    };
    assert_eq!(instance.state, InstanceState::Running);
    assert_eq!(instance.restarts, 0);
    let pid = instance.pid.unwrap();
    assert_eq!(fact(&facts, "pid"), pid.to_string());
    let environ = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let names: Vec<&str> = environ
        .split('\0')
        .filter_map(|v| Some(v.split_once('=')?.0))
        .collect();
    assert!(
        names.contains(&"GREETING") && names.contains(&"PORTCULLIS_INSTANCE"),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.starts_with("CARGO")),
        "inherited: {names:?}"
    );
    let log = std::fs::read_to_string(world.driver.log_file(&launch)).unwrap();
    assert!(log.contains("tiny service 1.0 listens"), "{log}");

    let facts = world.driver.apply(&retire(&launch)).await.unwrap();
    assert!(
        fact(&facts, "stopped").starts_with("by itself"),
        "{facts:?}"
    );
    assert!(!lives(pid));
}

#[tokio::test]
async fn the_same_release_runs_twice_at_two_addresses() {
    let world = World::new();
    let (serving, trial) = (world.launch("1.0"), world.launch("1.0"));
    world.driver.apply(&start(&serving)).await.unwrap();
    world
        .driver
        .for_trials()
        .apply(&start(&trial))
        .await
        .unwrap();
    world.driver.apply(&retire(&trial)).await.unwrap();
    assert_eq!(
        world.driver.probe(&start(&serving)).await.presence,
        Presence::Applied
    );
    assert_eq!(
        world.driver.probe(&start(&trial)).await.presence,
        Presence::Absent
    );
}

#[tokio::test]
async fn a_taken_port_is_named_with_who_has_it() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let mut second = world.launch("2.0");
    second.target.address.clone_from(&launch.target.address);
    let failure = world.driver.apply(&start(&second)).await.unwrap_err();
    let address = &launch.target.address;
    let expected = format!("address {address} is taken by tiny_service (process ");
    assert!(
        failure.message.starts_with(&expected),
        "{}",
        failure.message
    );
    assert!(
        failure.message.ends_with("which is release 1.0 of tiny"),
        "{}",
        failure.message
    );
    assert_eq!(
        world.driver.probe(&start(&second)).await.presence,
        Presence::Absent
    );
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Applied
    );
}

#[tokio::test]
async fn a_program_changed_after_planning_is_not_run() {
    let world = World::new();
    let program = world.path("service");
    std::fs::copy(example("tiny_service"), &program).unwrap();
    let mut launch = world.launch("1.0");
    launch.command.argv[0] = program.display().to_string();
    launch.artifact.path.clone_from(&program);
    let planned = launch.artifact.sha256.clone();
    let mut changed = std::fs::read(&program).unwrap();
    changed.push(b'!');
    std::fs::write(&program, changed).unwrap();

    let failure = world.driver.apply(&start(&launch)).await.unwrap_err();
    assert!(!failure.retryable);
    assert!(failure.message.contains(&planned), "{}", failure.message);
    assert!(
        failure.message.contains(&sha256(&program)),
        "{}",
        failure.message
    );
    assert!(!answers(&launch).await);
}

#[tokio::test]
async fn another_program_at_the_address_is_not_mistaken_for_the_planned_one() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let mut other = launch.clone();
    other.artifact.sha256 = "0".repeat(64);
    let probed = world.driver.probe(&start(&other)).await;
    assert_eq!(probed.presence, Presence::Absent, "{probed:?}");
    assert!(
        fact(&probed.facts, "sha256").contains(&launch.artifact.sha256),
        "{probed:?}"
    );
}

#[tokio::test]
async fn a_script_is_compared_by_its_file_and_the_probe_says_so() {
    let world = World::new();
    let script = world.path("service.sh");
    let service = example("tiny_service");
    std::fs::write(&script, format!("\"{}\" \"$@\"\n", service.display())).unwrap();
    let mut launch = world.launch("1.0");
    launch.artifact.path.clone_from(&script);
    launch.artifact.sha256 = sha256(&script);
    launch
        .command
        .argv
        .splice(0..1, ["/bin/sh".to_owned(), script.display().to_string()]);
    let facts = world.driver.apply(&start(&launch)).await.unwrap();
    assert!(fact(&facts, "sha256").contains("the file's"), "{facts:?}");
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Applied
    );

    std::fs::write(&script, "exit 1\n").unwrap();
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Absent
    );
}

#[tokio::test]
async fn a_release_that_never_becomes_ready_is_stopped_again() {
    let world = World::new();
    let mut launch = world.launch("1.0");
    launch.command.argv.push("503".to_owned());
    launch.ready_timeout_ms = 400;
    let failure = world.driver.apply(&start(&launch)).await.unwrap_err();
    let expected = format!(
        "release 1.0 was not ready at {} within 400 ms",
        launch.target.address
    );
    assert!(
        failure.message.starts_with(&expected),
        "{}",
        failure.message
    );
    assert_eq!(
        fact(&failure.facts, "check"),
        "GET /health answered 503, expected 200"
    );
    assert!(fact(&failure.facts, "last lines").contains("tiny service 1.0 listens"));
    assert!(failure.retryable);
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Absent
    );
    assert_eq!(
        world.driver.probe(&retire(&launch)).await.presence,
        Presence::Applied
    );
    assert!(std::net::TcpListener::bind(&launch.target.address).is_ok());
}

#[tokio::test]
async fn a_release_that_crashes_at_once_shows_its_last_words() {
    let world = World::new();
    let launch = world.launch_script("1.0", "echo first; echo no database >&2; exit 3");
    let watch = std::time::Duration::from_millis(launch.ready_timeout_ms);
    let failure = tokio::time::timeout(watch / 2, world.driver.apply(&start(&launch))).await;
    let failure = failure.expect("a crash is noticed at once").unwrap_err();
    assert!(
        failure
            .message
            .starts_with("release 1.0 exited with code 3 after"),
        "{failure:?}"
    );
    assert_eq!(fact(&failure.facts, "last lines"), "first\nno database");
    assert_eq!(world.driver.instances(), []);
}

#[tokio::test]
async fn a_missing_program_or_folder_is_named() {
    let world = World::new();
    let mut launch = world.launch("1.0");
    launch.command.argv[0] = "no-such-program".to_owned();
    let failure = world.driver.apply(&start(&launch)).await.unwrap_err();
    assert!(
        failure.message.contains("`no-such-program` was not found"),
        "{}",
        failure.message
    );
    let mut launch = world.launch("1.0");
    launch.command.folder = world.path("nowhere");
    let failure = world.driver.apply(&start(&launch)).await.unwrap_err();
    assert!(
        failure.message.contains("nowhere does not exist"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_crashed_release_is_restarted_with_growing_pauses() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let first = world.driver.instances()[0].pid.unwrap();
    let mut pauses = Vec::new();
    for restarts in 1..=3 {
        let crashed = tokio::time::Instant::now();
        let mut crash = launch.ready.clone();
        crash.method = "POST".to_owned();
        crash.path = "/crash".to_owned();
        let checks = portcullis_driver::CheckClient::new().unwrap();
        assert!(checks.run(&crash, &launch.target.address).await.is_err());
        until("it is restarted", async || {
            world.driver.instances()[0].restarts == restarts && answers(&launch).await
        })
        .await;
        pauses.push(crashed.elapsed());
    }
    let [first_pause, second_pause, third_pause] = pauses[..] else {
        panic!("{pauses:?}")
    };
    assert!(first_pause >= Duration::from_millis(100), "{pauses:?}");
    assert!(second_pause >= Duration::from_millis(200), "{pauses:?}");
    assert!(third_pause >= Duration::from_millis(400), "{pauses:?}");
    let instance = world.driver.instances().remove(0);
    assert_eq!(instance.last_end.as_deref(), Some("exited with code 3"));
    assert_ne!(instance.pid, Some(first));
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Applied
    );

    world.driver.apply(&retire(&launch)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(!answers(&launch).await, "a retired release stays away");
    assert_eq!(world.driver.instances(), []);
}

#[tokio::test]
async fn a_release_that_waits_for_its_restart_is_neither_running_nor_retired() {
    let world = World::new();
    // Runs once; every restart fails at once, so that the pauses grow.
    let script = "if [ -e once ]; then exit 7; fi; touch once; exec \"$0\" \"$@\"";
    let launch = world.launch_script("1.0", script);
    world.driver.apply(&start(&launch)).await.unwrap();
    signal(world.driver.instances()[0].pid.unwrap(), Signal::KILL);
    until("it waits for another restart", async || {
        let instance = world.driver.instances().remove(0);
        let failed = instance.last_end.as_deref() == Some("exited with code 7");
        failed && instance.restarts >= 2 && instance.state == InstanceState::Restarting
    })
    .await;
    assert_eq!(
        world.driver.probe(&start(&launch)).await.presence,
        Presence::Absent
    );
    assert_eq!(
        world.driver.probe(&retire(&launch)).await.presence,
        Presence::Absent
    );
    world.driver.apply(&retire(&launch)).await.unwrap();
    assert_eq!(
        world.driver.probe(&retire(&launch)).await.presence,
        Presence::Applied
    );
    std::fs::remove_file(world.path("once")).unwrap();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(!answers(&launch).await, "a retired release stays away");
}

#[tokio::test]
async fn a_release_that_lives_and_does_not_answer_is_not_started() {
    let world = World::new();
    let mut launch = world.launch("1.0");
    launch.ready.timeout_ms = 200;
    world.driver.apply(&start(&launch)).await.unwrap();
    let pid = world.driver.instances()[0].pid.unwrap();
    signal(pid, Signal::STOP);
    let probed = world.driver.probe(&start(&launch)).await;
    assert_eq!(probed.presence, Presence::Absent, "{probed:?}");
    assert_eq!(
        fact(&probed.facts, "check"),
        "GET /health got no answer within 200 ms"
    );
    // Another start replaces it by one that answers.
    launch.stop_timeout_ms = 100;
    world.driver.apply(&start(&launch)).await.unwrap();
    assert!(!lives(pid) && answers(&launch).await);
    world.driver.apply(&retire(&launch)).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_start_leaves_nothing_running() {
    let world = World::new();
    let launch = world.launch_script("1.0", "sleep 1000 & echo $! > child; wait");
    let op = start(&launch);
    let file = world.path("child");
    let child = tokio::select! {
        _ = world.driver.apply(&op) => panic!("it cannot become ready"),
        child = pid_in(&file) => child,
    };
    until("the child is gone", async || !lives(child)).await;
    assert_eq!(world.driver.probe(&op).await.presence, Presence::Absent);
}

#[tokio::test]
async fn a_trial_is_not_restarted() {
    let world = World::new();
    let launch = world.launch("1.0");
    let trials = world.driver.for_trials();
    trials.apply(&start(&launch)).await.unwrap();
    let pid = trials.instances()[0].pid.unwrap();
    signal(pid, Signal::KILL);
    until("it is gone", async || trials.instances()[0].pid.is_none()).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(
        trials.probe(&start(&launch)).await.presence,
        Presence::Absent
    );
    assert_eq!(
        trials.probe(&retire(&launch)).await.presence,
        Presence::Applied
    );
}

#[tokio::test]
async fn a_release_that_ignores_the_request_to_stop_is_killed() {
    let world = World::new();
    let mut launch = world.launch_script("1.0", "trap '' TERM; exec \"$0\" \"$@\"");
    launch.stop_timeout_ms = 300;
    world.driver.apply(&start(&launch)).await.unwrap();
    let pid = world.driver.instances()[0].pid.unwrap();
    let facts = world.driver.apply(&retire(&launch)).await.unwrap();
    assert!(
        fact(&facts, "stopped").starts_with("1 process had to be killed"),
        "{facts:?}"
    );
    assert!(!lives(pid));
}

#[tokio::test]
async fn children_are_stopped_with_their_service_wherever_they_hid() {
    let world = World::new();
    let script = "sleep 1000 & echo $! > plain; \
        env -i sleep 1000 & echo $! > bare; \
        setsid sh -c 'trap \"\" TERM; echo $$ > away; sleep 1000; sleep 1000' & \
        exec \"$0\" \"$@\"";
    let mut launch = world.launch_script("1.0", script);
    launch.stop_timeout_ms = 500;
    world.driver.apply(&start(&launch)).await.unwrap();
    let mut children = Vec::new();
    for name in ["plain", "bare", "away"] {
        children.push((name, pid_in(&world.path(name)).await));
    }
    assert!(children.iter().all(|(_, pid)| lives(*pid)));
    world.driver.apply(&retire(&launch)).await.unwrap();
    let left: Vec<_> = children.iter().filter(|(_, pid)| lives(*pid)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(
        world.driver.probe(&retire(&launch)).await.presence,
        Presence::Applied
    );
}

#[tokio::test]
async fn free_addresses_are_neither_bound_nor_recorded_nor_taken() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let bound = std::net::TcpListener::bind(free_address()).unwrap();
    let taken = free_address();
    let port = |address: &str| address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    let bound_address = bound.local_addr().unwrap().to_string();
    let used = [launch.target.address.clone(), bound_address, taken.clone()];
    let first = used.iter().map(|address| port(address)).min().unwrap();
    let range = first..=first + 200;
    let free = world
        .driver
        .free_addresses("127.0.0.1", range, 3, std::slice::from_ref(&taken))
        .unwrap();
    assert_eq!(free.len(), 3);
    assert!(
        !free.iter().any(|address| used.contains(address)),
        "{free:?} of {used:?}"
    );

    let own = port(&launch.target.address);
    let error = world
        .driver
        .free_addresses("127.0.0.1", own..=own, 1, &[])
        .unwrap_err();
    assert!(
        error.to_string().starts_with("only 0 of the ports"),
        "{error}"
    );
    let error = world
        .driver
        .free_addresses("192.0.2.1", 20_000..=20_001, 1, &[])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("nothing can listen on 192.0.2.1"),
        "{error}"
    );
}

#[tokio::test]
async fn two_drivers_do_not_act_on_the_same_folder() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let second = ProcessDriver::open(world.path("state")).unwrap();
    assert_eq!(second.instances().len(), 1, "looking is allowed");
    let failure = second.apply(&retire(&launch)).await.unwrap_err();
    assert!(
        failure.message.starts_with("another Portcullis acts on"),
        "{}",
        failure.message
    );
    assert!(answers(&launch).await);
}
