//! What must hold for any body of a form, and for any file in one.

use super::texts::{restored, styles};
use super::wires::dify;
use super::{Choices, Room};
use crate::wire::{BodyOptions, DifyVersion, Documents, FormError, RequestPlan, mask_form};
use crate::{FieldMasker, Limits, Mapping, Style};

const CONTENT_TYPES: [&str; 3] = [
    "multipart/form-data; boundary=XX",
    "multipart/form-data; boundary=\"XX\"; charset=utf-8",
    "application/x-www-form-urlencoded",
];
const PATHS: [&str; 3] = [
    "/v1/files/upload",
    "/v1/datasets/d/document/create-by-file",
    "/v1/audio-to-text",
];
/// What stands around the file of [`file`].
const BEFORE: &str = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
                      Content-Type: text/plain\r\n\r\n";
const AFTER: &str = "\r\n--XX--\r\n";

/// Takes what the bytes are, the path, the content type, the style from the first bytes.
pub(crate) fn form(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (is_file, path) = (choices.byte() % 2 == 1, choices.of(&PATHS));
    let (content_type, style) = (choices.of(&CONTENT_TYPES), choices.of(&styles()));
    if is_file {
        file(&String::from_utf8_lossy(choices.rest()), style);
    } else {
        body(path, content_type, choices.rest(), style);
    }
}

/// Any body: whoever masks the result again finds nothing left to mask but placeholders, and it divides into as many parts.
fn body(path: &str, content_type: &str, body: &[u8], style: Style) {
    for documents in [Documents::Refuse, Documents::Pass] {
        let mut mapping = Mapping::new(style.clone(), Limits::default());
        let Ok(out) = masked(path, content_type, body, documents, &mut mapping) else {
            continue;
        };
        if mapping.is_empty() {
            assert_eq!(out, body);
            continue;
        }
        let boundaries = |body: &[u8]| memchr::memmem::find_iter(body, b"--XX").count();
        if content_type.starts_with("multipart") {
            assert_eq!(boundaries(&out), boundaries(body));
        }
        masked(path, content_type, &out, documents, &mut mapping).unwrap();
    }
}

/// A file that is text comes back when its placeholders are restored.
pub(crate) fn file(text: &str, style: Style) {
    let mut mapping = Mapping::new(style, Limits::default());
    let body = format!("{BEFORE}{text}{AFTER}");
    let content_type = CONTENT_TYPES[0];
    let Ok(out) = masked(
        PATHS[0],
        content_type,
        body.as_bytes(),
        Documents::Refuse,
        &mut mapping,
    ) else {
        return;
    };
    let out = String::from_utf8(out).unwrap();
    let inside = out
        .strip_prefix(BEFORE)
        .unwrap()
        .strip_suffix(AFTER)
        .unwrap();
    let back = restored(Room::All.masker(), &mapping, inside);
    // JSON in a file is masked string by string, so what comes back may be escaped differently.
    let may_be_json = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['{', '[']);
    assert!(
        back == text || may_be_json,
        "{text:?} became {inside:?} and {back:?}"
    );
}

fn masked(
    path: &str,
    content_type: &str,
    body: &[u8],
    documents: Documents,
    mapping: &mut Mapping,
) -> Result<Vec<u8>, FormError<crate::MaskError>> {
    let exchange = dify(DifyVersion::V1).exchange("POST", path, Some(content_type));
    let RequestPlan::Form(plan) = exchange.request() else {
        panic!("{path} takes no form");
    };
    let options = BodyOptions {
        documents,
        ..BodyOptions::default()
    };
    let mut out = Vec::new();
    let mut mask = FieldMasker::new(Room::All.masker(), mapping);
    mask_form(body, content_type, plan, options, &mut mask, &mut out)?;
    Ok(out)
}
