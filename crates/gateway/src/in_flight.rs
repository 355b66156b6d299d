//! Counts one request of one arm exactly once, however it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use http::StatusCode;

use crate::arm::ArmState;
use crate::clock;

/// One request under way to an arm. Dropping it ends the request: with the answer's body, on an
/// error, or when the client goes away.
#[derive(Debug)]
pub(crate) struct InFlight {
    arm: Arc<ArmState>,
    worker: usize,
    failed: bool,
    failed_over: bool,
    withdrawn: bool,
    may_write: bool,
    /// The hash of the user's routing key, where it decided the arm.
    key: Option<u64>,
}

impl InFlight {
    /// Counts a request as under way. Whoever then finds that the arm is not retired may send: counting and looking
    /// are in one order with retiring and reading the count, so whoever drains the arm sees the request.
    pub(crate) fn begin(arm: Arc<ArmState>, worker: usize) -> InFlight {
        arm.counters(worker).in_flight.fetch_add(1, SeqCst);
        InFlight {
            arm,
            worker,
            failed: false,
            failed_over: false,
            withdrawn: false,
            may_write: false,
            key: None,
        }
    }

    /// Counts it also among those that may write, if it is one. In the same order as [`InFlight::begin`] does: whoever
    /// looks at the arm's mark afterwards is seen by whoever has set it.
    #[must_use]
    pub(crate) fn writing(mut self, may_write: bool) -> InFlight {
        if may_write && !self.may_write {
            let counters = self.arm.counters(self.worker);
            counters.writes_in_flight.fetch_add(1, SeqCst);
            self.may_write = true;
        }
        self
    }

    /// The user belongs to this arm because of the routing key with this hash.
    #[must_use]
    pub(crate) fn of(mut self, key: Option<u64>) -> InFlight {
        self.key = key;
        self
    }

    /// The request goes elsewhere, and nothing of it was tried here: it counts as none.
    pub(crate) fn withdraw(mut self) {
        self.withdrawn = true;
    }

    /// The arm.
    pub(crate) fn arm(&self) -> &Arc<ArmState> {
        &self.arm
    }

    /// Takes note that the request is being sent now.
    pub(crate) fn sent(&self) {
        self.arm
            .counters(self.worker)
            .last_sent_at_ms
            .store(clock::wall_ms(), Relaxed);
    }

    /// Counts the answer's head; a 5xx is an error of the arm.
    pub(crate) fn answered(&mut self, status: StatusCode, latency_us: u64) {
        self.arm.counters(self.worker).answered(status, latency_us);
        self.failed |= status.is_server_error();
    }

    /// The first token of a streamed answer came, so long after the request's head.
    pub(crate) fn first_token(&self, us: u64) {
        self.arm.counters(self.worker).streams.first_token(us);
    }

    /// A token came, so long after the one before.
    pub(crate) fn token_gap(&self, us: u64) {
        self.arm.counters(self.worker).streams.token_gap(us);
    }

    /// A streamed answer ended that took so long for each token.
    pub(crate) fn token_time(&self, us: u64) {
        self.arm.counters(self.worker).streams.token_time(us);
    }

    /// The arm failed.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }

    /// The arm could not be reached and the stable arm answers instead.
    pub(crate) fn failed_over(mut self) {
        self.failed = true;
        self.failed_over = true;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let counters = self.arm.counters(self.worker);
        if self.may_write {
            counters.writes_in_flight.fetch_sub(1, Relaxed);
        }
        counters.in_flight.fetch_sub(1, Relaxed);
        if self.withdrawn {
            return;
        }
        counters.requests.fetch_add(1, Relaxed);
        counters.errors.fetch_add(u64::from(self.failed), Relaxed);
        if let Some(key) = self.key.filter(|_| self.failed) {
            self.arm.key_failed(self.worker, key);
        }
        counters
            .failed_over
            .fetch_add(u64::from(self.failed_over), Relaxed);
    }
}
