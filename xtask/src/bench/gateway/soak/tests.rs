use super::{Outage, Sample, Trend, lost};
use crate::bench::gateway::http1::Failure;
use crate::bench::gateway::tally::{Manner, Tally};

fn samples(resident_kib: impl Fn(f64) -> f64) -> Vec<Sample> {
    let at = |number: u32| f64::from(number) * 5_000.0;
    let sample = |number| Sample {
        at_ms: at(number),
        resident_kib: resident_kib(at(number) / 60_000.0),
        descriptors: 10.0,
    };
    (0..240).map(sample).collect()
}

#[test]
fn steady_growth_is_not_flat_and_a_warm_up_alone_is() {
    let trend = |samples: &[Sample]| Trend::of("memory", "KiB", samples, |s| s.resident_kib);
    let leak = trend(&samples(|minute| 50_000.0 + 500.0 * minute));
    assert!((leak.per_minute - 500.0).abs() < 1.0, "{}", leak.per_minute);
    assert!(!leak.is_flat());
    let warm = trend(&samples(|minute| 50_000.0 + 4_000.0 * minute.min(2.0)));
    assert!(warm.is_flat());
}

#[test]
fn only_an_outage_and_an_answer_that_blames_the_upstream_explain_a_failure() {
    let tally = Tally::new();
    tally.note(Manner::New, 0.0, Err(Failure::Status(502)));
    tally.note(
        Manner::New,
        0.0,
        Err(Failure::Unanswered("the end".to_owned())),
    );
    let during = Outage {
        from_ms: 0.0,
        to_ms: 60_000.0,
    };
    let unexplained = lost(&tally, &[during]).unwrap();
    assert_eq!(unexplained.len(), 1);
    assert!(unexplained[0].what.starts_with("closed without an answer"));
    assert_eq!(lost(&tally, &[]).unwrap().len(), 2);
}
