use super::*;

fn choose(n: u64, k: u64) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

#[test]
fn the_normaliser_is_the_sum_of_all_terms() {
    for canary in 0..9 {
        for stable in 0..9 {
            for events in 0..=canary + stable {
                for odds in [0.05, 1.0, 1.15, 7.0, 40.0] {
                    let margins = Margins {
                        canary,
                        stable,
                        events,
                    };
                    let whole: f64 = (margins.lowest()..=margins.highest())
                        .map(|x| {
                            choose(canary, x)
                                * choose(stable, events - x)
                                * f64::powi(odds, x as i32)
                        })
                        .sum();
                    let got = margins.log_normaliser(odds);
                    assert!((got - whole.ln()).abs() < 1e-10, "{margins:?} {odds}");
                }
            }
        }
    }
}

/// With odds of 1 the sum is Vandermonde's: `C(canary + stable, events)`.
#[test]
fn large_margins_keep_their_digits() {
    let margins = Margins {
        canary: 100_000,
        stable: 900_000,
        events: 500_000,
    };
    let vandermonde = log_choose(1_000_000, 500_000);
    let got = margins.log_normaliser(1.0);
    assert!((got - vandermonde).abs() < 1e-6, "{got} {vandermonde}");
}
