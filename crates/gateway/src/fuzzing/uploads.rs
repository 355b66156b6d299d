//! Uploads.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use portcullis_config::UploadConfig;

use crate::protect::UploadCheck;

const FILE_BYTES_MAX: u64 = 300;

/// What is sent on is the beginning of what came; how it is cut into pieces changes nothing about whether
/// it is let through; and what is let through holds no file of another type. The first byte says how it is
/// cut, the first line is the type.
pub fn upload(bytes: &[u8]) {
    let Some((seed, rest)) = bytes.split_first() else {
        return;
    };
    let mut lines = rest.splitn(2, |byte| *byte == b'\n');
    let media_type = lines.next().unwrap_or_default();
    let body = lines.next().unwrap_or_default();
    let Ok(value) = HeaderValue::from_bytes(media_type) else {
        return;
    };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
    let whole = passed(&headers, &[body]);
    let cut = passed(&headers, &super::pieces(body, *seed));
    let bytewise = passed(&headers, &body.chunks(1).collect::<Vec<_>>());
    assert_eq!(whole.is_some(), cut.is_some(), "cut with {seed}");
    assert_eq!(whole.is_some(), bytewise.is_some(), "cut into bytes");
    let form = media_type.trim_ascii_start();
    let form = form
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"multipart"));
    if whole.is_some() && !form && !body.is_empty() {
        assert!(body.len() as u64 <= FILE_BYTES_MAX);
        let kind = infer::get(body).map(|kind| kind.mime_type());
        assert!(matches!(kind, None | Some("image/png")), "{kind:?}");
        assert!(
            kind.is_some() || !body.contains(&0),
            "a text has no zero bytes"
        );
    }
}

/// What was sent on in the end; `None` when the body was refused.
fn passed(headers: &HeaderMap, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let config = UploadConfig {
        types: vec!["image/png".to_owned(), "text/plain".to_owned()],
        bytes_max: FILE_BYTES_MAX,
    };
    let mut check = UploadCheck::begin(&config, headers).ok()?;
    let all = pieces.concat();
    let mut sent = Vec::new();
    for piece in pieces {
        let more = check.push(piece);
        sent.extend_from_slice(more.as_deref().unwrap_or_default());
        assert!(all.starts_with(&sent), "what is sent on is what came");
        more.ok()?;
    }
    sent.extend_from_slice(&check.finish().ok()?);
    assert_eq!(sent, all, "what is let through is whole");
    Some(sent)
}
