//! Synthetic requests: what a gate asks both releases when too few users do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_analysis::{Judgement, Verdict};
use serde::{Deserialize, Serialize};

use crate::{Check, GateOrder};

/// The header field that tells a synthetic request from one of a user, for the service and its logs.
pub const SYNTHETIC_HEADER: &str = "x-portcullis-synthetic";

/// Synthetic requests as they are configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticTraffic {
    /// How many each release gets.
    pub rate: Pace,
    /// They are sent only while the candidate gets fewer requests of users than this.
    pub below: Pace,
    /// What is asked, in turn; at least one. Places are not filled in.
    pub requests: Vec<SyntheticRequest>,
    /// The folder in which references to secrets are looked up.
    pub folder: PathBuf,
}

/// One request as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticRequest {
    /// What is asked, and the answer expected.
    pub check: Check,
    /// Header fields that are sent with it; values may be references to secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Requests, at least 1.
    pub requests: u32,
    /// In so many milliseconds, at least 1.
    pub per_ms: u64,
}

impl Pace {
    /// Requests a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.requests) * 1000.0 / self.per_ms.max(1) as f64
    }

    /// How many requests that makes in a time, in milliseconds; whole ones.
    pub fn within(self, ms: u64) -> u64 {
        u64::from(self.requests).saturating_mul(ms) / self.per_ms.max(1)
    }
}

impl GateOrder {
    /// What to do about a gate that could not decide for want of requests, if it sends none of its own; `name` is the
    /// gate's.
    pub fn offer(&self, name: &str, judgement: &Judgement) -> Option<String> {
        let wants_requests = judgement.evidence.iter().any(|evidence| {
            evidence.verdict == Verdict::Inconclusive
                && evidence.rule.signal.counts_synthetic()
                && evidence.no_data().is_none()
                && evidence.requests_missing() > 0
        });
        (self.synthetic.is_none() && wants_requests).then(|| {
            format!(
                "with [gate.synthetic] Portcullis asks both releases itself while users are few; \
                 `portcullis gate run {name} --for 5m` then tells at once"
            )
        })
    }
}

/// Synthetic requests of one gate: the same questions, put to both releases at the same moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticOrder {
    /// How many each release gets.
    pub rate: Pace,
    /// They are sent only while the candidate gets fewer requests of users than this.
    pub below: Pace,
    /// What is asked, in turn.
    pub questions: Vec<SyntheticQuestion>,
    /// The folder in which references to secrets are looked up.
    pub folder: PathBuf,
}

/// One question, with the places of each release filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticQuestion {
    /// As the candidate is asked.
    pub canary: Check,
    /// As the stable release is asked; `None` when all traffic goes to the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Check>,
    /// Header fields that are sent with it; values may be references to secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}
