use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn social_insurance_numbers_are_found() {
    assert_finds(&[
        ("130-692-544", &[("130-692-544", "CA_SIN")]),
        ("My SIN is 130 692 544.", &[("130 692 544", "CA_SIN")]),
        ("SIN: 130692544", &[("130692544", "CA_SIN")]),
        (
            "social insurance number 193-456-787",
            &[("193-456-787", "CA_SIN")],
        ),
        ("Mon NAS est 130 692 544", &[("130 692 544", "CA_SIN")]),
        (
            "numéro d'assurance sociale : 123456782",
            &[("123456782", "CA_SIN")],
        ),
        (
            "số bảo hiểm xã hội Canada 130692544",
            &[("130692544", "CA_SIN")],
        ),
        // The usual example; numbers with 0 are fictitious.
        ("SIN 046 454 286", &[("046 454 286", "CA_SIN")]),
        ("SIN 999-999-998", &[("999-999-998", "CA_SIN")]),
    ]);
    assert_damage_is_seen("SIN 130-692-544", "130-692-544", "CA_SIN");
}

#[test]
fn other_numbers_are_no_social_insurance_numbers() {
    assert_leaves(&[
        "SIN 823-456-785",
        "SIN 130-692-545",
        "SIN 000-000-000",
        "130692544",
        "046 454 286",
        "046-454-286",
        "sin(130692544.5)",
        "invoice 130-692-544",
        "130 692 544 EUR",
        "SIN 130-692-5441",
    ]);
}
