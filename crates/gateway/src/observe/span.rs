//! What a trace has of one request, before it is written as OpenTelemetry has it.

use std::net::IpAddr;

use http::Version;

use crate::grpc_status::GrpcStatus;
use crate::protect::TraceParent;

/// A request that is over and whose trace is sampled.
#[derive(Debug)]
pub(crate) struct RequestSpan {
    /// The trace, and the span of this request.
    pub(crate) own: TraceParent,
    /// The client's span, when the trace is the client's.
    pub(crate) client_span: Option<u64>,
    /// `tracestate`.
    pub(crate) state: String,
    /// When it came, in microseconds since the Unix epoch.
    pub(crate) started_us: u64,
    /// How long it took, in microseconds.
    pub(crate) took_us: u64,
    /// The method as the client sent it.
    pub(crate) method: String,
    /// Whether the method is one of the common ones.
    pub(crate) is_method_known: bool,
    /// The host, with the port if the client named one.
    pub(crate) host: String,
    /// The path as the settings want it, without the query; empty for none.
    pub(crate) path: String,
    /// Whether it came over TLS.
    pub(crate) is_secure: bool,
    /// The version of HTTP that the client speaks.
    pub(crate) version: Version,
    /// The client's address without the part that tells who it was.
    pub(crate) client: IpAddr,
    /// The route that took it.
    pub(crate) route: Option<String>,
    /// The release that answered.
    pub(crate) release: Option<String>,
    /// The id that also the answer has.
    pub(crate) request_id: String,
    /// The status; `None` when the client went away before.
    pub(crate) status: Option<u16>,
    /// How a call of gRPC ended.
    pub(crate) grpc_status: Option<GrpcStatus>,
    /// The code of the gateway's own answer.
    pub(crate) refusal: Option<&'static str>,
    /// Whether the answer did not go to its end.
    pub(crate) is_cut: bool,
    /// Bytes of the request's body.
    pub(crate) bytes_in: u64,
    /// Bytes of the answer's body.
    pub(crate) bytes_out: u64,
    /// Time in the queue for a place, in microseconds.
    pub(crate) queued_us: Option<u64>,
    /// How often it was sent, and what came of it.
    pub(crate) attempts: Vec<AttemptSpan>,
}

/// One attempt to have a request answered.
#[derive(Debug)]
pub(crate) struct AttemptSpan {
    /// Its span.
    pub(crate) span_id: u64,
    /// When it began, in microseconds after the request.
    pub(crate) after_us: u64,
    /// How long it took, in microseconds; `None` as long as it is under way.
    pub(crate) took_us: Option<u64>,
    /// Whether it went over TLS.
    pub(crate) is_secure: bool,
    /// Where it went, `host:port`.
    pub(crate) address: String,
    /// The path that it asked for, in the same way.
    pub(crate) path: String,
    /// The release, if it went to one.
    pub(crate) release: Option<String>,
    /// The status of its answer.
    pub(crate) status: Option<u16>,
    /// How it failed.
    pub(crate) failure: Option<&'static str>,
}

impl RequestSpan {
    /// How many spans it is: itself and its attempts.
    pub(super) fn count(&self) -> u64 {
        1 + self.attempts.len() as u64
    }
}
