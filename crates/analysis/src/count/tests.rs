use super::counted;

#[test]
fn one_is_singular_and_thousands_are_grouped() {
    assert_eq!(counted(0, "check", "checks"), "0 checks");
    assert_eq!(counted(1, "check", "checks"), "1 check");
    assert_eq!(
        counted(1_234_567, "request", "requests"),
        "1,234,567 requests"
    );
}
