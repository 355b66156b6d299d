use crate::recognize::national::cases::{each_holds, found, no_damage_survives, nothing_in};

#[test]
fn identity_numbers_of_all_series_are_found_without_context() {
    each_holds(
        "SG_NRIC_FIN",
        &[
            ("S1234567D", "S1234567D"),
            ("The guest T1234567J checked in.", "T1234567J"),
            ("(F1234567N)", "F1234567N"),
            ("\"G1234567X\"", "G1234567X"),
            ("M1234567K,", "M1234567K"),
            ("my nric is s1234567d!", "s1234567d"),
            ("NRIC: S-1234567-D", "S-1234567-D"),
            ("{\"nric\":\"S9876543C\"}", "S9876543C"),
            ("Số NRIC của tôi là S1234567D.", "S1234567D"),
        ],
    );
}

#[test]
fn a_wrong_check_letter_or_series_is_refused() {
    no_damage_survives("SG_NRIC_FIN", "NRIC", "S1234567D");
    no_damage_survives("SG_NRIC_FIN", "FIN", "M1234567K");
    nothing_in(&[
        "NRIC S1234567A",
        "NRIC A1234567D",
        "part XS1234567D",
        "S1234567D9",
        "model S1234567",
        "file S1234567D_v2",
    ]);
}

#[test]
fn entity_numbers_are_found_by_format() {
    each_holds(
        "SG_UEN",
        &[
            ("UEN 53012345B", "53012345B"),
            ("UEN: 00192200M", "00192200M"),
            ("Registered as 197401143C in Singapore", "197401143C"),
            ("T01FC6132D", "T01FC6132D"),
            ("S16FC0121D.", "S16FC0121D"),
            ("ACRA number F00056789H", "F00056789H"),
            ("uen=201912345R", "201912345R"),
        ],
    );
    no_damage_survives("SG_UEN", "UEN", "00192200M");
    no_damage_survives("SG_UEN", "UEN", "197401143C");
    nothing_in(&[
        "00192200M is in stock",
        "batch 20240115A",
        "UEN 197401143D",
        "UEN T01ZZ6132D",
        "F00056789H",
        "2024-11-21T10:15:00Z",
        "20241121T101500Z",
    ]);
}

#[test]
fn several_in_a_line_are_found_with_exact_spans() {
    assert_eq!(found("S1234567D, T1234567J; UEN 197401143C").len(), 3);
}
