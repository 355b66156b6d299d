//! One attempt at a request, at an arm of the service or at another server.

use std::cell::Cell;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_config::UpstreamProtocol;

use crate::clock;
use crate::endpoint::Endpoint;
use crate::grpc_status::GrpcStatus;
use crate::in_flight::InFlight;
use crate::upstream_set::{InFlightAt, Outcome, UpstreamServer};

/// An attempt that is under way; dropping it ends it.
#[derive(Debug)]
pub(crate) enum UnderWay {
    /// At an arm.
    Arm(InFlight),
    /// At a server of an upstream.
    Server(AtServer),
}

/// An attempt at a server. A good answer counts for the server when it is over: only then it is known that it did not
/// break off, and a server that always breaks off must not look good in between.
#[derive(Debug)]
pub(crate) struct AtServer {
    at: InFlightAt,
    /// An answer that is good so far.
    good: Cell<Option<StatusCode>>,
    /// The server knows already that it failed.
    has_failed: Cell<bool>,
}

impl UnderWay {
    /// Where it is sent.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        match self {
            UnderWay::Arm(arm) => &arm.arm().endpoint,
            UnderWay::Server(at) => &at.at.server().endpoint,
        }
    }

    /// The release that answers, as the answer's header has it.
    pub(crate) fn release_header(&self) -> Option<&HeaderValue> {
        match self {
            UnderWay::Arm(arm) => Some(&arm.arm().release_header),
            UnderWay::Server(_) => None,
        }
    }

    /// The release that answers; empty for a server that is none.
    pub(crate) fn release(&self) -> &str {
        match self {
            UnderWay::Arm(arm) => &arm.arm().arm.release,
            UnderWay::Server(_) => "",
        }
    }

    /// Takes note that the request is being sent now.
    pub(crate) fn sent(&self) {
        if let UnderWay::Arm(arm) = self {
            arm.sent();
        }
    }

    /// The answer's head came.
    pub(crate) fn answered(&mut self, status: StatusCode, latency_us: u64) {
        match self {
            UnderWay::Arm(arm) => arm.answered(status, latency_us),
            UnderWay::Server(at) => at.answered(status),
        }
    }

    /// There was no answer, or it broke off.
    pub(crate) fn failed(&mut self) {
        match self {
            UnderWay::Arm(arm) => arm.failed(),
            UnderWay::Server(at) => at.failed(),
        }
    }

    /// Looks at the head or the trailers of an answer for the status of a call of gRPC: a failed call is an answer
    /// with 200, and the arm's error all the same.
    pub(crate) fn judge_call(&mut self, fields: &HeaderMap) -> Option<GrpcStatus> {
        if self.endpoint().protocol != UpstreamProtocol::Http2 {
            return None;
        }
        let status = GrpcStatus::of(fields)?;
        if let UnderWay::Arm(arm) = self
            && status.is_servers_fault()
        {
            arm.failed();
        }
        Some(status)
    }

    /// There was no answer, while another attempt at the same request goes on.
    pub(crate) fn lost(&self) {
        if let UnderWay::Server(at) = self {
            at.failed();
        }
    }
}

impl AtServer {
    /// An attempt that begins.
    pub(crate) fn begin(server: &Arc<UpstreamServer>, worker: usize) -> AtServer {
        AtServer {
            at: server.begin(worker),
            good: Cell::new(None),
            has_failed: Cell::new(false),
        }
    }

    /// The server.
    pub(crate) fn server(&self) -> &Arc<UpstreamServer> {
        self.at.server()
    }

    fn answered(&self, status: StatusCode) {
        let outcome = Outcome::Answered(status);
        match outcome.is_failure() {
            true => self.tell_failure(outcome),
            false => self.good.set(Some(status)),
        }
    }

    fn failed(&self) {
        self.good.set(None);
        self.tell_failure(Outcome::Failed);
    }

    /// Once: an answer with 503 that breaks off is one failure.
    fn tell_failure(&self, outcome: Outcome) {
        if !self.has_failed.replace(true) {
            self.tell(outcome);
        }
    }

    fn tell(&self, outcome: Outcome) {
        if let Some(out_ms) = self.at.ended(outcome, clock::monotonic_ms()) {
            let address = self.at.server().address.as_str();
            tracing::warn!(
                address,
                out_ms,
                "a server failed too often and gets no requests for a while"
            );
        }
    }
}

impl Drop for AtServer {
    fn drop(&mut self) {
        if let Some(status) = self.good.take() {
            self.tell(Outcome::Answered(status));
        }
    }
}
