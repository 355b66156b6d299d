//! What clients are told of each refusal.

use http::StatusCode;

/// Status, kind, title and detail of a problem.
pub(super) type Words = (StatusCode, &'static str, &'static str, &'static str);

pub(super) const AMBIGUOUS_LENGTH: Words = (
    StatusCode::BAD_REQUEST,
    "urn:portcullis:problem:ambiguous-length",
    "The request's length is ambiguous",
    "the request has both Content-Length and Transfer-Encoding; send one of them",
);
pub(super) const TOO_MANY_FIELDS: Words = (
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "urn:portcullis:problem:head-too-large",
    "The request's head is too large",
    "the request has more header lines than are taken here; over HTTP/2 each cookie may be one of them",
);
pub(super) const NO_TUNNELS: Words = (
    StatusCode::NOT_IMPLEMENTED,
    "urn:portcullis:problem:no-tunnels",
    "Tunnels are not offered",
    "this is a gateway in front of a service, not a forward proxy: CONNECT is refused",
);
pub(super) const HOST_MISSING: Words = (
    StatusCode::BAD_REQUEST,
    "urn:portcullis:problem:bad-request",
    "The request is malformed",
    "the request needs one Host header with a host in it",
);
pub(super) const UNKNOWN_HOST: Words = (
    StatusCode::MISDIRECTED_REQUEST,
    "urn:portcullis:problem:unknown-host",
    "Nothing has this host",
    "the request's Host names nothing that is behind this gateway",
);
pub(super) const UNKNOWN_PATH: Words = (
    StatusCode::NOT_FOUND,
    "urn:portcullis:problem:unknown-path",
    "Nothing is here",
    "no route of this gateway takes a request with this path, method and headers",
);
pub(super) const BODY_TOO_LARGE: Words = (
    StatusCode::PAYLOAD_TOO_LARGE,
    "urn:portcullis:problem:body-too-large",
    "The request's body is too large",
    "the body is longer than this route takes",
);
pub(super) const CLIENT_BROKE: Words = (
    StatusCode::BAD_REQUEST,
    "urn:portcullis:problem:request-incomplete",
    "The request is incomplete",
    "the request's body broke off, or its chunks are malformed",
);
pub(super) const CLIENT_STALLED: Words = (
    StatusCode::REQUEST_TIMEOUT,
    "urn:portcullis:problem:request-incomplete",
    "The request is incomplete",
    "the request's body did not arrive whole",
);
pub(super) const SHED: Words = (
    StatusCode::SERVICE_UNAVAILABLE,
    "urn:portcullis:problem:overloaded",
    "Too much is under way",
    "as many requests are under way as this route takes; wait as long as Retry-After says",
);
pub(super) const UNROUTED: Words = (
    StatusCode::SERVICE_UNAVAILABLE,
    "urn:portcullis:problem:no-release",
    "No release is serving",
    "no release of this service has been put into service yet; try again later",
);
pub(super) const UNREACHABLE: Words = (
    StatusCode::BAD_GATEWAY,
    "urn:portcullis:problem:unreachable",
    "The service cannot be reached",
    "the service did not accept a connection; the request was not sent",
);
pub(super) const BROKEN: Words = (
    StatusCode::BAD_GATEWAY,
    "urn:portcullis:problem:broken",
    "The service broke off",
    "the connection to the service broke before it answered; the request may have had \
    an effect",
);
pub(super) const TIMED_OUT: Words = (
    StatusCode::GATEWAY_TIMEOUT,
    "urn:portcullis:problem:timed-out",
    "The service did not answer in time",
    "the service took the request and did not begin to answer in time; the request may \
    have had an effect",
);
pub(super) const CALL_SILENT: Words = (
    StatusCode::GATEWAY_TIMEOUT,
    "urn:portcullis:problem:timed-out",
    "The call was silent for too long",
    "the call had no end of its request and no answer in time; a message now and then keeps a call open, for as long \
    as this route lets one take",
);
pub(super) const NO_TRACE: Words = (
    StatusCode::METHOD_NOT_ALLOWED,
    "urn:portcullis:problem:method-not-allowed",
    "The method is not allowed",
    "TRACE is refused: its answer would show the request's cookies and keys; use one of the methods in Allow",
);
pub(super) const CLOSED: Words = (
    StatusCode::SERVICE_UNAVAILABLE,
    "urn:portcullis:problem:closed",
    "The service is closed for a release",
    "nothing of the request was passed on; send it again after the time that Retry-After says",
);
