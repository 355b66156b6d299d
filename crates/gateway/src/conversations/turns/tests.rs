use std::sync::Arc;

use futures::FutureExt;

use super::Turns;
use crate::conversations::{ConversationKeys, Scope, ScopeKind};

#[tokio::test]
async fn turns_come_one_after_the_other_and_leave_nothing_behind() {
    let keys = ConversationKeys::parse(&ConversationKeys::generate().unwrap()).unwrap();
    let name = |id| {
        keys.name(&Scope {
            tenant: b"t",
            application: "a",
            kind: ScopeKind::Conversation,
            id,
        })
    };
    let turns = Arc::new(Turns::default());
    assert!(!turns.is_queued(&name("1")));
    let first = turns.turn(name("1")).await;
    assert!(turns.is_queued(&name("1")));
    assert!(turns.turn(name("2")).now_or_never().is_some());
    let mut second = Box::pin(turns.turn(name("1")));
    assert!(second.as_mut().now_or_never().is_none());
    // One that goes away while it waits holds nobody up.
    assert!(turns.turn(name("1")).now_or_never().is_none());
    drop(first);
    let second = second.await;
    assert!(turns.is_queued(&name("1")));
    drop(second);
    assert!(turns.queues().is_empty());
}
