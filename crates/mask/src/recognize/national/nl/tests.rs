use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn citizen_service_numbers_are_found_with_context() {
    assert_finds(&[
        ("BSN 111222333", &[("111222333", "NL_BSN")]),
        (
            "Mijn burgerservicenummer is 123456782.",
            &[("123456782", "NL_BSN")],
        ),
        ("BSN: 1112.22.333", &[("1112.22.333", "NL_BSN")]),
        ("sofinummer 123 456 782", &[("123 456 782", "NL_BSN")]),
        ("bsn=12345672", &[("12345672", "NL_BSN")]),
        ("1112.22.333", &[("1112.22.333", "NL_BSN")]),
        ("số BSN của tôi 999990019", &[("999990019", "NL_BSN")]),
    ]);
    assert_damage_is_seen("BSN 111222333", "111222333", "NL_BSN");
    assert_leaves(&[
        "111222333",
        "BSN 111222334",
        "BSN 000000000",
        "1112.52.333",
        "12345672",
    ]);
}
