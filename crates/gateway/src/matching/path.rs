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
//! - `%C0%AF` and other overlong UTF-8 (RFC 3629, 10), also the forms of five and six bytes that UTF-8 once had
//!   (RFC 2279, 2): a slash or a dot for some;
//! - `%` without two hexadecimal digits: kept, dropped or refused.
//!
//! `%2F` and parameters (`;x=1`) are in honest paths too, and stay. Some servers take the one for a slash and
//! cut the other off, so a path with either has several readings, and is refused where they lead to different
//! routes (`readings`). Escapes are undone once, never twice (`%252F` stays). Paths that differ in
//! capitals are different (RFC 3986, 6.2.2.1).
//!
//! What is sent on is the path as it came, unless a rewrite changes it: both spellings are equal to every
//! server that follows RFC 3986, and a signature over the path stays valid.

use std::borrow::Cow;

/// A path with unreserved characters unescaped and the remaining escapes in capitals. It begins with a slash,
/// or is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'a> {
    text: Cow<'a, str>,
    /// It has an escaped slash or a parameter.
    has_readings: bool,
}

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
    /// It has an escaped slash or a parameter, and some servers would take it for a path of another route.
    #[error(
        "the path has an escaped slash (`%2F`) or a parameter (`;`) where some servers would read another route's \
         path; send the path that is meant"
    )]
    Ambiguous,
    /// It has escaped bytes that are a longer form of another character, or begin one that UTF-8 does not have.
    #[error("the path has an overlong form of a character in UTF-8")]
    Overlong,
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
            return Ok(RequestPath {
                text: Cow::Borrowed(text),
                has_readings: false,
            });
        }
        if !text.starts_with('/') {
            return Err(PathRefused::NoSlash);
        }
        let mut has_escapes = false;
        let mut has_dots = false;
        let mut has_readings = false;
        let mut before = 0;
        for byte in text.bytes() {
            match byte {
                b'%' => has_escapes = true,
                b'/' if before == b'/' => return Err(PathRefused::EmptySegment),
                b'.' if before == b'/' => has_dots = true,
                b';' => has_readings = true,
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
            return Ok(RequestPath {
                text: Cow::Borrowed(text),
                has_readings,
            });
        }
        let normal = unescape(text)?;
        check_segments(&normal)?;
        let has_readings = has_readings || normal.contains("%2F") || normal.contains("%3B");
        Ok(RequestPath {
            text: Cow::Owned(normal),
            has_readings,
        })
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether servers may read it as another path.
    pub(super) fn has_readings(&self) -> bool {
        self.has_readings
    }
}

/// Undoes the escapes of unreserved characters and writes the others in capitals.
fn unescape(text: &str) -> Result<String, PathRefused> {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    // The bytes of the escapes just before, as long as they stand side by side.
    let mut before = 0;
    while let Some(at) = rest.find('%') {
        normal.push_str(&rest[..at]);
        let digits = rest.as_bytes().get(at + 1..at + 3);
        let value = digits.and_then(|digits| Some(hex(digits[0])? << 4 | hex(digits[1])?));
        let value = value.ok_or(PathRefused::Escape)?;
        if at > 0 {
            before = 0;
        }
        match value {
            0 => return Err(PathRefused::Nul),
            b'\\' => return Err(PathRefused::Backslash),
            0x80..=0xbf if is_overlong(before, value) => return Err(PathRefused::Overlong),
            value if value.is_ascii_alphanumeric() || b"-._~".contains(&value) => {
                normal.push(char::from(value));
            }
            // Two ASCII digits follow the percent sign, so this is no cut through a character.
            _ => normal.push_str(&rest[at..at + 3].to_ascii_uppercase()),
        }
        before = value;
        rest = &rest[at + 3..];
    }
    normal.push_str(rest);
    Ok(normal)
}

/// Whether a character in UTF-8 that begins with `lead` and goes on with `next` has a shorter form (RFC 3629, 4). One of
/// five or six bytes has one or is no character; a lead alone is a letter of Latin-1, and stays.
fn is_overlong(lead: u8, next: u8) -> bool {
    match lead {
        0xc0 | 0xc1 => true,
        0xe0 => next < 0xa0,
        0xf0 => next < 0x90,
        0xf8.. => true,
        _ => false,
    }
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
