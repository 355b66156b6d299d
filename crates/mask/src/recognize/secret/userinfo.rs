//! Passwords in addresses: `scheme://user:password@host` (RFC 3986, 3.2.1), and `curl -u user:password`.

use super::{PASSWORD, placeholder};
use crate::Score;
use crate::find::Offers;

/// The most bytes of an authority that are looked at.
const LIMIT: usize = 256;

/// Looks at the colon of `://`.
pub(crate) fn look(text: &str, colon: usize, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    if !bytes[colon..].starts_with(b"://")
        || colon == 0
        || !bytes[colon - 1].is_ascii_alphanumeric()
    {
        return;
    }
    let start = colon + 3;
    let authority = bytes[start..]
        .iter()
        .take(LIMIT)
        .take_while(|byte| {
            !matches!(
                byte,
                b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'\\'
            ) && !byte.is_ascii_whitespace()
        })
        .count();
    let authority = &bytes[start..start + authority];
    let Some(at) = memchr::memrchr(b'@', authority) else {
        return;
    };
    let Some(user) = memchr::memchr(b':', &authority[..at]) else {
        return;
    };
    let range = start + user + 1..start + at;
    let host = &authority[at + 1..];
    if range.is_empty()
        || host.is_empty()
        || !text.is_char_boundary(range.start)
        || !text.is_char_boundary(range.end)
    {
        return;
    }
    let piece = &text[range.clone()];
    if placeholder::is(piece) {
        offers.reject(PASSWORD, range, "it is a placeholder");
        return;
    }
    offers.offer(PASSWORD, range, Score::of(92));
}

/// Looks at a word that begins with the `p` of `-pPASSWORD`, which the programs of MySQL and MariaDB take.
pub(crate) fn attached(text: &str, start: usize, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    if bytes[start] != b'p' || !bytes[..start].ends_with(b" -") {
        return;
    }
    let from = text.floor_char_boundary(start.saturating_sub(LIMIT));
    let line = &text[from..start];
    let line = line.rfind('\n').map_or(line, |end| &line[end + 1..]);
    if !line.contains("mysql") && !line.contains("mariadb") {
        return;
    }
    let piece = &text[start + 1..];
    let length = piece
        .bytes()
        .take(LIMIT)
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'`\\|;<>".contains(byte))
        .count();
    let range = start + 1..start + 1 + length;
    if length >= 4
        && text.is_char_boundary(range.end)
        && !placeholder::is(&text[range.clone()])
        && !text[range.clone()].starts_with('=')
    {
        offers.offer(PASSWORD, range, Score::of(80));
    }
}

/// Looks at the colon of `-u user:password` and `--user user:password`.
pub(crate) fn option(text: &str, colon: usize, offers: &mut Offers<'_>) {
    let bytes = text.as_bytes();
    let user = bytes[..colon]
        .iter()
        .rev()
        .take(48)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"._-@+".contains(byte))
        .count();
    let head = &bytes[..colon - user];
    let head = head
        .strip_suffix(b"\"")
        .or(head.strip_suffix(b"'"))
        .unwrap_or(head);
    if user == 0 || !(head.ends_with(b" -u ") || head.ends_with(b" --user ")) {
        return;
    }
    let length = bytes[colon + 1..]
        .iter()
        .take(128)
        .take_while(|byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\')
        })
        .count();
    let range = colon + 1..colon + 1 + length;
    let is_whole = text.is_char_boundary(range.end);
    if length >= 3
        && is_whole
        && !placeholder::is(&text[range.clone()])
        && !placeholder::is_word(&text[range.clone()])
    {
        // The two numbers of `-u 1000:1000` are a user's and a group's.
        if !text[range.clone()]
            .bytes()
            .all(|byte| byte.is_ascii_digit())
        {
            offers.offer(PASSWORD, range, Score::of(80));
        }
    }
}
