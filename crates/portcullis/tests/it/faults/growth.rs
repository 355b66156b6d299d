//! A year of releases behind a running service.

use std::path::Path;

use portcullis_engine::{Body, History};
use portcullis_journal::{Entry, Journal, Record, Scope, SqliteJournal};

use crate::rig::Rig;

/// Two rollouts a day.
const YEAR_ROLLOUTS: usize = 730;
/// What a year may take in the state folder beside logs and backups, which have bounds of their own.
const YEAR_BYTES_MAX: u64 = 64 << 20;

/// Repeats a rollout of the journal under new names until there are so many, as an engine would write it.
async fn live_through(file: &Path, rollouts: usize) {
    let scope = Scope::new("dhash").unwrap();
    let journal = SqliteJournal::open(file).await.unwrap();
    let known = journal.read(&scope, 1).await.unwrap();
    let mut now_ms = known.last().unwrap().at_ms;
    let holder = format!("serve {}", file.parent().unwrap().display());
    let lease = journal
        .acquire(&scope, &holder, now_ms, 60_000)
        .await
        .unwrap();
    for number in 2..=rollouts {
        for entry in &known {
            now_ms += 1;
            let body = entry
                .body
                .replace("\"dhash-1\"", &format!("\"dhash-{number}\""));
            let entry = Entry {
                body,
                ..entry.clone()
            };
            let body = match Body::decode(&entry).unwrap() {
                Body::Planned { plan, .. } => Body::Planned {
                    plan_hash: plan.hash(),
                    plan,
                },
                other => other,
            };
            let record = Record {
                at_ms: now_ms,
                by: entry.by,
                body: body.encode().unwrap(),
            };
            journal.append(&scope, lease.epoch, record).await.unwrap();
        }
    }
    journal.release(&lease).await.unwrap();
    journal.close().await;
    let all = SqliteJournal::open_read_only(file).await.unwrap();
    let all = all.read(&scope, 1).await.unwrap();
    assert_eq!(History::read(&all).unwrap().len(), rollouts);
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let sizes = entries.map(|entry| {
        let meta = entry.metadata().unwrap();
        let inside = meta.is_dir().then(|| bytes_in(&entry.path()));
        inside.unwrap_or(meta.len())
    });
    sizes.sum()
}

#[test]
fn after_a_year_of_rollouts_it_starts_and_answers_as_before() {
    let mut rig = Rig::serving("none");
    rig.kill();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(live_through(
        &rig.path(".portcullis/journal.db"),
        YEAR_ROLLOUTS,
    ));
    rig.start();
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    let history = rig.json(&["history"]);
    let rollouts = history["rollouts"].as_array().unwrap();
    assert_eq!(rollouts.len(), YEAR_ROLLOUTS + 1);
    assert_eq!(rollouts[0]["rollout"], "dhash-731");
    // The oldest is told as completely as the newest.
    let oldest = rig.ok(&["show", "dhash-1"]);
    assert!(oldest.contains("preflight  done"), "{oldest}");
    rig.ok(&["journal", "verify"]);
    let bytes = bytes_in(&rig.path(".portcullis"));
    println!("{bytes} bytes after a year");
    assert!(bytes < YEAR_BYTES_MAX, "{bytes} bytes");
}
