//! Keeping users out of a service while its data is moved.
//!
//! A closure is a part of a split ([`crate::Split::closed`]), so it is put in force, recorded, fenced and recovered as a
//! split is: as a whole, and never by itself. A request that is closed out waits until the service is open again, and is
//! refused with 503 and `Retry-After` when it has waited for [`Closure::hold_ms`]. Nothing of it was sent to a release, so
//! the client may send it again. A closure is in force when no request that it would keep out is under way any more.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which requests of a service are kept out, and for how long one waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// Which requests.
    pub to: ClosedTo,
    /// Whose requests.
    pub of: ClosedFor,
    /// How long a request waits for the service to open, in milliseconds; 0 refuses it at once.
    pub hold_ms: u64,
    /// After how many seconds a refused client should come again.
    pub retry_after_s: u64,
    /// How long requests that were let in before may take to end, in milliseconds.
    pub drain_ms: u64,
    /// Requests that write nothing though their method says that they may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadRequest>,
}

/// Which requests are kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedTo {
    /// Those that may write: every method but `GET`, `HEAD` and `OPTIONS`, unless it is said of a request that it
    /// writes nothing.
    Writes,
    /// All of them.
    Everything,
}

/// Whose requests are kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedFor {
    /// Everybody's.
    Everyone,
    /// Of those who do not belong to the candidate: it is opened to its share of the users.
    StableUsers,
}

/// A request that writes nothing though its method says that it may.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReadRequest {
    method: String,
    path: String,
    /// Whether every path that begins so is meant.
    prefix: bool,
}

/// What was wrong with the text of a [`ReadRequest`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a method and a path, for example `POST /search` or `POST /search/*`")]
pub struct ReadRequestRefused {
    text: String,
}

impl Closure {
    /// Whether a request with this method and path may write, as far as this closure knows.
    #[must_use]
    pub fn may_write(&self, method: &str, path: &str) -> bool {
        !matches!(method, "GET" | "HEAD" | "OPTIONS")
            && !self.reads.iter().any(|read| read.is(method, path))
    }

    /// Whether a request that may write, or only reads, is kept out, if it is of one of those who are.
    #[must_use]
    pub fn keeps_out(&self, may_write: bool) -> bool {
        match self.to {
            ClosedTo::Everything => true,
            ClosedTo::Writes => may_write,
        }
    }

    /// Whether no user's write reaches any release.
    #[must_use]
    pub fn keeps_all_writes_out(&self) -> bool {
        self.of == ClosedFor::Everyone
    }
}

impl ReadRequest {
    fn is(&self, method: &str, path: &str) -> bool {
        self.method == method
            && match self.prefix {
                true => path.starts_with(&self.path),
                false => path == self.path,
            }
    }
}

impl FromStr for ReadRequest {
    type Err = ReadRequestRefused;

    fn from_str(text: &str) -> Result<ReadRequest, ReadRequestRefused> {
        let refused = || ReadRequestRefused {
            text: text.to_owned(),
        };
        let (method, path) = text.split_once(' ').ok_or_else(refused)?;
        let (whole, prefix) = match path.strip_suffix('*') {
            Some(start) => (start, true),
            None => (path, false),
        };
        let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
        let is_path = whole.starts_with('/')
            && whole
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"*?#".contains(&b));
        match is_method && is_path {
            true => Ok(ReadRequest {
                method: method.to_owned(),
                path: whole.to_owned(),
                prefix,
            }),
            false => Err(refused()),
        }
    }
}

impl TryFrom<String> for ReadRequest {
    type Error = ReadRequestRefused;

    fn try_from(text: String) -> Result<ReadRequest, ReadRequestRefused> {
        text.parse()
    }
}

impl From<ReadRequest> for String {
    fn from(request: ReadRequest) -> String {
        request.to_string()
    }
}

impl fmt::Display for ReadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = if self.prefix { "*" } else { "" };
        write!(f, "{} {}{any}", self.method, self.path)
    }
}

impl fmt::Display for Closure {
    /// In words that follow "closed to", for example `writes` or `the other users`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.to, self.of) {
            (ClosedTo::Writes, ClosedFor::Everyone) => "writes",
            (ClosedTo::Everything, ClosedFor::Everyone) => "everybody",
            (ClosedTo::Writes, ClosedFor::StableUsers) => "writes of the other users",
            (ClosedTo::Everything, ClosedFor::StableUsers) => "the other users",
        })
    }
}

#[cfg(test)]
mod tests;
