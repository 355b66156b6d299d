use super::*;

fn answers(median_us: u64, count: u64) -> Histogram {
    let mut histogram = Histogram::default();
    // Evenly from half to one and a half of the middle.
    for at in 0..count {
        histogram.record(median_us / 2 + median_us * at / count.max(1));
    }
    histogram
}

const SAME: LatencyBound = LatencyBound {
    ratio: 1.0,
    margin_us: 0,
};
const ALL: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// A test with its reference.
struct Watched(Exceedances, Reference);

impl Watched {
    fn observe(&mut self, canary: &Histogram, stable: &Histogram) {
        self.0.observe(&self.1, canary, stable);
        self.1.observe(stable);
    }
}

fn above(bound: LatencyBound) -> Watched {
    Watched(Exceedances::above(&ALL, bound), Reference::default())
}

#[test]
fn a_slowdown_of_both_arms_is_no_evidence() {
    let mut test = above(SAME);
    for second in 0..60 {
        let median_us = if second < 20 { 100_000 } else { 300_000 };
        test.observe(&answers(median_us, 10), &answers(median_us, 90));
    }
    let highest = test.0.log_highest();
    assert!(highest < 1.0, "{highest}");
}

#[test]
fn a_canary_that_is_half_as_slow_again_is_found_and_one_within_the_bound_is_not() {
    let slower = |bound| {
        let mut test = above(bound);
        for _ in 0..30 {
            test.observe(&answers(150_000, 10), &answers(100_000, 90));
        }
        test.0.log_highest()
    };
    assert!(slower(SAME) > 100f64.ln());
    let wide = LatencyBound {
        ratio: 1.6,
        margin_us: 0,
    };
    assert!(slower(wide) < 1.0);
}

#[test]
fn a_canary_as_fast_as_the_stable_arm_is_shown_to_be_within_a_bound() {
    let bound = LatencyBound {
        ratio: 1.5,
        margin_us: 0,
    };
    let below = Exceedances::below(&[0.5, 0.95], bound);
    let mut test = Watched(below, Reference::default());
    for _ in 0..60 {
        test.observe(&answers(100_000, 20), &answers(100_000, 180));
    }
    let highest = test.0.log_highest();
    assert!(highest > 20f64.ln(), "{highest}");
}

#[test]
fn without_a_stable_arm_before_it_nothing_is_held_against_the_canary() {
    let mut test = above(SAME);
    test.observe(&answers(900_000, 100), &answers(100_000, 900));
    let log_e = test.0.log_e();
    assert!(log_e.abs() < 1e-12, "{log_e}");
}

#[test]
fn what_is_kept_is_small() {
    let mut test = above(SAME);
    for second in 0..3600u64 {
        test.observe(
            &answers(100_000 + second * 50, 100),
            &answers(90_000 + second * 90, 900),
        );
    }
    let bytes = serde_json::to_vec(&(test.0, test.1)).unwrap().len();
    assert!(bytes < 8 * 1024, "{bytes}");
}
