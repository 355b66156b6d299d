//! One attempt at a request, at an arm of the service or at another server.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use crate::clock;
use crate::endpoint::Endpoint;
use crate::in_flight::InFlight;
use crate::upstream_set::{InFlightAt, Outcome};

/// An attempt that is under way; dropping it ends it.
#[derive(Debug)]
pub(crate) enum UnderWay {
    /// At an arm.
    Arm(InFlight),
    /// At a server of an upstream.
    Server(InFlightAt),
}

impl UnderWay {
    /// Where it is sent.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        match self {
            UnderWay::Arm(arm) => &arm.arm().endpoint,
            UnderWay::Server(at) => &at.server().endpoint,
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
            UnderWay::Server(at) => ended(at, Outcome::Answered(status)),
        }
    }

    /// There was no answer, or it broke off.
    pub(crate) fn failed(&mut self) {
        match self {
            UnderWay::Arm(arm) => arm.failed(),
            UnderWay::Server(at) => ended(at, Outcome::Failed),
        }
    }
}

fn ended(at: &InFlightAt, outcome: Outcome) {
    if let Some(out_ms) = at.ended(outcome, clock::monotonic_ms()) {
        let address = at.server().address.as_str();
        tracing::warn!(
            address,
            out_ms,
            "a server failed too often and gets no requests for a while"
        );
    }
}
