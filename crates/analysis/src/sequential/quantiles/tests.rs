use super::*;

#[test]
fn the_interval_holds_the_quantile_and_whole_buckets() {
    let mut times = Histogram::default();
    (1..=10_000u64).for_each(|at| times.record(at * 100));
    for (quantile, truth) in [(0.5, 500_000), (0.9, 900_000), (0.95, 950_000)] {
        let (low, high) = quantile_interval(&times, quantile, 0.01, 1000.0).unwrap();
        let high = high.unwrap();
        assert!(low <= truth && truth <= high, "{quantile}: {low}..{high}");
        assert!(low > truth * 85 / 100 && high < truth * 115 / 100);
        // The ends are edges of buckets, outwards.
        let (fewest, most) = counts_below(quantile, 10_000, 0.01, 1000.0);
        assert!(low <= fewest * 100 && (most + 1) * 100 <= high);
    }
}

#[test]
fn few_times_leave_the_upper_end_open_and_none_say_nothing() {
    assert_eq!(
        quantile_interval(&Histogram::default(), 0.95, 0.01, 1000.0),
        None
    );
    let mut times = Histogram::default();
    (0..20).for_each(|_| times.record(1000));
    let (low, high) = quantile_interval(&times, 0.99, 0.01, 1000.0).unwrap();
    assert!(low <= 1000 && high.is_none(), "{low} {high:?}");
}
