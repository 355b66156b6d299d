//! What happens to a hook that cannot keep up.

use std::path::Path;
use std::time::Duration;

use portcullis_rollout::{Command, NoticeKind};

use super::*;

/// A plan with one hook. A plan is read from its JSON form here because the hook is all that matters.
fn plan(folder: &Path) -> Arc<Plan> {
    let script = r#"
        grep -o '"sentence":"[^"]*"' | cut -d '"' -f 4 >> heard
        until test -e go; do sleep 0.02; done
    "#;
    let hook = NoticeHook {
        name: "page".to_owned(),
        command: Command {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: Default::default(),
            folder: folder.to_owned(),
        },
        timeout_ms: 60_000,
    };
    let release = serde_json::json!({
        "id": "1.1",
        "service": "demo",
        "artifact": { "path": "/bin/true", "sha256": "00" },
        "command": ["{artifact}"],
        "env": {},
        "migration": null,
    });
    let plan = serde_json::json!({
        "id": "demo-1",
        "service": "demo",
        "environment": "test",
        "purpose": "deploy",
        "created_at_ms": 0,
        "release": release,
        "target": { "name": "local", "driver": "process", "address": "127.0.0.1:1" },
        "previous": null,
        "strategy": { "kind": "at_once" },
        "policy": {
            "compatible": false, "restore": false, "service_writes": true, "accept_loss": false,
        },
        "steps": [],
        "pivot": 0,
        "notices": [hook],
        "notes": [],
    });
    Arc::new(serde_json::from_value(plan).unwrap())
}

fn heard(folder: &Path) -> Vec<usize> {
    let text = std::fs::read_to_string(folder.join("heard")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

async fn until(is: impl Fn() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_queue_drops_its_oldest_and_tells_the_newest_last() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (notices, plan, mut running) = (Notices::default(), plan(folder), JoinSet::new());
    let mut post = |number: usize| {
        let notice = Notice {
            kind: NoticeKind::Held,
            sentence: number.to_string(),
        };
        notices.post(&notice, &plan, &mut running);
    };
    post(0);
    until(|| heard(folder) == [0]).await;
    let last = NOTICES_WAITING_MAX + 3;
    (1..=last).for_each(&mut post);
    assert_eq!(notices.locked()["page"].dropped, 3);
    std::fs::write(folder.join("go"), "").unwrap();
    let expected: Vec<usize> = [0].into_iter().chain(4..=last).collect();
    until(|| heard(folder).len() == expected.len()).await;
    assert_eq!(heard(folder), expected);
    // Its task ends with the last one, and the next notice starts another.
    until(|| notices.locked().is_empty()).await;
    let notice = Notice {
        kind: NoticeKind::Done,
        sentence: "99".to_owned(),
    };
    notices.post(&notice, &plan, &mut running);
    until(|| heard(folder).last() == Some(&99)).await;
}
