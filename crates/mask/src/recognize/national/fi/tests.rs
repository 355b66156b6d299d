use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn personal_identity_codes_are_found() {
    assert_finds(&[
        (
            "131052-308T",
            &[("131052-308T", "FI_PERSONAL_IDENTITY_CODE")],
        ),
        (
            "Henkilötunnus: 131052-308T.",
            &[("131052-308T", "FI_PERSONAL_IDENTITY_CODE")],
        ),
        (
            "hetu 131052-308t",
            &[("131052-308t", "FI_PERSONAL_IDENTITY_CODE")],
        ),
        (
            "personbeteckning 010190-900P",
            &[("010190-900P", "FI_PERSONAL_IDENTITY_CODE")],
        ),
        (
            "150600A905P",
            &[("150600A905P", "FI_PERSONAL_IDENTITY_CODE")],
        ),
        (
            "HETU 131052+308T",
            &[("131052+308T", "FI_PERSONAL_IDENTITY_CODE")],
        ),
    ]);
    assert_damage_is_seen(
        "hetu 131052-308T",
        "131052-308T",
        "FI_PERSONAL_IDENTITY_CODE",
    );
    assert_leaves(&[
        "131052-308U",
        "310252-308Y",
        "131352-308T",
        "131052-001T",
        "131052G308T",
        "131052.308T",
        "131052 308T",
        "1131052-308T",
    ]);
}

#[test]
fn all_signs_of_the_centuries_of_2023_are_known() {
    // Published test codes of the Digital and Population Data Services Agency.
    for code in [
        "010594Y9032",
        "010594Y9021",
        "020594X903P",
        "020594X902N",
        "030594W903B",
        "030694W9024",
        "040594V9030",
        "040594V902Y",
        "050594U903M",
        "050594U902L",
        "010516B903X",
        "010516B902W",
        "020516C903K",
        "020516C902J",
        "030516D9037",
        "030516D9026",
        "010501E9032",
        "020502E902X",
        "020503F9037",
        "020504A902E",
        "020504B904H",
    ] {
        assert_finds(&[(code, &[(code, "FI_PERSONAL_IDENTITY_CODE")])]);
    }
}
