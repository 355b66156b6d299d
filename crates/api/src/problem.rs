//! A refusal on the wire: `application/problem+json`, RFC 9457.

use serde::{Deserialize, Serialize};

/// Why a request was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Identifies the kind of problem, for example `urn:portcullis:problem:not-live`: its code as a URN.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem, in a few words.
    pub title: String,
    /// What happened this time and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A word that a program can act on, for example `lease_held`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it, as things stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// All problems, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// A request that was refused before any call saw it: by the router, or because its body cannot be read.
#[derive(Debug, Clone, Copy)]
pub struct Unread<'a> {
    /// The HTTP status of the refusal.
    pub status: u16,
    /// The request's method.
    pub method: &'a str,
    /// The methods that would have been right, as the header `Allow` lists them.
    pub allow: Option<&'a str>,
    /// The largest body that is taken, in bytes.
    pub body_bytes_max: usize,
    /// What was said about it; may be empty.
    pub said: &'a str,
}

impl Problem {
    /// A problem with a code, and the kind that belongs to it.
    pub fn new(status: u16, title: impl Into<String>, code: &str, detail: String) -> Problem {
        Problem {
            kind: Some(format!("urn:portcullis:problem:{}", code.replace('_', "-"))),
            status,
            title: title.into(),
            detail: Some(detail).filter(|detail| !detail.is_empty()),
            code: Some(code.to_owned()),
            hint: None,
            problems: Vec::new(),
        }
    }
}

impl From<Unread<'_>> for Problem {
    fn from(unread: Unread<'_>) -> Problem {
        let Unread { status, said, .. } = unread;
        let (code, title, detail) = match status {
            404 => ("not_found", "Not found", said.to_owned()),
            405 => {
                let allow = unread.allow.filter(|allow| !allow.is_empty());
                let takes = allow.map(|allow| format!("; it takes {}", allow.replace(',', ", ")));
                let detail = format!(
                    "this call does not take {}{}",
                    unread.method,
                    takes.unwrap_or_default()
                );
                ("method_not_allowed", "Method not allowed", detail)
            }
            413 => {
                let detail = format!(
                    "the body has more than {} bytes; no call needs so many",
                    unread.body_bytes_max
                );
                ("body_too_large", "The body is too large", detail)
            }
            415 => {
                let detail = "the body must be JSON and say so: `Content-Type: application/json`";
                ("media_type", "The body is not JSON", detail.to_owned())
            }
            500.. => ("internal", "The server made a mistake", said.to_owned()),
            _ => (
                "request_unreadable",
                "The request cannot be read",
                said.to_owned(),
            ),
        };
        Problem::new(status, title, code, detail)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(&self.title))
    }
}

#[cfg(test)]
mod tests;
