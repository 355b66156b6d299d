use super::milliseconds;

#[test]
fn times_of_wrk_and_h2load_become_milliseconds() {
    for (text, ms) in [("12.50us", 0.0125), ("3.10ms", 3.1), ("2.02s", 2020.0)] {
        assert!((milliseconds(text).unwrap() - ms).abs() < 1e-9, "{text}");
    }
    assert!(milliseconds("12").is_err());
    assert!(milliseconds("12 parsecs").is_err());
}
