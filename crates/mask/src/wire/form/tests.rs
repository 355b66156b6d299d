use std::borrow::Cow;
use std::sync::Arc;

use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::json::Treatment;
use crate::wire::Documents;
use crate::wire::route::FormSpec;
use crate::{FieldMasker, Finder, Limits, Mapping, Masker, Mode, Policy, Rules, Style};

/// Hides an address behind the same placeholder; refuses what says `forbidden`; keeps what it was shown.
#[derive(Default)]
struct Hider {
    shown: Vec<(String, String)>,
}

impl Mask for Hider {
    type Refusal = &'static str;

    fn mask<'t>(&mut self, text: &'t str, field: &str) -> Result<Cow<'t, str>, &'static str> {
        self.shown.push((field.to_owned(), text.to_owned()));
        match text {
            _ if text.contains("forbidden") => Err("forbidden"),
            _ if text.contains("jane@a.org") => {
                Ok(Cow::Owned(text.replace("jane@a.org", "EMAIL_1")))
            }
            _ => Ok(Cow::Borrowed(text)),
        }
    }
}

const MULTIPART: &str = "multipart/form-data; boundary=XX";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR jane@a.org \xff";

fn plan() -> FormPlan {
    FormPlan::new(&FormSpec {
        texts: &["prompt"],
        json: &[("data", &[(Treatment::Text, &["name", "meta.**"])])],
        files: &["file"],
        media: &["image"],
        left: &["user"],
    })
    .unwrap()
}

fn masked_as(
    content_type: &str,
    body: &[u8],
    documents: Documents,
) -> Result<(Vec<u8>, FormReport), FormError<&'static str>> {
    let mut out = b"before".to_vec();
    let options = BodyOptions {
        documents,
        ..BodyOptions::default()
    };
    let mut hider = Hider::default();
    let report = mask_form(body, content_type, &plan(), options, &mut hider, &mut out)?;
    Ok((out.split_off(6), report))
}

fn masked(body: &[u8]) -> Result<Vec<u8>, FormError<&'static str>> {
    masked_as(MULTIPART, body, Documents::Refuse).map(|(out, _)| out)
}

/// A body of these parts: header fields without the last CR LF, content.
fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--XX\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

/// The header field of a part with this name and what else is given.
fn named(rest: &str) -> String {
    format!("Content-Disposition: form-data; name={rest}")
}

/// What a part of this head and content becomes; none when nothing changes.
fn content(head: &str, content: &[u8]) -> Option<Vec<u8>> {
    let before = body(&[(head, content)]);
    let after = masked(&before).unwrap_or_else(|error| panic!("{head}: {error}"));
    let start = body(&[(head, b"")]).len() - b"\r\n--XX--\r\n".len();
    (before != after).then(|| after[start..after.len() - 10].to_vec())
}

fn kind(body: &[u8]) -> FormErrorKind {
    match masked(body) {
        Err(FormError::Form { kind, at }) => {
            assert!(at <= body.len());
            kind
        }
        other => panic!("{:?} gave {other:?}", String::from_utf8_lossy(body)),
    }
}

#[test]
fn parts_are_masked_by_their_names_and_everything_else_is_kept() {
    let file = "content-disposition:form-data; name=file; filename=\"jane@a.org; 1.txt\"; filename*=utf-8'en'jane%40a.org\r\n\
                X-Other: as it is\r\nContent-Length: 14\r\nContent-Type: text/plain; charset=\"UTF-8\"";
    let before = body(&[
        (
            &named("\"prompt\""),
            "\u{1ea4} jane@a.org\r\n--X".as_bytes(),
        ),
        (&named("\"user\""), b"jane@a.org"),
        (
            &named("\"data\""),
            br#"{"name": "jane@a\u002eorg", "x": "jane@a.org", "meta": {"a": ["jane@a.org", 1]}}"#,
        ),
        (file, b"to jane@a.org\n"),
        (
            &named("\"image\"; filename=\"a.png\"\r\nContent-Type: image/png"),
            PNG,
        ),
        (
            &named("\"empty\"; filename=\"\"\r\nContent-Type: application/octet-stream"),
            b"",
        ),
    ]);
    let masked_file = "content-disposition:form-data; name=file; filename=\"EMAIL_1; 1.txt\"; filename*=UTF-8''EMAIL_1\r\n\
                X-Other: as it is\r\nContent-Length: 11\r\nContent-Type: text/plain; charset=\"UTF-8\"";
    let after = body(&[
        (&named("\"prompt\""), "\u{1ea4} EMAIL_1\r\n--X".as_bytes()),
        (&named("\"user\""), b"jane@a.org"),
        (
            &named("\"data\""),
            br#"{"name": "EMAIL_1", "x": "EMAIL_1", "meta": {"a": ["EMAIL_1", 1]}}"#,
        ),
        (masked_file, b"to EMAIL_1\n"),
        (
            &named("\"image\"; filename=\"a.png\"\r\nContent-Type: image/png"),
            PNG,
        ),
        (
            &named("\"empty\"; filename=\"\"\r\nContent-Type: application/octet-stream"),
            b"",
        ),
    ]);
    let (out, report) = masked_as(MULTIPART, &before, Documents::Refuse).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(&after)
    );
    assert_eq!(out, after);
    assert_eq!((report.changed, report.media, report.documents), (7, 1, 0));
}

#[test]
fn fields_that_nothing_names_are_text_or_json() {
    let before = body(&[
        (&named("note"), b"to jane@a.org"),
        (
            &named("more"),
            br#"{"a": {"jane@a.org": "jane\u0040a.org"}}"#,
        ),
        (&named("user"), b"jane@a.org"),
    ]);
    let after = body(&[
        (&named("note"), b"to EMAIL_1"),
        (&named("more"), br#"{"a": {"EMAIL_1": "EMAIL_1"}}"#),
        (&named("user"), b"jane@a.org"),
    ]);
    assert_eq!(masked(&before).unwrap(), after);
    let pairs = b"note=jane%40a.org&user=jane%40a.org";
    let out = masked_as(
        "application/x-www-form-urlencoded",
        pairs,
        Documents::Refuse,
    );
    assert_eq!(out.unwrap().0, b"note=EMAIL_1&user=jane%40a.org");
}

#[test]
fn data_in_names_and_heads_of_parts_is_refused() {
    let disposition = "Content-Disposition: form-data; name=file; filename=a.txt";
    for head in [
        named("\"jane@a.org\""),
        named("\"a\"; more=\"jane@a.org\""),
        format!("{disposition}\r\nX-Who: jane@a.org"),
        format!("{disposition}\r\nContent-Type: text/plain; who=\"jane@a.org\""),
    ] {
        let kind = FormErrorKind::Name;
        let out = masked(&body(&[(&head, b"x")]));
        assert!(
            matches!(out, Err(FormError::Form { kind: found, .. }) if found == kind),
            "{head}: {out:?}"
        );
    }
    let out = masked_as(
        "application/x-www-form-urlencoded",
        b"jane%40a.org=x",
        Documents::Refuse,
    );
    assert!(matches!(
        out,
        Err(FormError::Form {
            kind: FormErrorKind::Name,
            ..
        })
    ));
}

#[test]
fn the_mask_is_told_the_names_of_fields() {
    let before = body(&[
        (&named("prompt"), b"p"),
        (&named("data"), br#"{"meta":{"phone":"q"}}"#),
        (&named("file; filename=f"), b"r"),
    ]);
    let mut hider = Hider::default();
    mask_form(
        &before,
        MULTIPART,
        &plan(),
        BodyOptions::default(),
        &mut hider,
        &mut Vec::new(),
    )
    .unwrap();
    let shown: Vec<(&str, &str)> = hider
        .shown
        .iter()
        .map(|(field, text)| (&**field, &**text))
        .collect();
    assert_eq!(
        shown,
        [
            ("prompt", "p"),
            ("phone", "phone"),
            ("phone", "q"),
            ("filename", "f"),
            ("", "r")
        ]
    );
}

#[test]
fn files_are_what_their_content_says() {
    let file = |rest: &str| named(&format!("file; filename={rest}"));
    let json = br#"[{"jane@a.org": "jane\u0040a.org \n"}, 5]"#;
    let as_json = br#"[{"EMAIL_1": "EMAIL_1 \n"}, 5]"#;
    let lines = b"\xef\xbb\xbf{\"a\": \"jane\\u0040a.org\"}\r\n\r\n[\"b\"]\n[\"jane@a.org\"]";
    let as_lines = b"\xef\xbb\xbf{\"a\": \"EMAIL_1\"}\r\n\r\n[\"b\"]\n[\"EMAIL_1\"]";
    for (head, before, after) in [
        ("a", &b"jane@a.org"[..], &b"EMAIL_1"[..]),
        (
            "a\r\nContent-Type: text/csv; charset=iso-8859-1",
            b"a;jane@a.org",
            b"a;EMAIL_1",
        ),
        (
            "a\r\nContent-Type: image/svg+xml",
            b"<svg>jane@a.org</svg>",
            b"<svg>EMAIL_1</svg>",
        ),
        ("a\r\nContent-Type: image/png", b"jane@a.org", b"EMAIL_1"),
        ("a\r\nContent-Type: application/json", json, as_json),
        ("a\r\nContent-Type: application/octet-stream", json, as_json),
        ("a.jsonl", lines, as_lines),
        (
            "a.md",
            b"[link](mailto:jane@a.org)",
            b"[link](mailto:EMAIL_1)",
        ),
        ("a", b"\xef\xbb\xbfjane@a.org", b"\xef\xbb\xbfEMAIL_1"),
    ] {
        assert_eq!(
            content(&file(head), before).as_deref(),
            Some(after),
            "{head}"
        );
    }
    assert_eq!(
        content(&named("unknown; filename=a"), b"jane@a.org").unwrap(),
        b"EMAIL_1"
    );
    assert_eq!(
        content(&named("image; filename=a"), b"jane@a.org").unwrap(),
        b"EMAIL_1"
    );
    assert_eq!(
        content(&named("image; filename=a"), b"\xff\xfb jane@a.org \0"),
        None
    );
    assert_eq!(content(&file("a"), PNG), None);
}

#[test]
fn text_that_cannot_be_read_is_refused() {
    let file = |rest: &str| named(&format!("file; filename={rest}"));
    for (head, content, expected) in [
        (
            file("a\r\nContent-Type: text/plain"),
            &b"\xe9t\xe9"[..],
            FormErrorKind::NotUtf8,
        ),
        (file("a.CSV"), b"\xe9t\xe9", FormErrorKind::NotUtf8),
        (file("a"), b"\xff\xfej\0a\0", FormErrorKind::NotUtf8),
        (
            file("a\r\nContent-Type: text/plain; charset=utf-16"),
            b"abc",
            FormErrorKind::Charset,
        ),
        (
            file("a\r\nContent-Type: text/plain; charset=utf-7"),
            b"abc",
            FormErrorKind::Charset,
        ),
        (
            file("a\r\nContent-Type: text/plain; charset=windows-1252"),
            "\u{e9}".as_bytes(),
            FormErrorKind::Charset,
        ),
        (file("a"), b"j\0a\0n\0", FormErrorKind::Document),
        (
            file("a"),
            b"BM plain text in Latin-1: \xe9t\xe9",
            FormErrorKind::Document,
        ),
        (
            file("a\r\nContent-Type: application/pdf"),
            PNG,
            FormErrorKind::Document,
        ),
        (
            file("a.pdf"),
            b"%PDF-1.7 only ascii",
            FormErrorKind::Document,
        ),
        (
            file("a.docx"),
            b"PK\x03\x04\0\0\0\xff",
            FormErrorKind::Document,
        ),
        (named("prompt"), b"\xff", FormErrorKind::NotUtf8),
        (named("prompt"), b"j\0", FormErrorKind::NotUtf8),
        (named("data"), b"\xff", FormErrorKind::NotUtf8),
        (named("_charset_"), b"iso-8859-1", FormErrorKind::Charset),
    ] {
        assert_eq!(kind(&body(&[(&head, content)])), expected, "{head}");
    }
    assert_eq!(content(&named("_charset_"), b"UTF-8"), None);
}

#[test]
fn documents_pass_when_the_settings_say_so() {
    let before = body(&[(
        &named("file; filename=\"jane@a.org.pdf\""),
        b"%PDF-1.7 jane@a.org",
    )]);
    let after = body(&[(
        &named("file; filename=\"EMAIL_1.pdf\""),
        b"%PDF-1.7 jane@a.org",
    )]);
    let (out, report) = masked_as(MULTIPART, &before, Documents::Pass).unwrap();
    assert_eq!((out, report.documents), (after, 1));
    let text = body(&[(&named("file; filename=a.txt"), b"\xe9")]);
    assert!(masked_as(MULTIPART, &text, Documents::Pass).is_err());
}

#[test]
fn what_the_mask_refuses_is_refused_with_its_place() {
    for (head, content) in [
        (named("prompt"), &b"forbidden"[..]),
        (named("data"), br#"{"name":"forbidden"}"#),
        (named("file; filename=forbidden"), b""),
        (named("file; filename=a"), b"[\"forbidden\"]"),
    ] {
        let body = body(&[(&head, content)]);
        let at = body
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4;
        let error = BodyError::Refused("forbidden");
        assert_eq!(masked(&body), Err(FormError::Content { at, error }));
    }
    for (head, content) in [
        (named("data"), &b"{\"name\":"[..]),
        (named("file; filename=a.json"), b"name: jane@a.org"),
        (
            named("file; filename=a\r\nContent-Type: application/ld+json"),
            b"{]",
        ),
    ] {
        let error = masked(&body(&[(&head, content)])).unwrap_err();
        assert!(matches!(
            error,
            FormError::Content {
                error: BodyError::Json(_),
                ..
            }
        ));
        assert!(!error.to_string().contains("name"), "{error}");
    }
}

#[test]
fn bodies_that_parsers_divide_differently_are_refused() {
    let part = "--XX\r\nContent-Disposition: form-data; name=prompt\r\n\r\n";
    for (text, expected) in [
        (String::new(), FormErrorKind::Preamble),
        ("\r\n--XX--".to_owned(), FormErrorKind::Preamble),
        (
            format!("text\r\n{part}a\r\n--XX--"),
            FormErrorKind::Preamble,
        ),
        (
            format!("{part}a\r\n--XX--\r\n\r\n"),
            FormErrorKind::Epilogue,
        ),
        (
            format!("{part}a\r\n--XX--jane@a.org"),
            FormErrorKind::Epilogue,
        ),
        (format!("{part}a\r\n--XX--\n"), FormErrorKind::Epilogue),
        (format!("{part}a\n--XX--\r\n"), FormErrorKind::Boundary),
        (format!("{part}a\r--XX--\r\n"), FormErrorKind::Boundary),
        (
            format!("{part}a--XX\r\n\r\n--XX--\r\n"),
            FormErrorKind::Boundary,
        ),
        (
            format!("{part}a\r\n---XX\r\n--XX--\r\n"),
            FormErrorKind::Boundary,
        ),
        (
            format!("{part}a\r\n--XXY\r\n--XX--\r\n"),
            FormErrorKind::Boundary,
        ),
        (
            format!("{part}a\r\n--XX \r\n--XX--\r\n"),
            FormErrorKind::Boundary,
        ),
        (
            format!("{part}a\r\n--XX\n--XX--\r\n"),
            FormErrorKind::Boundary,
        ),
        (format!("{part}a\r\n"), FormErrorKind::Truncated),
        (format!("{part}a\r\n--XX"), FormErrorKind::Truncated),
        (format!("{part}a\r\n--XX-"), FormErrorKind::Truncated),
        (format!("{part}a\r\n--XX\r\n"), FormErrorKind::Truncated),
        ("--XX\r\n--XX--".to_owned(), FormErrorKind::HeadEnd),
        ("--XX\r\n\r\n--XX--".to_owned(), FormErrorKind::HeadEnd),
        (
            "--XX\r\nContent-Disposition: form-data; name=prompt\r\n\r\n--XX--".to_owned(),
            FormErrorKind::HeadEnd,
        ),
        (
            "--XX\r\nContent-Disposition: form-data; name=prompt\n\na\r\n--XX--".to_owned(),
            FormErrorKind::HeadEnd,
        ),
        (
            format!("--XX\r\nA: {}\r\n\r\n\r\n--XX--", "a".repeat(20_000)),
            FormErrorKind::HeadEnd,
        ),
        (
            part.replace("--XX", "\r\n--XX").repeat(1001)[2..].to_owned(),
            FormErrorKind::TooManyParts,
        ),
    ] {
        let text = if expected == FormErrorKind::TooManyParts {
            format!("{text}\r\n--XX--")
        } else {
            text
        };
        assert_eq!(kind(text.as_bytes()), expected, "{text:.80}");
    }
    assert_eq!(masked(b"--XX--").unwrap(), b"--XX--");
    assert_eq!(
        masked(format!("{part}\r\n--XX--").as_bytes()).unwrap(),
        format!("{part}\r\n--XX--").as_bytes()
    );
}

#[test]
fn header_fields_that_parsers_read_differently_are_refused() {
    for (head, expected) in [
        ("A: b".to_owned(), FormErrorKind::Disposition),
        (
            "Content-Disposition: attachment; name=a".to_owned(),
            FormErrorKind::Disposition,
        ),
        (
            "Content-Disposition: form-data".to_owned(),
            FormErrorKind::Disposition,
        ),
        (named("a; name=b"), FormErrorKind::Disposition),
        (named("a; NAME=b"), FormErrorKind::Disposition),
        (
            named("a; filename=b; filename=c"),
            FormErrorKind::Disposition,
        ),
        (named("a; name*=UTF-8''b"), FormErrorKind::Disposition),
        (named("a; filename*0=b"), FormErrorKind::Disposition),
        (
            named("a; filename*=iso-8859-1''b"),
            FormErrorKind::Disposition,
        ),
        (named("a; filename*=UTF-8''%ff"), FormErrorKind::Disposition),
        (named("a; filename*=UTF-8''%zz"), FormErrorKind::Disposition),
        (named("a; filename*=UTF-8''%0d"), FormErrorKind::Disposition),
        (named("\"a\\\"; filename=b\""), FormErrorKind::Disposition),
        (
            named("\"a\"; filename=\"x; name=b\""),
            FormErrorKind::Disposition,
        ),
        (
            named("\"a\"; filename=\"=?utf-8?B?amFuZQ==?=\""),
            FormErrorKind::Disposition,
        ),
        (named("\"a"), FormErrorKind::Disposition),
        (named("\"a\"x"), FormErrorKind::Disposition),
        (named("\u{e9}"), FormErrorKind::Disposition),
        (named("a, b"), FormErrorKind::Disposition),
        (named("a;"), FormErrorKind::Disposition),
        (named(""), FormErrorKind::Disposition),
        (
            named("a\r\ncontent-disposition: form-data; name=b"),
            FormErrorKind::RepeatedHeader,
        ),
        (
            named("a\r\nContent-Type: text/plain\r\nContent-Type: text/plain"),
            FormErrorKind::RepeatedHeader,
        ),
        (named("a\r\n folded"), FormErrorKind::Header),
        (named("a\nB: c"), FormErrorKind::Header),
        (named("a\rB: c"), FormErrorKind::Header),
        (named("a\r\nB : c"), FormErrorKind::Header),
        (named("a\r\nB\t: c"), FormErrorKind::Header),
        (named("a\r\nno colon"), FormErrorKind::Header),
        (named("a\r\nB: \0"), FormErrorKind::Header),
        (named("a\r\nContent-Type: text"), FormErrorKind::PartType),
        (named("a\r\nContent-Type:"), FormErrorKind::PartType),
        (
            named("a\r\nContent-Type: text/plain; charset=a; charset=b"),
            FormErrorKind::PartType,
        ),
        (
            named("a\r\nContent-Type: multipart/mixed; boundary=b"),
            FormErrorKind::Nested,
        ),
        (
            named("a\r\nContent-Type: Message/RFC822"),
            FormErrorKind::Nested,
        ),
        (
            named("a\r\nContent-Transfer-Encoding: base64"),
            FormErrorKind::Encoding,
        ),
        (
            named("a\r\nContent-Transfer-Encoding: Quoted-Printable"),
            FormErrorKind::Encoding,
        ),
        (
            named("a\r\nContent-Encoding: gzip"),
            FormErrorKind::Encoding,
        ),
        (named("a\r\nContent-Length: 4"), FormErrorKind::Length),
        (named("a\r\nContent-Length: +3"), FormErrorKind::Length),
    ] {
        assert_eq!(kind(&body(&[(&head, b"abc")])), expected, "{head}");
    }
    let harmless = named(
        "\"a;b\"; filename=\"c;d.txt\"\r\nContent-Transfer-Encoding: binary\r\nContent-Length: 3",
    );
    assert_eq!(content(&harmless, b"abc"), None);
}

#[test]
fn content_types_with_more_than_one_meaning_are_refused() {
    for content_type in [
        "",
        "multipart/form-data",
        "multipart/mixed; boundary=XX",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=XX; boundary=YY",
        "multipart/form-data; boundary=XX; Boundary=XX",
        "multipart/form-data; boundary*=UTF-8''XX",
        "multipart/form-data; boundary=XX; boundary*0=Y",
        "multipart/form-data; x=\"; boundary=YY\"; boundary=XX",
        "multipart/form-data; boundary=XX, multipart/form-data; boundary=YY",
        "multipart/form-data; boundary=\"X\\X\"",
        "multipart/form-data; boundary=\"XX \"",
        "multipart/form-data; charset=utf-16; boundary=XX",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/json",
    ] {
        let error = masked_as(content_type, b"--XX--", Documents::Refuse).unwrap_err();
        let kind = FormErrorKind::ContentType;
        assert_eq!(error, FormError::Form { kind, at: 0 }, "{content_type}");
    }
    for content_type in [
        "Multipart/Form-Data;BOUNDARY=XX",
        "multipart/form-data; charset=UTF-8; boundary=\"XX\"",
    ] {
        assert!(
            masked_as(content_type, b"--XX--", Documents::Refuse).is_ok(),
            "{content_type}"
        );
    }
    let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
    assert!(
        masked_as(
            &long,
            format!("--{}--", "a".repeat(71)).as_bytes(),
            Documents::Refuse
        )
        .is_err()
    );
}

#[test]
fn a_placeholder_that_brings_the_boundary_is_refused() {
    let body = body(&[(&named("prompt"), b"--jane@a.org")]);
    let body = String::from_utf8(body)
        .unwrap()
        .replace("--XX", "--EMAIL_1");
    let masked = masked_as(
        "multipart/form-data; boundary=EMAIL_1",
        body.as_bytes(),
        Documents::Refuse,
    );
    let kind = FormErrorKind::BoundaryTaken;
    assert_eq!(masked, Err(FormError::Form { kind, at: 0 }));
}

#[test]
fn pairs_are_masked_by_their_names_and_the_rest_is_kept() {
    let pairs = |body: &str| {
        masked_as(
            "application/x-www-form-urlencoded",
            body.as_bytes(),
            Documents::Refuse,
        )
        .map(|(out, report)| (String::from_utf8(out).unwrap(), report.changed))
    };
    for (before, after, changed) in [
        (
            "prompt=to+jane%40a.org%21&user=jane%40a.org",
            "prompt=to%20EMAIL_1%21&user=jane%40a.org",
            1,
        ),
        ("prom%70t=jane@a.org", "prom%70t=EMAIL_1", 1),
        (
            "data=%7B%22name%22%3A%22jane%5Cu0040a.org%22%7D",
            "data=%7B%22name%22%3A%22EMAIL_1%22%7D",
            1,
        ),
        ("file=jane%40a.org", "file=EMAIL_1", 1),
        (
            "prompt=a+%c3%a9&&x&=&prompt=",
            "prompt=a+%c3%a9&&x&=&prompt=",
            0,
        ),
        ("_charset_=utf-8&prompt", "_charset_=utf-8&prompt", 0),
        ("", "", 0),
    ] {
        assert_eq!(
            pairs(before).unwrap(),
            (after.to_owned(), changed),
            "{before}"
        );
    }
    for (body, expected, place) in [
        ("a=b;prompt=c", FormErrorKind::Bare, 3),
        ("a=b c", FormErrorKind::Bare, 3),
        ("a=\u{e9}", FormErrorKind::Bare, 2),
        ("a=b\r\n", FormErrorKind::Bare, 3),
        ("a=%4", FormErrorKind::Escape, 2),
        ("b=1&%zz=", FormErrorKind::Escape, 4),
        ("a=b%+4", FormErrorKind::Escape, 3),
        ("prompt=%ff", FormErrorKind::NotUtf8, 7),
        ("%ff=1", FormErrorKind::NotUtf8, 0),
        ("prompt=%00", FormErrorKind::NotUtf8, 7),
        ("_charset_=utf-16", FormErrorKind::Charset, 10),
    ] {
        let expected = FormError::Form {
            kind: expected,
            at: place,
        };
        assert_eq!(pairs(body), Err(expected), "{body}");
    }
    assert!(matches!(
        pairs("a=b&prompt=forbidden"),
        Err(FormError::Content { at: 11, .. })
    ));
}

#[test]
fn the_recognizers_find_data_in_files_and_their_names() {
    let finder = Arc::new(Finder::new(Rules::default()));
    let masker = Masker::new(finder, Policy::default(), Mode::Enforce).unwrap();
    let mut mapping = Mapping::new(Style::Plain, Limits::default());
    let before = body(&[
        (
            &named("\"file\"; filename=\"jane.doe@example.org.txt\""),
            b"mail jane.doe@example.org now\n",
        ),
        (
            &named("\"file\"; filename=\"report 2024.md\""),
            b"nothing here",
        ),
    ]);
    let mut out = Vec::new();
    let mut fields = FieldMasker::new(&masker, &mut mapping);
    mask_form(
        &before,
        MULTIPART,
        &plan(),
        BodyOptions::default(),
        &mut fields,
        &mut out,
    )
    .unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("jane"), "{out}");
    assert!(
        out.contains(".txt\"") && out.contains("report 2024.md"),
        "{out}"
    );
}

/// What a future gives that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

/// A part: its name, file name, content type and content.
type Part = (String, Option<String>, Option<String>, Vec<u8>);

/// The parts as another parser finds them.
fn parts_of(body: Vec<u8>) -> Vec<Part> {
    let whole =
        futures::stream::once(async move { Ok::<_, std::io::Error>(bytes::Bytes::from(body)) });
    let mut multipart = multer::Multipart::new(whole, "XX");
    let mut parts = Vec::new();
    while let Some(field) = now(multipart.next_field()).unwrap() {
        parts.push((
            field.name().unwrap().to_owned(),
            field.file_name().map(str::to_owned),
            field.content_type().map(ToString::to_string),
            now(field.bytes()).unwrap().to_vec(),
        ));
    }
    parts
}

/// A part that is taken: name, file name, content type, content.
fn any_part() -> impl Strategy<Value = (&'static str, Option<String>, Option<&'static str>, String)>
{
    (
        prop_oneof![
            Just("prompt"),
            Just("file"),
            Just("image"),
            Just("user"),
            Just("f[]")
        ],
        prop::option::of("[a-z;' %\u{e9}\u{1ea4}-]{0,6}(jane@a\\.org)?(\\.txt)?"),
        prop::option::of(prop_oneof![
            Just("text/plain"),
            Just("image/png"),
            Just("text/csv; charset=utf-8")
        ]),
        "([a-c\u{1ea4}\u{1f600}\r\n{}\"-]|--X|jane@a\\.org){0,30}",
    )
}

fn form_of(parts: &[(&'static str, Option<String>, Option<&'static str>, String)]) -> Vec<u8> {
    let parts: Vec<(String, &[u8])> = parts
        .iter()
        .map(|(name, file, kind, content)| {
            let file = file
                .as_ref()
                .map(|file| format!("; filename=\"{file}\""))
                .unwrap_or_default();
            let kind = kind
                .map(|kind| format!("\r\nContent-Type: {kind}"))
                .unwrap_or_default();
            (
                named(&format!("\"{name}\"{file}{kind}")),
                content.as_bytes(),
            )
        })
        .collect();
    let parts: Vec<(&str, &[u8])> = parts
        .iter()
        .map(|(head, content)| (&**head, *content))
        .collect();
    body(&parts)
}

proptest! {
    #[test]
    fn a_form_without_data_passes_byte_for_byte(parts in prop::collection::vec(any_part(), 0..5)) {
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(name, file, kind, content)| {
                let clean = |text: String| text.replace("jane@a.org", "nobody");
                (name, file.map(clean), kind, clean(content))
            })
            .collect();
        let before = form_of(&parts);
        prop_assert_eq!(masked(&before).unwrap(), before);
    }

    #[test]
    fn another_parser_finds_the_masked_parts(parts in prop::collection::vec(any_part(), 1..5)) {
        let before = form_of(&parts);
        let after = masked(&before).unwrap();
        let hidden = |text: &str| text.replace("jane@a.org", "EMAIL_1");
        let expected: Vec<_> = parts_of(before)
            .into_iter()
            .map(|(name, file, kind, content)| {
                let is_left = file.is_none() && &*name == "user";
                let content = String::from_utf8(content).unwrap();
                let content = if is_left { content } else { hidden(&content) };
                (name, file.map(|file| hidden(&file)), kind, content.into_bytes())
            })
            .collect();
        prop_assert_eq!(parts_of(after), expected);
    }

    #[test]
    fn no_body_is_read_beyond_its_end(pieces in prop::collection::vec(
        prop::sample::select(vec![
            &b"--XX"[..], b"\r\n", b"--", b"Content-Disposition: form-data; name=prompt", b"; filename=\"a\"",
            b"; filename*=UTF-8''%41", b"jane@a.org", b":", b"\n", b"\xff", b"Content-Length: 2", b"=\"", b"\\",
            b"\xe2\x82\xac",
        ]), 0..24)
    ) {
        let body = pieces.concat();
        if let Ok(out) = masked(&body) {
            prop_assert_eq!(parts_of(out).len(), parts_of(body.clone()).len());
        }
        let _ = masked_as("application/x-www-form-urlencoded", &body, Documents::Pass);
    }
}
