use super::*;

#[test]
fn quantiles_are_within_the_bucket_that_holds_them() {
    let mut counts = [0; EDGES_US.len() + 1];
    assert_eq!(quantile_us(&counts, 0.5), None);
    // Ninety took up to 25 us, ten up to 100 us.
    counts[1] = 90;
    counts[3] = 10;
    let p50 = quantile_us(&counts, 0.5).unwrap();
    assert!((10.0..=25.0).contains(&p50), "{p50}");
    let p95 = quantile_us(&counts, 0.95).unwrap();
    assert!((50.0..=100.0).contains(&p95), "{p95}");
    // What is above all edges is told as the last one.
    counts[EDGES_US.len()] = 100_000;
    assert_eq!(quantile_us(&counts, 0.99), Some(5_000_000.0));
}

#[test]
fn the_version_names_all_applications() {
    let version = version();
    let names: Vec<&str> = version
        .adapters
        .iter()
        .map(|one| one.application.as_str())
        .collect();
    assert_eq!(names, ["dify", "openai", "anthropic", "json"]);
    assert!(version.recognizers >= version.adapters.len() && version.entities > 10);
}
