use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn fiscal_codes_are_found() {
    assert_finds(&[
        (
            "RCCMNL83S18D969H",
            &[("RCCMNL83S18D969H", "IT_FISCAL_CODE")],
        ),
        (
            "Codice fiscale: RSSMRA85T10A562S.",
            &[("RSSMRA85T10A562S", "IT_FISCAL_CODE")],
        ),
        (
            "CF CNTCHR83T41D969D",
            &[("CNTCHR83T41D969D", "IT_FISCAL_CODE")],
        ),
        (
            "rssmra85t10a562s",
            &[("rssmra85t10a562s", "IT_FISCAL_CODE")],
        ),
        (
            "RSS MRA 85T10 A562S",
            &[("RSS MRA 85T10 A562S", "IT_FISCAL_CODE")],
        ),
        // A code whose last digit was replaced by a letter because two persons shared it.
        (
            "RSSMRA85T10A56NH",
            &[("RSSMRA85T10A56NH", "IT_FISCAL_CODE")],
        ),
        (
            "mã số thuế Ý MRTMTT25D09F205Z",
            &[("MRTMTT25D09F205Z", "IT_FISCAL_CODE")],
        ),
    ]);
    assert_damage_is_seen("CF RSSMRA85T10A562S", "RSSMRA85T10A562S", "IT_FISCAL_CODE");
    assert_leaves(&[
        "RSSMRA85T10A562T",
        "RSSMRA85Z10A562S",
        "RSSMRA85T32A562S",
        "RSSMRA85T10A56OS",
        "RSSMRA85T10A562SX",
        "ABCDEF12G34H567I",
    ]);
}

#[test]
fn vat_numbers_are_found_with_context_or_country() {
    assert_finds(&[
        ("P. IVA 00743110157", &[("00743110157", "IT_VAT_CODE")]),
        (
            "partita IVA: 12345678903",
            &[("12345678903", "IT_VAT_CODE")],
        ),
        ("IT00743110157", &[("IT00743110157", "IT_VAT_CODE")]),
        ("VAT IT 00743110157", &[("IT 00743110157", "IT_VAT_CODE")]),
    ]);
    assert_damage_is_seen("P.IVA 00743110157", "00743110157", "IT_VAT_CODE");
    assert_leaves(&[
        "00743110157",
        "IT00743110158",
        "P.IVA 00000000000",
        "it 00743110157",
    ]);
}
