use proptest::prelude::*;

use super::{Frame, FrameKind, SseError, SseParser};

/// The frames of a stream that comes in these pieces.
fn frames(pieces: &[&[u8]]) -> Vec<(FrameKind, String)> {
    let mut parser = SseParser::default();
    let mut frames = Vec::new();
    let mut take = |frame: Frame<'_>| {
        let text = String::from_utf8_lossy(frame.bytes()).into_owned();
        frames.push((frame.kind(), text));
    };
    for piece in pieces {
        parser.push(piece);
        while let Some(frame) = parser.next_frame().unwrap() {
            take(frame);
        }
    }
    if let Some(frame) = parser.finish() {
        take(frame);
    }
    frames
}

/// Every event's name and data, and the stream with `new` as data of every event.
fn read(stream: &str, new: &str) -> (Vec<(String, String)>, String) {
    let mut parser = SseParser::default();
    parser.push(stream.as_bytes());
    let (mut events, mut out) = (Vec::new(), Vec::new());
    while let Some(frame) = parser.next_frame().unwrap() {
        match frame.data() {
            Some(data) if frame.kind() == FrameKind::Event => {
                let name = frame.name().unwrap_or(b"-");
                events.push((
                    String::from_utf8_lossy(name).into_owned(),
                    String::from_utf8_lossy(&data).into_owned(),
                ));
                frame.write_with_data(new.as_bytes(), &mut out);
            }
            _ => out.extend_from_slice(frame.bytes()),
        }
    }
    if let Some(frame) = parser.finish() {
        out.extend_from_slice(frame.bytes());
    }
    (events, String::from_utf8(out).unwrap())
}

fn event(name: &str, data: &str) -> (String, String) {
    (name.to_owned(), data.to_owned())
}

const EVERYTHING: &str = "\u{feff}data: {\"a\":1}\n\nevent: ping\n\n: comment\r\n\r\nevent: x\r\ndata:one\r\ndata: two\r\nid: 7\r\n\r\ndata\rretry: 10\r\rdata: [DONE]\n\n\n\ndatax: no\nevent:y\n: within\ndata:  spaced\n\ndata: cut";

#[test]
fn events_are_read_with_every_line_end_and_spelling() {
    let (events, out) = read(EVERYTHING, "NEW");
    assert_eq!(
        events,
        [
            event("-", "{\"a\":1}"),
            event("x", "one\ntwo"),
            event("-", ""),
            event("-", "[DONE]"),
            event("y", " spaced"),
        ]
    );
    assert_eq!(
        out,
        "\u{feff}data: NEW\n\nevent: ping\n\n: comment\r\n\r\nevent: x\r\ndata:NEW\r\nid: 7\r\n\r\ndata:NEW\rretry: 10\r\rdata: NEW\n\n\n\ndatax: no\nevent:y\n: within\ndata: NEW\n\ndata: cut"
    );
}

#[test]
fn new_data_has_as_many_fields_as_lines() {
    let (_, out) = read("data: a\nid: 1\ndata:b\n\n", "x\ny");
    assert_eq!(out, "data: x\nid: 1\ndata:y\n\n");
    let (_, out) = read("data: a\nid: 1\n\n", "x\ny\nz");
    assert_eq!(out, "data: x\ndata: y\ndata: z\nid: 1\n\n");
    let (_, out) = read("data: a\ndata: b\n\n", "x");
    assert_eq!(out, "data: x\n\n");
}

#[test]
fn what_is_between_events_comes_at_once() {
    let kinds: Vec<FrameKind> = frames(&[EVERYTHING.as_bytes()])
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    use FrameKind::{Between, Event, Unfinished};
    assert_eq!(
        kinds,
        [
            Between, Event, Event, Between, Between, Between, Between, Event, Between, Event,
            Event, Between, Between, Event, Unfinished
        ]
    );
    assert_eq!(
        frames(&[b": alive\n", b": a", b"live\r"]),
        [
            (Between, ": alive\n".to_owned()),
            (Between, ": alive\r".to_owned())
        ]
    );
}

#[test]
fn an_event_with_a_ping_name_and_no_data_has_no_data() {
    let mut parser = SseParser::default();
    parser.push(b"event: ping\n\n");
    let frame = parser.next_frame().unwrap().unwrap();
    assert_eq!((frame.name(), frame.data()), (Some(&b"ping"[..]), None));
    assert!(parser.next_frame().unwrap().is_none());
    assert!(parser.finish().is_none());
}

#[test]
fn another_event_is_whole_whatever_the_first_one_s_end() {
    let mut out = Vec::new();
    Frame::of_event(b"id: 1\r\ndata: a\r\n\r").write_another(b"b", &mut out);
    assert_eq!(out, b"id: 1\r\ndata: b\r\n\r\n");
    out.clear();
    Frame::new(b"data: a", FrameKind::Unfinished).write_another(b"b\nc", &mut out);
    assert_eq!(out, b"data: b\ndata: c\n\n");
}

#[test]
fn an_event_beyond_the_bound_is_an_error_and_one_below_is_not() {
    let mut parser = SseParser::new(20);
    parser.push(b"data: 0123456789abc\n");
    assert_eq!(parser.next_frame(), Ok(None));
    parser.push(b"\ndata: 0123456789abc\nx");
    assert!(parser.next_frame().unwrap().is_some());
    assert_eq!(
        parser.next_frame(),
        Err(SseError::EventTooLong { limit: 20 })
    );
}

#[test]
fn a_stream_cut_at_every_byte_has_the_same_frames() {
    let stream = EVERYTHING.as_bytes();
    let whole = frames(&[stream]);
    for at in 0..=stream.len() {
        let (left, right) = stream.split_at(at);
        assert_eq!(frames(&[left, right]), whole, "cut at {at}");
    }
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(frames(&single), whole);
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_have_the_same_frames(
        stream in "(\u{feff}|data|:|: |event|id|\r|\n|\r\n|\n\n|x|\u{111}){0,40}",
        size in 1usize..9,
    ) {
        let whole = frames(&[stream.as_bytes()]);
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        prop_assert_eq!(&frames(&pieces), &whole);
        let joined: Vec<String> = whole.into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(joined.concat(), stream);
    }

    #[test]
    fn data_put_back_leaves_the_event_as_it_was(stream in "(data: ?[a-z]{0,3}(\r|\n|\r\n)|id:1\n|:c\n){1,6}\n") {
        let mut parser = SseParser::default();
        parser.push(stream.as_bytes());
        while let Some(frame) = parser.next_frame().unwrap() {
            if let (FrameKind::Event, Some(data)) = (frame.kind(), frame.data()) {
                let mut out = Vec::new();
                frame.write_with_data(&data, &mut out);
                prop_assert_eq!(&out, frame.bytes());
            }
        }
    }
}
