//! The end of a journal tells of the present what the whole journal does.

use std::sync::Arc;

use portcullis_engine::{Engine, History};
use portcullis_journal::MemoryJournal;
use portcullis_rollout::{Actor, Plan, ReleaseId, RolloutId, Running};

use crate::world::{Hand, engine, plan};

/// A plan for the next release over the one that `before` brought out.
pub(crate) fn next(before: &Plan, id: &str, release: &str) -> Arc<Plan> {
    let mut plan = before.clone();
    plan.id = RolloutId::new(id);
    plan.previous = Some(Running {
        release: before.release.clone(),
        target: before.target.clone(),
    });
    plan.release.id = ReleaseId::new(release);
    Arc::new(plan)
}

pub(crate) async fn roll_out(engine: &Engine, plan: Arc<Plan>) -> String {
    let mut entries = engine.subscribe();
    let by = Actor::Person("tester".to_owned());
    engine.deploy(plan, by).await.unwrap();
    loop {
        entries.recv().await.unwrap();
        let history = engine.history();
        let state = history.last().unwrap().rollout().state();
        if state.is_done() {
            return state.word().to_owned();
        }
    }
}

#[tokio::test]
async fn the_end_of_a_journal_tells_the_present_as_the_whole_does() {
    let hand = Hand::default();
    let engine = engine(&MemoryJournal::new(), &hand).await;
    hand.0.lock().unwrap().sample = (100, 0);
    let first = plan();
    assert_eq!(roll_out(&engine, first.clone()).await, "promoted");
    hand.0.lock().unwrap().effects.clear();
    hand.0.lock().unwrap().sample = (100, 50);
    let second = next(&first, "demo-2", "1.2");
    assert_eq!(roll_out(&engine, second).await, "rolled back");

    let all = engine.entries(1).await.unwrap();
    let mut lasts = Vec::new();
    for until in 1..=all.len() {
        let whole = History::read(&all[..until]).unwrap();
        let last = History::read_last(&all[..until]).unwrap().unwrap();
        let words = |history: &History| {
            let rollout = history.last().unwrap().rollout();
            (rollout.plan().id.clone(), rollout.sentence())
        };
        let live = |history: &History| history.live().map(|past| past.id().clone());
        assert_eq!(words(&last), words(&whole));
        assert_eq!(live(&last), live(&whole));
        assert_eq!(last.next_seq(), whole.next_seq());
        // Before the first promotion the whole journal knows no release: 1.0 was never brought out by it.
        if let Some(serving) = whole.serving() {
            assert_eq!(last.serving(), Some(serving));
        }
        lasts.push(last.len());
    }
    assert!(lasts.iter().all(|known| *known == 1), "{lasts:?}");
    assert!(all.len() > 15);
    let middle = &all[1..3];
    assert!(
        History::read_last(middle).unwrap().is_none(),
        "no plan in it"
    );
}
