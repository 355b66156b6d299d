use super::*;

/// Newcombe 1998, table II, method 10, example (a): 56/70 against 48/80 gives 0.0524 to 0.3339.
#[test]
fn newcombes_published_example_comes_out() {
    let low = rate_difference_lower_bound((56, 70), (48, 80), 1.959964).unwrap();
    assert!((low - 0.0524).abs() < 5e-4, "{low}");
}

/// Wilson for 81/263 at 95 %: 0.2553 to 0.3662 (Newcombe 1998, single proportion, method 3).
#[test]
fn wilsons_published_example_comes_out() {
    let (low, high) = wilson_interval(81, 263, 1.959964).unwrap();
    assert!(
        (low - 0.2553).abs() < 5e-4 && (high - 0.3662).abs() < 5e-4,
        "{low} {high}"
    );
}

#[test]
fn no_data_gives_no_bound() {
    assert_eq!(wilson_interval(0, 0, 2.0), None);
    assert_eq!(rate_difference_lower_bound((1, 10), (0, 0), 2.0), None);
}
