use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn social_security_numbers_are_found() {
    assert_finds(&[
        ("295109912611193", &[("295109912611193", "FR_NIR")]),
        (
            "2 95 10 99 126 111 93",
            &[("2 95 10 99 126 111 93", "FR_NIR")],
        ),
        (
            "numéro de sécurité sociale : 1 85 05 78 006 084 91.",
            &[("1 85 05 78 006 084 91", "FR_NIR")],
        ),
        ("253072B07300470", &[("253072B07300470", "FR_NIR")]),
        ("NIR 253072A07300443", &[("253072A07300443", "FR_NIR")]),
        (
            "2 53 07 2A 073 004 43",
            &[("2 53 07 2A 073 004 43", "FR_NIR")],
        ),
        ("NIR 1850578006084 91", &[("1850578006084 91", "FR_NIR")]),
        ("carte vitale 1850578006084", &[("1850578006084", "FR_NIR")]),
        (
            "n° sécu 1 85 05 78 006 084",
            &[("1 85 05 78 006 084", "FR_NIR")],
        ),
        (
            "số an sinh xã hội 269054958815780",
            &[("269054958815780", "FR_NIR")],
        ),
    ]);
    assert_damage_is_seen("NIR 295109912611193", "295109912611193", "FR_NIR");
    assert_damage_is_seen("NIR 253072B07300470", "253072B07300470", "FR_NIR");
    assert_leaves(&[
        "295109912611199",
        "595109912611193",
        "253072C07300443",
        "295150012611193",
        "IMEI 356938035643809",
        "1850578006084",
    ]);
}

#[test]
fn tax_numbers_of_persons_are_found() {
    assert_finds(&[
        (
            "numéro fiscal 3023217600053",
            &[("3023217600053", "FR_TAX_ID")],
        ),
        ("30 23 217 600 053", &[("30 23 217 600 053", "FR_TAX_ID")]),
        ("SPI : 0701987765493", &[("0701987765493", "FR_TAX_ID")]),
    ]);
    assert_damage_is_seen("SPI 3023217600053", "3023217600053", "FR_TAX_ID");
    assert_leaves(&[
        "SPI 3023217600054",
        "SPI 9701987765432",
        "EAN 3017620422003",
    ]);
}

#[test]
fn numbers_of_companies_are_found() {
    assert_finds(&[
        ("SIRET 73282932000074", &[("73282932000074", "FR_SIRET")]),
        ("732 829 320 00074", &[("732 829 320 00074", "FR_SIRET")]),
        ("SIREN : 732 829 320", &[("732 829 320", "FR_SIRET")]),
        ("SIREN 552008443", &[("552008443", "FR_SIRET")]),
        (
            "siret 356 000 000 49837",
            &[("356 000 000 49837", "FR_SIRET")],
        ),
        ("SIRET 35600000000048", &[("35600000000048", "FR_SIRET")]),
    ]);
    assert_damage_is_seen("SIRET 73282932000074", "73282932000074", "FR_SIRET");
    assert_damage_is_seen("SIREN 404833048", "404833048", "FR_SIRET");
    assert_leaves(&[
        "732 829 320",
        "73282932000074",
        "SIRET 73282932000079",
        "732 829 320 €",
        "prix : 732 829 320 EUR",
    ]);
}
