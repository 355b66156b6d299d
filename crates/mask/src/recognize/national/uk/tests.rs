use crate::recognize::national::tests::{assert_damage_is_seen, assert_finds, assert_leaves};

#[test]
fn health_service_numbers_are_found_with_context() {
    assert_finds(&[
        ("NHS number 943 476 5870", &[("943 476 5870", "UK_NHS")]),
        ("NHS: 943-476-5870", &[("943-476-5870", "UK_NHS")]),
        ("NHS no. 9434765870", &[("9434765870", "UK_NHS")]),
        (
            "patient 401 023 2137 admitted",
            &[("401 023 2137", "UK_NHS")],
        ),
        ("số NHS của tôi: 4505577104", &[("4505577104", "UK_NHS")]),
    ]);
    assert_damage_is_seen("NHS 943 476 5870", "943 476 5870", "UK_NHS");
    assert_leaves(&[
        "943 476 5870",
        "call 943-476-5870",
        "9434765870",
        "NHS 0000000000",
    ]);
}

#[test]
fn national_insurance_numbers_are_found() {
    assert_finds(&[
        ("AB 12 34 56 C", &[("AB 12 34 56 C", "UK_NINO")]),
        ("AB123456C", &[("AB123456C", "UK_NINO")]),
        ("NI number: JG103759A.", &[("JG103759A", "UK_NINO")]),
        (
            "my national insurance is ab123456c",
            &[("ab123456c", "UK_NINO")],
        ),
        ("NINO AB 123456 C", &[("AB 123456 C", "UK_NINO")]),
        ("AB-12-34-56-D", &[("AB-12-34-56-D", "UK_NINO")]),
        ("(AA123456B)", &[("AA123456B", "UK_NINO")]),
        (
            "số bảo hiểm quốc gia JG103759A",
            &[("JG103759A", "UK_NINO")],
        ),
    ]);
    assert_leaves(&[
        "NINO QQ123456C",
        "NINO GB123456C",
        "NINO BG123456A",
        "NINO TN123456A",
        "NINO DA123456A",
        "NINO AO123456A",
        "NINO AB123456E",
        "NINO AB12345C",
        "ab123456c",
        "order AB123456C",
        "AB1234567C",
    ]);
}

#[test]
fn taxpayer_references_are_found_with_context() {
    assert_finds(&[
        ("UTR 1955839661", &[("1955839661", "UK_UTR")]),
        (
            "unique taxpayer reference: 19558 39661",
            &[("19558 39661", "UK_UTR")],
        ),
        ("my UTR is 2234567890K", &[("2234567890K", "UK_UTR")]),
    ]);
    assert_leaves(&[
        "1955839661",
        "UTR 2955839661",
        "UTR 1955839662",
        "UTR 1955839661X",
    ]);
}

#[test]
fn driving_licences_and_passports_are_found() {
    assert_finds(&[
        (
            "MORGA657054SM9IJ",
            &[("MORGA657054SM9IJ", "UK_DRIVING_LICENCE")],
        ),
        (
            "driving licence MORGA 657054 SM9IJ 35",
            &[("MORGA 657054 SM9IJ", "UK_DRIVING_LICENCE")],
        ),
        (
            "LEE99802011J99AB",
            &[("LEE99802011J99AB", "UK_DRIVING_LICENCE")],
        ),
        (
            "licence number SMITH701152MJ901 ok",
            &[("SMITH701152MJ901", "UK_DRIVING_LICENCE")],
        ),
        ("UK passport 925665416", &[("925665416", "UK_PASSPORT")]),
        (
            "British passport no. AB1234567",
            &[("AB1234567", "UK_PASSPORT")],
        ),
    ]);
    assert_leaves(&[
        "MORGA677054SM9IJ",
        "MORGA633054SM9IJ",
        "MORGA657325SM9IJ",
        "MOR1A657054SM9IJ",
        "AB1234567",
        "925665416",
    ]);
}
