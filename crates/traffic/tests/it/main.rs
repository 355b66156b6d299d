//! What the tests come to on simulated traffic, with fixed seeds: the scenarios of `docs/benchmarks.md` with fewer
//! runs.

// clippy's leave to unwrap in tests does not reach the functions that the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use portcullis_analysis::{Analysis, Bound, Enough, Rule, Signal, Test};
use portcullis_traffic::{Curve, Latency, Scenario, Simulator, Study};

mod detection;
mod null;
mod usual;

/// The stable release's share of failed requests.
const BASE: f64 = 0.005;
const WINDOW_MS: u64 = 600_000;
const SAME: Bound = Bound {
    ratio: 1.0,
    margin: 0.0,
};

/// A gate with one comparison.
fn gate(tolerated: Bound, signal: Signal) -> Analysis {
    let matters = Bound {
        ratio: tolerated.ratio * 1.5,
        margin: tolerated.margin * 3.0,
    };
    let rule = evident(signal, Test::NotWorse { tolerated, matters });
    Analysis::new(vec![rule], WINDOW_MS, 5000)
}

fn evident(signal: Signal, test: Test) -> Rule {
    Rule {
        enough: Enough::Evidence,
        ..Rule::new(signal, test)
    }
}

/// A canary with a tenth of the traffic.
fn traffic(requests_per_second: f64) -> Scenario {
    Scenario::new(requests_per_second, 0.1, WINDOW_MS, BASE)
}

fn with_times(factor: Curve, scenario: Scenario) -> Scenario {
    Scenario {
        latency: Some(Latency {
            median_ms: 100.0,
            sigma: 0.6,
            factor,
        }),
        ..scenario
    }
}

fn study(analysis: &Analysis, scenario: Scenario, runs: u64) -> Study {
    let mut simulator = Simulator::new(scenario).unwrap();
    Study::of(analysis, &mut simulator, runs, 1)
}
