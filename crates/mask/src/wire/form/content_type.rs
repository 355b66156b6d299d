//! The content type of a whole form.

use super::parameters::{Parameters, is_token};

/// How a form is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format<'h> {
    /// Parts with this boundary between them.
    Multipart(&'h str),
    /// Pairs of names and values.
    Pairs,
}

/// Reads the content type of a request; none when it is no form, or not everybody would find the same boundary.
pub(super) fn read(content_type: &str) -> Option<Format<'_>> {
    let parameters = Parameters::read(content_type)?;
    if parameters.all.iter().any(|one| one.name.contains('*')) {
        return None;
    }
    if !parameters.get("charset").is_none_or(is_utf8) {
        return None;
    }
    if parameters.first.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = parameters.get("boundary")?;
        return is_boundary(boundary).then_some(Format::Multipart(boundary));
    }
    let pairs = "application/x-www-form-urlencoded";
    let is_pairs = parameters.first.eq_ignore_ascii_case(pairs);
    is_pairs.then_some(Format::Pairs)
}

/// Whether a boundary is one of RFC 2046, section 5.1.1.
fn is_boundary(boundary: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&boundary.len()) && boundary.bytes().all(is_sign) && !boundary.ends_with(' ')
}

/// Whether a character set is UTF-8 or a part of it.
pub(super) fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"]
        .iter()
        .any(|known| charset.eq_ignore_ascii_case(known))
}

/// Whether a character set has the bytes of ASCII for its signs and for nothing else.
pub(super) fn extends_ascii(charset: &str) -> bool {
    let charset = charset.to_ascii_lowercase();
    ["iso-8859-", "windows-125", "latin1"]
        .iter()
        .any(|known| charset.starts_with(known))
}

/// The media type of a part in lower case; none when it is not one.
pub(super) fn media_type(text: &str) -> Option<String> {
    let (kind, inner) = text.split_once('/')?;
    (is_token(kind) && is_token(inner)).then(|| text.to_ascii_lowercase())
}
