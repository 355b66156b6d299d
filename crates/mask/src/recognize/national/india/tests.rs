use crate::recognize::national::cases::{each_holds, no_damage_survives, nothing_in};

#[test]
fn account_numbers_are_found_by_the_kind_of_holder() {
    each_holds(
        "IN_PAN",
        &[
            ("ACUPA7085R", "ACUPA7085R"),
            ("PAN: AAPPV8261K.", "AAPPV8261K"),
            ("my pan is aappv8261k", "aappv8261k"),
            ("[AAACR5055K]", "AAACR5055K"),
            ("PAN card AAAPL1234C,", "AAAPL1234C"),
        ],
    );
    nothing_in(&[
        // The usual filler: the fourth letter D is of no holder.
        "PAN ABCDE1234F",
        "PAN ABMXA3211G",
        "PAN ACUPA0000R",
        "XACUPA7085R",
        "commit cacae4329f",
        "token xYzPq1234K",
        "ACUPA7085RR",
        "ACUPA7085",
        "coupon HAPPY2024A",
    ]);
}

#[test]
fn aadhaar_numbers_are_found_with_context() {
    each_holds(
        "IN_AADHAAR",
        &[
            ("Aadhaar 2341 2341 2346", "2341 2341 2346"),
            ("aadhar no: 726018159082", "726018159082"),
            ("आधार संख्या 5016-6131-8603", "5016-6131-8603"),
            ("{\"aadhaar\":\"339099603089\"}", "339099603089"),
        ],
    );
    no_damage_survives("IN_AADHAAR", "aadhaar", "726018159082");
    nothing_in(&[
        "2341 2341 2346",
        "726018159082",
        "Aadhaar 2341 2341 2347",
        "Aadhaar 1234 1234 1234",
        "aadhaar 222222222222",
        "AWB 726018159082",
    ]);
}

#[test]
fn tax_numbers_of_goods_are_found_without_context() {
    each_holds(
        "IN_GSTIN",
        &[
            ("27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
            ("GSTIN: 29ABCPE1234F1Z7,", "29ABCPE1234F1Z7"),
            ("gst 07aaacr5055k2z8", "07aaacr5055k2z8"),
        ],
    );
    no_damage_survives("IN_GSTIN", "GSTIN", "27AAPFU0939F1ZV");
    nothing_in(&[
        "GSTIN 27AAPFU0939F1ZO",
        "GSTIN 27AAPFU0939F1AA",
        "GSTIN 40AAPFU0939F1ZV",
        "GSTIN 27AAPFU0939F0ZV",
    ]);
}

#[test]
fn voters_cards_and_passports_need_their_own_words() {
    each_holds(
        "IN_VOTER",
        &[
            ("Voter ID WKH1186253", "WKH1186253"),
            ("EPIC no. ABC1234567", "ABC1234567"),
        ],
    );
    each_holds(
        "IN_PASSPORT",
        &[
            ("Indian passport J8369854", "J8369854"),
            ("Republic of India, passport no. M7654321", "M7654321"),
        ],
    );
    nothing_in(&[
        "WKH1186253",
        "ticket INV1186253",
        "voter id ABC0000000",
        "J8369854",
        "gate J8369854 of india",
    ]);
}
