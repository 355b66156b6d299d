use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn personal_numbers_are_found() {
    assert_finds(&[
        ("44051401359", &[("44051401359", "PL_PESEL")]),
        ("PESEL: 02070803628", &[("02070803628", "PL_PESEL")]),
        (
            "mój numer PESEL to 90090515836.",
            &[("90090515836", "PL_PESEL")],
        ),
        ("PESEL 440514 01359", &[("440514 01359", "PL_PESEL")]),
        ("02211307589", &[("02211307589", "PL_PESEL")]),
    ]);
    assert_damage_is_seen("PESEL 44051401359", "44051401359", "PL_PESEL");
    assert_leaves(&[
        "44051401358",
        "PESEL 44053201359",
        "PESEL 02381307589",
        "PESEL 44951401359",
        "PESEL 00000000000",
        "zamówienie 44051401358",
        "phone 44051401359",
    ]);
}

#[test]
fn tax_numbers_are_found() {
    assert_finds(&[
        ("NIP 8567346215", &[("8567346215", "PL_NIP")]),
        ("NIP: 856-734-62-15", &[("856-734-62-15", "PL_NIP")]),
        ("856-73-46-215", &[("856-73-46-215", "PL_NIP")]),
        ("PL8567346215", &[("PL8567346215", "PL_NIP")]),
        ("PL 5260250274", &[("PL 5260250274", "PL_NIP")]),
        ("numer NIP 725 180 11 26", &[("725 180 11 26", "PL_NIP")]),
        ("mã số thuế 5252344078", &[("5252344078", "PL_NIP")]),
    ]);
    assert_damage_is_seen("NIP 8567346215", "8567346215", "PL_NIP");
    assert_leaves(&[
        "8567346215",
        "NIP 8567346216",
        "DE8567346215",
        "NIP 0000000000",
    ]);
}

#[test]
fn identity_cards_are_found_with_context() {
    assert_finds(&[
        ("dowód osobisty ABA300000", &[("ABA300000", "PL_ID_CARD")]),
        (
            "Seria i numer dowodu: AVF 655431",
            &[("AVF 655431", "PL_ID_CARD")],
        ),
        ("dowod AYE205410", &[("AYE205410", "PL_ID_CARD")]),
    ]);
    assert_damage_is_seen("dowod ABS123456", "ABS123456", "PL_ID_CARD");
    assert_leaves(&[
        "ABA300000",
        "dowód osobisty ABA300001",
        "dowód OBA300000",
        "flight ABA300000",
    ]);
}
