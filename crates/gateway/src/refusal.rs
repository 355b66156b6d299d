//! Every answer that the data path gives in place of an arm's.

use http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use crate::capacity::Shed;
use crate::headers::HeadError;
use crate::masking::MaskingRefusal;
use crate::matching::{HostRefused, PathRefused};
use crate::problem::Problem;
use crate::protect::Denial;

pub(crate) mod call;
mod words;

/// The methods that are passed on, of those that have a meaning everywhere.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Why a client gets the gateway's own answer.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// Both `Content-Length` and `Transfer-Encoding`.
    AmbiguousLength,
    /// A head that must not be passed on.
    BadHead(HeadError),
    /// More header lines than a client may send.
    TooManyFields,
    /// A `Host` that is none.
    BadHost(HostRefused),
    /// A path that may be read in two ways.
    BadPath(PathRefused),
    /// CONNECT.
    NoTunnels,
    /// TRACE, whose answer shows what browsers keep from a page's script (RFC 9110, 9.3.8).
    NoTrace,
    /// No host, and one is needed.
    HostMissing,
    /// The host belongs to no service and to no route.
    UnknownHost,
    /// Routes have the host, and none takes the path, method and headers.
    UnknownPath,
    /// A policy does not let the request through.
    Denied(Box<Denial>),
    /// The body is longer than the route takes.
    BodyTooLarge,
    /// Too much is under way.
    Shed(Shed),
    /// No release yet.
    Unrouted,
    /// The service is closed while its data is moved.
    Closed {
        /// When to come again.
        retry_after_s: u64,
    },
    /// No connection to the arm.
    Unreachable,
    /// The connection broke after the request was sent.
    Broken,
    /// No answer in time.
    TimedOut,
    /// Neither side of a call of gRPC said anything in time, and the client may say more: nobody is to blame.
    CallSilent,
    /// The client stopped sending its body.
    ClientStalled,
    /// The client's body broke off.
    ClientBroke,
    /// It cannot be looked into, or must not be sent.
    Masking(Box<MaskingRefusal>),
}

impl Refusal {
    /// The problem to answer with.
    pub(crate) fn problem(&self) -> Problem {
        let malformed = |status, detail: String| {
            let kind = "urn:portcullis:problem:bad-request";
            Problem::new(status, kind, "The request is malformed", detail)
        };
        let (status, kind, title, detail) = match self {
            Refusal::BadHead(error) => return malformed(head_status(*error), error.to_string()),
            Refusal::BadHost(error) => {
                return malformed(StatusCode::BAD_REQUEST, error.to_string());
            }
            Refusal::BadPath(error) => {
                return malformed(StatusCode::BAD_REQUEST, error.to_string());
            }
            Refusal::Masking(refusal) => return refusal.problem(),
            Refusal::Denied(denial) => (denial.status, denial.kind, denial.title, denial.detail),
            Refusal::AmbiguousLength => words::AMBIGUOUS_LENGTH,
            Refusal::TooManyFields => words::TOO_MANY_FIELDS,
            Refusal::NoTunnels => words::NO_TUNNELS,
            Refusal::NoTrace => words::NO_TRACE,
            Refusal::HostMissing => words::HOST_MISSING,
            Refusal::UnknownHost => words::UNKNOWN_HOST,
            Refusal::UnknownPath => words::UNKNOWN_PATH,
            Refusal::BodyTooLarge => words::BODY_TOO_LARGE,
            Refusal::Shed(_) => words::SHED,
            Refusal::Unrouted => words::UNROUTED,
            Refusal::Closed { .. } => words::CLOSED,
            Refusal::Unreachable => words::UNREACHABLE,
            Refusal::Broken => words::BROKEN,
            Refusal::TimedOut => words::TIMED_OUT,
            Refusal::CallSilent => words::CALL_SILENT,
            Refusal::ClientStalled => words::CLIENT_STALLED,
            Refusal::ClientBroke => words::CLIENT_BROKE,
        };
        Problem::new(status, kind, title, detail)
    }

    /// Sets the fields of the answer that belong to the refusal: when to come again, how to identify oneself, which
    /// methods there are.
    pub(crate) fn set_headers(&self, headers: &mut HeaderMap) {
        match self {
            Refusal::Denied(denial) => denial.set_headers(headers),
            // RFC 9110, 15.5.6: a 405 must have it. What a release takes of these is its own business.
            Refusal::NoTrace => {
                headers.insert(ALLOW, HeaderValue::from_static(METHODS));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    /// What it was in one word, for the log and the counters.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Refusal::AmbiguousLength => "ambiguous-length",
            Refusal::BadHead(_) => "bad-head",
            Refusal::TooManyFields => "head-too-large",
            Refusal::BadHost(_) | Refusal::HostMissing => "bad-host",
            Refusal::BadPath(_) => "bad-path",
            Refusal::NoTunnels => "no-tunnels",
            Refusal::NoTrace => "no-trace",
            Refusal::UnknownHost => "unknown-host",
            Refusal::UnknownPath => "unknown-path",
            Refusal::Denied(denial) => denial.cause,
            Refusal::BodyTooLarge => "body-too-large",
            Refusal::Shed(_) => "overloaded",
            Refusal::Unrouted => "no-release",
            Refusal::Closed { .. } => "closed",
            Refusal::Unreachable => "unreachable",
            Refusal::Broken => "broken",
            Refusal::TimedOut => "timed-out",
            Refusal::CallSilent => "call-silent",
            Refusal::ClientStalled => "client-stalled",
            Refusal::ClientBroke => "client-broke",
            Refusal::Masking(refusal) => refusal.cause(),
        }
    }

    /// Whether the client's connection must not be used again: what follows on it is uncertain.
    pub(crate) fn closes(&self) -> bool {
        matches!(
            self,
            Refusal::AmbiguousLength
                | Refusal::BadHead(_)
                | Refusal::BadHost(_)
                | Refusal::NoTunnels
                | Refusal::ClientStalled
                | Refusal::ClientBroke
        )
    }

    /// Whether the arm is to blame.
    pub(crate) fn is_arms_error(&self) -> bool {
        matches!(
            self,
            Refusal::Unreachable | Refusal::Broken | Refusal::TimedOut
        )
    }

    /// After how many seconds the client may come again, where that is known.
    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Refusal::Unrouted => Some(crate::bounds::RETRY_AFTER_S),
            Refusal::Closed { retry_after_s } => Some(*retry_after_s),
            Refusal::Shed(shed) => Some(shed.retry_after_s),
            Refusal::Masking(refusal) if refusal.passes_with_time() => {
                Some(crate::bounds::RETRY_AFTER_S)
            }
            _ => None,
        }
    }
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Refusal {
        Refusal::BadHead(error)
    }
}

impl From<MaskingRefusal> for Refusal {
    fn from(refusal: MaskingRefusal) -> Refusal {
        Refusal::Masking(Box::new(refusal))
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Refusal {
        Refusal::Denied(Box::new(denial))
    }
}

/// The status for a head that must not be passed on.
fn head_status(error: crate::headers::HeadError) -> StatusCode {
    match error {
        // RFC 9112, 6.1: a coding that is not understood.
        crate::headers::HeadError::Coding => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    }
}
