//! Notices reach a hook one after the other, in the order in which they happened, and hold up nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_engine::Engine;
use portcullis_journal::MemoryJournal;
use portcullis_rollout::{Actor, Command, NoticeHook, Plan};

use crate::world::{Hand, engine, plan};

/// A plan whose hook notes when it begins and ends to be told, and goes on once the file `go` is there.
fn told(folder: &Path) -> Arc<Plan> {
    let script = r#"
        kind=$(grep -oE '"kind":"(going_back|done)"' | cut -d '"' -f 4)
        echo "begins $kind" >> heard
        until test -e go; do sleep 0.02; done
        echo "ends $kind" >> heard
    "#;
    let mut plan = Plan::clone(&plan());
    plan.notices = vec![NoticeHook {
        name: "page".to_owned(),
        command: Command {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: Default::default(),
            folder: folder.to_owned(),
        },
        timeout_ms: 60_000,
    }];
    Arc::new(plan)
}

fn heard(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("heard")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(waited.is_ok(), "never: {what}");
}

/// Its gate fails, so it tells first that it goes back and then that it is over.
async fn rolled_back(folder: &Path) -> Engine {
    let hand = Hand::default();
    hand.0.lock().unwrap().sample = (100, 50);
    let engine = engine(&MemoryJournal::new(), &hand).await;
    let by = Actor::Person("tester".to_owned());
    engine.deploy(told(folder), by).await.unwrap();
    until("it is over", || {
        let history = engine.history();
        let last = history.last().unwrap();
        last.rollout().state().word() == "rolled back"
    })
    .await;
    engine
}

#[tokio::test]
async fn notices_reach_a_slow_hook_in_order_and_never_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The rollout is over although its first notice is still being told.
    let _engine = rolled_back(folder).await;
    until("the first begins", || !heard(folder).is_empty()).await;
    std::fs::write(folder.join("go"), "").unwrap();
    until("all were told", || heard(folder).len() >= 4).await;
    let in_order = [
        "begins going_back",
        "ends going_back",
        "begins done",
        "ends done",
    ];
    assert_eq!(heard(folder), in_order);
}

#[tokio::test]
async fn a_hook_that_hangs_does_not_keep_the_engine_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let engine = rolled_back(folder.path()).await;
    until("the first begins", || !heard(folder.path()).is_empty()).await;
    let stopped = tokio::time::timeout(Duration::from_secs(20), engine.stop()).await;
    assert!(stopped.is_ok(), "the engine waits for a notice");
    assert_eq!(heard(folder.path()), ["begins going_back"]);
}
