use super::*;

/// Made by tests/confseq/generate.sh from the Python package confseq 0.0.11.
const GOLDEN: &str = include_str!("../../../tests/confseq/golden.txt");

/// Values agree to this, relative to their size where that is above 1.
const AGREEMENT: f64 = 1e-9;

fn agrees(own: f64, theirs: f64) -> bool {
    (own - theirs).abs() <= AGREEMENT * theirs.abs().max(1.0)
}

/// How many rows there are of each function.
fn compare(table: &str) -> std::collections::BTreeMap<String, usize> {
    let mut rows = std::collections::BTreeMap::new();
    for line in table.lines() {
        let mut words = line.split(' ');
        let function = words.next().unwrap();
        let numbers: Vec<f64> = words.map(|word| word.parse().unwrap()).collect();
        let pairs = match (function, &numbers[..]) {
            ("normal_log_mixture", &[s, v, opt, alpha, theirs]) => {
                vec![(NormalMixture::new(opt, alpha).log_e(s, v), theirs)]
            }
            ("normal_mixture_bound", &[v, alpha, opt, theirs]) => {
                vec![(NormalMixture::new(opt, alpha).bound(v, alpha), theirs)]
            }
            ("beta_binomial_log_mixture", &[s, v, opt, p, alpha, theirs]) => {
                let mixture = BetaBinomialMixture::new(opt, alpha, p, 1.0 - p);
                vec![(mixture.log_e(s, v), theirs)]
            }
            ("beta_binomial_mixture_bound", &[v, alpha, opt, p, theirs]) => {
                let mixture = BetaBinomialMixture::new(opt, alpha, p, 1.0 - p);
                vec![(mixture.bound(v, alpha), theirs)]
            }
            ("bernoulli_confidence_interval", &[events, n, alpha, opt, low, high]) => {
                let own = proportion_interval(events as u64, n as u64, alpha, opt).unwrap();
                vec![(own.0, low), (own.1, high)]
            }
            _ => panic!("no such row: {line}"),
        };
        for (own, theirs) in pairs {
            assert!(agrees(own, theirs), "{line}: {own}");
        }
        *rows.entry(function.to_owned()).or_insert(0) += 1;
    }
    rows
}

#[test]
fn boundaries_agree_with_those_of_confseq_to_nine_digits() {
    let rows = compare(GOLDEN);
    assert_eq!(rows.len(), 5);
    assert!(rows.values().all(|count| *count > 20), "{rows:?}");
}

/// Where `cargo xtask setup --bench` has built confseq, its own answers of today are what is compared with.
#[test]
fn the_pinned_table_is_what_confseq_says() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        std::path::PathBuf::from,
    );
    let program = target.join("confseq/golden");
    if !program.exists() {
        return;
    }
    let output = std::process::Command::new(program).output().unwrap();
    assert!(output.status.success());
    let live = String::from_utf8(output.stdout).unwrap();
    assert_eq!(live.lines().count(), GOLDEN.lines().count());
    compare(&live);
}

#[test]
fn no_requests_say_nothing_and_all_or_none_leave_an_end_open() {
    assert_eq!(proportion_interval(0, 0, 0.01, 100.0), None);
    let (low, high) = proportion_interval(0, 1000, 0.01, 1000.0).unwrap();
    assert!(low == 0.0 && (0.001..0.02).contains(&high), "{high}");
    let (low, high) = proportion_interval(1000, 1000, 0.01, 1000.0).unwrap();
    assert!(high == 1.0 && (0.98..0.999).contains(&low), "{low}");
}

#[test]
fn the_counts_below_a_quantile_are_those_without_evidence() {
    for (quantile, requests) in [(0.5, 100), (0.95, 1000), (0.99, 50), (0.9, 1)] {
        let mixture = BetaBinomialMixture::of_event(quantile, 1000.0, 0.01);
        let expected = quantile * requests as f64;
        let inside = |count: u64| {
            let v = quantile * (1.0 - quantile) * requests as f64;
            mixture.log_e(count as f64 - expected, v) < log(100.0)
        };
        let all: Vec<u64> = (0..=requests).filter(|count| inside(*count)).collect();
        let found = counts_below(quantile, requests, 0.01, 1000.0);
        assert_eq!(found, (all[0], *all.last().unwrap()));
    }
}
