//! When a measurement of an open gate becomes an entry of the journal.

use portcullis_analysis::{Sample, Verdict};

use super::{Rollout, Warned};
use crate::{State, StepIndex};

impl Rollout {
    /// Whether what was measured of the open gate since its last entry is to be recorded now: something follows from
    /// it, or it is as long as entries of this gate are ([`crate::GateOrder::record_ms`]).
    ///
    /// A gate that is open for an hour is measured every few seconds, so that a failure is noticed at once, and the
    /// journal still gets few entries: measurements from which nothing follows are recorded together, as one. A
    /// verdict comes from what is recorded and from nothing else, here as in any other gate; only the moment of
    /// recording depends on what was seen. That keeps every bound, since the evidence may be looked at at any moment.
    ///
    /// What is of no open gate is for the transition to refuse.
    pub fn records(&self, step: StepIndex, sample: &Sample) -> bool {
        let State::Watching { at, tally } = self.state() else {
            return true;
        };
        let Some(gate) = self.gate(*at).filter(|_| *at == step) else {
            return true;
        };
        // The first one shows that it is measured at all.
        if gate.record_ms == 0 || sample.duration_ms() >= gate.record_ms || tally.is_empty() {
            return true;
        }
        if sample.unmeasured.as_deref() != tally.unmeasured() {
            return true;
        }
        let Some((seen, judgement)) = self.judged_with(sample) else {
            return true;
        };
        let known = |warned: &Warned| self.warned.contains(warned);
        if seen.kept_fault().is_some() != tally.kept_fault().is_some() {
            return true;
        }
        // A failure from which nothing follows, because there is nothing to go back to, is warned of once.
        let stays = seen.kept_fault().is_some() && judgement.verdict == Verdict::Fail;
        (judgement.verdict != Verdict::Undecided && !stays)
            || !Warned::all(*at, &seen, &judgement).iter().all(known)
    }

    /// How far apart measurements of the open gate are now, in milliseconds; `None` where none is open.
    pub fn measures_every_ms(&self) -> Option<u64> {
        let State::Watching { at, tally } = self.state() else {
            return None;
        };
        let analysis = &self.gate(*at)?.analysis;
        Some(analysis.interval_ms_after(tally.measured_ms()))
    }
}

#[cfg(test)]
mod tests;
