use crate::rule::{Enough, Test};
use crate::{Analysis, ArmSample, Rule, Sample, Signal, Tally, Verdict};

fn sample(second: u64, requests: u64, errors: u64) -> Sample {
    Sample {
        from_ms: second * 1000,
        to_ms: (second + 1) * 1000,
        canary: Some(ArmSample {
            requests,
            errors,
            ..ArmSample::default()
        }),
        ..Sample::default()
    }
}

fn at_most() -> Analysis {
    let test = Test::AtMost {
        max: 0.05,
        matters: 0.1,
    };
    let rule = Rule {
        enough: Enough::Evidence,
        ..Rule::new(Signal::ErrorRate, test)
    };
    Analysis::new(vec![rule], 3_600_000, 1000)
}

#[test]
fn a_failure_after_a_long_good_time_is_told_with_the_value_of_the_failure() {
    let analysis = at_most();
    let mut tally = Tally::new(&analysis);
    (0..3000).for_each(|second| tally.observe(&analysis, &sample(second, 100, 1)));
    let failed = (3000..3060).find_map(|second| {
        tally.observe(&analysis, &sample(second, 100, 50));
        let judged = tally.judge(&analysis);
        (judged.verdict == Verdict::Fail).then_some((second - 2999, judged))
    });
    let (seconds, judged) = failed.unwrap();
    assert!(seconds <= 2, "found after {seconds} s");
    let evidence = &judged.evidence[0];
    assert_eq!(evidence.observed, Some(0.5));
    assert_eq!(evidence.requests, 100 * seconds);
    assert_eq!(evidence.latest_ms, Some(1000 * seconds));
}

#[test]
fn a_failure_of_the_whole_time_is_told_with_the_value_of_the_whole_time() {
    let analysis = at_most();
    let mut tally = Tally::new(&analysis);
    (0..60).for_each(|second| tally.observe(&analysis, &sample(second, 100, 20)));
    let judged = tally.judge(&analysis);
    assert_eq!(judged.verdict, Verdict::Fail);
    assert_eq!(judged.evidence[0].observed, Some(0.2));
    assert_eq!(judged.evidence[0].latest_ms, None);
}
