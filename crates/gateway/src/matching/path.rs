//! The path of a request in the one form in which paths are compared, or the reason why it has none.
//!
//! A route is also a border: limits, access and uploads are tied to it. So no two readings of one path
//! may be possible, the gateway's and the one of whoever stands behind it. RFC 3986, 6.2.2 says which
//! spellings are equal: escapes of unreserved characters and the characters themselves, and escapes in
//! either case. These are made one. Everything else that servers are known to read in different ways
//! is refused with 400 rather than guessed at:
//!
//! - `.` and `..` as a segment, also escaped (`%2e`), beside an escaped slash (`..%2F`) or with
//!   parameters (`..;x`, `..%3Bx`): resolved by some, kept by others;
//! - `//`: merged by some, kept by others, and at the beginning the start of an authority;
//! - `\` and `%5C`: a slash for some;
//! - `%00`: the end of the text for some;
//! - `%` without two hexadecimal digits: kept, dropped or refused.
//!
//! `%2F` stays as it is: whether it separates segments is the server's business, and no route here
//! takes it for a slash. Escapes are undone once, never twice (`%252e` stays).
//!
//! What is sent on is the path as it came, unless a rewrite changes it: both spellings are equal to every
//! server that follows RFC 3986, and a signature over the path stays valid.

use std::borrow::Cow;

/// A path with unreserved characters unescaped and the remaining escapes in capitals. It begins with a slash,
/// or is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'a>(Cow<'a, str>);

/// Why a path is refused with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathRefused {
    /// It does not begin with a slash.
    #[error("the path does not begin with a slash")]
    NoSlash,
    /// It has a segment `.` or `..`, however it is spelt.
    #[error("the path has a segment `.` or `..`; send the path that it stands for")]
    DotSegment,
    /// It has an empty segment.
    #[error("the path has two slashes in a row; send one")]
    EmptySegment,
    /// It has a backslash, also escaped.
    #[error("the path has a backslash")]
    Backslash,
    /// It has an escaped NUL.
    #[error("the path has a NUL")]
    Nul,
    /// A percent sign is not followed by two hexadecimal digits.
    #[error(
        "the path has a `%` without two hexadecimal digits after it; send `%25` for a percent sign"
    )]
    Escape,
    /// It has a space, a control character, `?` or `#`.
    #[error("the path has a character that no path has")]
    Character,
}

impl<'a> RequestPath<'a> {
    /// Reads the path of a request's target, without its query.
    ///
    /// # Errors
    /// Why the path is refused with 400.
    pub fn read(text: &'a str) -> Result<RequestPath<'a>, PathRefused> {
        if text == "*" {
            return Ok(RequestPath(Cow::Borrowed(text)));
        }
        if !text.starts_with('/') {
            return Err(PathRefused::NoSlash);
        }
        let mut has_escapes = false;
        let mut has_dots = false;
        let mut before = 0;
        for byte in text.bytes() {
            match byte {
                b'%' => has_escapes = true,
                b'/' if before == b'/' => return Err(PathRefused::EmptySegment),
                b'.' if before == b'/' => has_dots = true,
                b'\\' => return Err(PathRefused::Backslash),
                0..=b' ' | 0x7f | b'?' | b'#' => return Err(PathRefused::Character),
                _ => {}
            }
            before = byte;
        }
        if !has_escapes {
            if has_dots {
                check_segments(text)?;
            }
            return Ok(RequestPath(Cow::Borrowed(text)));
        }
        let normal = unescape(text)?;
        check_segments(&normal)?;
        Ok(RequestPath(Cow::Owned(normal)))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Undoes the escapes of unreserved characters and writes the others in capitals.
fn unescape(text: &str) -> Result<String, PathRefused> {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        normal.push_str(&rest[..at]);
        let digits = rest.as_bytes().get(at + 1..at + 3);
        let value = digits.and_then(|digits| Some(hex(digits[0])? << 4 | hex(digits[1])?));
        match value.ok_or(PathRefused::Escape)? {
            0 => return Err(PathRefused::Nul),
            b'\\' => return Err(PathRefused::Backslash),
            value if value.is_ascii_alphanumeric() || b"-._~".contains(&value) => {
                normal.push(char::from(value));
            }
            // Two ASCII digits follow the percent sign, so this is no cut through a character.
            _ => normal.push_str(&rest[at..at + 3].to_ascii_uppercase()),
        }
        rest = &rest[at + 3..];
    }
    normal.push_str(rest);
    Ok(normal)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Looks for dot segments, between slashes and before semicolons of either spelling.
fn check_segments(path: &str) -> Result<(), PathRefused> {
    for segment in path.split('/').flat_map(|segment| segment.split("%2F")) {
        let name = segment.split(';').next().unwrap_or(segment);
        let name = name.split("%3B").next().unwrap_or(name);
        if name == "." || name == ".." {
            return Err(PathRefused::DotSegment);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
