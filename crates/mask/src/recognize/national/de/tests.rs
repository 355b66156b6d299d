use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn tax_numbers_are_found() {
    assert_finds(&[
        ("36574261809", &[("36574261809", "DE_TAX_ID")]),
        (
            "Steuer-ID: 36 574 261 809",
            &[("36 574 261 809", "DE_TAX_ID")],
        ),
        (
            "Meine IdNr. ist 65929970489",
            &[("65929970489", "DE_TAX_ID")],
        ),
        (
            "steuerliche Identifikationsnummer 47 036 892 816.",
            &[("47 036 892 816", "DE_TAX_ID")],
        ),
        (
            "mã số thuế Đức 86095742719",
            &[("86095742719", "DE_TAX_ID")],
        ),
    ]);
    assert_damage_is_seen("Steuer-ID 36 574 261 809", "36 574 261 809", "DE_TAX_ID");
    assert_leaves(&[
        "Steuer-ID 36574261890",
        "Steuer-ID 36554266806",
        "Steuer-ID 02476291358",
        "Steuer-ID 01234567890",
        "Steuer-ID 11111111111",
        "Telefon +49 36 574 261 809",
        "Bestellung 12345678901",
    ]);
}

#[test]
fn social_insurance_numbers_are_found() {
    assert_finds(&[
        ("15070649C103", &[("15070649C103", "DE_SOCIAL_SECURITY")]),
        (
            "SV-Nummer 15 070649 C 103",
            &[("15 070649 C 103", "DE_SOCIAL_SECURITY")],
        ),
        (
            "Rentenversicherungsnummer: 65180539W001",
            &[("65180539W001", "DE_SOCIAL_SECURITY")],
        ),
        (
            "rvnr 10010490a443",
            &[("10010490a443", "DE_SOCIAL_SECURITY")],
        ),
    ]);
    assert_damage_is_seen("SVNR 15070649C103", "15070649C103", "DE_SOCIAL_SECURITY");
    assert_leaves(&[
        "15070649C104",
        "15320649C103",
        "15071349C103",
        "15130649103",
        "00070649C103",
    ]);
}

#[test]
fn identity_cards_and_passports_are_found_with_context() {
    assert_finds(&[
        ("Personalausweis T22000129", &[("T22000129", "DE_ID_CARD")]),
        (
            "Personalausweisnummer L01X00T471",
            &[("L01X00T471", "DE_ID_CARD")],
        ),
        ("Ausweis-Nr. L01X00T471D", &[("L01X00T471D", "DE_ID_CARD")]),
        (
            "my German ID card: L01X00T47",
            &[("L01X00T47", "DE_ID_CARD")],
        ),
        ("Reisepass C01X00T47", &[("C01X00T47", "DE_PASSPORT")]),
        (
            "Reisepassnummer C01X0006H1",
            &[("C01X0006H1", "DE_PASSPORT")],
        ),
        ("Reisepass C01X00T478D", &[("C01X00T478D", "DE_PASSPORT")]),
    ]);
    assert_damage_is_seen("Personalausweis L01X00T471", "L01X00T471", "DE_ID_CARD");
    assert_leaves(&[
        "L01X00T47",
        "T220001293",
        "Personalausweis A01X00T47",
        "Personalausweis L01A00T47",
        "Personalausweis L01X00T472",
        "Ausweis LMNPRTVWX",
        "Personalausweis L01X00T471E",
        "license key L01X00T47",
    ]);
}
