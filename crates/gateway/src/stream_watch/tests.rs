use std::sync::Arc;

use http::HeaderName;
use portcullis_api::gateway::{Arm, StreamStatus};
use portcullis_config::UpstreamProtocol;

use super::*;
use crate::arm::ArmState;

fn headers(of: &[(HeaderName, &'static str)]) -> HeaderMap {
    let of = of.iter().cloned();
    of.map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}

/// What is counted of a stream that began at 1 ms and came in these pieces at these milliseconds.
fn streams(head: &HeaderMap, pieces: &[(u64, &str)], is_whole: bool) -> Option<StreamStatus> {
    let arm = Arm {
        release: "1.1".to_owned(),
        address: "127.0.0.1:80".to_owned(),
    };
    let arm = Arc::new(ArmState::new(arm, UpstreamProtocol::Http1, 1).unwrap());
    let under_way = InFlight::begin(Arc::clone(&arm), 0);
    let mut watch = StreamWatch::of(head, 1_000)?;
    for (at_ms, piece) in pieces {
        watch.came(piece.as_bytes(), at_ms * 1_000, &under_way);
    }
    if is_whole {
        watch.ended(&under_way);
    }
    arm.status().streams
}

fn near(histogram: &portcullis_analysis::Histogram, expected_us: u64) -> bool {
    let value = histogram.quantile_us(1.0).unwrap();
    value.abs_diff(expected_us) * 20 <= expected_us
}

#[test]
fn tokens_are_events_with_data_however_they_are_cut() {
    let head = headers(&[(CONTENT_TYPE, "text/event-stream; charset=utf-8")]);
    let pieces = [
        (5, ": hello\n\n"),
        (11, "id: 1\nda"),
        (21, "ta: a\r\n\r\n"),
        (41, "data: b\n\ndata: c\n\n"),
        (51, "event: ping\n\n"),
        (61, "data: d\n"),
        (81, "\n"),
    ];
    let seen = streams(&head, &pieces, true).unwrap();
    assert_eq!(seen.first_token.count(), 1);
    assert!(near(&seen.first_token, 20_000), "{seen:?}");
    assert_eq!(seen.token_gap.count(), 2, "two came together: {seen:?}");
    assert!(near(&seen.token_gap, 40_000), "{seen:?}");
    assert_eq!(seen.token_time.count(), 1);
    assert!(near(&seen.token_time, 20_000), "60 ms for three: {seen:?}");
    let cut = streams(&head, &pieces, false).unwrap();
    assert!(cut.token_time.is_empty(), "it did not end");
}

#[test]
fn lines_are_tokens_of_ndjson() {
    let head = headers(&[(CONTENT_TYPE, "application/x-ndjson")]);
    let seen = streams(&head, &[(3, "{}\n"), (7, "{}\n\n")], true).unwrap();
    assert_eq!(
        (seen.first_token.count(), seen.token_gap.count()),
        (1, 1),
        "{seen:?}"
    );
}

#[test]
fn of_a_coded_stream_only_the_first_token_is_timed() {
    let coded = [
        (CONTENT_TYPE, "text/event-stream"),
        (CONTENT_ENCODING, "gzip"),
    ];
    let seen = streams(&headers(&coded), &[(3, "x"), (7, "y")], true).unwrap();
    assert_eq!(seen.first_token.count(), 1);
    assert!(seen.token_gap.is_empty() && seen.token_time.is_empty());
}

#[test]
fn other_answers_are_not_watched() {
    let json = headers(&[(CONTENT_TYPE, "application/json")]);
    assert_eq!(streams(&json, &[(3, "{}\n")], true), None);
    assert!(StreamWatch::of(&HeaderMap::new(), 0).is_none());
}
