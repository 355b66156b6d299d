use crate::rule::{Bound, Test};
use crate::{Analysis, ArmSample, Judgement, Rule, Sample, Signal, Tally, Verdict};

const WINDOW_MS: u64 = 600_000;

fn arm(requests: u64, errors: u64, latency_ms: u64) -> ArmSample {
    let mut arm = ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    (0..requests).for_each(|_| arm.latency.record(latency_ms * 1000));
    arm
}

fn sample(second: u64, canary: ArmSample, baseline: Option<ArmSample>) -> Sample {
    Sample {
        from_ms: second * 1000,
        to_ms: (second + 1) * 1000,
        canary: Some(canary),
        baseline,
        ..Sample::default()
    }
}

fn watch(signal: Signal, ratio: f64, margin: f64) -> Analysis {
    let tolerated = Bound { ratio, margin };
    let rule = Rule::new(signal, Test::NotWorseThanBefore { tolerated });
    Analysis::new(vec![rule], WINDOW_MS, 1000)
}

/// The time after gates in which the stable release answered this.
fn after(stable: ArmSample, watch: &Analysis) -> Tally {
    let gate = Analysis::new(Vec::new(), 1000, 1000);
    let mut tally = Tally::new(&gate);
    tally.observe(&gate, &sample(0, stable.clone(), Some(stable)));
    // The last gate has no stable arm; what was seen before it is not forgotten.
    let mut last = tally.following(&gate, &gate);
    last.observe(&gate, &sample(1, arm(500, 0, 10), None));
    last.following(&gate, watch)
}

fn seen(tally: &mut Tally, watch: &Analysis, seconds: u64, each: &ArmSample) -> Judgement {
    for second in 0..seconds {
        tally.observe(watch, &sample(10 + second, each.clone(), None));
    }
    tally.judge(watch)
}

#[test]
fn what_is_worse_than_before_warns_and_never_fails() {
    let watch = watch(Signal::ErrorRate, 1.0, 0.005);
    let mut tally = after(arm(5000, 10, 10), &watch);
    let judged = seen(&mut tally, &watch, 60, &arm(100, 10, 10));
    assert_eq!(judged.verdict, Verdict::Undecided);
    assert!(judged.evidence[0].approaching);
    let told = judged.phrase();
    assert!(
        told.starts_with("error rate 10.0 %, the release before 0.2 %, limit ")
            && told.ends_with("worse than before, which an incident can bring about too"),
        "{told}"
    );
    // Until the end of the time, and at the end too.
    let judged = seen(&mut tally, &watch, WINDOW_MS / 1000, &arm(100, 10, 10));
    assert_eq!(judged.verdict, Verdict::Pass);
}

#[test]
fn a_late_change_is_told_with_its_own_value_and_is_over_when_it_is_over() {
    let watch = watch(Signal::ErrorRate, 1.0, 0.005);
    let mut tally = after(arm(5000, 10, 10), &watch);
    assert!(!seen(&mut tally, &watch, 300, &arm(100, 0, 10)).evidence[0].approaching);
    let judged = seen(&mut tally, &watch, 10, &arm(100, 20, 10));
    let evidence = &judged.evidence[0];
    assert!(evidence.approaching);
    assert_eq!(
        (evidence.observed, evidence.latest_ms),
        (Some(0.2), Some(10_000))
    );
    assert!(
        judged.phrase().contains("1,000 requests in the last 10 s"),
        "{}",
        judged.phrase()
    );
    let judged = seen(&mut tally, &watch, 300, &arm(100, 0, 10));
    assert!(!judged.evidence[0].approaching, "it is well again");
}

#[test]
fn a_slower_release_is_compared_at_its_quantile() {
    let watch = watch(Signal::Latency { quantile: 0.95 }, 1.5, 0.0);
    for (latency_ms, warns) in [(100, false), (140, false), (200, true)] {
        let mut tally = after(arm(5000, 0, 100), &watch);
        let judged = seen(&mut tally, &watch, 60, &arm(100, 0, latency_ms));
        assert_eq!(judged.evidence[0].approaching, warns, "{latency_ms} ms");
    }
}

#[test]
fn without_traffic_before_nothing_is_compared() {
    for signal in [Signal::ErrorRate, Signal::Latency { quantile: 0.95 }] {
        let watch = watch(signal, 1.0, 0.0);
        let mut tally = after(ArmSample::default(), &watch);
        let judged = seen(&mut tally, &watch, 60, &arm(100, 100, 9000));
        assert!(!judged.evidence[0].approaching);
        assert_eq!(
            judged.evidence[0].no_data(),
            None,
            "it is no gap of the data"
        );
    }
}

#[test]
fn a_release_that_is_no_worse_is_hardly_ever_warned_of() {
    let watch = watch(Signal::ErrorRate, 1.0, 0.0);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut errors = |requests: u64| {
        (0..requests)
            .filter(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.is_multiple_of(100)
            })
            .count() as u64
    };
    let runs = 200;
    let warned = (0..runs).filter(|_| {
        let mut tally = after(arm(1000, errors(1000), 1), &watch);
        (0..50).any(|second| {
            let counted = ArmSample {
                requests: 200,
                errors: errors(200),
                ..ArmSample::default()
            };
            tally.observe(&watch, &sample(10 + second, counted, None));
            tally.judge(&watch).evidence[0].approaching
        })
    });
    // At most 1 % is promised: 2 of 200 in the mean, and more than 7 once in a thousand times.
    let warned = warned.count();
    assert!(warned <= 7, "{warned} of {runs}");
}
