use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;

/// Forty events as Node.js compresses them.
const BROTLI_EVENTS: &str = "GyUHYBwFbntEUdhMv0tMD9LBIXlA7XVaAWSvT4qw6BAsz3N4DCHBrmjmEc5jrO8aGFKK3yawpoyUaTufL12Dm4GRiZmFDVt27A+x4R3g6OTs4satO/Z5bAdHJ2cXN27dsc9TOzg6Obu4cesuHg==";
/// Four MiB of zeros.
const BROTLI_BOMB: &str = "m///P/gnAOKxQCD3/gc=";
/// Three events with a flush behind each, and the end.
const BROTLI_FLUSHED: [&str; 4] = [
    "CwWAZGF0YTogb25lCgo=",
    "UACAX1rhje5OEaJKBGAL",
    "YACAX0IhCRhEkthEbQA=",
    "Aw==",
];
const EVENTS: [&str; 3] = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];

fn brotli(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

fn events() -> Vec<u8> {
    let event = |part| format!("data: {{\"event\":\"message\",\"answer\":\"part {part}\"}}\n\n");
    (0..40).map(event).collect::<String>().into_bytes()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).unwrap()
}

fn codings(values: &[&str]) -> Result<Codings, CodingError> {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(CONTENT_ENCODING, value);
    }
    Codings::of(&headers)
}

fn decoded(coding: &str, body: &[u8]) -> Result<Vec<u8>, CodingError> {
    codings(&[coding]).unwrap().decode(body, 1 << 20)
}

/// The same in pieces of this size.
fn decoded_in_pieces(coding: &str, body: &[u8], size: usize) -> Result<Vec<u8>, CodingError> {
    let mut decoder = Decoder::new(&codings(&[coding]).unwrap(), Bound::Whole(1 << 20))?;
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        decoder.push(piece, &mut out)?;
    }
    decoder.finish()?;
    Ok(out)
}

/// The events in every coding.
fn encoded_events() -> Vec<(&'static str, Vec<u8>)> {
    let events = events();
    vec![
        ("gzip", gzip(&events)),
        ("deflate", zlib(&events)),
        ("deflate", raw_deflate(&events)),
        ("zstd", zstd(&events)),
        ("br", brotli(BROTLI_EVENTS)),
        ("deflate, gzip", gzip(&zlib(&events))),
        ("br, zstd", zstd(&brotli(BROTLI_EVENTS))),
    ]
}

#[test]
fn header_fields_name_codings_in_the_order_of_their_application() {
    use Coding::{Brotli, Deflate, Gzip, Zstd};
    for (values, expected) in [
        (vec![], vec![]),
        (vec!["identity"], vec![]),
        (vec!["", " , "], vec![]),
        (vec!["GZip"], vec![Gzip]),
        (vec!["x-gzip"], vec![Gzip]),
        (vec!["deflate ,\tbr"], vec![Deflate, Brotli]),
        (vec!["zstd", "identity, gzip"], vec![Zstd, Gzip]),
    ] {
        assert_eq!(codings(&values), Ok(Codings(expected)), "{values:?}");
    }
    for unknown in ["compress", "gzip;q=1", "aws-chunked", "gzip br", "\u{e9}"] {
        assert_eq!(codings(&[unknown]), Err(CodingError::Unknown), "{unknown}");
    }
    let many = codings(&["gzip, gzip", "gzip"]);
    assert_eq!(many, Err(CodingError::TooMany { most: 2 }));
    assert!(
        CodingError::Unknown
            .to_string()
            .contains("gzip, deflate, br or zstd")
    );
    assert!(codings(&["identity"]).unwrap().is_identity());
}

#[test]
fn whole_bodies_are_decoded_however_they_are_cut() {
    for (coding, body) in encoded_events() {
        assert_eq!(decoded(coding, &body).as_ref(), Ok(&events()), "{coding}");
        for size in [1, 2, 3, 17] {
            let pieces = decoded_in_pieces(coding, &body, size);
            assert_eq!(pieces, Ok(events()), "{coding} in pieces of {size}");
        }
    }
    assert_eq!(Codings::default().decode(b"abc", 3), Ok(b"abc".to_vec()));
    for (coding, body) in [
        ("gzip", gzip(b"")),
        ("deflate", zlib(b"")),
        ("deflate", raw_deflate(b"")),
        ("zstd", zstd(b"")),
    ] {
        assert_eq!(decoded(coding, &body), Ok(Vec::new()), "{coding}");
    }
}

#[test]
fn members_and_frames_one_behind_the_other_are_one_body() {
    let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    assert_eq!(decoded("gzip", &members), Ok(b"one two".to_vec()));
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    let frames = [zstd(b"one "), skippable.to_vec(), zstd(b"two")].concat();
    assert_eq!(decoded("zstd", &frames), Ok(b"one two".to_vec()));
    assert_eq!(
        decoded_in_pieces("zstd", &frames, 1),
        Ok(b"one two".to_vec())
    );
    let many = gzip(b"").repeat(10_001);
    assert!(decoded("gzip", &many).is_err());
}

#[test]
fn a_body_that_was_cut_is_refused_wherever() {
    for (coding, body) in encoded_events() {
        for end in 0..body.len() {
            let error = decoded(coding, &body[..end]).unwrap_err();
            assert!(
                matches!(error, CodingError::Truncated { .. }),
                "{coding} at {end}: {error}"
            );
        }
    }
    let two = [gzip(b"one"), gzip(b"two")].concat();
    assert!(decoded("gzip", &two[..two.len() - 1]).is_err());
    let frames = [zstd(b"one"), zstd(b"two")].concat();
    assert!(decoded("zstd", &frames[..frames.len() - 1]).is_err());
}

#[test]
fn what_follows_the_end_and_what_is_damaged_is_refused() {
    for (coding, body) in encoded_events() {
        for behind in [&b"x"[..], b"\0", b"data: jane@example.org\n\n"] {
            let followed = [&body, behind].concat();
            assert!(decoded(coding, &followed).is_err(), "{coding}");
            assert!(
                decoded_in_pieces(coding, &followed, body.len()).is_err(),
                "{coding}"
            );
        }
        assert!(decoded(coding, b"plain text").is_err(), "{coding}");
    }
    let mut wrong_sum = gzip(&events());
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    assert_eq!(
        decoded("gzip", &wrong_sum),
        Err(CodingError::Invalid {
            coding: Coding::Gzip
        })
    );
    let mut wrong_sum = zlib(&events());
    *wrong_sum.last_mut().unwrap() ^= 1;
    assert!(decoded("deflate", &wrong_sum).is_err());
}

#[test]
fn bombs_stop_at_the_bound() {
    let zeros = vec![0; 4 << 20];
    let bytes_max = 1 << 20;
    let bound = Err(CodingError::TooLong { bytes_max });
    for (coding, body) in [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("deflate", raw_deflate(&zeros)),
        ("zstd", zstd(&zeros)),
        ("br", brotli(BROTLI_BOMB)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
        ("gzip, zstd", zstd(&[zeros.clone(), gzip(b"")].concat())),
    ] {
        assert!(body.len() < bytes_max / 100);
        let mut decoder =
            Decoder::new(&codings(&[coding]).unwrap(), Bound::Whole(bytes_max)).unwrap();
        let mut out = Vec::new();
        assert_eq!(decoder.push(&body, &mut out), bound, "{coding}");
        assert!(out.len() <= bytes_max, "{coding}");
    }
    let exact = gzip(&vec![7; bytes_max]);
    assert_eq!(decoded("gzip", &exact).unwrap().len(), bytes_max);
    let one_more = gzip(&vec![7; bytes_max + 1]);
    assert_eq!(decoded("gzip", &one_more).map(|_| ()), bound);
    assert_eq!(
        Codings::default().decode(b"abcd", 3),
        Err(CodingError::TooLong { bytes_max: 3 })
    );
}

#[test]
fn a_bound_for_each_piece_lets_long_streams_pass() {
    let body = gzip(&events().repeat(100));
    let codings = codings(&["gzip"]).unwrap();
    let mut decoder = Decoder::new(&codings, Bound::Piece(64 << 10)).unwrap();
    let mut out = Vec::new();
    for piece in body.chunks(16) {
        decoder.push(piece, &mut out).unwrap();
    }
    decoder.finish().unwrap();
    assert_eq!(out, events().repeat(100));
    let mut decoder = Decoder::new(&codings, Bound::Piece(4 << 10)).unwrap();
    assert!(decoder.push(&body, &mut Vec::new()).is_err());
}

#[test]
fn a_window_of_zstd_beyond_what_decoders_must_have_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&vec![1; 16 << 20]).unwrap();
    let body = encoder.finish().unwrap();
    let error = codings(&["zstd"])
        .unwrap()
        .decode(&body, 64 << 20)
        .unwrap_err();
    assert_eq!(
        error,
        CodingError::Invalid {
            coding: Coding::Zstd
        }
    );
}

/// The events with a flush behind each, as pieces, and the end.
fn flushed<W: Write>(
    mut encoder: W,
    mut taken: impl FnMut(&mut W) -> Vec<u8>,
) -> (W, Vec<Vec<u8>>) {
    let mut pieces = Vec::new();
    for event in EVENTS {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        pieces.push(taken(&mut encoder));
    }
    (encoder, pieces)
}

#[test]
fn what_was_flushed_is_given_out_at_once() {
    let fast = Compression::fast();
    let take = std::mem::take::<Vec<u8>>;
    let (encoder, mut gzipped) = flushed(GzEncoder::new(Vec::new(), fast), |encoder| {
        take(encoder.get_mut())
    });
    gzipped.push(encoder.finish().unwrap());
    let (encoder, mut zlibbed) = flushed(ZlibEncoder::new(Vec::new(), fast), |encoder| {
        take(encoder.get_mut())
    });
    zlibbed.push(encoder.finish().unwrap());
    let (encoder, mut deflated) = flushed(DeflateEncoder::new(Vec::new(), fast), |encoder| {
        take(encoder.get_mut())
    });
    deflated.push(encoder.finish().unwrap());
    let (encoder, mut zstded) = flushed(zstd::Encoder::new(Vec::new(), 1).unwrap(), |encoder| {
        take(encoder.get_mut())
    });
    zstded.push(encoder.finish().unwrap());
    let brotlied = BROTLI_FLUSHED.iter().map(|piece| brotli(piece)).collect();
    let all = [
        ("gzip", gzipped),
        ("deflate", zlibbed),
        ("deflate", deflated),
        ("zstd", zstded),
        ("br", brotlied),
    ];
    for (coding, pieces) in all {
        let mut decoder =
            Decoder::new(&codings(&[coding]).unwrap(), Bound::Piece(1 << 20)).unwrap();
        for (index, piece) in pieces.iter().enumerate() {
            let mut out = Vec::new();
            decoder.push(piece, &mut out).unwrap();
            let expected = EVENTS.get(index).copied().unwrap_or_default();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{coding}");
        }
        decoder.finish().unwrap();
    }
}

proptest! {
    #[test]
    fn every_body_comes_back_whatever_it_holds_and_however_it_is_cut(
        body in prop::collection::vec(any::<u8>(), 0..5000),
        size in 1_usize..400,
    ) {
        for (coding, encoded) in [
            ("gzip", gzip(&body)),
            ("deflate", zlib(&body)),
            ("deflate", raw_deflate(&body)),
            ("zstd", zstd(&body)),
            ("gzip, zstd", zstd(&gzip(&body))),
        ] {
            let decoded = decoded_in_pieces(coding, &encoded, size);
            prop_assert_eq!(decoded.as_ref(), Ok(&body), "{}", coding);
        }
    }

    #[test]
    fn no_bytes_lead_to_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
        for coding in ["gzip", "deflate", "br", "zstd", "br, deflate"] {
            let _ = decoded_in_pieces(coding, &bytes, size);
        }
    }
}
