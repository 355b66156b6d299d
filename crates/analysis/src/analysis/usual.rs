//! The gate of a service whose file has none.

use super::Analysis;
use crate::rule::{Bound, Enough, Rule, Test};
use crate::{Budget, Signal};

const MINUTE_MS: u64 = 60_000;

impl Analysis {
    /// The gate of a service whose file has none. The numbers were chosen from simulation; `docs/benchmarks.md`
    /// ("The gate without a configuration") has what they come to, and ADR 14 why they are what they are.
    ///
    /// The rules beside a stable release, and the one for a candidate that serves alone:
    /// [`Analysis::beside_baseline`] and [`Analysis::without_baseline`] pick.
    pub fn usual() -> Analysis {
        let by_evidence = |signal, test| Rule {
            enough: Enough::Evidence,
            ..Rule::new(signal, test)
        };
        let bound = |ratio, margin| Bound { ratio, margin };
        let limit = Test::AtMost {
            max: 0.05,
            matters: 0.1,
        };
        let errors = Test::NotWorse {
            tolerated: bound(1.0, 0.002),
            matters: bound(1.5, 0.012),
        };
        let times = Test::NotWorse {
            tolerated: bound(1.2, 5.0),
            matters: bound(1.4, 10.0),
        };
        let rules = vec![
            Rule {
                alone: true,
                ..by_evidence(Signal::ErrorRate, limit)
            },
            by_evidence(Signal::ErrorRate, errors),
            by_evidence(Signal::Latencies, times),
            Rule::new(Signal::HealthFailures, Test::Limit { max: 2.0 }),
        ];
        Analysis {
            samples_min: 3,
            extend_ms: 30 * MINUTE_MS,
            budget: Budget {
                parts: 3,
                ..Budget::default()
            },
            ..Analysis::new(rules, 2 * MINUTE_MS, 5_000)
        }
    }
}
