//! Hooks: the operator's commands.

use std::time::Duration;

use portcullis_driver::{Driver, HookDriver, run_notice};
use portcullis_rollout::{
    Action, Command, Direction, HookOrder, HookTime, NoticeHook, Op, Presence,
};

use crate::world::{World, fact, lives, op, pid_in, until};

fn shell(world: &World, script: &str) -> Command {
    Command {
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
        env: Default::default(),
        folder: world.scratch.path().to_owned(),
    }
}

fn hook(world: &World, script: &str, must_succeed: bool) -> Op {
    let order = HookOrder {
        name: "tell".to_owned(),
        when: HookTime::After,
        step: "migrate".to_owned(),
        command: shell(world, script),
        timeout_ms: 5_000,
        must_succeed,
        input: "{\"sentence\":\"all is well\"}".repeat(10_000),
    };
    op(Direction::Do, Action::Hook(order))
}

#[tokio::test]
async fn a_hook_reads_what_happened_and_its_exit_code_counts() {
    let (world, driver) = (World::new(), HookDriver::new());
    let good = hook(&world, "cat > heard.json", true);
    driver.apply(&good).await.unwrap();
    assert_eq!(driver.probe(&good).await.presence, Presence::Applied);
    let heard = std::fs::read_to_string(world.path("heard.json")).unwrap();
    assert_eq!(heard.len(), 26 * 10_000, "the input arrived whole");

    // Not reading the input keeps nobody waiting.
    let bad = hook(&world, "echo the pager is off >&2; exit 3", true);
    let failure = driver.apply(&bad).await.unwrap_err();
    assert_eq!(
        failure.message,
        "hook tell after migrate exited with code 3; its last line: the pager is off"
    );
    assert!(!failure.retryable);
    assert_eq!(fact(&failure.facts, "last lines"), "the pager is off");
    assert_eq!(driver.probe(&bad).await.presence, Presence::Absent);
}

#[tokio::test]
async fn a_hook_that_hangs_is_told_with_its_limit_and_its_last_line() {
    let (world, driver) = (World::new(), HookDriver::new());
    let mut slow = hook(&world, "echo boo; sleep 600", true);
    if let Action::Hook(order) = &mut slow.action {
        order.timeout_ms = 500;
    }
    let failure = driver.apply(&slow).await.unwrap_err();
    assert_eq!(
        failure.message,
        "hook tell after migrate took longer than its limit of 0.5 s and was killed; its last line: boo"
    );
    assert_eq!(fact(&failure.facts, "last lines"), "boo");
}

#[tokio::test]
async fn a_hook_that_is_only_noted_never_fails() {
    let (world, driver) = (World::new(), HookDriver::new());
    let noted = hook(&world, "exit 3", false);
    let facts = driver.apply(&noted).await.unwrap();
    assert_eq!(
        fact(&facts, "noted"),
        "hook tell after migrate exited with code 3"
    );
    assert_eq!(driver.probe(&noted).await.presence, Presence::Applied);
}

#[tokio::test]
async fn a_hook_of_a_killed_portcullis_is_waited_for_and_run_once_more() {
    let (world, first) = (World::new(), HookDriver::new());
    let slow = hook(&world, "echo $$ > pid; sleep 600", true);
    let attempt = tokio::spawn({
        let (first, slow) = (first.clone(), slow.clone());
        async move { first.apply(&slow).await }
    });
    let pid = pid_in(&world.path("pid")).await;
    // Whoever comes after knows nothing of the attempt, and sees that its process lives.
    let after = HookDriver::new();
    let mut impatient = slow.clone();
    impatient.deadline_ms = 200;
    assert_eq!(after.probe(&impatient).await.presence, Presence::Unknown);
    attempt.abort();
    let _ = attempt.await;
    until("its process is gone", async || !lives(pid)).await;
    assert_eq!(after.probe(&slow).await.presence, Presence::Absent);
}

#[tokio::test]
async fn a_hook_that_hangs_is_killed_at_its_time() {
    let (world, driver) = (World::new(), HookDriver::new());
    let mut hanging = hook(&world, "sleep 600", true);
    if let Action::Hook(order) = &mut hanging.action {
        order.timeout_ms = 200;
    }
    let ended = tokio::time::timeout(Duration::from_secs(20), driver.apply(&hanging));
    let failure = ended.await.unwrap().unwrap_err();
    assert_eq!(
        failure.message,
        "hook tell after migrate took longer than its limit of 0.2 s and was killed"
    );
}

#[tokio::test]
async fn a_notice_gets_its_document() {
    let world = World::new();
    let notice = NoticeHook {
        name: "page".to_owned(),
        command: shell(&world, "cat > notice.json"),
        timeout_ms: 5_000,
    };
    let outcome = run_notice(&notice, "{\"kind\":\"held\"}").await;
    assert!(outcome.succeeded(), "{outcome:?}");
    let heard = std::fs::read_to_string(world.path("notice.json")).unwrap();
    assert_eq!(heard, "{\"kind\":\"held\"}");
}
