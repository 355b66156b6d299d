use super::*;

#[test]
fn deadlines_follow_the_steps() {
    let now_ms = Rc::new(Cell::new(1_000));
    let state = ConnectionState::new(
        "127.0.0.1".parse().unwrap(),
        false,
        Arc::default(),
        Rc::clone(&now_ms),
    );
    assert!(!state.is_overdue() && !state.is_busy());
    state.enter(Step::Connect, 50);
    assert!(state.is_busy());
    now_ms.set(1_049);
    assert!(!state.is_overdue());
    state.enter_once(Step::Connect, 50);
    now_ms.set(1_050);
    assert!(
        state.is_overdue(),
        "entering the same step once more does not prolong it"
    );
    state.enter_once(Step::Answer, 50);
    assert!(!state.is_overdue());
    state.enter(Step::Idle, u64::MAX);
    state.notice_head();
    assert_eq!(state.step(), Step::Idle);
    state.tap.push(b"G");
    state.notice_head();
    assert_eq!(state.step(), Step::Head);
    now_ms.set(11_050);
    state.notice_head();
    assert!(
        state.is_overdue(),
        "a head that comes byte by byte has one deadline"
    );
}

#[test]
fn mapped_addresses_are_shown_as_ipv4() {
    let state = ConnectionState::new(
        "::ffff:10.0.0.1".parse().unwrap(),
        false,
        Arc::default(),
        Rc::default(),
    );
    assert_eq!(state.peer_header, "10.0.0.1");
}
