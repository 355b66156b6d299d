use super::*;

fn points(values: [f64; 3]) -> BTreeMap<u64, f64> {
    [1000, 2000, 3000].into_iter().zip(values).collect()
}

fn recorded(requests: [f64; 3]) -> Recorded {
    Recorded {
        canary: Counters {
            requests: points(requests),
            errors: points([0.0, 1.0, 3.0]),
            latency: [
                (100_000, points([0.0, 90.0, 170.0])),
                (u64::MAX, points([0.0, 100.0, 200.0])),
            ]
            .into(),
        },
        ..Recorded::new((1000, 3000), 1000)
    }
}

#[test]
fn counters_are_subtracted_and_latencies_lie_at_the_edges_of_their_buckets() {
    let samples = recorded([0.0, 100.0, 200.0]).samples();
    assert_eq!(samples.len(), 2);
    let later = samples[1].canary.as_ref().unwrap();
    assert_eq!((later.requests, later.errors), (100, 2));
    assert_eq!(later.latency.count(), 100);
    assert_eq!(later.latency.slower_than(110_000), 20);
    assert_eq!(samples[1].duration_ms(), 1000);
    assert_eq!(samples[1].baseline, None);
}

#[test]
fn a_counter_that_began_anew_and_a_figure_that_was_not_recorded_are_no_data() {
    let mut recorded = recorded([100.0, 20.0, 120.0]);
    recorded
        .figures
        .insert("queue".to_owned(), [(3000, 7.0)].into());
    let samples = recorded.samples();
    assert_eq!(samples[0].canary, None);
    assert!(samples[0].missing.contains_key("queue"));
    assert_eq!(samples[1].canary.as_ref().unwrap().requests, 100);
    assert_eq!(samples[1].metrics["queue"], 7.0);
}

#[test]
fn names_are_escaped_for_promql() {
    assert_eq!(escaped("1.1 \"beta\"\\"), "1.1 \\\"beta\\\"\\\\");
}
