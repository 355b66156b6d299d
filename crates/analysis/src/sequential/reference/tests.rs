use super::*;

fn answers(us: u64, count: u64) -> Histogram {
    let mut histogram = Histogram::default();
    (0..count).for_each(|_| histogram.record(us));
    histogram
}

#[test]
fn a_quantile_is_known_once_enough_lies_beyond_it() {
    let mut reference = Reference::default();
    reference.observe(&answers(1000, 19));
    assert_eq!(reference.quantile_us(0.5), None);
    reference.observe(&answers(1000, 1));
    assert!(reference.quantile_us(0.5).is_some());
    assert_eq!(reference.quantile_us(0.99), None);
    reference.observe(&answers(1000, 480));
    assert!(reference.quantile_us(0.99).is_some());
}

#[test]
fn what_was_long_ago_is_forgotten_by_halves() {
    let mut reference = Reference::default();
    for _ in 0..30 {
        reference.observe(&answers(1000, 1000));
    }
    assert!(reference.answers.count() <= ANSWERS_MAX);
    for _ in 0..40 {
        reference.observe(&answers(9000, 1000));
    }
    assert!(reference.quantile_us(0.5).unwrap() >= 9000);
    assert!(reference.answers.count() <= ANSWERS_MAX);
}
