//! The table of Armitage, McPherson and Rowe (1969): what looking again does to a test, and what it does not do to a
//! mixture.

use portcullis_analysis::NormalMixture;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, StandardNormal};

const LOOKS: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];
/// The two-sided 5 % normal quantile.
const Z: f64 = 1.959_964;

pub(crate) fn print(runs: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1969);
    let mut rejected = [[0u64; LOOKS.len()]; 2];
    let mixture = NormalMixture::new(20.0, 0.05);
    for _ in 0..runs {
        let (mut sum, mut found) = (0.0, [false; 2]);
        for look in 1..=LOOKS[LOOKS.len() - 1] {
            let step: f64 = StandardNormal.sample(&mut random);
            sum += step;
            found[0] |= sum.abs() > Z * (look as f64).sqrt();
            found[1] |= mixture.log_e(sum, look as f64) >= 20f64.ln();
            if let Some(at) = LOOKS.iter().position(|looks| *looks == look) {
                rejected[0][at] += u64::from(found[0]);
                rejected[1][at] += u64::from(found[1]);
            }
        }
    }
    let row = |counts: [u64; LOOKS.len()]| {
        let shares = counts.map(|count| format!("{:.3}", count as f64 / runs as f64));
        shares.join(" | ")
    };
    println!("\nA true hypothesis rejected at 5 % when looked at so often, {runs} runs\n");
    println!(
        "| looks | {} |",
        LOOKS.map(|looks| looks.to_string()).join(" | ")
    );
    println!("|---|---|---|---|---|---|---|---|");
    println!("| z-test | {} |", row(rejected[0]));
    println!("| normal mixture | {} |", row(rejected[1]));
}
