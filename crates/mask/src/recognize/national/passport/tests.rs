use crate::recognize::national::cases::{each_holds_some, found, nothing_in};

#[test]
fn passports_are_found_only_with_context() {
    each_holds_some(
        "PASSPORT",
        &[
            ("Passport number: X1234567", "X1234567"),
            ("passport no. AB1234567.", "AB1234567"),
            ("my passport: c1234567", "c1234567"),
            ("paszport AB1234567", "AB1234567"),
            ("passeport 12AB34567", "12AB34567"),
            ("hộ chiếu của vợ tôi là AB7654321", "AB7654321"),
            ("{\"passport_number\": \"K12345678\"}", "K12345678"),
        ],
    );
    nothing_in(&[
        "X1234567",
        "AB1234567 is out of stock",
        "passport issued 20241121",
        "passport.js version 10000000",
        "my passport expires on 2027-05-01",
        "passport 000000000",
    ]);
}

#[test]
fn driving_licences_are_found_only_with_context() {
    each_holds_some(
        "LICEN",
        &[
            ("giấy phép lái xe D1234567", "D1234567"),
            ("driver's license D1234567", "D1234567"),
            ("rijbewijs: AB123456", "AB123456"),
            ("DL No. MH12 20110012345", "MH12 20110012345"),
            ("permis de conduire 12AB34567", "12AB34567"),
        ],
    );
    nothing_in(&[
        "D1234567",
        "MIT License 2024",
        "licensed under Apache-2.0",
        "driver license issued 20200101",
    ]);
}

#[test]
fn a_country_that_is_told_wins() {
    for (text, label) in [
        ("hộ chiếu C1234567", "VN_PASSPORT"),
        ("Japanese passport TK1234567", "JP_PASSPORT"),
        ("Korean passport M12345678", "KR_PASSPORT"),
        ("Indian passport J8369854", "IN_PASSPORT"),
        ("bằng lái xe 790123456789", "VN_DRIVER_LICENSE"),
    ] {
        let labels: Vec<String> = found(text).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, [label], "in {text:?}");
    }
}
