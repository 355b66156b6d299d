//! Figures of both releases, compared as they stand.

use super::*;

fn beside(ratio: f64, margin: f64, requests_min: u64) -> Rule {
    Rule {
        requests_min,
        ..Rule::new(
            Signal::Metric {
                name: "queue".to_owned(),
            },
            Test::Beside {
                reading: Reading::Mean,
                over_ms: 10_000,
                tolerated: Bound { ratio, margin },
            },
        )
    }
}

/// Readings of both releases; what is `None` could not be had.
fn reading(second: u64, canary: Option<f64>, stable: Option<f64>) -> Sample {
    let name = || "queue".to_owned();
    let mut sample = at(second, ArmSample::default(), ArmSample::default());
    let why = || "no answer within 200 ms".to_owned();
    match canary {
        Some(value) => sample.metrics.insert(name(), value).map(|_| ()),
        None => sample.missing.insert(name(), why()).map(|_| ()),
    };
    match stable {
        Some(value) => sample.stable_metrics.insert(name(), value).map(|_| ()),
        None => sample
            .missing
            .insert(Sample::stable_figure("queue"), why())
            .map(|_| ()),
    };
    sample
}

fn judged(rule: Rule, samples: impl Iterator<Item = Sample>) -> Judgement {
    let analysis = Analysis::new(vec![rule], 10_000, 1000);
    assert_eq!(analysis.problems(), []);
    analysis.judge(&samples.collect::<Vec<_>>())
}

#[test]
fn the_mean_of_the_canarys_readings_is_held_against_that_of_the_stable_one() {
    let noisy = |nth: u64| if nth.is_multiple_of(2) { 8.0 } else { 2.0 };
    let both = |nth| reading(nth, Some(noisy(nth)), Some(noisy(nth + 1)));
    let judgement = judged(beside(1.2, 0.5, 4), (0..10).map(both));
    assert_eq!(judgement.verdict, Verdict::Pass, "{}", judgement.phrase());
    let worse = |nth| reading(nth, Some(noisy(nth) * 2.0), Some(noisy(nth)));
    let judgement = judged(beside(1.2, 0.5, 4), (0..10).map(worse));
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(
        judgement.phrase(),
        "queue (mean over 10 s) 10, stable 5, limit 6.5, 10 readings; compared as it stands, so chance is not ruled \
         out"
    );
    // What meets both alike cancels.
    let both = |nth| reading(nth, Some(900.0), Some(900.0));
    let judgement = judged(beside(1.2, 0.5, 4), (0..10).map(both));
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert!(!judgement.evidence[0].approaching);
}

#[test]
fn nothing_is_said_before_both_have_enough_readings() {
    let early = |nth| reading(nth, Some(9.0), Some(1.0));
    let judgement = judged(beside(1.0, 0.0, 4), (0..3).map(early));
    assert_eq!(judgement.verdict, Verdict::Undecided);
    let judgement = judged(beside(1.0, 0.0, 4), (0..4).map(early));
    assert_eq!(judgement.verdict, Verdict::Fail);
}

#[test]
fn a_figure_that_the_stable_release_does_not_have_is_no_data() {
    let alone = |nth| reading(nth, Some(1.0), None);
    let judgement = judged(beside(1.2, 0.0, 1), (0..10).map(alone));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let stopped = |nth| reading(nth, Some(1.0), (nth < 4).then_some(1.0));
    let judgement = judged(beside(1.2, 0.0, 1), (0..10).map(stopped));
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "it has stopped");
    let phrase = judgement.phrase();
    assert!(phrase.contains("no data now: no answer"), "{phrase}");
}

#[test]
fn it_is_no_rule_for_traffic_and_needs_a_stable_release() {
    let rule = Rule {
        signal: Signal::ErrorRate,
        ..beside(1.2, 0.0, 1)
    };
    let analysis = Analysis::new(vec![rule], 10_000, 1000);
    assert_eq!(analysis.problems().len(), 1);
    let analysis = Analysis::new(vec![beside(1.2, 0.0, 1)], 10_000, 1000);
    assert_eq!(analysis.without_baseline().rules, []);
    let analysis = Analysis::new(vec![beside(0.9, 0.0, 1)], 10_000, 1000);
    assert_eq!(analysis.problems().len(), 1);
}

#[test]
fn the_next_gate_begins_without_readings() {
    let analysis = Analysis::new(vec![beside(1.0, 0.0, 1)], 10_000, 1000);
    let mut tally = Tally::new(&analysis);
    tally.observe(&analysis, &reading(0, Some(9.0), Some(1.0)));
    assert_eq!(tally.verdict(&analysis), Verdict::Fail);
    let mut next = tally.following(&analysis, &analysis);
    next.observe(&analysis, &reading(1, Some(1.0), Some(1.0)));
    assert_eq!(next.judge(&analysis).evidence[0].requests, 1);
    assert_eq!(next.verdict(&analysis), Verdict::Undecided);
}
