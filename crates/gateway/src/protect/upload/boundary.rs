//! The boundary between the parts of a form, from `Content-Type`.

use super::Refusal;
use super::part_head::parameters;
use crate::protect::bounds::BOUNDARY_BYTES_MAX;

/// The subtype in lower case, if this is a `multipart` type. What cannot be read as a type but begins
/// like one counts as one, so that no other reader finds a form where none was looked for.
pub(super) fn multipart(media_type: &[u8]) -> Option<String> {
    let media_type = media_type.trim_ascii().to_ascii_lowercase();
    let rest = media_type.strip_prefix(b"multipart")?;
    let name = rest.split(|byte| *byte == b';').next().unwrap_or_default();
    let name = name.trim_ascii();
    let name = name.strip_prefix(b"/").unwrap_or(name);
    Some(String::from_utf8_lossy(name).into_owned())
}

/// The one parameter `boundary` (RFC 2046, 5.1.1).
pub(super) fn boundary(media_type: &[u8]) -> Result<Vec<u8>, Refusal> {
    const BAD: Refusal = Refusal::Form("a boundary that is none");
    let (_, parameters) = parameters(media_type).ok_or(BAD)?;
    let mut found = parameters
        .into_iter()
        .filter(|(name, _)| name == "boundary");
    let (_, boundary) = found.next().ok_or(BAD)?;
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    let valid = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.iter().all(allowed)
        && boundary.last() != Some(&b' ');
    valid.then_some(boundary).ok_or(BAD)
}
