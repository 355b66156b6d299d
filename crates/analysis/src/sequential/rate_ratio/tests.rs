use super::*;
use proptest::prelude::*;

fn after(blocks: &[(u64, u64, u64, u64)]) -> RateRatio {
    let mut ratio = RateRatio::default();
    for (canary, canary_events, stable, stable_events) in blocks {
        ratio.observe(ArmEvents {
            canary: *canary,
            canary_events: *canary_events,
            stable: *stable,
            stable_events: *stable_events,
        });
    }
    ratio
}

#[test]
fn five_times_the_errors_are_told_with_an_interval_around_it() {
    let found = after(&[(100, 5, 900, 9); 40]).interval(0.01).unwrap();
    let likeliest = found.likeliest.unwrap();
    assert!((likeliest - 5.0).abs() < 0.05, "{likeliest}");
    assert!(found.low > 3.3 && found.low < 4.0, "{found:?}");
    let high = found.high.unwrap();
    assert!(high > 6.3 && high < 7.5, "{found:?}");
}

#[test]
fn events_of_one_arm_only_leave_an_end_open_and_none_say_nothing() {
    assert_eq!(after(&[(100, 0, 900, 0)]).interval(0.01), None);
    assert_eq!(after(&[(100, 3, 0, 0)]).interval(0.01), None);
    let worse = after(&[(100, 9, 900, 0)]).interval(0.01).unwrap();
    assert!(worse.likeliest.is_none() && worse.low > 4.0 && worse.high.is_none());
    let better = after(&[(500, 0, 500, 30)]).interval(0.01).unwrap();
    assert!(
        better.low == 0.0 && better.high.unwrap() < 0.5,
        "{better:?}"
    );
}

/// The weights of the arms and the base rate both change; the ratio is 3 all the time.
#[test]
fn steps_of_the_weight_and_a_drifting_base_do_not_move_it() {
    let blocks: Vec<_> = (0..300u64)
        .map(|at| {
            let canary = if at < 100 { 100 } else { 500 };
            let events = 1 + at % 7;
            (
                canary,
                3 * events * canary / 100,
                1000 - canary,
                events * (1000 - canary) / 100,
            )
        })
        .collect();
    let found = after(&blocks).interval(0.01).unwrap();
    assert!((found.likeliest.unwrap() - 3.0).abs() < 0.05, "{found:?}");
    assert!(found.low > 2.7 && found.high.unwrap() < 3.4, "{found:?}");
}

proptest! {
    /// The mean of the evidence against the truth over all outcomes of a block, exactly: no ratio gains.
    #[test]
    fn against_the_true_ratio_evidence_does_not_grow_in_the_mean(
        canary in 1u64..8,
        stable in 1u64..8,
        at in 0usize..RATIOS,
        rate in 0.0f64..=1.0,
    ) {
        let truth = ratio(at as f64);
        let (stable_rate, canary_rate) = if truth > 1.0 { (rate / truth, rate) } else { (rate, rate * truth) };
        let chance = |n: u64, k: u64, p: f64| {
            let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
            ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
        };
        let mut mean = 0.0;
        for c in 0..=canary {
            for b in 0..=stable {
                let known = after(&[(canary, c, stable, b)]).log_likelihoods;
                let log_e = log_sum(&known) - log(RATIOS as f64) - known[at];
                mean += chance(canary, c, canary_rate) * chance(stable, b, stable_rate) * exp(log_e);
            }
        }
        prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
    }
}
