//! A history forgets the events of old rollouts and tells of them what it always told.

use std::sync::Arc;

use portcullis_engine::{Body, Engine, History, Outline, Past, Runner, WallClock};
use portcullis_journal::{Journal, SqliteJournal};
use portcullis_rollout::{Actor, Event, EventKind, Moment, Plan, Purpose, ReleaseId, RolloutId};

use crate::present::{next, roll_out};
use crate::world::{Hand, plan, scope};

/// More than are kept whole.
const ROLLOUTS: usize = 26;

async fn journal(folder: &tempfile::TempDir) -> SqliteJournal {
    let path = folder.path().join("journal.db");
    SqliteJournal::open(&path).await.unwrap()
}

async fn runner(journal: &SqliteJournal) -> Runner<SqliteJournal> {
    let opened = Runner::open(journal.clone(), scope(), "test", 0, 1).await;
    opened.unwrap()
}

async fn start(journal: &SqliteJournal, hand: &Hand) -> Engine {
    let runner = runner(journal).await;
    let started = Engine::start(runner, hand.clone(), hand.clone(), WallClock).await;
    started.unwrap()
}

/// Everything that anybody can be told of a rollout.
fn told(past: &Past) -> (Outline, Vec<Moment>, Vec<Arc<Event>>, Arc<Plan>) {
    let plan = past.rollout().plan().clone();
    let moments = past.timeline().moments().to_vec();
    (past.outline(), moments, past.events().to_vec(), plan)
}

/// Every third is rolled back; the plan of each is returned.
async fn release_often(engine: &Engine, hand: &Hand) -> Vec<Arc<Plan>> {
    let mut plans = vec![plan()];
    for number in 1..=ROLLOUTS {
        let bad = number % 3 == 0;
        hand.0.lock().unwrap().effects.clear();
        hand.0.lock().unwrap().sample = (100, if bad { 50 } else { 0 });
        let latest = plans.last().unwrap().clone();
        let end = roll_out(engine, latest).await;
        assert_eq!(end, if bad { "rolled back" } else { "promoted" });
        let good = plans[if bad { number - 2 } else { number - 1 }].clone();
        let id = format!("demo-{}", number + 1);
        plans.push(next(&good, &id, &format!("1.{}", number + 1)));
    }
    plans.pop();
    plans
}

#[tokio::test]
async fn an_old_rollout_is_told_from_the_journal_as_it_was_told_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, hand) = (journal(&folder).await, Hand::default());
    let engine = start(&journal, &hand).await;
    let plans = release_often(&engine, &hand).await;

    // The whole journal, each rollout folded by itself: nothing is forgotten here.
    let whole = {
        let mut whole = Vec::new();
        let entries = journal.read(&scope(), 1).await.unwrap();
        for entry in &entries {
            let slowly: Body = serde_json::from_str(&entry.body).unwrap();
            assert_eq!(Body::decode(entry).unwrap(), slowly);
        }
        let of = |id: &str| {
            let pattern = format!("\"{id}\"");
            let mut own = entries.clone();
            own.retain(|entry| entry.body.contains(&pattern));
            History::read(&own).unwrap()
        };
        for plan in &plans {
            whole.push(told(of(plan.id.as_str()).last().unwrap()));
        }
        whole
    };
    let restarted = {
        engine.stop().await;
        start(&journal, &hand).await
    };
    for engine in [&engine, &restarted] {
        let history = engine.history();
        assert_eq!(history.len(), ROLLOUTS);
        assert!(history.find("demo-1").is_none(), "it is still in memory");
        assert!(history.find(&format!("demo-{ROLLOUTS}")).is_some());
        assert_eq!(history.next_id("demo").as_str(), "demo-27");
        let listed: Vec<_> = history
            .outlines()
            .map(|outline| (*outline).clone())
            .collect();
        let outlines: Vec<_> = whole.iter().map(|told| told.0.clone()).collect();
        assert_eq!(listed, outlines);
    }
    for (plan, told_whole) in plans.iter().zip(&whole) {
        let past = restarted.rollout(plan.id.as_str()).await.unwrap().unwrap();
        assert_eq!(&told(&past), told_whole);
    }
    assert!(restarted.rollout("demo-99").await.unwrap().is_none());
    knows_every_way_back(&restarted.history(), &plans);
}

fn knows_every_way_back(history: &History, plans: &[Arc<Plan>]) {
    let good = plans.iter().enumerate().filter(|(at, _)| (at + 1) % 3 != 0);
    let good: Vec<&Arc<Plan>> = good.map(|(_, plan)| plan).collect();
    let mut newest_first: Vec<&ReleaseId> = good.iter().map(|plan| &plan.release.id).collect();
    newest_first.reverse();
    assert_eq!(
        history.promoted_releases().iter().collect::<Vec<_>>(),
        newest_first
    );
    for plan in &good {
        let running = history.promoted(&plan.release.id).unwrap();
        assert_eq!(
            (&running.release, &running.target),
            (&plan.release, &plan.target)
        );
    }
    let last = good.last().unwrap();
    assert_eq!(history.serving().unwrap().release, last.release);
    assert_eq!(history.predecessor(), last.previous);
}

/// Going back and back again looks for what a release replaced, however long ago that was.
#[tokio::test]
async fn the_predecessor_of_a_release_that_came_back_is_the_one_it_replaced_long_ago() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, hand) = (journal(&folder).await, Hand::default());
    let engine = start(&journal, &hand).await;
    let plans = release_often(&engine, &hand).await;
    let (first, second) = (&plans[0], &plans[1]);
    let latest = plans.last().unwrap();
    let mut back = Plan::clone(&next(latest, "demo-27", second.release.id.as_str()));
    back.purpose = Purpose::Rollback;
    hand.0.lock().unwrap().effects.clear();
    hand.0.lock().unwrap().sample = (100, 0);
    assert_eq!(roll_out(&engine, Arc::new(back)).await, "promoted");
    let history = engine.history();
    assert_eq!(history.serving().unwrap().release.id, second.release.id);
    let predecessor = history.predecessor().unwrap();
    assert_eq!(predecessor.release.id, first.release.id);
}

#[tokio::test]
async fn one_very_long_rollout_displaces_others_and_expected_times_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, hand) = (journal(&folder).await, Hand::default());
    let engine = start(&journal, &hand).await;
    hand.0.lock().unwrap().sample = (100, 0);
    let first = plan();
    assert_eq!(roll_out(&engine, first.clone()).await, "promoted");
    let expected = engine.history().expected_ms(&first);
    assert!(expected.iter().any(Option::is_some), "{expected:?}");
    engine.stop().await;

    let mut runner = runner(&journal).await;
    let long = next(&first, "demo-2", "1.2");
    let me = Actor::Person("tester".to_owned());
    runner.begin(long, 0, &me).await.unwrap();
    let event = |kind| Event {
        at_ms: 0,
        by: me.clone(),
        kind,
    };
    for _ in 0..2_000 {
        runner.feed(event(EventKind::Recovered)).await.unwrap();
    }
    let live = runner.history().live().unwrap();
    assert_eq!(live.events().len(), 2_000, "what is live is never cut");
    assert!(runner.history().find("demo-1").is_none());
    assert_eq!(runner.history().expected_ms(&first), expected);
    let abort = EventKind::Abort {
        reason: "enough".to_owned(),
    };
    runner.feed(event(abort)).await.unwrap();

    let third = next(&first, "demo-3", "1.3");
    runner.begin(third, 0, &me).await.unwrap();
    let history = History::read_all(&journal, &scope()).await.unwrap();
    assert!(history.find("demo-2").is_none());
    assert_eq!(history.expected_ms(&first), expected);
    let outline = history.outline("demo-2").unwrap();
    assert_eq!(outline.id, RolloutId::new("demo-2"));
    // Longer than a page.
    let past = Past::read(&journal, &scope(), &outline).await.unwrap();
    assert_eq!(past.outline(), *outline);
    assert_eq!(past.events().len(), 2_001);
    let mut gone = (*outline).clone();
    gone.entries = *outline.entries.start()..=1_000_000;
    let error = Past::read(&journal, &scope(), &gone).await.unwrap_err();
    assert!(
        error.to_string().contains("demo-2 is not in the journal"),
        "{error}"
    );
}
