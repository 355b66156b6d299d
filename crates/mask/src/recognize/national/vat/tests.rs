use super::check;
use crate::recognize::number::Check;
use crate::recognize::number::compact::Compact;

fn is_valid(written: &str) -> bool {
    Compact::of(written).is_some_and(|number| check(&number) == Check::Valid)
}

#[test]
fn numbers_that_the_offices_publish_are_valid() {
    for number in [
        "DE136695976",
        "FR40303265045",
        "FR 83 404 833 048",
        "NL004495445B01",
        "NL000099998B57",
        "FI20774740",
        "ESA13585625",
        "ES54362315K",
        "ESX2482300W",
        "ESJ99216582",
    ] {
        assert!(is_valid(number), "{number}");
    }
}

#[test]
fn a_wrong_check_digit_or_another_country_is_refused() {
    for number in [
        "DE136695978",
        "DE000000000",
        "FR41303265045",
        "FR84323140391",
        "NL123456789B90",
        "FI20774741",
        "ESA13585626",
        "ES54362315Z",
        "XX136695976",
        "IT00743110157",
    ] {
        assert!(!is_valid(number), "{number}");
    }
}
