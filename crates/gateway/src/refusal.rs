//! Every answer that the data path gives in place of an arm's.

use http::StatusCode;

use crate::capacity::Shed;
use crate::headers::HeadError;
use crate::matching::{HostRefused, PathRefused};
use crate::problem::Problem;
use crate::protect::Denial;

/// Why a client gets the gateway's own answer.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// Both `Content-Length` and `Transfer-Encoding`.
    AmbiguousLength,
    /// A head that must not be passed on.
    BadHead(HeadError),
    /// A `Host` that is none.
    BadHost(HostRefused),
    /// A path that may be read in two ways.
    BadPath(PathRefused),
    /// CONNECT.
    NoTunnels,
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
    /// No connection to the arm.
    Unreachable,
    /// The connection broke after the request was sent.
    Broken,
    /// No answer in time.
    TimedOut,
    /// The client stopped sending its body.
    ClientStalled,
    /// The client's body broke off.
    ClientBroke,
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
            Refusal::Denied(denial) => (denial.status, denial.kind, denial.title, denial.detail),
            Refusal::AmbiguousLength => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:ambiguous-length",
                "The request's length is ambiguous",
                "the request has both Content-Length and Transfer-Encoding; send one of them",
            ),
            Refusal::NoTunnels => (
                StatusCode::NOT_IMPLEMENTED,
                "urn:portcullis:problem:no-tunnels",
                "Tunnels are not offered",
                "this is a gateway in front of a service, not a forward proxy: CONNECT is refused",
            ),
            Refusal::HostMissing => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:bad-request",
                "The request is malformed",
                "the request needs one Host header with a host in it",
            ),
            Refusal::UnknownHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "urn:portcullis:problem:unknown-host",
                "Nothing has this host",
                "the request's Host names nothing that is behind this gateway",
            ),
            Refusal::UnknownPath => (
                StatusCode::NOT_FOUND,
                "urn:portcullis:problem:unknown-path",
                "Nothing is here",
                "no route of this gateway takes a request with this path, method and headers",
            ),
            Refusal::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:portcullis:problem:body-too-large",
                "The request's body is too large",
                "the body is longer than this route takes",
            ),
            Refusal::ClientBroke => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:request-incomplete",
                "The request is incomplete",
                "the request's body broke off, or its chunks are malformed",
            ),
            Refusal::ClientStalled => (
                StatusCode::REQUEST_TIMEOUT,
                "urn:portcullis:problem:request-incomplete",
                "The request is incomplete",
                "the request's body did not arrive whole",
            ),
            _ => return self.unserved(),
        };
        Problem::new(status, kind, title, detail)
    }

    /// The problem where nothing is wrong with the request.
    fn unserved(&self) -> Problem {
        let (status, kind, title, detail) = match self {
            Refusal::Shed(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:portcullis:problem:overloaded",
                "Too much is under way",
                "as many requests are under way as this route takes; wait as long as Retry-After says",
            ),
            Refusal::Unrouted => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:portcullis:problem:no-release",
                "No release is serving",
                "no release of this service has been put into service yet; try again later",
            ),
            Refusal::Unreachable => (
                StatusCode::BAD_GATEWAY,
                "urn:portcullis:problem:unreachable",
                "The service cannot be reached",
                "the service did not accept a connection; the request was not sent",
            ),
            Refusal::Broken => (
                StatusCode::BAD_GATEWAY,
                "urn:portcullis:problem:broken",
                "The service broke off",
                "the connection to the service broke before it answered; the request may have had \
                 an effect",
            ),
            Refusal::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "urn:portcullis:problem:timed-out",
                "The service did not answer in time",
                "the service took the request and did not begin to answer in time; the request may \
                 have had an effect",
            ),
            // Nothing else comes here; a client is told no more than that.
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "urn:portcullis:problem:unserved",
                "The request could not be served",
                "the request could not be served",
            ),
        };
        Problem::new(status, kind, title, detail)
    }

    /// What it was in one word, for the log and the counters.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Refusal::AmbiguousLength => "ambiguous-length",
            Refusal::BadHead(_) => "bad-head",
            Refusal::BadHost(_) | Refusal::HostMissing => "bad-host",
            Refusal::BadPath(_) => "bad-path",
            Refusal::NoTunnels => "no-tunnels",
            Refusal::UnknownHost => "unknown-host",
            Refusal::UnknownPath => "unknown-path",
            Refusal::Denied(denial) => denial.cause,
            Refusal::BodyTooLarge => "body-too-large",
            Refusal::Shed(_) => "overloaded",
            Refusal::Unrouted => "no-release",
            Refusal::Unreachable => "unreachable",
            Refusal::Broken => "broken",
            Refusal::TimedOut => "timed-out",
            Refusal::ClientStalled => "client-stalled",
            Refusal::ClientBroke => "client-broke",
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
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Refusal::Unrouted => Some(crate::bounds::RETRY_AFTER_S),
            Refusal::Shed(shed) => Some(shed.retry_after_s),
            _ => None,
        }
    }
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Refusal {
        Refusal::BadHead(error)
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
