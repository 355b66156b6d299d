use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn personal_numbers_are_found() {
    assert_finds(&[
        ("880320-0016", &[("880320-0016", "SE_PERSONNUMMER")]),
        (
            "Personnummer: 811228-9874.",
            &[("811228-9874", "SE_PERSONNUMMER")],
        ),
        ("19811228-9874", &[("19811228-9874", "SE_PERSONNUMMER")]),
        (
            "personnummer 198112289874",
            &[("198112289874", "SE_PERSONNUMMER")],
        ),
        ("pnr 8112289874", &[("8112289874", "SE_PERSONNUMMER")]),
        ("850709+9805", &[("850709+9805", "SE_PERSONNUMMER")]),
        (
            "samordningsnummer 701063-2391",
            &[("701063-2391", "SE_PERSONNUMMER")],
        ),
        ("19701063-2391", &[("19701063-2391", "SE_PERSONNUMMER")]),
    ]);
    assert_damage_is_seen("personnummer 880320-0016", "880320-0016", "SE_PERSONNUMMER");
    assert_leaves(&[
        "880320-0018",
        "881320-0016",
        "880399-0016",
        "8112289874",
        "198112289874",
        "202411210815",
        "1712100000",
    ]);
}

#[test]
fn organisation_numbers_are_found_with_context() {
    assert_finds(&[
        (
            "Org.nr 556012-5790",
            &[("556012-5790", "SE_ORGANISATIONSNUMMER")],
        ),
        (
            "organisationsnummer: 5560360793",
            &[("5560360793", "SE_ORGANISATIONSNUMMER")],
        ),
        (
            "orgnr 16556036-0793",
            &[("16556036-0793", "SE_ORGANISATIONSNUMMER")],
        ),
        (
            "VAT SE556012579001",
            &[("SE556012579001", "SE_ORGANISATIONSNUMMER")],
        ),
        (
            "orgnr 212000-0142",
            &[("212000-0142", "SE_ORGANISATIONSNUMMER")],
        ),
    ]);
    assert_damage_is_seen("orgnr 556012-5790", "556012-5790", "SE_ORGANISATIONSNUMMER");
    assert_leaves(&[
        "556012-5790",
        "orgnr 556012-5791",
        "orgnr 056012-5790",
        "order 556012-5790",
    ]);
}
