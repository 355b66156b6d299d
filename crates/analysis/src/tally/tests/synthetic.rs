//! Synthetic requests are a stratum of their own.

use super::*;
use crate::SyntheticSample;

/// Users at 10 % (requests and errors of each arm) and as many synthetic requests in each arm.
fn second(nth: u64, users: [(u64, u64); 2], each: u64, failed: [u64; 2]) -> Sample {
    let [canary, stable] = users;
    Sample {
        synthetic: (each > 0).then(|| SyntheticSample {
            canary: arm(each, failed[0], 10),
            baseline: Some(arm(each, failed[1], 10)),
            last_failure: (failed[0] > 0).then(|| "GET /a answered 500, expected 200".to_owned()),
        }),
        ..at(
            nth,
            arm(canary.0, canary.1, 10),
            arm(stable.0, stable.1, 10),
        )
    }
}

fn judged(rules: Vec<Rule>, samples: impl Iterator<Item = Sample>) -> Judgement {
    let analysis = Analysis::new(rules, 60_000, 1000);
    let mut tally = Tally::new(&analysis);
    for sample in samples {
        tally.observe(&analysis, &sample);
        let judgement = tally.judge(&analysis);
        if judgement.verdict != Verdict::Undecided {
            return judgement;
        }
    }
    tally.judge(&analysis)
}

fn at_most() -> Rule {
    let test = Test::AtMost {
        max: 0.05,
        matters: 0.1,
    };
    evident(Signal::ErrorRate, test)
}

const NOBODY: [(u64, u64); 2] = [(0, 0), (0, 0)];

#[test]
fn without_users_a_good_release_passes_and_a_bad_one_fails() {
    let rules = || vec![not_worse(), at_most()];
    let good = judged(rules(), (0..600).map(|nth| second(nth, NOBODY, 5, [0, 0])));
    assert_eq!(good.verdict, Verdict::Pass, "{}", good.phrase());
    let phrase = good.evidence[0].phrase();
    assert!(phrase.contains("(all of them synthetic)"), "{phrase}");
    let bad = judged(rules(), (0..600).map(|nth| second(nth, NOBODY, 5, [2, 0])));
    assert_eq!(bad.verdict, Verdict::Fail);
    assert!(bad.measured_ms <= 30_000, "{}", bad.measured_ms);
    let phrase = bad.phrase();
    assert!(phrase.contains("GET /a answered 500"), "{phrase}");
}

#[test]
fn what_both_arms_answer_wrongly_is_no_evidence_whatever_the_share_of_users() {
    // Half of the synthetic requests fail in both arms, none of the users'. Added up, the canary would have 25 errors in
    // 60 requests and the stable arm 25 in 140.
    let sample = |nth| second(nth, [(10, 0), (90, 0)], 50, [25, 25]);
    let judgement = judged(vec![not_worse()], (0..60).map(sample));
    assert_ne!(judgement.verdict, Verdict::Fail, "{}", judgement.phrase());
    let proof = judgement.evidence[0].proof.unwrap();
    assert!(proof.log_worse < 1.0, "{proof:?}");
    let naive = |nth| second(nth, [(60, 25), (140, 25)], 0, [0, 0]);
    let naive = judged(vec![not_worse()], (0..60).map(naive));
    assert_eq!(naive.verdict, Verdict::Fail, "this is what it must not do");
}

#[test]
fn users_and_synthetic_requests_make_one_evidence() {
    // Each alone is too little.
    let users = [(40, 8), (360, 4)];
    let alone = |sample: Sample| judged(vec![not_worse()], std::iter::once(sample));
    let log = |judgement: &Judgement| judgement.evidence[0].proof.unwrap().log_worse;
    let of_users = log(&alone(second(0, users, 0, [0, 0])));
    let of_synthetic = log(&alone(second(0, NOBODY, 40, [8, 0])));
    let both = log(&alone(second(0, users, 40, [8, 0])));
    assert!(of_users > 1.0 && of_synthetic > 1.0);
    assert!(
        both > of_users.max(of_synthetic) + 1.0 && both <= of_users + of_synthetic + 3.0,
        "{of_users} {of_synthetic} {both}"
    );
}

#[test]
fn signals_that_synthetic_requests_say_nothing_of_do_not_count_them() {
    let refusals = evident(
        Signal::Refusals,
        Test::AtMost {
            max: 0.05,
            matters: 0.1,
        },
    );
    let judgement = judged(
        vec![refusals],
        (0..60).map(|nth| second(nth, NOBODY, 50, [0, 0])),
    );
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.evidence[0].requests, 0);
    assert_eq!(judgement.evidence[0].synthetic, None);
}

#[test]
fn a_stretch_of_time_has_synthetic_requests_too() {
    let window = Rule::new(
        Signal::ErrorRate,
        Test::Window {
            reading: Reading::Mean,
            over_ms: 10_000,
            max: 0.1,
        },
    );
    let sample = |nth| second(nth, [(10, 0), (90, 0)], 10, [u64::from(nth > 30) * 4, 0]);
    let judgement = judged(vec![window], (0..60).map(sample));
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert!(judgement.measured_ms > 31_000, "{}", judgement.measured_ms);
}

#[test]
fn a_tally_with_synthetic_requests_is_written_and_read_again() {
    let analysis = Analysis::new(vec![not_worse()], 60_000, 1000);
    let mut tally = Tally::new(&analysis);
    tally.observe(&analysis, &second(0, [(10, 0), (90, 1)], 5, [1, 0]));
    let text = serde_json::to_string(&tally).unwrap();
    let again: Tally = serde_json::from_str(&text).unwrap();
    assert_eq!(again, tally);
    let sample = second(0, [(1, 0), (9, 1)], 5, [1, 0]);
    let text = serde_json::to_string(&sample).unwrap();
    assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
}

#[test]
fn the_stable_value_that_is_shown_is_divided_as_the_canarys_requests_are() {
    // Users: 1 % of errors in both, one in ten at the canary. Synthetic requests: half of them fail in both.
    let sample = |nth| second(nth, [(100, 1), (900, 9)], 100, [50, 50]);
    let judgement = judged(vec![not_worse()], (0..60).map(sample));
    let evidence = &judgement.evidence[0];
    let close = |value: Option<f64>| (value.unwrap() - 0.255).abs() < 1e-9;
    assert!(
        close(evidence.observed) && close(evidence.baseline),
        "{}",
        judgement.phrase()
    );
    // Without users at the canary it is that of synthetic requests alone.
    let alone = |nth| second(nth, [(0, 0), (900, 9)], 100, [50, 50]);
    let judgement = judged(vec![not_worse()], (0..60).map(alone));
    assert_eq!(judgement.evidence[0].baseline, Some(0.5));
}

/// Times of both kinds in one second: users' of the stable release, and synthetic ones of both.
fn timed(nth: u64, canary_ms: u64, stable_ms: u64) -> Sample {
    let mut sample = second(nth, [(0, 0), (50, 0)], 10, [0, 0]);
    let synthetic = sample.synthetic.as_mut().unwrap();
    synthetic.canary = arm(10, 0, canary_ms);
    synthetic.baseline = Some(arm(10, 0, stable_ms));
    sample
}

#[test]
fn synthetic_latencies_are_held_against_synthetic_ones() {
    let latency = || {
        evident(
            Signal::Latencies,
            Test::NotWorse {
                tolerated: Bound {
                    ratio: 1.2,
                    margin: 5.0,
                },
                matters: Bound {
                    ratio: 1.4,
                    margin: 10.0,
                },
            },
        )
    };
    // Users get their answers in 10 ms: with that as the measure, every synthetic one would be slow.
    let alike = |nth| timed(nth, 200 + nth % 7, 200 + (nth + 3) % 7);
    let judgement = judged(vec![latency()], (0..300).map(alike));
    let evidence = &judgement.evidence[0];
    assert_ne!(evidence.verdict, Verdict::Fail, "{}", judgement.phrase());
    assert!(evidence.baseline.unwrap() > 150.0, "{}", judgement.phrase());
    let slower = |nth| timed(nth, 400 + nth % 7, 200 + nth % 7);
    let judgement = judged(vec![latency()], (0..300).map(slower));
    assert_eq!(judgement.verdict, Verdict::Fail, "{}", judgement.phrase());
}

#[test]
fn the_default_rules_pass_by_synthetic_requests_alone() {
    let mut analysis = Analysis::usual().beside_baseline();
    analysis.extend_ms = 3_600_000;
    let mut tally = Tally::new(&analysis);
    let mut passed_after = None;
    for nth in 0..3_600 {
        let mut sample = second(nth, NOBODY, 2, [0, 0]);
        let spread = |arm: &mut ArmSample, by: u64| {
            *arm = ArmSample::default();
            for at in 0..2 {
                arm.requests += 1;
                arm.latency
                    .record(10_000 + 997 * ((nth * 2 + at + by) * 7_919 % 101));
            }
        };
        let synthetic = sample.synthetic.as_mut().unwrap();
        spread(&mut synthetic.canary, 0);
        spread(synthetic.baseline.as_mut().unwrap(), 13);
        sample.health = Some(HealthSample {
            passed: 1,
            ..HealthSample::default()
        });
        tally.observe(&analysis, &sample);
        if tally.verdict(&analysis) == Verdict::Pass {
            passed_after = Some(nth + 1);
            break;
        }
    }
    let after = passed_after.unwrap_or_else(|| panic!("{}", tally.judge(&analysis).phrase()));
    assert!((120..=1_200).contains(&after), "{after} s");
}

#[test]
fn a_release_that_is_no_worse_hardly_ever_fails_by_pairs_that_contend() {
    // Of each pair exactly one is slow, now this one and now that one: the worst case of two requests at once.
    let rule = evident(
        Signal::Latencies,
        Test::NotWorse {
            tolerated: Bound {
                ratio: 1.0,
                margin: 0.0,
            },
            matters: Bound {
                ratio: 1.4,
                margin: 10.0,
            },
        },
    );
    let analysis = Analysis::new(vec![rule], 600_000, 1000);
    let mut seed = 7_u64;
    let mut coin = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 63 == 1
    };
    let mut failed = 0;
    let runs = 300;
    for _ in 0..runs {
        let mut tally = Tally::new(&analysis);
        for nth in 0..100 {
            let (mut canary, mut stable) = (ArmSample::default(), ArmSample::default());
            for _ in 0..10 {
                let first = coin();
                for (arm, slow) in [(&mut canary, first), (&mut stable, !first)] {
                    arm.requests += 1;
                    arm.latency.record(if slow { 40_000 } else { 20_000 });
                }
            }
            let mut sample = second(nth, NOBODY, 1, [0, 0]);
            let synthetic = sample.synthetic.as_mut().unwrap();
            (synthetic.canary, synthetic.baseline) = (canary, Some(stable));
            tally.observe(&analysis, &sample);
        }
        failed += u32::from(tally.verdict(&analysis) == Verdict::Fail);
    }
    // With a chance of at most 1 % each, more than ten of 300 come once in some thousand times.
    assert!(failed <= 10, "{failed} of {runs}");
}
