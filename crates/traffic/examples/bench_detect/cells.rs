//! The releases: what is measured of each.

use portcullis_analysis::{Analysis, Bound, Enough, Rule, Signal, Test};
use portcullis_traffic::{Change, Curve, Latency, Scenario, Step, Users, is_simulated};

/// One row of a table.
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) analysis: Analysis,
    pub(crate) scenario: Scenario,
    /// Whether the peers look at times and not at errors.
    pub(crate) by_time: bool,
}

const WINDOW_MS: u64 = 600_000;
const INTERVAL_MS: u64 = 5_000;
const BASE: f64 = 0.005;
/// Any difference is one too many.
const SAME: Bound = Bound {
    ratio: 1.0,
    margin: 0.0,
};

fn rule(signal: Signal, test: Test) -> Rule {
    Rule {
        enough: Enough::Evidence,
        ..Rule::new(signal, test)
    }
}

/// One sequential comparison with the stable release.
fn gate(signal: Signal, tolerated: Bound) -> Analysis {
    let matters = Bound {
        ratio: tolerated.ratio * 1.5,
        margin: tolerated.margin * 3.0,
    };
    let test = Test::NotWorse { tolerated, matters };
    Analysis::new(vec![rule(signal, test)], WINDOW_MS, INTERVAL_MS)
}

/// The rules of a gate when the file has none, but for the health checks, over as long a window as the others.
fn usual() -> Analysis {
    let mut gate = Analysis {
        window_ms: WINDOW_MS,
        ..Analysis::usual().beside_baseline()
    };
    gate.rules.retain(is_simulated);
    gate
}

fn errors(name: &'static str, scenario: Scenario) -> Cell {
    Cell {
        name,
        analysis: gate(Signal::ErrorRate, SAME),
        scenario,
        by_time: false,
    }
}

fn times(name: &'static str, scenario: Scenario) -> Cell {
    Cell {
        name,
        analysis: gate(Signal::Latencies, SAME),
        scenario,
        by_time: true,
    }
}

fn plain(requests_per_second: f64, share: f64, error_rate: f64) -> Scenario {
    Scenario::new(requests_per_second, share, WINDOW_MS, error_rate)
}

fn with_base(error_rate: Curve) -> Scenario {
    Scenario {
        error_rate,
        ..plain(100.0, 0.1, 0.0)
    }
}

fn with_users(count: u32, scenario: Scenario) -> Scenario {
    Scenario {
        users: Some(Users {
            count,
            tail: 1.2,
            broken: 0.2,
        }),
        ..scenario
    }
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

fn slower(latency_factor: f64, requests_per_second: f64) -> Scenario {
    Scenario {
        change: Change {
            latency_factor,
            ..Change::NONE
        },
        ..with_times(Curve::constant(1.0), plain(requests_per_second, 0.1, BASE))
    }
}

fn worse(error_factor: f64, scenario: Scenario) -> Scenario {
    Scenario {
        change: Change {
            error_factor,
            ..Change::NONE
        },
        ..scenario
    }
}

/// Releases that are no worse than is tolerated.
pub(crate) fn good_releases() -> Vec<Cell> {
    let mut cells = as_good();
    cells.extend(at_the_bound_and_timed());
    cells
}

/// Releases without any difference, by their errors.
fn as_good() -> Vec<Cell> {
    let steps = [0.05, 0.1, 0.25, 0.5].map(|share| Step {
        share,
        window_ms: 180_000,
    });
    vec![
        errors("100 requests/s, 0.5 % errors", plain(100.0, 0.1, BASE)),
        errors("10 requests/s", plain(10.0, 0.1, BASE)),
        errors("1 request/s", plain(1.0, 0.1, BASE)),
        errors("100 requests/s, 0.9 % errors", plain(100.0, 0.1, 0.009)),
        errors("5 % errors", plain(100.0, 0.1, 0.05)),
        errors("30 % errors", plain(100.0, 0.1, 0.3)),
        errors(
            "incident of both arms, 3 % for 1 min",
            with_base(Curve::incident(BASE, 120_000, 60_000, 0.03)),
        ),
        errors(
            "incident of both arms, 3 % for 6 min",
            with_base(Curve::incident(BASE, 120_000, 360_000, 0.03)),
        ),
        errors(
            "incident of both arms, 50 % for 6 min",
            with_base(Curve::incident(BASE, 120_000, 360_000, 0.5)),
        ),
        errors(
            "weights 5, 10, 25, 50 %, errors drift from 0.3 to 3 %",
            Scenario {
                steps: steps.to_vec(),
                ..with_base(Curve::through([(0, 0.003), (720_000, 0.03)]))
            },
        ),
        errors(
            "300 users who stay, heavy tail",
            with_users(300, plain(100.0, 0.1, BASE)),
        ),
        errors(
            "5,000 users who stay, heavy tail",
            with_users(5000, plain(100.0, 0.1, BASE)),
        ),
    ]
}

/// Releases that are exactly as bad as is tolerated, and releases without any difference by their latency.
fn at_the_bound_and_timed() -> Vec<Cell> {
    let tolerant = gate(
        Signal::ErrorRate,
        Bound {
            ratio: 1.5,
            margin: 0.0,
        },
    );
    let bound = |name, base| Cell {
        name,
        analysis: tolerant.clone(),
        scenario: worse(1.5, plain(100.0, 0.1, base)),
        by_time: false,
    };
    let constant = || Curve::constant(1.0);
    vec![
        bound("1.5 times the errors where 1.5 is tolerated", BASE),
        bound("the same from 5 % errors", 0.05),
        times(
            "latency, 100 requests/s",
            with_times(constant(), plain(100.0, 0.1, BASE)),
        ),
        times(
            "latency, both arms slow down to twice",
            with_times(
                Curve::through([(0, 1.0), (300_000, 2.0)]),
                plain(100.0, 0.1, BASE),
            ),
        ),
        times(
            "latency, 10 requests/s",
            with_times(constant(), plain(10.0, 0.1, BASE)),
        ),
        Cell {
            name: "default rules, 100 requests/s",
            analysis: usual(),
            scenario: with_times(constant(), plain(100.0, 0.1, BASE)),
            by_time: false,
        },
        Cell {
            name: "default rules, incident of both arms, 50 % for 6 min",
            analysis: usual(),
            scenario: with_times(
                constant(),
                with_base(Curve::incident(BASE, 120_000, 360_000, 0.5)),
            ),
            by_time: false,
        },
    ]
}

/// Releases that are worse.
pub(crate) fn bad_releases() -> Vec<Cell> {
    let usual_errors = || plain(100.0, 0.1, BASE);
    let late = |from_ms, scenario: Scenario| {
        let change = Change {
            from_ms,
            ..scenario.change
        };
        Scenario { change, ..scenario }
    };
    let slow_tail = Scenario {
        change: Change {
            slow_share: 0.1,
            slow_factor: 5.0,
            ..Change::NONE
        },
        ..slower(1.0, 100.0)
    };
    vec![
        errors("errors x2 (1 %)", worse(2.0, usual_errors())),
        errors("errors x4 (2 %)", worse(4.0, usual_errors())),
        errors("errors x10 (5 %)", worse(10.0, usual_errors())),
        errors("errors x50 (25 %)", worse(50.0, usual_errors())),
        errors(
            "errors x10 from the 5th minute on",
            late(300_000, worse(10.0, usual_errors())),
        ),
        errors(
            "errors x10, 5,000 users who stay",
            with_users(5000, worse(10.0, usual_errors())),
        ),
        errors(
            "errors x2, canary 50 %",
            worse(2.0, plain(100.0, 0.5, BASE)),
        ),
        errors(
            "errors x10, 10 requests/s",
            worse(10.0, plain(10.0, 0.1, BASE)),
        ),
        errors(
            "errors x50, 10 requests/s",
            worse(50.0, plain(10.0, 0.1, BASE)),
        ),
        errors(
            "errors x10, 1 request/s",
            worse(10.0, plain(1.0, 0.1, BASE)),
        ),
        errors(
            "errors x50, 1 request/s",
            worse(50.0, plain(1.0, 0.1, BASE)),
        ),
        times("latency x1.2", slower(1.2, 100.0)),
        times("latency x1.5", slower(1.5, 100.0)),
        times("10 % of the answers x5", slow_tail),
        times("latency x1.5, 10 requests/s", slower(1.5, 10.0)),
        times("latency x2, 1 request/s", slower(2.0, 1.0)),
    ]
}

/// Releases that are worse, judged by the default rules.
pub(crate) fn bad_by_default() -> Vec<Cell> {
    let by_default = |name, by_time, scenario| Cell {
        name,
        analysis: usual(),
        scenario,
        by_time,
    };
    vec![
        by_default(
            "default rules, errors x10",
            false,
            worse(10.0, slower(1.0, 100.0)),
        ),
        by_default(
            "default rules, errors x4",
            false,
            worse(4.0, slower(1.0, 100.0)),
        ),
        by_default("default rules, latency x1.5", true, slower(1.5, 100.0)),
        by_default("default rules, latency x2", true, slower(2.0, 100.0)),
    ]
}
