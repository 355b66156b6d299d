//! No action without a record, and none without the right to act.

use std::time::Duration;

use portcullis_engine::{Command, Engine, EngineError, Runner, Standing};
use portcullis_journal::{Journal, MemoryJournal, SqliteJournal};
use portcullis_rollout::Actor;

use crate::world::{Hand, engine, plan, scope};

fn me() -> Actor {
    Actor::Person("tester".to_owned())
}

async fn until(engine: &Engine, word: &str) {
    let wait = async {
        while engine
            .history()
            .last()
            .map(|past| past.rollout().state().word())
            != Some(word)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    let now = engine
        .history()
        .last()
        .map(|past| past.rollout().sentence());
    waited.unwrap_or_else(|_| panic!("never {word}: {now:?}"));
}

/// Invariant 2.
#[tokio::test]
async fn nothing_is_done_when_the_journal_cannot_be_written() {
    let (journal, hand) = (MemoryJournal::new(), Hand::default());
    let runner = Runner::open(journal.clone(), scope(), "test", 0, 1)
        .await
        .unwrap();
    // The runner's own journal is the one that fails.
    runner.journal().fail_next_append();
    let clock = portcullis_engine::WallClock;
    let engine = Engine::start(runner, hand.clone(), hand.clone(), clock)
        .await
        .unwrap();
    let refused = engine.deploy(plan(), me()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Stopped(_)), "{refused}");
    assert!(matches!(engine.ended().await, Standing::Failed(_)));
    assert!(hand.0.lock().unwrap().applied.is_empty());
    assert!(matches!(
        engine.deploy(plan(), me()).await,
        Err(EngineError::Stopped(_))
    ));
}

/// Invariant 9: an engine whose lease was taken over stops by itself and changes nothing more.
#[tokio::test]
async fn an_engine_that_lost_its_lease_acts_no_more() {
    let (journal, hand) = (MemoryJournal::new(), Hand::default());
    let runner = Runner::open(journal, scope(), "test", 0, 1).await.unwrap();
    let clock = portcullis_engine::WallClock;
    // Somebody else acquires in the same journal before the engine begins.
    let other = runner
        .journal()
        .acquire(&scope(), "other", u64::MAX / 4, 1)
        .await;
    assert!(other.is_ok());
    let engine = Engine::start(runner, hand.clone(), hand.clone(), clock)
        .await
        .unwrap();
    let refused = engine.deploy(plan(), me()).await.unwrap_err();
    assert!(matches!(refused, EngineError::Stopped(_)), "{refused}");
    assert!(hand.0.lock().unwrap().applied.is_empty());
}

#[tokio::test]
async fn a_rollout_is_promoted_and_a_second_one_waits_its_turn() {
    let (journal, hand) = (MemoryJournal::new(), Hand::default());
    let engine = engine(&journal, &hand).await;
    engine.deploy(plan(), me()).await.unwrap();
    assert!(matches!(
        engine.deploy(plan(), me()).await,
        Err(EngineError::StillLive(_))
    ));
    until(&engine, "watching").await;
    hand.0.lock().unwrap().sample = (100, 0);
    until(&engine, "promoted").await;
    let refused = engine
        .command(None, Command::Resume, me())
        .await
        .unwrap_err();
    assert!(matches!(refused, EngineError::NothingLive));
    assert!(engine.entries(1).await.unwrap().len() > 5);
}

#[tokio::test]
async fn a_failed_gate_undoes_everything_in_reverse() {
    let (journal, hand) = (MemoryJournal::new(), Hand::default());
    hand.0.lock().unwrap().sample = (100, 50);
    let engine = engine(&journal, &hand).await;
    engine.deploy(plan(), me()).await.unwrap();
    until(&engine, "rolled back").await;
    let applied = hand.0.lock().unwrap().applied.clone();
    let undone: Vec<&str> = applied
        .iter()
        .filter_map(|word| word.strip_prefix("Undo "))
        .collect();
    assert_eq!(undone, ["shift", "retire"]);
}

/// Invariant 7, with an attempt that would never end by itself.
#[tokio::test]
async fn an_abort_stops_a_hanging_attempt_and_goes_back() {
    let (journal, hand) = (MemoryJournal::new(), Hand::default());
    hand.0.lock().unwrap().slow = Some("smoke");
    let engine = engine(&journal, &hand).await;
    engine.deploy(plan(), me()).await.unwrap();
    while !hand
        .0
        .lock()
        .unwrap()
        .applied
        .iter()
        .any(|word| word == "Do smoke")
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let abort = Command::Abort {
        reason: "enough".to_owned(),
    };
    let wrong = engine
        .command(Some("demo-9".to_owned()), abort.clone(), me())
        .await;
    assert!(matches!(wrong, Err(EngineError::NotLive(_))));
    engine.command(None, abort, me()).await.unwrap();
    until(&engine, "rolled back").await;
}

/// Whoever stopped the engine may end the process: by then the next holder need not wait any more.
#[tokio::test]
async fn a_stopped_engine_has_given_its_lease_up() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&folder.path().join("journal.db"))
        .await
        .unwrap();
    let runner = Runner::open(journal.clone(), scope(), "first", 0, u64::MAX / 4)
        .await
        .unwrap();
    let (hand, clock) = (Hand::default(), portcullis_engine::WallClock);
    let engine = Engine::start(runner, hand.clone(), hand, clock)
        .await
        .unwrap();
    engine.stop().await;
    let next = journal.acquire(&scope(), "second", 0, 1).await.unwrap();
    assert_eq!(next.epoch.0, engine.epoch() + 1);
}

#[tokio::test]
async fn a_restarted_engine_looks_before_it_acts() {
    let hand = Hand::default();
    let journal = MemoryJournal::new();
    let runner = Runner::open(journal, scope(), "test", 0, 1).await.unwrap();
    let mut runner = runner;
    runner.begin(plan(), 0, &me()).await.unwrap();
    let start = portcullis_rollout::Event {
        at_ms: 0,
        by: me(),
        kind: portcullis_rollout::EventKind::Start,
    };
    runner.feed(start).await.unwrap();
    // Pre-flight took effect, but the engine died before it could say so.
    hand.0.lock().unwrap().effects.insert(0, true);
    hand.0.lock().unwrap().sample = (100, 0);
    let clock = portcullis_engine::WallClock;
    let engine = Engine::start(runner, hand.clone(), hand.clone(), clock)
        .await
        .unwrap();
    until(&engine, "promoted").await;
    let applied = hand.0.lock().unwrap().applied.clone();
    assert!(!applied.contains(&"Do preflight".to_owned()), "{applied:?}");
}
