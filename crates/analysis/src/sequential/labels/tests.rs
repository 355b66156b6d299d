use super::*;
use proptest::prelude::*;

const EQUAL: RateBound = RateBound {
    ratio: 1.0,
    margin: 0.0,
};

fn binomial(n: u64, k: u64, p: f64) -> f64 {
    let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
    ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

/// The mean of each alternative's ratio over all outcomes of one block, exactly.
fn means(
    canary: u64,
    stable: u64,
    rates: (f64, f64),
    ratios: impl Fn(ArmEvents) -> [f64; ALTERNATIVES],
) -> [f64; ALTERNATIVES] {
    let mut sums = [0.0; ALTERNATIVES];
    for c in 0..=canary {
        for b in 0..=stable {
            let chance = binomial(canary, c, rates.0) * binomial(stable, b, rates.1);
            let logs = ratios(ArmEvents {
                canary,
                canary_events: c,
                stable,
                stable_events: b,
            });
            sums.iter_mut()
                .zip(logs)
                .for_each(|(sum, log)| *sum += chance * log.exp());
        }
    }
    sums
}

proptest! {
    /// The property that everything rests on, computed and not sampled.
    #[test]
    fn under_the_null_hypothesis_no_alternative_gains_in_the_mean(
        canary in 1u64..14,
        stable in 1u64..14,
        stable_rate in 0.0f64..=1.0,
        ratio in 0.3f64..4.0,
        margin in 0.0f64..0.3,
        depth in 0.0f64..=1.0,
    ) {
        let highest = (stable_rate * ratio + margin).min(1.0);
        let rates = (highest * depth, stable_rate);
        for mean in means(canary, stable, rates, |arms| of_requests(arms, (ratio, margin))) {
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
    }

    #[test]
    fn nor_does_one_when_arms_are_exchanged_to_show_that_the_canary_is_good(
        canary in 1u64..14,
        stable in 1u64..14,
        stable_rate in 0.0f64..=1.0,
        ratio in 0.3f64..4.0,
        margin in 0.0f64..0.3,
        depth in 0.0f64..=1.0,
    ) {
        let least = stable_rate * ratio + margin;
        prop_assume!(least <= 1.0);
        let rates = (least + (1.0 - least) * depth, stable_rate);
        for mean in means(canary, stable, rates, |arms| {
            of_requests(arms.swapped(), (1.0 / ratio, -margin / ratio))
        }) {
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
    }

    #[test]
    fn the_exact_form_has_a_mean_of_one_between_equal_arms_and_less_below(
        canary in 1u64..14,
        stable in 1u64..14,
        rate in 0.0f64..=1.0,
        depth in 0.0f64..=1.0,
    ) {
        for mean in means(canary, stable, (rate * depth, rate), exact_when_common) {
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
        for mean in means(canary, stable, (rate, rate * depth), |arms| exact_when_common(arms.swapped())) {
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
    }

    #[test]
    fn nothing_counted_makes_a_number_that_is_none(
        canary in 0u64..1_000_000,
        stable in 0u64..1_000_000,
        canary_share in 0.0f64..=1.0,
        stable_share in 0.0f64..=1.0,
        ratio in 0.0f64..1e9,
        margin in 0.0f64..2.0,
    ) {
        let arms = ArmEvents {
            canary,
            canary_events: (canary as f64 * canary_share) as u64,
            stable,
            stable_events: (stable as f64 * stable_share) as u64,
        };
        for mut labels in [
            Labels::above(RateBound { ratio, margin }),
            Labels::below(RateBound { ratio, margin }),
            Labels::above(EQUAL),
            Labels::below(EQUAL),
        ] {
            labels.observe(arms);
            prop_assert!(labels.mixture().log_e().is_finite(), "{labels:?}");
        }
    }
}

/// The mean of each alternative's ratio over all outcomes of one block of pairs, exactly; of a pair both, only the
/// canary's and only the stable arm's request have an event with these chances.
fn means_of_pairs(
    pairs: u64,
    (both, canary_only, stable_only): (f64, f64, f64),
    ratios: impl Fn(ArmEvents) -> [f64; ALTERNATIVES],
) -> [f64; ALTERNATIVES] {
    let mut sums = [0.0; ALTERNATIVES];
    let none = (1.0 - both - canary_only - stable_only).max(0.0);
    for of_both in 0..=pairs {
        for of_canary in 0..=pairs - of_both {
            for of_stable in 0..=pairs - of_both - of_canary {
                let rest = pairs - of_both - of_canary - of_stable;
                let ways = ways(pairs, of_both)
                    * ways(pairs - of_both, of_canary)
                    * ways(pairs - of_both - of_canary, of_stable);
                let chance = ways
                    * both.powi(of_both as i32)
                    * canary_only.powi(of_canary as i32)
                    * stable_only.powi(of_stable as i32)
                    * none.powi(rest as i32);
                let logs = ratios(ArmEvents {
                    canary: pairs,
                    canary_events: of_both + of_canary,
                    stable: pairs,
                    stable_events: of_both + of_stable,
                });
                sums.iter_mut()
                    .zip(logs)
                    .for_each(|(sum, log)| *sum += chance * log.exp());
            }
        }
    }
    sums
}

fn ways(n: u64, k: u64) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

proptest! {
    /// However the two requests of a pair depend on each other, in both directions.
    #[test]
    fn pairs_gain_nothing_in_the_mean_however_they_depend(
        pairs in 1u64..9,
        stable_rate in 0.0f64..=1.0,
        ratio in 0.3f64..4.0,
        margin in 0.0f64..0.3,
        depth in 0.0f64..=1.0,
        overlap in 0.0f64..=1.0,
        equal in any::<bool>(),
    ) {
        let bound = if equal { EQUAL } else { RateBound { ratio, margin } };
        let RateBound { ratio, margin } = bound;
        // Two rates with anything from the least to the most that they can have in common.
        let joint = |canary: f64, stable: f64| {
            let (least, most) = ((canary + stable - 1.0).max(0.0), canary.min(stable));
            let both = least + (most - least) * overlap;
            (both, canary - both, stable - both)
        };
        let highest = (stable_rate * ratio + margin).min(1.0);
        let above = Labels::above(bound);
        let worse = joint(highest * depth, stable_rate);
        for mean in means_of_pairs(pairs, worse, |arms| above.log_ratios_of_pairs(arms)) {
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
        let least = stable_rate * ratio + margin;
        prop_assume!(least <= 1.0);
        let below = Labels::below(bound);
        let good = joint(least + (1.0 - least) * depth, stable_rate);
        for mean in means_of_pairs(pairs, good, |arms| below.log_ratios_of_pairs(arms)) {
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
    }
}

#[test]
fn the_exact_form_would_find_evidence_in_pairs_that_contend_for_one_lock() {
    // Of each pair exactly one is slow, either of the two alike.
    let contending = (0.0, 0.5, 0.5);
    let largest = |means: [f64; ALTERNATIVES]| means.into_iter().fold(0.0, f64::max);
    let exact = largest(means_of_pairs(8, contending, exact_when_common));
    assert!(exact > 1.2, "{exact}");
    let labels = Labels::above(EQUAL);
    let pairs = largest(means_of_pairs(8, contending, |arms| {
        labels.log_ratios_of_pairs(arms)
    }));
    assert!(pairs <= 1.0 + 1e-9, "{pairs}");
}

#[test]
fn an_incident_that_meets_both_arms_alike_is_no_evidence() {
    let mut labels = Labels::above(EQUAL);
    for _ in 0..100 {
        labels.observe(ArmEvents {
            canary: 100,
            canary_events: 50,
            stable: 900,
            stable_events: 450,
        });
    }
    assert!(labels.mixture().log_highest() < 0.1);
}

#[test]
fn a_tenth_of_the_traffic_with_half_of_the_errors_is_proof_after_some_fifteen_errors() {
    let mut labels = Labels::above(EQUAL);
    let mut errors = 0;
    while labels.mixture().log_highest() < 100f64.ln() {
        labels.observe(ArmEvents {
            canary: 20,
            canary_events: 1,
            stable: 180,
            stable_events: 1,
        });
        errors += 2;
        assert!(errors < 20, "{labels:?}");
    }
    assert!(errors > 8, "{errors}");
}

#[test]
fn a_canary_without_errors_is_shown_to_be_within_a_margin() {
    let mut labels = Labels::below(RateBound {
        ratio: 1.0,
        margin: 0.01,
    });
    let mut requests = 0;
    while labels.mixture().log_highest() < 20f64.ln() {
        labels.observe(ArmEvents {
            canary: 10,
            canary_events: 0,
            stable: 90,
            stable_events: 0,
        });
        requests += 10;
        assert!(requests < 1000);
    }
    // ln 20 / 1 % is 300: no test can do it with fewer.
    assert!(requests >= 300, "{requests}");
}

#[test]
fn a_margin_is_not_reached_by_less_than_it() {
    let mut labels = Labels::above(RateBound {
        ratio: 1.0,
        margin: 0.01,
    });
    for _ in 0..1000 {
        labels.observe(ArmEvents {
            canary: 100,
            canary_events: 1,
            stable: 900,
            stable_events: 1,
        });
    }
    assert!(labels.mixture().log_highest() < 1.0);
}

/// How many of some rollouts without a difference fail when this share of the users with an error meets two gateways.
fn failed_with_two_gateways(both: f64, runs: u64) -> u64 {
    let log_fails = (3.0_f64 / 0.01).ln();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    // SplitMix64 (Steele, Lea, Flood 2014).
    let mut chance = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let fails = |_: &u64| {
        let mut labels = Labels::above(RateBound {
            ratio: 1.0,
            margin: 0.0,
        });
        (0..150).any(|_| {
            let times = if chance() < both { 2 } else { 1 };
            let events = match chance() < 0.1 {
                true => (times, 0),
                false => (0, times),
            };
            // So many requests that errors are rare.
            labels.observe_keys(1000, events, 0.1);
            labels.mixture().log_highest() >= log_fails
        })
    };
    (0..runs).filter(fails).count() as u64
}

#[test]
fn keys_that_two_gateways_count_spend_more_than_alpha() {
    // One rule of three has a third of a percent.
    let runs = 1000;
    assert!(failed_with_two_gateways(0.0, runs) <= 9, "alpha is kept");
    let all = failed_with_two_gateways(1.0, runs);
    assert!((15..80).contains(&all), "{all} of {runs}");
}
