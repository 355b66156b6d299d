use crate::tests::found;

/// Checks what is found in each text: value and label.
fn each_gives(cases: &[(&str, &[(&str, &str)])]) {
    for (text, expected) in cases {
        let found = found(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(value, label)| (value.as_str(), label.as_str()))
            .collect();
        assert_eq!(found, *expected, "in {text:?}");
    }
}

#[test]
fn the_nearer_word_decides() {
    each_gives(&[
        ("call us about order 4155552671", &[]),
        (
            "order: 4155552671, phone: 4155552672",
            &[("4155552672", "PHONE")],
        ),
        (
            "phone: 4155552671, order: 4155552672",
            &[("4155552671", "PHONE")],
        ),
        (
            "my order is late, call me at 4155552671",
            &[("4155552671", "PHONE")],
        ),
        (
            "order 12 is late, phone 4155552671",
            &[("4155552671", "PHONE")],
        ),
        ("the invoice 4155552671 came after we called", &[]),
        (
            "The order 536228145 belongs to SSN 536228145",
            &[("536228145", "US_SSN")],
        ),
        ("I lost my SSN card. Order 536228145 is late.", &[]),
        ("What is your SSN? 536228145", &[("536228145", "US_SSN")]),
        (
            "Account 123456789, routing 021000021.",
            &[("021000021", "US_ROUTING")],
        ),
        ("CMND 023456789, STK 987654321", &[("023456789", "VN_CMND")]),
        ("STK 987654321, CMND 023456789", &[("023456789", "VN_CMND")]),
        (
            "Đơn hàng 0912345678 giao cho số điện thoại 0987654321.",
            &[("0987654321", "PHONE")],
        ),
        (
            "Số điện thoại 0987654321, đơn hàng 0912345678.",
            &[("0987654321", "PHONE")],
        ),
        ("gọi em về đơn hàng 0912345678 nhé", &[]),
        (
            "đơn hàng bị trễ, gọi em số 0912345678",
            &[("0912345678", "PHONE")],
        ),
        (
            "mã vận đơn 079203001234, CCCD 079203001235",
            &[("079203001235", "VN_CCCD")],
        ),
    ]);
}

#[test]
fn each_label_of_a_list_speaks_of_its_own_value() {
    each_gives(&[
        (
            "SSN: 536228145, phone: 4155552671",
            &[("536228145", "US_SSN"), ("4155552671", "PHONE")],
        ),
        (
            "phone: 4155552671, SSN: 536228145",
            &[("4155552671", "PHONE"), ("536228145", "US_SSN")],
        ),
        (
            "{\"phone\":\"4155552671\",\"code\":\"4155552672\"}",
            &[("4155552671", "PHONE")],
        ),
        ("{\"phone\":null,\"code\":\"4155552672\"}", &[]),
        ("SSN: unknown, code: 536228145", &[]),
        (
            "CCCD: 079203001234, SĐT: 0912345678, MST: 0100109106",
            &[
                ("079203001234", "VN_CCCD"),
                ("0912345678", "PHONE"),
                ("0100109106", "VN_TAX_CODE"),
            ],
        ),
        (
            "CMND: 023456789; BHXH: 7916123456",
            &[
                ("023456789", "VN_CMND"),
                ("7916123456", "VN_SOCIAL_INSURANCE"),
            ],
        ),
    ]);
}

#[test]
fn one_label_serves_a_list_of_values() {
    each_gives(&[
        (
            "phones: 4155552671, 4155552672, 4155552673 and 4155552674, 2125552675, 2125552676, 2125552677",
            &[
                ("4155552671", "PHONE"),
                ("4155552672", "PHONE"),
                ("4155552673", "PHONE"),
                ("4155552674", "PHONE"),
                ("2125552675", "PHONE"),
                ("2125552676", "PHONE"),
                ("2125552677", "PHONE"),
            ],
        ),
        (
            "SSNs: 536228145 and 219099998",
            &[("536228145", "US_SSN"), ("219099998", "US_SSN")],
        ),
        (
            "CMND của hai vợ chồng: 023456789 và 023456780",
            &[("023456789", "VN_CMND"), ("023456780", "VN_CMND")],
        ),
        (
            "MST bên A: 0100109106, bên B: 0101245486",
            &[("0100109106", "VN_TAX_CODE"), ("0101245486", "VN_TAX_CODE")],
        ),
        (
            "SSN old: 536228145, new: 219099998",
            &[("536228145", "US_SSN"), ("219099998", "US_SSN")],
        ),
        ("orders 4155552671, 4155552672 (phone support knows)", &[]),
        ("Phone:\n- 4155552671\n", &[("4155552671", "PHONE")]),
        ("CMND:\n023456789", &[("023456789", "VN_CMND")]),
    ]);
}

#[test]
fn words_count_however_they_are_joined() {
    each_gives(&[
        (
            "social_security_number=536228145",
            &[("536228145", "US_SSN")],
        ),
        (
            "social-security-number: 536228145",
            &[("536228145", "US_SSN")],
        ),
        (
            "socialSecurityNumber: 536228145",
            &[("536228145", "US_SSN")],
        ),
        ("customerPhone: 4155552671", &[("4155552671", "PHONE")]),
        ("SỐ ĐIỆN THOẠI: 0912345678", &[("0912345678", "PHONE")]),
        (
            "So\u{302}\u{301} CMND: 023456789",
            &[("023456789", "VN_CMND")],
        ),
        (
            "주민번호 확인, 전화번호 4155552671",
            &[("4155552671", "PHONE")],
        ),
        ("personal 536228145", &[]),
        ("assn 536228145", &[]),
    ]);
}

#[test]
fn a_label_may_be_glued_to_its_number() {
    each_gives(&[
        ("MST0100109106 nhé", &[("0100109106", "VN_TAX_CODE")]),
        ("cccd079203001234", &[("079203001234", "VN_CCCD")]),
        ("SSN536228145", &[("536228145", "US_SSN")]),
        ("SĐT0912345678", &[("0912345678", "PHONE")]),
        ("ID079203001234567", &[]),
        ("DH079203001234", &[]),
    ]);
}

#[test]
fn words_after_a_number_speak_of_it_unless_they_begin_something_else() {
    each_gives(&[
        ("4155552671 is my phone number", &[("4155552671", "PHONE")]),
        ("4155552671 (mobile)", &[("4155552671", "PHONE")]),
        (
            "0912345678 là số điện thoại của em",
            &[("0912345678", "PHONE")],
        ),
        ("4155552671, phone: 2125552675", &[("2125552675", "PHONE")]),
        ("4155552671 phone 2125552675", &[("2125552675", "PHONE")]),
        ("4155552671. Phone support is closed", &[]),
    ]);
}

#[test]
fn the_header_of_a_table_is_the_label_of_its_columns() {
    each_gives(&[
        (
            "name,ssn,phone\nAnn Lee,219-45-3360,212-867-5309\nBob,401-22-7789,312-867-4411",
            &[
                ("219-45-3360", "US_SSN"),
                ("212-867-5309", "PHONE"),
                ("401-22-7789", "US_SSN"),
                ("312-867-4411", "PHONE"),
            ],
        ),
        (
            "id;bsn;naam\n7;123456782;Bakker",
            &[("123456782", "NL_BSN")],
        ),
        (
            "\"name\",\"phone\"\n\"Lee, Ann\",\"4155552671\"",
            &[("4155552671", "PHONE")],
        ),
        (
            "Aadhaar Number\n234123412346",
            &[("234123412346", "IN_AADHAAR")],
        ),
        ("Phone\n4155552671", &[("4155552671", "PHONE")]),
        ("order,phone,total\n1234567890,4155552671,99", &[]),
        ("Invoice number\n4155552671", &[]),
        ("Dear phone, birthday, team\n4155552671, ok", &[]),
        ("We spoke by phone.\n4155552671", &[]),
    ]);
}

#[test]
fn the_label_of_one_kind_of_number_speaks_against_the_others() {
    each_gives(&[
        ("Social Insurance Number: 602129313", &[]),
        ("Partita IVA: 09320909013", &[]),
        ("CNPJ: 39163713000181", &[]),
        ("個人番号：054190178145", &[]),
        ("SSN: 079203001234", &[]),
        ("MST: 079203001234", &[("079203001234", "VN_CCCD")]),
        ("MST 0389272675", &[("0389272675", "VN_TAX_CODE")]),
        ("BHXH: 0912345678", &[("0912345678", "VN_SOCIAL_INSURANCE")]),
        ("N° SS : 129049455958342", &[("129049455958342", "FR_NIR")]),
    ]);
}
