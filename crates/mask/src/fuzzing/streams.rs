//! What must hold for any bytes that come as an answer's events.

use std::sync::Arc;

use super::bodies::restorers;
use super::pieces;
use super::texts::mapping_of_strangers;
use crate::json::{Document, JsonLimits};
use crate::sse::{FrameKind, SseParser};
use crate::wire::{EventRules, EventStream};
use crate::{Limits, Mapping, Style};

/// The stream is the same for every way of cutting it, and passes byte for byte when nothing was issued.
pub(crate) fn stream(rules: &Arc<EventRules>, bytes: &[u8], style: Style, seed: u8) {
    let nothing = Mapping::new(style.clone(), Limits::default());
    assert_eq!(through(rules, &nothing, &[bytes]), bytes);

    let strangers = mapping_of_strangers(style);
    let whole = through(rules, &strangers, &[bytes]);
    for seed in [seed, 0] {
        assert_eq!(through(rules, &strangers, &pieces(bytes, seed)), whole);
    }
    if let (Some((events, true)), Some((after, is_json))) = (counted(bytes), counted(&whole)) {
        assert!(is_json, "{:?}", String::from_utf8_lossy(&whole));
        assert!(after >= events);
    }
}

/// The stream as the client gets it when it comes in these pieces.
pub(crate) fn through(rules: &Arc<EventRules>, mapping: &Mapping, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = EventStream::new(rules, restorers(mapping));
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out).unwrap();
    }
    stream.finish(&mut out);
    out
}

/// How many events there are, and whether the data of all that have some is JSON; none when the last one has no end.
fn counted(bytes: &[u8]) -> Option<(usize, bool)> {
    let mut parser = SseParser::default();
    parser.push(bytes);
    let (mut events, mut is_json) = (0, true);
    while let Some(frame) = parser.next_frame().unwrap() {
        if let (FrameKind::Event, Some(data)) = (frame.kind(), frame.data()) {
            events += 1;
            is_json &= Document::read(&data, JsonLimits::default()).is_ok();
        }
    }
    parser.finish().is_none().then_some((events, is_json))
}
