use super::*;

const HEAD_BYTES_MAX: usize = 64 * 1024;

fn tapped(bytes: &[&[u8]]) -> HeadTap {
    let tap = HeadTap::new(HEAD_BYTES_MAX);
    for piece in bytes {
        tap.push(piece);
    }
    tap
}

#[test]
fn a_length_line_is_found_in_this_head_only() {
    let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n".as_slice();
    for (rest, found) in [
        (b"\r\n".as_slice(), false),
        (b"Content-Length: 5\r\n\r\n", true),
        (b"content-LENGTH:5\r\n\r\n", true),
        (b"X-Content-Length: 5\r\n\r\n", false),
        (b"\r\nContent-Length: 5\r\n", false),
        (b"\nContent-Length: 5\n\n", false),
        (b"Content-Length: 5\n\n", true),
    ] {
        let text = String::from_utf8_lossy(rest);
        assert_eq!(
            tapped(&[chunked, rest]).finish_head(true, true),
            found,
            "{text}"
        );
    }
}

#[test]
fn pieces_and_pipelines_are_put_together() {
    let tap = tapped(&[
        b"\r\nGET / HTTP/1.1\r\nHo",
        b"st: a\r\n\r",
        b"\nPOST / HTTP/1.1\r\nContent-",
        b"Length: 5\r\n",
    ]);
    assert!(!tap.finish_head(false, false));
    tap.push(b"\r\n");
    assert!(tap.has_bytes());
    assert!(
        tap.finish_head(true, true),
        "the second head begins in the first one's piece"
    );
    tap.push(b"Content-Length: of the body");
    assert!(!tap.has_bytes(), "a body is not tapped");
    tap.open();
    tap.push(b"GET / HTTP/1.1\r\n\r\n");
    assert!(!tap.finish_head(true, false));
    assert!(!tap.has_bytes());
}

#[test]
fn the_copy_is_bounded() {
    let tap = HeadTap::new(HEAD_BYTES_MAX);
    for _ in 0..100 {
        tap.push(&[b'x'; 10_000]);
    }
    assert_eq!(tap.bytes.lock().unwrap().len(), HEAD_BYTES_MAX);
}

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
