//! What the gateway answers itself, as problem details (RFC 9457): what happened and how to look it
//! up, and nothing about the inside.

use http::StatusCode;
use serde::Serialize;

/// The media type of [`Problem`].
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Problem details.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    /// Identifies the kind of problem.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The end of the kind as a word that a program can act on, for example `stale_epoch`.
    code: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What happened this time.
    detail: String,
    /// Finds the line in the log that belongs to this answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The highest epoch that the gateway has seen for the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_epoch: Option<u64>,
}

impl Problem {
    /// A problem of the kind `kind`, a URN, with its title.
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        let detail = detail.into();
        let status = status.as_u16();
        let code = kind.rsplit(':').next().unwrap_or(kind).replace('-', "_");
        Problem {
            kind,
            code,
            title,
            status,
            detail,
            request_id: None,
            current_epoch: None,
        }
    }

    /// Adds the request's id.
    #[must_use]
    pub(crate) fn with_request_id(mut self, id: &str) -> Problem {
        self.request_id = Some(id.to_owned());
        self
    }

    /// Adds the current epoch.
    #[must_use]
    pub(crate) fn with_epoch(mut self, epoch: u64) -> Problem {
        self.current_epoch = Some(epoch);
        self
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The end of the kind, for programs.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What happened this time.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The answer's body.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
