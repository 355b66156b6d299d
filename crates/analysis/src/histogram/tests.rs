use super::*;
use proptest::prelude::*;

#[test]
fn every_bucket_edge_falls_into_its_own_bucket() {
    for bucket in 0..BUCKETS {
        let upper = bucket_upper_us(bucket);
        assert_eq!(bucket_of(upper), bucket, "upper edge {upper}");
        if bucket + 1 < BUCKETS {
            assert_eq!(bucket_of(upper + 1), bucket + 1);
        }
    }
    assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
}

#[test]
fn the_median_of_one_to_a_thousand_is_within_one_bucket() {
    let mut histogram = Histogram::default();
    (1..=1000).for_each(|v| histogram.record(v));
    let median = histogram.quantile_us(0.5).unwrap();
    assert!((500..=516).contains(&median), "{median}");
    assert_eq!(Histogram::default().quantile_us(0.5), None);
}

#[test]
fn pairs_in_any_order_and_more_than_once_make_one_histogram() {
    let last = BUCKETS as u32 - 1;
    let pairs = vec![
        (7, 1),
        (3, 2),
        (7, 4),
        (5, 0),
        (last + 9, 1),
        (last, u64::MAX),
    ];
    let read: Vec<(u32, u64)> = Histogram::from(pairs).into();
    assert_eq!(read, [(3, 2), (7, 5), (last, u64::MAX)]);
}

proptest! {
    #[test]
    fn a_quantile_never_understates_and_overstates_by_at_most_a_thirtysecond(
        mut values in proptest::collection::vec(0u64..10_000_000_000, 1..200), quantile in 0.0f64..=1.0,
    ) {
        let mut histogram = Histogram::default();
        values.iter().for_each(|v| histogram.record(*v));
        values.sort_unstable();
        let rank = ((quantile * values.len() as f64).ceil() as usize).max(1);
        let exact = values[rank - 1];
        let found = histogram.quantile_us(quantile).unwrap();
        prop_assert!(found >= exact);
        prop_assert!(found <= exact + exact / 32 + 1);
    }

    #[test]
    fn a_window_added_to_its_start_gives_its_end(
        first in proptest::collection::vec(0u64..1_000_000, 0..50),
        second in proptest::collection::vec(0u64..1_000_000, 0..50),
    ) {
        let mut start = Histogram::default();
        first.iter().for_each(|v| start.record(*v));
        let mut end = start.clone();
        second.iter().for_each(|v| end.record(*v));
        let window = end.since(&start);
        prop_assert_eq!(window.count(), second.len() as u64);
        let mut again = start.clone();
        again.merge(&window);
        prop_assert_eq!(&again, &end);
        let json = serde_json::to_string(&end).unwrap();
        prop_assert_eq!(serde_json::from_str::<Histogram>(&json).unwrap(), end);
    }
}
