//! The tap on heads, and cookies.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

use crate::connection::{BodyFraming, HeadTap};
use crate::sticky::{self, BUCKETS, BucketHash};
use crate::upstream::WholeAnswer;

const HEADS_MAX: usize = 8;
const HEADERS_MAX: usize = 128;

/// The tap sees a `Content-Length` in exactly the heads in which hyper's parser has one, however the bytes
/// come in pieces and one behind the other. The first byte says how they are cut.
pub fn head_tap(bytes: &[u8]) {
    let Some((seed, mut bytes)) = bytes.split_first() else {
        return;
    };
    let tap = HeadTap::new(usize::MAX);
    for piece in super::pieces(bytes, *seed) {
        tap.push(piece);
    }
    for _ in 0..HEADS_MAX {
        let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(end)) = request.parse(bytes) else {
            return;
        };
        let said = request
            .headers
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case("content-length"));
        assert_eq!(
            tap.finish_head(BodyFraming::Nothing, true),
            said,
            "{:?}",
            String::from_utf8_lossy(&bytes[..end])
        );
        bytes = &bytes[end..];
        assert_eq!(tap.has_bytes(), !bytes.is_empty());
    }
}

/// The cookie is the first one of its name with a value, and a user's bucket is one. The first line is the
/// name, the others are the header's.
pub fn cookie(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let name = lines.next().unwrap_or_default();
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(is_token) {
        return;
    }
    let name = std::str::from_utf8(name).unwrap();
    let mut headers = HeaderMap::new();
    let mut expected: Option<Vec<u8>> = None;
    for line in super::values(lines.next().unwrap_or_default()) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let text: Vec<u8> = pair.trim_ascii().to_vec();
            let equals = text.iter().position(|byte| *byte == b'=');
            let Some(equals) = equals else { continue };
            if text[..equals] == *name.as_bytes() && text.len() > equals + 1 {
                expected.get_or_insert(text[equals + 1..].to_vec());
            }
        }
        headers.append(COOKIE, line);
    }
    let found = sticky::cookie(&headers, name);
    assert_eq!(found, expected.as_deref());
    if let Some(value) = found {
        assert!(HeaderValue::from_bytes(value).is_ok() && !value.contains(&b';'));
        let hash = BucketHash::new(name);
        assert!(hash.bucket(value) < BUCKETS);
        assert_eq!(hash.bucket(value), BucketHash::new(name).bucket(value));
    }
    for weight in 0..=u8::MAX {
        assert!(sticky::canary_buckets(weight) <= sticky::canary_buckets(weight.saturating_add(1)));
    }
}

/// The answer of a server. However it is cut, the same is read of it, and a connection is used again only when
/// nothing of it is left and its length was said in one way.
pub fn answer(bytes: &[u8]) {
    let [seed, bytes @ ..] = bytes else { return };
    let method = match seed % 4 {
        0 => http::Method::HEAD,
        _ => http::Method::GET,
    };
    let whole = WholeAnswer::read(&method, &[bytes]);
    assert_eq!(
        whole,
        WholeAnswer::read(&method, &super::pieces(bytes, *seed))
    );
    let Some(whole) = whole else { return };
    let lengths = whole.fields.get_all(http::header::CONTENT_LENGTH);
    let has_coding = whole.fields.contains_key(http::header::TRANSFER_ENCODING);
    let has_length = lengths.iter().next().is_some();
    let has_no_body = method == http::Method::HEAD || [204, 304].contains(&whole.status.as_u16());
    assert!(!has_no_body || whole.data.is_empty());
    assert!(!whole.status.is_informational() || whole.status == 101);
    if whole.keeps && !has_no_body {
        assert!(
            has_length != has_coding,
            "the length of a kept answer is said in one way"
        );
    }
    if has_length && !has_coding && !has_no_body && whole.status != 101 {
        let length = whole.data.len().to_string();
        for said in lengths {
            let mut said = said.to_str().unwrap().split(',').map(str::trim);
            assert!(
                said.all(|said| said.trim_start_matches('0') == length.trim_start_matches('0'))
            );
        }
    }
}
