use super::*;
use crate::rule::{Bound, Reading, Test};
use crate::{ArmSample, Budget, HealthSample, Signal};

mod beside;
mod synthetic;

fn arm(requests: u64, errors: u64, latency_ms: u64) -> ArmSample {
    let mut arm = ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    (0..requests).for_each(|nth| arm.latency.record(latency_ms * (800 + nth % 400)));
    arm
}

fn at(second: u64, canary: ArmSample, baseline: ArmSample) -> Sample {
    Sample {
        from_ms: second * 1000,
        to_ms: (second + 1) * 1000,
        canary: Some(canary),
        baseline: Some(baseline),
        ..Sample::default()
    }
}

fn evident(signal: Signal, test: Test) -> Rule {
    Rule {
        enough: Enough::Evidence,
        ..Rule::new(signal, test)
    }
}

fn not_worse() -> Rule {
    evident(
        Signal::ErrorRate,
        Test::NotWorse {
            tolerated: Bound {
                ratio: 1.0,
                margin: 0.005,
            },
            matters: Bound {
                ratio: 1.5,
                margin: 0.015,
            },
        },
    )
}

fn figure(value: f64, second: u64) -> Sample {
    Sample {
        metrics: [("queue".to_owned(), value)].into(),
        ..at(second, ArmSample::default(), ArmSample::default())
    }
}

#[test]
fn no_traffic_at_all_is_never_a_pass() {
    let analysis = Analysis::new(vec![not_worse()], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..100 {
        tally.observe(&analysis, &at(second, arm(0, 0, 0), arm(900, 2, 10)));
    }
    let judgement = tally.judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    // ln 20 of evidence, of which each request brings a little less than what matters.
    assert_eq!(
        judgement.phrase(),
        "error rate: 0 requests of the new release so far; needs about 213 more requests"
    );
}

#[test]
fn too_little_traffic_says_how_much_more_is_needed() {
    let analysis = Analysis::new(vec![not_worse()], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..10 {
        tally.observe(&analysis, &at(second, arm(3, 0, 10), arm(27, 0, 10)));
    }
    let judgement = tally.judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let proof = judgement.evidence[0].proof.unwrap();
    let needed = proof.requests_needed.unwrap();
    assert!((100..800).contains(&needed), "{needed}");
    assert!(
        judgement.phrase().contains("; needs about "),
        "{}",
        judgement.phrase()
    );
    // And that many are enough.
    for second in 10..10 + needed * 5 / 4 / 3 {
        tally.observe(&analysis, &at(second, arm(3, 0, 10), arm(27, 0, 10)));
    }
    assert_eq!(tally.judge(&analysis).verdict, Verdict::Pass);
}

#[test]
fn a_gate_is_extended_for_as_long_as_it_may_and_passes_early_where_it_may() {
    let mut analysis = Analysis::new(vec![not_worse()], 10_000, 1000);
    analysis.extend_ms = 5000;
    let mut tally = Tally::new(&analysis);
    for second in 0..14 {
        tally.observe(&analysis, &at(second, arm(3, 0, 10), arm(27, 0, 10)));
        assert_eq!(
            tally.judge(&analysis).verdict,
            Verdict::Undecided,
            "{second}"
        );
    }
    tally.observe(&analysis, &at(14, arm(3, 0, 10), arm(27, 0, 10)));
    assert_eq!(tally.judge(&analysis).verdict, Verdict::Inconclusive);
    let mut early = Tally::new(&analysis);
    for second in 0..3 {
        early.observe(&analysis, &at(second, arm(300, 0, 10), arm(2700, 0, 10)));
    }
    assert_eq!(early.judge(&analysis).verdict, Verdict::Undecided);
    analysis.early = true;
    assert_eq!(early.judge(&analysis).verdict, Verdict::Pass);
}

#[test]
fn plain_limits_that_are_held_do_not_keep_a_gate_from_passing_early() {
    let health = Rule::new(Signal::HealthFailures, Test::Limit { max: 2.0 });
    let trailing = |over_ms| {
        Rule::new(
            Signal::ErrorRate,
            Test::Window {
                reading: Reading::Mean,
                over_ms,
                max: 0.5,
            },
        )
    };
    let seen = |seconds: u64| HealthSample {
        passed: seconds as u32,
        failed: 0,
        consecutive_failures: 0,
        last_failure: None,
    };
    let verdict = |rules: Vec<Rule>, seconds: u64, checked: bool| {
        let mut analysis = Analysis::new(rules, 600_000, 1000);
        analysis.early = true;
        let mut tally = Tally::new(&analysis);
        for second in 0..seconds {
            let mut sample = at(second, arm(300, 0, 10), arm(2700, 0, 10));
            sample.health = checked.then(|| seen(1));
            tally.observe(&analysis, &sample);
        }
        tally.verdict(&analysis)
    };
    let with_health = || vec![not_worse(), health.clone()];
    assert_eq!(verdict(with_health(), 5, true), Verdict::Pass);
    // Nothing was checked, or nothing but plain limits is there.
    assert_eq!(verdict(with_health(), 5, false), Verdict::Undecided);
    assert_eq!(verdict(vec![health.clone()], 5, true), Verdict::Undecided);
    let with_stretch = || vec![not_worse(), trailing(20_000)];
    assert_eq!(verdict(with_stretch(), 10, true), Verdict::Undecided);
    assert_eq!(verdict(with_stretch(), 20, true), Verdict::Pass);
    let mut counted = not_worse();
    counted.enough = Enough::Requests;
    assert_eq!(
        verdict(vec![not_worse(), counted], 5, true),
        Verdict::Undecided
    );
}

#[test]
fn evidence_against_the_canary_runs_on_to_the_next_gate_and_evidence_for_it_does_not() {
    let analysis = Analysis::new(vec![not_worse()], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..5 {
        tally.observe(&analysis, &at(second, arm(20, 1, 10), arm(180, 1, 10)));
    }
    let before = tally.judge(&analysis).evidence[0].proof.unwrap();
    assert!(before.log_worse > 1.0 && !before.fails(), "{before:?}");
    let next = tally.following(&analysis, &analysis);
    let after = next.judge(&analysis).evidence[0].proof.unwrap();
    assert_eq!(after.log_worse, before.log_worse);
    assert_eq!(after.log_good, 0.0);
    assert_eq!(next.measured_ms(), 0);
}

#[test]
fn keys_that_fail_again_and_again_count_once() {
    let analysis = Analysis::new(vec![not_worse()], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..60 {
        // One broken session at the canary makes ten errors a second; nobody else has any.
        let mut canary = arm(100, 10, 10);
        canary.first_errors = Some(u64::from(second == 0));
        let mut stable = arm(900, 0, 10);
        stable.first_errors = Some(0);
        let sample = Sample {
            key_share: Some(0.1),
            ..at(second, canary, stable)
        };
        tally.observe(&analysis, &sample);
    }
    let proof = tally.judge(&analysis).evidence[0].proof.unwrap();
    assert!(!proof.fails(), "{proof:?}");
}

/// A service with users who stay with a release, and hardly any traffic.
fn kept(requests: (u64, u64), errors: u64) -> Sample {
    let mut canary = arm(requests.0, errors, 10);
    canary.first_errors = Some(errors);
    let mut stable = arm(requests.1, 0, 10);
    stable.first_errors = Some(0);
    Sample {
        key_share: Some(0.5),
        ..at(0, canary, stable)
    }
}

#[test]
fn measurements_without_requests_are_no_evidence() {
    let analysis = Analysis::new(vec![not_worse()], 1000, 1000);
    let mut tally = Tally::new(&analysis);
    tally.observe(&analysis, &kept((30, 3), 3));
    let before = tally.judge(&analysis).evidence[0].proof.unwrap();
    assert!(before.log_worse > 0.0);
    for _ in 0..100 {
        tally.observe(&analysis, &kept((0, 0), 0));
    }
    let after = tally.judge(&analysis).evidence[0].proof.unwrap();
    assert_eq!(after.log_worse, before.log_worse);
    assert_eq!(after.log_good, before.log_good);
}

#[test]
fn a_bad_release_with_few_users_does_not_pass() {
    // One request in three fails, two a second; the stable release fails none.
    let analysis = Analysis::new(vec![not_worse()], 1000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..600 {
        let errors = u64::from(second % 3 == 0);
        tally.observe(&analysis, &kept((1, 1), errors));
        let proof = tally.judge(&analysis).evidence[0].proof.unwrap();
        assert!(!proof.passes(), "{second}: {proof:?}");
    }
    let proof = tally.judge(&analysis).evidence[0].proof.unwrap();
    assert!(proof.fails(), "{proof:?}");
}

#[test]
fn users_who_fail_over_and_over_are_no_evidence_that_all_is_well() {
    // A fifth of the canary's users have broken sessions. Each was counted once long ago, and they go on failing.
    let analysis = Analysis::new(vec![not_worse()], 1000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..300 {
        let mut sample = kept((50, 50), 10);
        if let Some(canary) = &mut sample.canary {
            canary.first_errors = Some(u64::from(second == 0));
        }
        tally.observe(&analysis, &sample);
        let proof = tally.judge(&analysis).evidence[0].proof.unwrap();
        assert!(!proof.passes(), "{second}: {proof:?}");
    }
}

#[test]
fn the_rules_of_the_first_monitor_hold_as_they_stand() {
    let p95 = Rule::new(
        Signal::Metric {
            name: "queue".to_owned(),
        },
        Test::Window {
            reading: Reading::Quantile(0.95),
            over_ms: 10_000,
            max: 2000.0,
        },
    );
    let analysis = Analysis::new(vec![p95], 20_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..20 {
        tally.observe(
            &analysis,
            &figure(if second < 5 { 9000.0 } else { 100.0 }, second),
        );
        let failed = tally.judge(&analysis).verdict == Verdict::Fail;
        // The high values leave the stretch ten seconds after they came.
        assert_eq!(failed, second < 14, "{second}");
    }
}

#[test]
fn a_clock_that_was_set_back_stretches_no_stretch() {
    let p95 = Rule::new(
        Signal::Metric {
            name: "queue".to_owned(),
        },
        Test::Window {
            reading: Reading::Quantile(0.95),
            over_ms: 3_000,
            max: 2000.0,
        },
    );
    let analysis = Analysis::new(vec![p95], 60_000, 1000);
    let mut tally = Tally::new(&analysis);
    // An hour later by the wall clock than what comes after the restart.
    for second in 3_600..3_660 {
        tally.observe(&analysis, &figure(100.0, second));
    }
    for second in 0..3 {
        tally.observe(&analysis, &figure(9000.0, second));
    }
    assert_eq!(tally.judge(&analysis).verdict, Verdict::Fail);
    let seen = tally.judge(&analysis).evidence[0].requests;
    assert_eq!(seen, 3, "what was before is out of the stretch");
    assert_eq!(tally.measured_ms(), 63_000);
}

#[test]
fn a_figure_that_stops_is_no_data() {
    let rule = Rule::new(
        Signal::Metric {
            name: "queue".to_owned(),
        },
        Test::Limit { max: 10.0 },
    );
    let analysis = Analysis::new(vec![rule], 3_000, 1000);
    let mut tally = Tally::new(&analysis);
    tally.observe(&analysis, &figure(1.0, 0));
    for second in 1..4 {
        let mut sample = at(second, ArmSample::default(), ArmSample::default());
        let why = "Prometheus did not answer within 2 s".to_owned();
        sample.missing.insert("queue".to_owned(), why);
        tally.observe(&analysis, &sample);
    }
    let judgement = tally.judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement
            .phrase()
            .ends_with("no data now: Prometheus did not answer within 2 s"),
        "{}",
        judgement.phrase()
    );
}

#[test]
fn a_circuit_breaker_trips_by_itself_and_says_so() {
    let breaker = Rule {
        breaker: true,
        requests_min: 50,
        ..Rule::new(Signal::ErrorRate, Test::Limit { max: 0.1 })
    };
    let analysis = Analysis::new(vec![breaker, not_worse()], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    // An incident that meets both arms alike: the comparison says nothing, the breaker trips.
    tally.observe(&analysis, &at(0, arm(100, 50, 10), arm(900, 450, 10)));
    let judgement = tally.judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(
        judgement
            .phrase()
            .starts_with("circuit breaker: error rate 50.0 %")
    );
    assert_ne!(judgement.evidence[1].verdict, Verdict::Fail);
}

#[test]
fn a_gate_of_an_hour_stays_small_and_is_read_as_it_was_written() {
    let rules = vec![
        not_worse(),
        evident(
            Signal::Latencies,
            Test::NotWorse {
                tolerated: Bound {
                    ratio: 1.2,
                    margin: 20.0,
                },
                matters: Bound {
                    ratio: 1.8,
                    margin: 40.0,
                },
            },
        ),
        Rule::new(Signal::HealthFailures, Test::Limit { max: 2.0 }),
    ];
    let analysis = Analysis {
        budget: Budget {
            parts: 2,
            ..Budget::default()
        },
        ..Analysis::new(rules, 3_600_000, 5000)
    };
    let mut tally = Tally::new(&analysis);
    for second in 0..720 {
        let mut sample = at(
            second * 5,
            arm(10, 0, 10 + second % 40),
            arm(90, 0, 10 + second % 40),
        );
        sample.health = Some(HealthSample {
            passed: 1,
            ..HealthSample::default()
        });
        tally.observe(&analysis, &sample);
    }
    assert_ne!(tally.judge(&analysis).verdict, Verdict::Fail);
    let text = serde_json::to_string(&tally).unwrap();
    assert!(text.len() < 16 * 1024, "{}", text.len());
    let read: Tally = serde_json::from_str(&text).unwrap();
    assert_eq!(read.judge(&analysis), tally.judge(&analysis));
}

#[test]
fn a_failure_says_how_large_the_difference_is() {
    let analysis = Analysis::new(vec![not_worse(), slower_than_stable()], 60_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..20 {
        tally.observe(&analysis, &at(second, arm(400, 32, 60), arm(3600, 36, 40)));
        assert_eq!(tally.verdict(&analysis), tally.judge(&analysis).verdict);
    }
    let judgement = tally.judge(&analysis);
    let [errors, latency] = &judgement.evidence[..] else {
        panic!("{judgement:?}");
    };
    let words = errors.effect_words().unwrap();
    assert!(words.starts_with("8.0 times as many errors ("), "{words}");
    assert!(errors.phrase().contains(&words), "{}", errors.phrase());
    let words = latency.effect_words().unwrap();
    assert!(words.starts_with("1.5 times as long ("), "{words}");
    let effect = latency.effect.as_ref().unwrap();
    let quantiles: Vec<_> = effect.differences.iter().map(|d| d.quantile).collect();
    assert_eq!(quantiles, [Some(0.5), Some(0.9), Some(0.95), Some(0.99)]);
    let text = serde_json::to_string(&judgement).unwrap();
    let read: Judgement = serde_json::from_str(&text).unwrap();
    assert_eq!(read, judgement);
}

fn slower_than_stable() -> Rule {
    evident(
        Signal::Latencies,
        Test::NotWorse {
            tolerated: Bound {
                ratio: 1.2,
                margin: 0.0,
            },
            matters: Bound {
                ratio: 1.8,
                margin: 0.0,
            },
        },
    )
}

fn queue_rule() -> Rule {
    Rule::new(
        Signal::Metric {
            name: "queue".to_owned(),
        },
        Test::Limit { max: 10.0 },
    )
}

/// Readings of a figure, `false` for one that was missing.
fn readings(analysis: &Analysis, there: &[bool]) -> Tally {
    let mut tally = Tally::new(analysis);
    for (second, there) in (0..).zip(there) {
        let mut sample = figure(3.0, second);
        if !there {
            sample.metrics.clear();
            let why = "could not connect".to_owned();
            sample.missing.insert("queue".to_owned(), why);
        }
        tally.observe(analysis, &sample);
    }
    tally
}

#[test]
fn a_signal_that_is_missing_at_the_end_is_waited_for_and_then_the_gate_cannot_decide() {
    let analysis = Analysis::new(vec![queue_rule()], 10_000, 1000);
    let mut there = vec![true; 9];
    for expected in [
        Verdict::Undecided,
        Verdict::Undecided,
        Verdict::Inconclusive,
    ] {
        there.push(false);
        let judgement = readings(&analysis, &there).judge(&analysis);
        assert_eq!(judgement.verdict, expected, "{there:?}");
        assert_eq!(
            judgement.phrase(),
            "queue 3, limit 10, 9 readings; no data now: could not connect"
        );
    }
    // It comes back: nothing was missing for long.
    let mut back = vec![true; 9];
    back.extend([false, false, true]);
    let judgement = readings(&analysis, &back).judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Pass);
}

#[test]
fn a_signal_that_was_missing_for_half_of_the_window_says_too_little_of_it() {
    let analysis = Analysis::new(vec![queue_rule()], 10_000, 1000);
    let mut there = [vec![false; 5], vec![true; 5]].concat();
    let judgement = readings(&analysis, &there).judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let words = judgement.phrase();
    assert!(
        words.ends_with("could not connect (in 5 of 10 measurements)"),
        "{words}"
    );
    // A gate that goes on sees enough in the end.
    there.extend([true; 10]);
    let judgement = readings(&analysis, &there).judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Pass);
}

#[test]
fn evidence_does_not_let_a_gate_pass_whose_counts_are_missing_now() {
    let analysis = Analysis::new(vec![not_worse()], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..7 {
        tally.observe(&analysis, &at(second, arm(400, 0, 10), arm(400, 0, 10)));
    }
    for second in 7..10 {
        let mut sample = at(second, arm(0, 0, 0), arm(400, 0, 10));
        sample.canary = None;
        let why = "the gateway's counters could not be read".to_owned();
        sample.missing.insert(Sample::CANARY_COUNTS.to_owned(), why);
        tally.observe(&analysis, &sample);
    }
    let judgement = tally.judge(&analysis);
    assert!(judgement.evidence[0].proof.unwrap().passes());
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement.phrase().contains("counters could not be read"),
        "{}",
        judgement.phrase()
    );
    // A failure stays one.
    let mut worse = Tally::new(&analysis);
    worse.observe(&analysis, &at(0, arm(400, 200, 10), arm(400, 0, 10)));
    let mut sample = at(1, arm(0, 0, 0), arm(400, 0, 10));
    sample.missing.insert(
        Sample::STABLE_COUNTS.to_owned(),
        "it was started anew".to_owned(),
    );
    sample.baseline = None;
    worse.observe(&analysis, &sample);
    assert_eq!(worse.judge(&analysis).verdict, Verdict::Fail);
}

#[test]
fn what_is_needed_is_told_while_the_window_is_open_with_the_time_that_it_takes() {
    let analysis = Analysis::new(vec![not_worse()], 600_000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..10 {
        tally.observe(&analysis, &at(second, arm(3, 0, 10), arm(27, 0, 10)));
    }
    let judgement = tally.judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Undecided);
    let words = judgement.phrase();
    assert!(
        words.contains("; needs about ") && words.ends_with(" at this rate"),
        "{words}"
    );
}
