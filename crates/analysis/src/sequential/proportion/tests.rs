use super::*;
use proptest::prelude::*;

fn binomial(n: u64, k: u64, p: f64) -> f64 {
    let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
    ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

proptest! {
    #[test]
    fn under_the_null_hypothesis_the_evidence_does_not_grow_in_the_mean(
        n in 1u64..30,
        limit in 0.01f64..0.99,
        depth in 0.0f64..=1.0,
    ) {
        for (make, rate) in [
            (Proportion::above as fn(f64) -> Proportion, limit * depth),
            (Proportion::below, limit + (1.0 - limit) * depth),
        ] {
            let mean: f64 = (0..=n)
                .map(|k| {
                    let mut proportion = make(limit);
                    proportion.observe(n, k);
                    binomial(n, k, rate) * proportion.mixture().log_e().exp()
                })
                .sum();
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }
    }
}

#[test]
fn any_error_is_proof_against_a_limit_of_zero() {
    let mut proportion = Proportion::above(0.0);
    proportion.observe(1000, 4);
    assert!(proportion.mixture().log_highest() > 100f64.ln());
}
