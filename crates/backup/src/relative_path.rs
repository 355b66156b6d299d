//! A path below a store, and how any path is written as text.
//!
//! A file name on Unix may hold any bytes but `/` and NUL. As text, a backslash is written `\\`,
//! and a control character or a byte that is not UTF-8 is written `\xNN` with two lower-case
//! hexadecimal digits; everything else stands for itself. The text is unique and has no line
//! breaks, so lists of paths can be compared and hashed line by line.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A path below the root of a store, or the root itself, written `.`.
///
/// It is never absolute and has no `..`, no `.` and no empty component, so it cannot leave its
/// root. The order is that of the bytes. Clones share the bytes: a manifest of many files and what it was made of have
/// each path once.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(Arc<OsStr>);

impl RelativePath {
    /// Checks the path.
    ///
    /// # Errors
    /// [`PathRefused`] if it could leave its root or has two spellings.
    pub fn new(path: impl Into<OsString>) -> Result<Self, PathRefused> {
        let path = path.into();
        let bytes = path.as_bytes();
        let inside = bytes
            .split(|b| *b == b'/')
            .all(|part| !part.is_empty() && part != b"." && part != b"..");
        if bytes == b"." || (inside && !bytes.contains(&0)) {
            Ok(Self(path.into()))
        } else {
            Err(PathRefused {
                path: escape(&path),
            })
        }
    }

    /// The root of a store.
    #[must_use]
    pub fn root() -> Self {
        Self(OsStr::new(".").into())
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.as_bytes() == b"."
    }

    /// As a path, to be joined to a root.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&*self.0)
    }

    /// The folder it is in; the root for a path of one component and for the root itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.as_path().parent() {
            Some(parent) if !parent.as_os_str().is_empty() => Self(parent.as_os_str().into()),
            _ => Self::root(),
        }
    }

    pub(crate) fn join(&self, name: &OsStr) -> Self {
        if self.is_root() {
            Self(name.into())
        } else {
            Self(self.as_path().join(name).as_os_str().into())
        }
    }

    pub(crate) fn components(&self) -> impl Iterator<Item = &OsStr> {
        let root = self.is_root();
        self.as_path().iter().filter(move |_| !root)
    }
}

impl Ord for RelativePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl PartialOrd for RelativePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelativePath({self})")
    }
}

impl FromStr for RelativePath {
    type Err = PathRefused;

    fn from_str(text: &str) -> Result<Self, PathRefused> {
        let refused = || PathRefused {
            path: text.to_owned(),
        };
        Self::new(unescape(text).ok_or_else(refused)?)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = PathRefused;

    fn try_from(text: String) -> Result<Self, PathRefused> {
        text.parse()
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.to_string()
    }
}

/// A path that cannot be below a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the path {path} is refused: expected a relative path without empty parts, '.' and '..', \
     escaped as documented"
)]
pub struct PathRefused {
    /// The path as text.
    pub path: String,
}

/// Writes any bytes as text; see the module's documentation.
pub(crate) fn escape(bytes: &OsStr) -> String {
    let mut text = String::new();
    for chunk in bytes.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\0'..='\x1f' | '\x7f' => push_byte(&mut text, c as u8),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            push_byte(&mut text, *byte);
        }
    }
    text
}

/// The inverse of [`escape`]; None for a text that `escape` never writes.
pub(crate) fn unescape(text: &str) -> Option<OsString> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
        } else if let Some(after) = rest.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = after;
        } else {
            let digits = rest.strip_prefix(b"x")?.get(..2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = rest.get(3..)?;
        }
    }
    let path = OsString::from_vec(bytes);
    (escape(&path) == text).then_some(path)
}

fn push_byte(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests;
