//! How a call of gRPC ended, which its answer says in a field of its own: the status of HTTP is 200 then, whatever
//! came of the call.

use http::{HeaderMap, HeaderValue};
use portcullis_api::grpc_health::STATUS_FIELD;

/// What is no status of gRPC is read as this one, as the protocol has it.
const UNKNOWN: u8 = 2;

/// The names of all statuses, by their numbers (<https://grpc.io/docs/guides/status-codes/>).
pub(crate) const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The status of a call: one of the seventeen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GrpcStatus(u8);

impl GrpcStatus {
    /// What the head or the trailers of an answer say; `None` where they say nothing.
    pub(crate) fn of(fields: &HeaderMap) -> Option<GrpcStatus> {
        let number = fields.get(STATUS_FIELD).map(HeaderValue::as_bytes)?;
        let number = std::str::from_utf8(number).ok();
        let number = number.and_then(|number| number.parse::<u8>().ok());
        let known = number.filter(|number| usize::from(*number) < NAMES.len());
        Some(GrpcStatus(known.unwrap_or(UNKNOWN)))
    }

    /// Its number, as the protocol writes it.
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// Whether the call did what it should.
    pub(crate) fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether the server, and not the client, is to blame. Which statuses say so is from OpenTelemetry's conventions
    /// for RPC: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS.
    pub(crate) fn is_servers_fault(self) -> bool {
        matches!(self.0, UNKNOWN | 4 | 12 | 13 | 14 | 15)
    }
}

#[cfg(test)]
mod tests;
