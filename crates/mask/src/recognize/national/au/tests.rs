use crate::recognize::national::cases::{each_holds, no_damage_survives, nothing_in};

#[test]
fn business_numbers_are_found_in_groups_and_with_context() {
    each_holds(
        "AU_ABN",
        &[
            ("83 914 571 673", "83 914 571 673"),
            ("Atlassian, ABN 53102443916.", "53102443916"),
            ("ABN: 51 824 753 556", "51 824 753 556"),
            ("(51-824-753-556)", "51-824-753-556"),
            ("{\"abn\": \"51824753556\"}", "51824753556"),
        ],
    );
    no_damage_survives("AU_ABN", "ABN", "51824753556");
    nothing_in(&[
        "51824753556",
        "ABN 99 999 999 999",
        "ABN 00 000 000 000",
        "51 824 753 557 bytes",
        "phone 61412345678",
    ]);
}

#[test]
fn company_numbers_need_context() {
    each_holds(
        "AU_ACN",
        &[
            ("ACN 004 085 616", "004 085 616"),
            ("acn: 010499966", "010499966"),
            ("Australian company number 004085616,", "004085616"),
        ],
    );
    nothing_in(&[
        "004 085 616",
        "ACN 004 085 617",
        "ACN 000 000 000",
        "total 004085616",
    ]);
}

#[test]
fn tax_file_numbers_need_context() {
    each_holds(
        "AU_TFN",
        &[
            ("TFN 123 456 782", "123 456 782"),
            ("my tax file number is 876543210.", "876543210"),
            ("tfn: 123-456-782", "123-456-782"),
            // Eight digits.
            ("TFN 37 118 629", "37 118 629"),
            ("TFN 37118629", "37118629"),
        ],
    );
    no_damage_survives("AU_TFN", "TFN", "123456782");
    nothing_in(&[
        "123 456 782",
        "TFN 123 456 789",
        "TFN 999 999 999",
        "order 876543210",
    ]);
}

#[test]
fn medicare_numbers_are_found_in_groups() {
    each_holds(
        "AU_MEDICARE",
        &[
            ("2123 45670 1", "2123 45670 1"),
            ("Medicare card 2953456751", "2953456751"),
            ("medicare 2123 45670 1/2", "2123 45670 1/2"),
            ("Medicare 21234567012", "21234567012"),
        ],
    );
    nothing_in(&[
        "2123456701",
        "Medicare 2123 45671 1",
        "Medicare 9123 45670 1",
        "Medicare 2123 45670 0",
        "call 2123456701",
    ]);
}
