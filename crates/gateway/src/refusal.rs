//! Every answer that the data path gives in place of an arm's.

use http::StatusCode;

use crate::problem::Problem;

/// Why a client gets the gateway's own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Both `Content-Length` and `Transfer-Encoding`.
    AmbiguousLength,
    /// A head that must not be passed on.
    BadHead(crate::headers::HeadError),
    /// CONNECT.
    NoTunnels,
    /// The host belongs to no service.
    UnknownHost,
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
    pub(crate) fn problem(self) -> Problem {
        let (status, kind, title, detail) = match self {
            Refusal::AmbiguousLength => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:ambiguous-length",
                "The request's length is ambiguous",
                "the request has both Content-Length and Transfer-Encoding; send one of them",
            ),
            Refusal::BadHead(error) => {
                return Problem::new(
                    head_status(error),
                    "urn:portcullis:problem:bad-request",
                    "The request is malformed",
                    error.to_string(),
                );
            }
            Refusal::NoTunnels => (
                StatusCode::NOT_IMPLEMENTED,
                "urn:portcullis:problem:no-tunnels",
                "Tunnels are not offered",
                "this is a gateway in front of a service, not a forward proxy: CONNECT is refused",
            ),
            Refusal::UnknownHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "urn:portcullis:problem:unknown-host",
                "No service has this host",
                "the request's Host names none of the services behind this gateway",
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
        };
        Problem::new(status, kind, title, detail)
    }

    /// Whether the client's connection must not be used again: what follows on it is uncertain.
    pub(crate) fn closes(self) -> bool {
        matches!(
            self,
            Refusal::AmbiguousLength
                | Refusal::BadHead(_)
                | Refusal::NoTunnels
                | Refusal::ClientStalled
                | Refusal::ClientBroke
        )
    }

    /// Whether the arm is to blame.
    pub(crate) fn is_arms_error(self) -> bool {
        matches!(
            self,
            Refusal::Unreachable | Refusal::Broken | Refusal::TimedOut
        )
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
