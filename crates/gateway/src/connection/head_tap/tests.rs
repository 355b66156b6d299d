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
            tapped(&[chunked, rest]).finish_head(BodyFraming::Chunks, true),
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
    assert!(!tap.finish_head(BodyFraming::Nothing, false));
    tap.push(b"\r\n");
    assert!(tap.has_bytes());
    assert!(
        tap.finish_head(BodyFraming::Length(27), true),
        "the second head begins in the first one's piece"
    );
    tap.push(b"Content-Length: of the body");
    assert!(!tap.has_bytes(), "a body is not tapped");
    tap.push(b"GET / HTTP/1.1\r\n\r\n");
    assert!(!tap.finish_head(BodyFraming::Nothing, true));
    assert!(!tap.has_bytes());
}

/// Heads behind bodies of every kind are seen as they are, however the bytes come.
#[test]
fn the_head_behind_a_body_is_found() {
    use BodyFraming::{Chunks, Length, Nothing};
    const HEAD: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bodies = [
        (Nothing, ""),
        (Length(0), ""),
        (Length(5), "hello"),
        (Length(24), "GET / HTTP/1.1\r\nA: b\r\n\r\n"),
        (Chunks, "0\r\n\r\n"),
        (Chunks, "5\r\nhello\r\n0\r\n\r\n"),
        (Chunks, "5 \t;a=\"b\";c\r\n0\r\n\r\n\r\n00 \r\nA: b\r\n\r\n"),
        (Chunks, "0A\r\nGET / HTTP\r\n000;x\r\nX: 0\r\nY: 1\r\n\r\n"),
    ];
    for (framing, body) in bodies {
        for next in [HEAD, BOTH] {
            let all = format!("{HEAD}{body}{next}0\r\n\r\n");
            for step in 1..=all.len() {
                for first in [HEAD.len(), HEAD.len() + body.len(), all.len()] {
                    // What has come when the first head is parsed, and the rest.
                    let (early, late) = all.as_bytes().split_at(first);
                    let tap = tapped(&early.chunks(step).collect::<Vec<_>>());
                    assert!(!tap.finish_head(framing, true), "{body:?}");
                    late.chunks(step).for_each(|piece| tap.push(piece));
                    let found = tap.finish_head(Chunks, true);
                    assert_eq!(found, next == BOTH, "{body:?} {step} {first}");
                    assert!(!tap.has_bytes());
                }
            }
        }
    }
}

/// After a body that hyper refuses, nothing is believed any more.
#[test]
fn what_cannot_be_followed_is_refused() {
    for body in [
        "x\r\n",
        "5\n",
        "5\rx",
        "5 5\r\n",
        "5;\n",
        "1\r\nab",
        "1\r\na\n",
        "0\r\n\rx",
        "0\r\na\rb",
        "10000000000000000\r\n",
    ] {
        let tap = tapped(&[b"POST / HTTP/1.1\r\n\r\n"]);
        assert!(!tap.finish_head(BodyFraming::Chunks, true));
        tap.push(body.as_bytes());
        tap.push(b"GET / HTTP/1.1\r\n\r\n");
        assert!(tap.has_bytes());
        assert!(tap.finish_head(BodyFraming::Chunks, true), "{body:?}");
        assert!(!tap.finish_head(BodyFraming::Nothing, false));
    }
    let tap = tapped(&[b"POST / HTTP/1.1\r\n\r\n"]);
    assert!(!tap.finish_head(BodyFraming::Unknown, true));
    tap.push(b"GET / HTTP/1.1\r\n\r\n");
    assert!(tap.finish_head(BodyFraming::Chunks, true));
}

#[test]
fn the_copy_is_bounded_and_what_is_not_kept_is_not_believed() {
    let tap = HeadTap::new(HEAD_BYTES_MAX);
    let head = b"GET / HTTP/1.1\r\n\r\n";
    for _ in 0..100_000 {
        tap.push(head);
        assert!(tap.bytes.borrow().len() <= HEAD_BYTES_MAX + AHEAD_BYTES_MAX);
    }
    assert!(tap.has_bytes());
    assert!(tap.finish_head(BodyFraming::Chunks, true));
}
