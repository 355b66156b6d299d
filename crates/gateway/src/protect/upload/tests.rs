use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use proptest::prelude::*;

use super::*;
use crate::protect::bounds::{PART_HEAD_BYTES_MAX, PARTS_MAX, UPLOAD_LOOK_AHEAD_BYTES};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
const FORM: &str = "multipart/form-data; boundary=\"XX\"";

fn config(types: &[&str], bytes_max: u64) -> UploadConfig {
    UploadConfig {
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        bytes_max,
    }
}

fn images() -> UploadConfig {
    config(&["image/png", "image/jpeg"], 100_000)
}

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    headers
}

/// Sends a body in the given pieces. Gives what was sent on, and why it ended if it was refused.
fn send(
    config: &UploadConfig,
    content_type: &str,
    pieces: &[&[u8]],
) -> (Vec<u8>, Option<&'static str>) {
    let mut sent = Vec::new();
    let mut check = match UploadCheck::begin(config, &headers(content_type)) {
        Ok(check) => check,
        Err(denial) => return (sent, Some(denial.cause)),
    };
    let mut largest = 0;
    for piece in pieces {
        largest = largest.max(piece.len());
        match check.push(piece) {
            Ok(bytes) => sent.extend_from_slice(&bytes),
            Err(denial) => return (sent, Some(denial.cause)),
        }
        let kept = PART_HEAD_BYTES_MAX + UPLOAD_LOOK_AHEAD_BYTES + 2 * 80;
        assert!(
            check.held.len() <= kept + largest,
            "{} held",
            check.held.len()
        );
    }
    match check.finish() {
        Ok(bytes) => sent.extend_from_slice(&bytes),
        Err(denial) => return (sent, Some(denial.cause)),
    }
    (sent, None)
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--XX\r\n", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn file(content: &[u8]) -> Vec<u8> {
    let head = "Content-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\
                Content-Type: image/png";
    part(head, content)
}

fn value(content: &[u8]) -> Vec<u8> {
    part("Content-Disposition: form-data; name=\"v\"", content)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), b"--XX--\r\n"].concat()
}

fn png(length: usize) -> Vec<u8> {
    let mut bytes = PNG.to_vec();
    bytes.resize(length.max(PNG.len()), 7);
    bytes
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

#[test]
fn a_form_with_files_that_may_come_passes_unchanged() {
    let body = form(&[
        value(b"hello"),
        file(&png(30_000)),
        value(b""),
        file(b""),
        file(&png(40)),
    ]);
    assert_eq!(send(&images(), FORM, &[&body]), (body.clone(), None));
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(send(&images(), FORM, &bytes), (body.clone(), None));
    let without_end = &body[..body.len() - 2];
    assert_eq!(
        send(&images(), FORM, &[without_end]),
        (without_end.to_vec(), None)
    );
    assert_eq!(
        send(&images(), FORM, &[b"--XX--"]),
        (b"--XX--".to_vec(), None)
    );
}

#[test]
fn nothing_of_a_file_of_another_type_is_sent_on() {
    let evil = [ZIP, &[b'E'; 50_000]].concat();
    let head = "Content-Disposition: form-data; name=\"f\"; filename=\"evil.png\"";
    let body = form(&[value(b"hello"), file(&png(20_000)), part(head, &evil)]);
    for size in [1, 7, 1_000, 8_192, 100_000] {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        let (sent, refused) = send(&images(), FORM, &pieces);
        assert_eq!(refused, Some("upload-type"));
        assert!(body.starts_with(&sent));
        assert!(!contains(&sent, b"PK\x03"), "pieces of {size}");
        assert!(!contains(&sent, b"evil.png"), "pieces of {size}");
    }
    // Neither the name nor the type that is said counts.
    let (sent, refused) = send(&images(), "image/png", &[ZIP]);
    assert_eq!((sent.as_slice(), refused), (&b""[..], Some("upload-type")));
}

#[test]
fn a_body_without_a_form_is_one_file() {
    let image = png(20_000);
    for content_type in ["image/png", "application/octet-stream", "text/html", "x"] {
        let pieces: Vec<&[u8]> = image.chunks(999).collect();
        assert_eq!(
            send(&images(), content_type, &pieces),
            (image.clone(), None)
        );
        assert_eq!(send(&images(), content_type, &[]), (Vec::new(), None));
    }
    let mut check = UploadCheck::begin(&images(), &HeaderMap::new()).unwrap();
    assert!(check.push(&image[..8_191]).unwrap().is_empty());
    assert_eq!(check.push(&image[8_191..8_192]).unwrap().len(), 8_192);
    assert_eq!(check.push(&image[8_192..]).unwrap().len(), 20_000 - 8_192);
}

#[test]
fn the_size_of_every_file_is_limited() {
    let small = config(&["image/png"], 10_000);
    let exact = form(&[file(&png(10_000)), file(&png(10_000))]);
    assert_eq!(send(&small, FORM, &[&exact]), (exact.clone(), None));
    let bytes: Vec<&[u8]> = exact.chunks(1).collect();
    assert_eq!(send(&small, FORM, &bytes), (exact.clone(), None));
    let larger = form(&[file(&png(10_001))]);
    for size in [1, 100, 20_000] {
        let pieces: Vec<&[u8]> = larger.chunks(size).collect();
        let (sent, refused) = send(&small, FORM, &pieces);
        assert_eq!(refused, Some("upload-size"));
        assert!(sent.len() < larger.len() - 10);
    }
    let (_, refused) = send(&small, FORM, &[&form(&[value(&[b'a'; 10_001])])]);
    assert_eq!(refused, Some("upload-size"));
    let (_, refused) = send(&small, "image/png", &[&png(10_001)]);
    assert_eq!(refused, Some("upload-size"));
    let mut said = headers("image/png");
    said.insert(CONTENT_LENGTH, HeaderValue::from_static("10001"));
    let denial = UploadCheck::begin(&small, &said).unwrap_err();
    assert_eq!(denial.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn a_text_must_stay_text_to_its_end() {
    let texts = config(&["text/plain"], 100_000);
    let mut text = "Gr\u{fc}\u{df}e\r\n".repeat(4_000).into_bytes();
    assert_eq!(send(&texts, "text/plain", &[&text]), (text.clone(), None));
    let body = form(&[file(&text)]);
    let pieces: Vec<&[u8]> = body.chunks(777).collect();
    assert_eq!(send(&texts, FORM, &pieces), (body.clone(), None));
    text.push(0);
    for size in [1, 777, 100_000] {
        let pieces: Vec<&[u8]> = text.chunks(size).collect();
        let (sent, refused) = send(&texts, "text/plain", &pieces);
        assert_eq!(refused, Some("upload-type"));
        assert!(!sent.contains(&0));
    }
}

#[test]
fn bodies_that_nobody_can_look_into_are_refused() {
    for content_type in [
        "multipart/mixed; boundary=XX",
        "MULTIPART/Related",
        "multipart",
        "multipartx",
    ] {
        let (_, refused) = send(&images(), content_type, &[]);
        assert_eq!(refused, Some("upload-opaque"), "{content_type}");
    }
    let mut encoded = headers("image/png");
    encoded.insert("content-encoding", HeaderValue::from_static("gzip"));
    assert_eq!(
        UploadCheck::begin(&images(), &encoded).unwrap_err().code(),
        "upload-opaque"
    );
    let mut twice = headers("image/png");
    twice.append(CONTENT_TYPE, HeaderValue::from_static(FORM));
    assert_eq!(
        UploadCheck::begin(&images(), &twice).unwrap_err().code(),
        "upload-malformed"
    );
}

#[test]
fn a_boundary_is_read_as_rfc_2046_says() {
    let body = b"--a b'c--";
    let quoted = "Multipart/Form-Data ; charset=utf-8; BOUNDARY=\"a b'c\"";
    assert_eq!(send(&images(), quoted, &[body]), (body.to_vec(), None));
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for bad in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"x\"; boundary=y",
        "multipart/form-data; boundary=\"x",
        "multipart/form-data; boundary=\"x \"",
        "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=\"a\tb\"",
        "multipart/form-data, boundary=x",
        long.as_str(),
    ] {
        let (_, refused) = send(&images(), bad, &[b"--x--"]);
        assert!(refused.is_some(), "{bad}");
    }
}

#[test]
fn what_readers_of_forms_read_differently_is_refused() {
    let image = String::from_utf8_lossy(b"x");
    let disposition = "Content-Disposition: form-data; name=\"f\"";
    let long = format!(
        "{disposition}\r\nX-Long: {}",
        "x".repeat(PART_HEAD_BYTES_MAX)
    );
    let heads = [
        "",
        "Content-Type: image/png",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=f",
        "Content-Disposition: form-data; name=f; name=g",
        "Content-Disposition: form-data; name=f; filename=\"a",
        "Content-Disposition: form-data; name=f; filename=a b",
        "Content-Disposition : form-data; name=f",
        "Content-Disposition: form-data;\r\n name=f",
        "Content-Disposition: form-data; name=f\r\nContent-Disposition: form-data; name=g",
        "Content-Disposition: form-data; name=f\r\nContent-Type: multipart/mixed; boundary=y",
        "Content-Disposition: form-data; name=f\r\nContent-Transfer-Encoding: base64",
        "Content-Disposition: form-data; name=f\nX: y",
        "Content-Disposition: form-data; name=\"f\0\"",
        "no colon",
        ": x",
        long.as_str(),
    ];
    for head in heads {
        let body = form(&[part(head, image.as_bytes())]);
        for size in [1, 1_000_000] {
            let pieces: Vec<&[u8]> = body.chunks(size).collect();
            let (sent, refused) = send(&images(), FORM, &pieces);
            assert!(refused.is_some(), "{head}");
            assert!(sent.is_empty(), "{head}");
        }
    }
    for body in [
        &b""[..],
        b"--",
        b"--XX",
        b"--XX\r\n",
        b"preamble\r\n--XX--",
        b"\r\n--XX--",
        b"--XX \r\n",
        b"--XX\n",
        b"--XXY\r\n",
        b"--XX-\r\n",
        b"--XX--epilogue",
        b"--XX--\r\nepilogue",
        b"--XX--\r\n\r\n",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\n--XX--",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n--XXY",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\nx--XX--",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\nx\n--XX--",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\nx\n--XX\r\ny\r\n--XX--",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r--XX\r\ny\r\n--XX--",
        b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\n\n--XX\r\ny\r\n--XX--",
    ] {
        for size in [1, 1_000] {
            let pieces: Vec<&[u8]> = body.chunks(size).collect();
            let (_, refused) = send(&images(), FORM, &pieces);
            assert!(refused.is_some(), "{}", String::from_utf8_lossy(body));
        }
    }
    let many = form(&vec![value(b""); PARTS_MAX as usize + 1]);
    assert_eq!(send(&images(), FORM, &[&many]).1, Some("too many parts"));
    assert!(
        send(
            &images(),
            FORM,
            &[&form(&vec![value(b""); PARTS_MAX as usize])]
        )
        .1
        .is_none()
    );
}

#[test]
fn what_only_looks_like_a_boundary_is_content_in_any_pieces() {
    let body = form(&[value(b"val--XX and --XX-- and\n--X\r\n--Y")]);
    for size in 1..body.len() {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        let (sent, refused) = send(&images(), FORM, &pieces);
        assert_eq!(
            (refused, sent.as_slice()),
            (None, body.as_slice()),
            "{size}"
        );
    }
}

#[test]
fn every_way_to_name_a_file_makes_a_part_one() {
    for head in [
        "Content-Disposition: form-data; name=f; filename=x",
        "content-disposition:form-data;name=f;FILENAME=\"\"",
        "Content-Disposition: form-data; name=f; filename*=UTF-8''x",
        "Content-Disposition: form-data; name=f\r\nContent-Type: text/plain",
        "Content-Disposition: form-data; name=\"a\\\"; filename=\\\"x\"",
        "Content-Disposition: form-data; name=\"f\"; filename=\"C:\\dir\\x\"",
    ] {
        let (sent, refused) = send(&images(), FORM, &[&form(&[part(head, ZIP)])]);
        assert_eq!((sent.len(), refused), (0, Some("upload-type")), "{head}");
        let good = form(&[part(head, PNG)]);
        assert_eq!(
            send(&images(), FORM, &[&good]),
            (good.clone(), None),
            "{head}"
        );
    }
    let plain = form(&[part(
        "Content-Disposition: form-data; name=\"filename\"",
        b"text",
    )]);
    assert_eq!(send(&images(), FORM, &[&plain]), (plain.clone(), None));
}

/// Bytes in which boundaries and their beginnings are likely.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"--".to_vec()),
        Just(b"--X".to_vec()),
        Just(b"\r\n--X".to_vec()),
        Just(b"XX".to_vec()),
        Just(vec![b'a'; 5_000]),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let content = proptest::collection::vec(piece, 0..12);
    content.prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_form_passes_unchanged_in_any_pieces(
        contents in proptest::collection::vec((any::<bool>(), content()), 0..5),
        cuts in proptest::collection::vec(1_usize..9_000, 1..60),
    ) {
        let mut parts = Vec::new();
        for (is_file, content) in contents {
            let content = if is_file { [PNG, &content].concat() } else { content };
            let whole = [b"\r\n", content.as_slice(), b"\r\n--X"].concat();
            let bounded = [&b"\n--XX"[..], b"\r--XX"].iter().any(|b| contains(&whole, b));
            if bounded || content.starts_with(b"--XX") {
                continue;
            }
            parts.push(if is_file { file(&content) } else { value(&content) });
        }
        let body = form(&parts);
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut rest = body.as_slice();
        for cut in cuts.iter().cycle().take(20_000) {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(send(&images(), FORM, &pieces), (body.clone(), None));
    }

    #[test]
    fn the_decision_does_not_depend_on_the_pieces(
        body in content(),
        head in prop_oneof![
            Just(Vec::new()),
            Just(b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\n".to_vec()),
            Just(b"--XX\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n".to_vec()),
        ],
        size in 1_usize..300,
        raw in any::<bool>(),
    ) {
        let all = config(&["text/plain", "application/octet-stream"], 9_000);
        let body = [head, body].concat();
        let content_type = if raw { "x/y" } else { FORM };
        let whole = send(&all, content_type, &[&body]);
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        let cut = send(&all, content_type, &pieces);
        prop_assert_eq!(whole.1.is_some(), cut.1.is_some());
        prop_assert!(body.starts_with(&cut.0));
        if whole.1.is_none() {
            prop_assert_eq!(&cut.0, &body);
        }
    }

    #[test]
    fn no_bytes_break_it(
        content_type in proptest::collection::vec(any::<u8>(), 0..60),
        parameters in "[;=\" a-z\\\\]{0,30}",
        body in proptest::collection::vec(any::<u8>(), 0..300),
        head in "[;:=\" a-zA-Z\\\\\r\n-]{0,80}",
    ) {
        let named = format!("multipart/form-data;boundary=XX;{parameters}").into_bytes();
        for content_type in [content_type, named] {
            let Ok(value) = HeaderValue::from_bytes(&content_type) else { continue };
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value);
            for body in [&body, &[b"--XX\r\n", head.as_bytes(), b"\r\n\r\n"].concat(), &form(&[part(&head, &body)])] {
                if let Ok(mut check) = UploadCheck::begin(&images(), &headers) {
                    let passed = body.chunks(7).all(|piece| check.push(piece).is_ok());
                    if passed {
                        let _ = check.finish();
                    }
                }
            }
        }
    }
}
