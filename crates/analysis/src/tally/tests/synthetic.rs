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
