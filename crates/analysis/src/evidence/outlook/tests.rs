use crate::rule::{Bound, Enough, Test};
use crate::{Analysis, ArmSample, Judgement, Rule, Sample, Signal, Tally, Verdict};

fn arm(requests: u64, errors: u64, latency_ms: u64) -> ArmSample {
    let mut arm = ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    (0..requests).for_each(|nth| arm.latency.record(latency_ms * (800 + nth % 400)));
    arm
}

fn sample(second: u64, canary: ArmSample, stable: ArmSample) -> Sample {
    Sample {
        from_ms: second * 1000,
        to_ms: (second + 1) * 1000,
        canary: Some(canary),
        baseline: Some(stable),
        ..Sample::default()
    }
}

fn evident(signal: Signal, test: Test) -> Rule {
    Rule {
        enough: Enough::Evidence,
        ..Rule::new(signal, test)
    }
}

fn not_worse() -> Test {
    Test::NotWorse {
        tolerated: Bound {
            ratio: 1.0,
            margin: 0.002,
        },
        matters: Bound {
            ratio: 1.5,
            margin: 0.012,
        },
    }
}

fn slower() -> Test {
    Test::NotWorse {
        tolerated: Bound {
            ratio: 1.2,
            margin: 5.0,
        },
        matters: Bound {
            ratio: 1.4,
            margin: 10.0,
        },
    }
}

fn judged(rule: Rule, window_s: u64, of: impl Fn(u64) -> (ArmSample, ArmSample)) -> Judgement {
    let analysis = Analysis::new(vec![rule], window_s * 1000, 1000);
    let mut tally = Tally::new(&analysis);
    for second in 0..window_s {
        let (canary, stable) = of(second);
        tally.observe(&analysis, &sample(second, canary, stable));
        if tally.verdict(&analysis) == Verdict::Fail {
            break;
        }
    }
    tally.judge(&analysis)
}

/// The number that stands before these words.
fn number_before(text: &str, words: &str) -> u64 {
    let (before, _) = text.split_once(words).unwrap_or_else(|| panic!("{text}"));
    let number = before.rsplit(' ').next().unwrap().replace(',', "");
    number.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn few_requests_are_told_as_few_and_not_as_hopeless() {
    // One error among five: as it goes on that shows nothing good, and five say nothing of how it goes on.
    let limit = Test::AtMost {
        max: 0.01,
        matters: 0.02,
    };
    for test in [not_worse(), limit] {
        let rule = evident(Signal::ErrorRate, test.clone());
        let few = judged(rule.clone(), 1, |_| (arm(5, 1, 10), arm(45, 1, 10)));
        assert_eq!(few.verdict, Verdict::Inconclusive);
        let words = few.phrase();
        assert!(
            words.contains("; too few to tell, needs at least about "),
            "{words}"
        );
        assert!(words.ends_with(" at this rate"), "{words}");
        let needed = number_before(&words, " more requests");
        assert_eq!(few.evidence[0].requests_missing(), needed);
        // With fewer none is ever shown to be good, and with as many nearly so.
        let shown = |requests: u64| {
            let all = judged(rule.clone(), 1, |_| {
                (arm(requests, 0, 10), arm(requests, 0, 10))
            });
            all.verdict == Verdict::Pass
        };
        assert!(!shown((needed + 5) * 9 / 10), "{test:?}: {needed}");
        assert!(shown((needed + 5) * 2), "{test:?}: {needed}");
    }
}

#[test]
fn times_of_which_nothing_is_known_are_told_as_few_too() {
    let rule = evident(Signal::Latencies, slower());
    let none = judged(rule.clone(), 5, |_| (arm(0, 0, 10), arm(20, 0, 10)));
    let words = none.phrase();
    assert!(
        words.starts_with(
            "latency: 0 requests of the new release so far; too few to tell, needs at least about "
        ),
        "{words}"
    );
    let few = judged(rule, 2, |_| (arm(1, 0, 14), arm(20, 0, 10)));
    assert!(
        few.phrase().contains("; too few to tell"),
        "{}",
        few.phrase()
    );
}

#[test]
fn what_lies_between_good_and_bad_says_so_and_what_is_bad_says_when_that_is_proven() {
    let limit = Test::AtMost {
        max: 0.01,
        matters: 0.02,
    };
    // As much as matters, and no more than that.
    let lenient = Test::AtMost {
        max: 0.02,
        matters: 0.021,
    };
    let between = judged(evident(Signal::ErrorRate, lenient), 10, |_| {
        (arm(100, 2, 10), arm(0, 0, 10))
    });
    let words = between.phrase();
    assert!(words.contains("more of the same would not tell"), "{words}");
    // Worse than what matters, but too little for a proof at one in a million.
    let mut analysis = Analysis::new(vec![evident(Signal::ErrorRate, limit)], 4_000, 1000);
    analysis.budget.alpha = 1e-6;
    let mut tally = Tally::new(&analysis);
    let mut second = 0;
    let mut observe = |tally: &mut Tally| {
        tally.observe(&analysis, &sample(second, arm(100, 3, 10), arm(0, 0, 10)));
        second += 1;
    };
    (0..4).for_each(|_| observe(&mut tally));
    let judgement = tally.judge(&analysis);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let words = judgement.phrase();
    assert!(
        words.contains("worse than tolerated so far: about "),
        "{words}"
    );
    let more = number_before(&words, " more requests like these");
    (0..more / 100 + 1).for_each(|_| observe(&mut tally));
    assert_eq!(tally.verdict(&analysis), Verdict::Fail, "{words}");
}

#[test]
fn a_rule_that_approaches_failure_says_what_follows_from_that() {
    // Half as slow again in the median alone: the p95 is within its limit.
    let canary = |_| {
        let mut canary = arm(0, 0, 0);
        canary.requests = 3;
        [15, 15, 20]
            .into_iter()
            .for_each(|ms| canary.latency.record(1000 * ms));
        let mut stable = arm(0, 0, 0);
        stable.requests = 3;
        [10, 10, 40]
            .into_iter()
            .for_each(|ms| stable.latency.record(1000 * ms));
        (canary, stable)
    };
    let mut rule = evident(
        Signal::Latencies,
        Test::NotWorse {
            tolerated: Bound {
                ratio: 1.2,
                margin: 0.0,
            },
            matters: Bound {
                ratio: 1.4,
                margin: 0.0,
            },
        },
    );
    let near = (1..60).find_map(|seconds| {
        let judgement = judged(rule.clone(), seconds, canary);
        judgement.evidence[0].approaching.then_some(judgement)
    });
    let words = near.unwrap().phrase();
    assert!(words.contains("; approaching failure: "), "{words}");
    assert!(
        words.contains(" % of the evidence that rolls back is there"),
        "{words}"
    );
    assert!(words.contains("p50, p90, p95 and p99 count"), "{words}");
    assert!(words.contains("; it goes back if this goes on"), "{words}");
    rule.enough = Enough::Requests;
    let near = (1..60).find_map(|seconds| {
        let judgement = judged(rule.clone(), seconds, canary);
        judgement.evidence[0].approaching.then_some(judgement)
    });
    let near = near.unwrap();
    assert_eq!(near.verdict, Verdict::Pass);
    let words = near.evidence[0].phrase();
    assert!(
        words.contains(", and it counts on at the next gate"),
        "{words}"
    );
}

#[test]
fn a_proof_and_an_interval_that_reaches_down_to_what_is_tolerated_do_not_contradict_each_other() {
    let rule = evident(Signal::ErrorRate, not_worse());
    let first = judged(rule, 600, |second| {
        (
            arm(100, u64::from(second % 2 == 0) * 3, 10),
            arm(900, 4, 10),
        )
    });
    assert_eq!(first.verdict, Verdict::Fail);
    let evidence = &first.evidence[0];
    let ratio = evidence.effect.as_ref().unwrap().differences[0]
        .ratio
        .unwrap();
    assert!(
        ratio.low * evidence.baseline.unwrap() <= evidence.limit.unwrap(),
        "the interval reaches down to what is tolerated: {ratio:?}"
    );
    let words = first.phrase();
    let said = "; that it is worse is proven (chance alone does this less than once in ";
    assert!(words.contains(said), "{words}");
    assert!(words.contains("), how much is not yet: "), "{words}");
    // Ten times the errors: both say the same, and it is said in one.
    let rule = evident(Signal::ErrorRate, not_worse());
    let analysis = Analysis::new(vec![rule], 60_000, 1000);
    let mut tally = Tally::new(&analysis);
    (0..30).for_each(|second| {
        tally.observe(&analysis, &sample(second, arm(100, 5, 10), arm(900, 4, 10)));
    });
    let words = tally.judge(&analysis).phrase();
    assert!(
        words.contains("times as many errors (") && !words.contains("not yet"),
        "{words}"
    );
}

#[test]
fn an_incident_of_both_releases_is_told_with_both_values() {
    let test = Test::AtMost {
        max: 0.05,
        matters: 0.1,
    };
    let incident = |second: u64| match second {
        0..300 => (arm(100, 0, 10), arm(900, 0, 10)),
        _ => (arm(100, 40, 10), arm(900, 351, 10)),
    };
    let failed = judged(evident(Signal::ErrorRate, test), 600, incident);
    assert_eq!(failed.verdict, Verdict::Fail);
    let headline = failed.headline();
    assert!(
        headline.starts_with("error rate 40.0 %, stable 39.0 %, limit 5.0 %, "),
        "{headline}"
    );
    assert!(
        headline.ends_with("; the stable release is over this limit too"),
        "{headline}"
    );
    let breaker = Rule {
        breaker: true,
        ..Rule::new(Signal::ErrorRate, Test::Limit { max: 0.05 })
    };
    let tripped = judged(breaker.clone(), 600, incident).headline();
    assert!(tripped.contains(", stable "), "{tripped}");
    // One of the new release alone is told with the stable value, and nothing is said for it.
    let alone = judged(breaker, 600, |_| (arm(100, 40, 10), arm(900, 0, 10)));
    assert_eq!(
        alone.headline(),
        "circuit breaker: error rate 40.0 %, stable 0.0 %, limit 5.0 %, 100 requests"
    );
}
