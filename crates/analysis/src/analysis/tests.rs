use super::*;
use crate::{ArmSample, HealthSample, Rule, Signal, Test, Verdict};
use proptest::prelude::*;

fn arm(requests: u64, errors: u64, latency_ms: u64) -> ArmSample {
    let mut arm = ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    (0..requests).for_each(|_| arm.latency.record(latency_ms * 1000));
    arm
}

fn second(at: u64, canary: ArmSample, baseline: ArmSample) -> Sample {
    Sample {
        from_ms: at * 1000,
        to_ms: (at + 1) * 1000,
        canary: Some(canary),
        baseline: Some(baseline),
        ..Sample::default()
    }
}

fn gate(rule: Rule) -> Analysis {
    Analysis {
        samples_min: 3,
        ..Analysis::new(vec![rule], 5000, 1000)
    }
}

fn limit(signal: Signal, max: f64) -> Analysis {
    gate(Rule {
        signal,
        test: Test::Limit { max },
        requests_min: 100,
        enough: crate::Enough::Requests,
        breaker: false,
        alone: false,
    })
}

#[test]
fn no_samples_and_no_requests_never_pass_or_fail() {
    let analysis = limit(Signal::ErrorRate, 0.01);
    assert_eq!(analysis.judge(&[]).verdict, Verdict::Undecided);
    let silent: Vec<_> = (0..5)
        .map(|t| second(t, arm(0, 0, 0), arm(500, 0, 5)))
        .collect();
    let judgement = analysis.judge(&silent);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(
        judgement.phrase(),
        "error rate: 0 requests of the new release so far"
    );
    let unread = vec![
        Sample {
            from_ms: 0,
            to_ms: 5000,
            ..Sample::default()
        };
        3
    ];
    assert_eq!(analysis.judge(&unread).verdict, Verdict::Inconclusive);
}

#[test]
fn time_in_which_the_candidate_could_get_nothing_never_completes_a_window() {
    let analysis = limit(Signal::ErrorRate, 0.01);
    let kept_away = |at: u64| Sample {
        from_ms: at * 1000,
        to_ms: at * 1000,
        unmeasured: Some("the split is bypassed".to_owned()),
        ..Sample::default()
    };
    // All that the rule needs was seen, and the window is not over.
    let mut samples: Vec<Sample> = (0..4)
        .map(|at| second(at, arm(500, 0, 5), arm(500, 0, 5)))
        .collect();
    samples.extend((4..1000).map(kept_away));
    let judgement = analysis.judge(&samples);
    assert_eq!(judgement.verdict, Verdict::Undecided);
    assert_eq!(judgement.measured_ms, 4000);
    samples.push(second(1000, arm(500, 0, 5), arm(500, 0, 5)));
    assert_eq!(analysis.judge(&samples).verdict, Verdict::Pass);
    // Nor do they make up the number of samples: here the window is over and one of three is missing.
    let long = |at: u64| Sample {
        from_ms: at * 1000,
        to_ms: (at + 5) * 1000,
        ..second(at, arm(500, 0, 5), arm(500, 0, 5))
    };
    let mut few = vec![long(0), long(5), kept_away(10), kept_away(11)];
    assert_eq!(analysis.judge(&few).verdict, Verdict::Undecided);
    few.push(long(11));
    assert_eq!(analysis.judge(&few).verdict, Verdict::Pass);
}

#[test]
fn a_rate_over_its_limit_fails_before_the_window_ends_but_not_before_the_minimum() {
    let analysis = limit(Signal::ErrorRate, 0.01);
    let few = [second(0, arm(99, 50, 5), arm(900, 0, 5))];
    assert_eq!(analysis.judge(&few).verdict, Verdict::Undecided);
    let enough = [second(0, arm(100, 3, 5), arm(900, 0, 5))];
    let judgement = analysis.judge(&enough);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(
        judgement.phrase(),
        "error rate 3.0 %, stable 0.0 %, limit 1.0 %, 100 requests"
    );
}

#[test]
fn a_good_gate_passes_only_when_the_whole_window_was_measured() {
    let analysis = limit(Signal::Latency { quantile: 0.95 }, 50.0);
    let samples: Vec<_> = (0..5)
        .map(|t| second(t, arm(40, 0, 10), arm(40, 0, 10)))
        .collect();
    assert_eq!(analysis.judge(&samples[..4]).verdict, Verdict::Undecided);
    assert_eq!(analysis.judge(&samples).verdict, Verdict::Pass);
}

#[test]
fn a_gap_in_measuring_does_not_count_as_measured() {
    let analysis = limit(Signal::ErrorRate, 0.01);
    let samples = [
        second(0, arm(100, 0, 5), arm(1, 0, 5)),
        second(3600, arm(100, 0, 5), arm(1, 0, 5)),
    ];
    let judgement = analysis.judge(&samples);
    assert_eq!(
        (judgement.verdict, judgement.measured_ms),
        (Verdict::Undecided, 2000)
    );
}

#[test]
fn an_incident_that_hits_both_arms_alike_does_not_fail_the_comparison() {
    let test = Test::Baseline {
        ratio_max: 1.0,
        margin: 0.005,
    };
    let analysis = gate(Rule {
        signal: Signal::ErrorRate,
        test,
        requests_min: 100,
        enough: crate::Enough::Requests,
        breaker: false,
        alone: false,
    });
    let both: Vec<_> = (0..5)
        .map(|t| second(t, arm(100, 10, 5), arm(900, 90, 5)))
        .collect();
    assert_eq!(analysis.judge(&both).verdict, Verdict::Pass);
    let canary_only: Vec<_> = (0..5)
        .map(|t| second(t, arm(100, 10, 5), arm(900, 5, 5)))
        .collect();
    assert_eq!(analysis.judge(&canary_only).verdict, Verdict::Fail);
    // Two errors in a hundred against none in nine hundred may be chance.
    let chance = [second(0, arm(100, 1, 5), arm(900, 1, 5))];
    assert_eq!(analysis.judge(&chance).verdict, Verdict::Undecided);
    let no_baseline: Vec<_> = (0..5)
        .map(|t| second(t, arm(100, 0, 5), arm(0, 0, 5)))
        .collect();
    assert_eq!(analysis.judge(&no_baseline).verdict, Verdict::Inconclusive);
}

#[test]
fn a_slower_candidate_fails_the_latency_comparison() {
    let test = Test::Baseline {
        ratio_max: 1.5,
        margin: 20.0,
    };
    let analysis = gate(Rule {
        signal: Signal::Latency { quantile: 0.95 },
        test,
        requests_min: 50,
        enough: crate::Enough::Requests,
        breaker: false,
        alone: false,
    });
    let slow = [second(0, arm(100, 0, 270), arm(900, 0, 20))];
    let judgement = analysis.judge(&slow);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(
        judgement.phrase().starts_with("p95 latency 2"),
        "{}",
        judgement.phrase()
    );
}

#[test]
fn checks_that_fail_in_a_row_fail_the_gate_at_once() {
    let analysis = gate(Rule {
        signal: Signal::HealthFailures,
        test: Test::Limit { max: 2.0 },
        requests_min: 3,
        enough: crate::Enough::Requests,
        breaker: false,
        alone: false,
    });
    let failing = |in_a_row| Sample {
        from_ms: 0,
        to_ms: 1000,
        health: Some(HealthSample {
            passed: 1,
            failed: in_a_row,
            consecutive_failures: in_a_row,
            last_failure: Some("GET /health answered 503, expected 200".into()),
        }),
        ..Sample::default()
    };
    assert_eq!(analysis.judge(&[failing(2)]).verdict, Verdict::Undecided);
    let judgement = analysis.judge(&[failing(3)]);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(
        judgement.evidence[0]
            .detail
            .as_deref()
            .unwrap()
            .contains("503")
    );
}

#[test]
fn a_metric_is_judged_by_its_latest_reading() {
    let analysis = gate(Rule {
        signal: Signal::Metric {
            name: "queue".into(),
        },
        test: Test::Limit { max: 1000.0 },
        requests_min: 1,
        enough: crate::Enough::Requests,
        breaker: false,
        alone: false,
    });
    let reading = |value| Sample {
        to_ms: 5000,
        metrics: [("queue".to_owned(), value)].into(),
        ..Sample::default()
    };
    let samples = [reading(1018.0), reading(990.0), reading(990.0)];
    assert_eq!(analysis.judge(&samples).verdict, Verdict::Pass);
    assert_eq!(analysis.judge(&samples[..1]).verdict, Verdict::Fail);
    assert_eq!(
        analysis.judge(&vec![reading(f64::NAN); 3]).verdict,
        Verdict::Inconclusive
    );
}

#[test]
fn numbers_out_of_range_are_named() {
    let mut analysis = limit(Signal::Latency { quantile: 95.0 }, 1.0);
    analysis.interval_ms = 0;
    assert_eq!(analysis.problems().len(), 2);
    analysis.rules.clear();
    assert_eq!(
        analysis.problems(),
        [AnalysisProblem::NoRules, AnalysisProblem::Interval]
    );
}

proptest! {
    /// Invariant "no data is inconclusive": whatever the other arm does, a candidate without requests
    /// neither passes nor fails a rule on its traffic.
    #[test]
    fn silence_is_never_a_verdict(
        baseline in proptest::collection::vec((0u64..500, 0u64..50), 0..20),
        max in 0.0f64..1.0,
    ) {
        let analysis = limit(Signal::ErrorRate, max);
        let samples: Vec<_> = baseline
            .iter()
            .enumerate()
            .map(|(t, (n, e))| second(t as u64, arm(0, 0, 0), arm(*n, (*e).min(*n), 3)))
            .collect();
        let verdict = analysis.judge(&samples).verdict;
        prop_assert!(matches!(verdict, Verdict::Undecided | Verdict::Inconclusive));
    }
}
