use super::*;

fn closed(to: ClosedTo, of: ClosedFor) -> Arc<Closed> {
    Arc::new(Closed::new(Closure {
        to,
        of,
        hold_ms: 1_000,
        retry_after_s: 30,
        drain_ms: 1_000,
        reads: Vec::new(),
    }))
}

#[test]
fn a_mark_keeps_out_what_it_says() {
    let mark = Mark::default();
    assert_eq!(mark.get(), Marked::Open);
    for (marked, reads, writes) in [
        (Marked::Open, false, false),
        (Marked::ToWrites, false, true),
        (Marked::ToEverything, true, true),
    ] {
        mark.set(marked);
        assert_eq!(mark.get().keeps_out(false), reads, "{marked:?}");
        assert_eq!(mark.get().keeps_out(true), writes, "{marked:?}");
    }
}

#[test]
fn the_candidates_users_are_let_in_where_it_is_closed_to_the_others() {
    let others = closed(ClosedTo::Everything, ClosedFor::StableUsers);
    assert_eq!(others.marks(), (Marked::ToEverything, Marked::Open));
    let all = closed(ClosedTo::Writes, ClosedFor::Everyone);
    assert_eq!(all.marks(), (Marked::ToWrites, Marked::ToWrites));
}

#[test]
fn only_so_many_wait_and_one_that_goes_makes_room() {
    let closed = closed(ClosedTo::Everything, ClosedFor::Everyone);
    let mut held: Vec<Held> = (0..HELD_MAX).map(|_| closed.wait().unwrap()).collect();
    assert!(closed.wait().is_none());
    assert_eq!(closed.held(), HELD_MAX);
    held.pop();
    assert!(closed.wait().is_some());
}

#[tokio::test]
async fn the_end_is_told_to_those_who_wait_and_to_those_who_come_after_it() {
    let closed = closed(ClosedTo::Everything, ClosedFor::Everyone);
    let waiting = closed.wait().unwrap();
    let told = tokio::spawn(async move { waiting.ended().await });
    tokio::task::yield_now().await;
    closed.end();
    told.await.unwrap();
    closed.wait().unwrap().ended().await;
}
