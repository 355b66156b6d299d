use proptest::prelude::*;

use crate::recognize::national::cases::{
    each_holds, found, labels_in_field, no_damage_survives, nothing_in,
};

#[test]
fn citizen_numbers_are_found_by_province_century_and_year() {
    each_holds(
        "VN_CCCD",
        &[
            ("079203001234", "079203001234"),
            ("CCCD: 001090012345.", "001090012345"),
            (
                "Số căn cước công dân của tôi là 087084000999",
                "087084000999",
            ),
            (
                "căn cước 079 203 001 234 cấp ngày 12/05/2021",
                "079 203 001 234",
            ),
            ("số định danh cá nhân 0792.0300.1234", "0792.0300.1234"),
            ("\"cccd\":\"038195001234\"", "038195001234"),
            ("SỐ CCCD 048301004567, họ tên Nguyễn Văn An", "048301004567"),
            ("MST cá nhân: 079203001234", "079203001234"),
            ("VNeID 052204009876", "052204009876"),
            ("**079203001234**", "079203001234"),
            // Born abroad: the first digits are the code of a country.
            ("CCCD 220090012345", "220090012345"),
            ("CMND/CCCD: 079203001234", "079203001234"),
        ],
    );
    nothing_in(&[
        // No province, another century, a year that is yet to come.
        "CCCD 003203001234",
        "CCCD 079503001234",
        "CCCD 079299001234",
        "cccd 000000000000",
        "Mã đơn hàng 079203001234",
        "mã vận đơn: 012345678905",
        "UPC 036000291452",
        "STK 079203001234 Vietinbank",
        "107870123456",
        "202411211530",
        "DH079203001234",
        "079203001234567",
        "0792030012345",
        "079203001234.567",
        "id_079203001234",
        "001122334455",
        "010203040506",
        "frames 010 011 012 013",
        "arn:aws:iam::123456789012:role/admin",
        "0.079203001234",
        "$079203001234",
    ]);
}

#[test]
fn older_identity_cards_need_context() {
    each_holds(
        "VN_CMND",
        &[
            ("CMND 023456789", "023456789"),
            ("CMND: 123456789", "123456789"),
            ("số chứng minh nhân dân 272 345 678.", "272 345 678"),
            ("chứng minh thư của em là 012345678", "012345678"),
        ],
    );
    nothing_in(&[
        "023456789",
        "giá 250.000.000 đồng",
        "CMND 000000000",
        "tổng cộng 123456789",
        "số lượng 250000000",
    ]);
}

#[test]
fn tax_codes_are_found_by_check_digit() {
    each_holds(
        "VN_TAX_CODE",
        &[
            ("MST 0100109106", "0100109106"),
            ("Mã số thuế: 0101500898.", "0101500898"),
            ("mã số thuế 0314409058-002", "0314409058-002"),
            ("0314409058-002", "0314409058-002"),
            ("mst: 0100 233 488", "0100 233 488"),
            ("tax code 8001234566", "8001234566"),
            ("Công ty ABC (MST: 0900108567)", "0900108567"),
        ],
    );
    no_damage_survives("VN_TAX_CODE", "MST", "0100233488");
    nothing_in(&[
        "0100109106",
        "MST 0100233480",
        "MST 0123456789",
        "MST 0100000000",
        "0314409058-000",
        "SĐT 0912345678",
        "0912 345 678",
        "gọi 0987654321 nhé",
        "hóa đơn 0100109106",
        "1700000000",
        "MST? gọi 0912345675",
        "thông tin 0100109106",
    ]);
}

#[test]
fn insurance_numbers_need_context() {
    each_holds(
        "VN_SOCIAL_INSURANCE",
        &[
            ("mã số BHXH 7916123456", "7916123456"),
            ("sổ bảo hiểm xã hội số 0116012345.", "0116012345"),
            ("BHXH: 0123456789", "0123456789"),
            ("thẻ BHYT DN4790123456789", "DN4790123456789"),
            ("mã thẻ bhyt: GD 4 01 0123456789", "GD 4 01 0123456789"),
        ],
    );
    nothing_in(&[
        "7916123456",
        "BHXH 0000000000",
        "BHXH, liên hệ 0987654321",
        "DN4790123456789",
        "mức đóng BHXH 10.5%",
    ]);
}

#[test]
fn passports_and_licences_need_context() {
    each_holds(
        "VN_PASSPORT",
        &[
            ("hộ chiếu C1234567", "C1234567"),
            ("Số hộ chiếu: P00123456.", "P00123456"),
            ("ho chieu b9876543", "b9876543"),
        ],
    );
    each_holds(
        "VN_DRIVER_LICENSE",
        &[
            ("GPLX 790123456789", "790123456789"),
            ("giấy phép lái xe số 010123456789,", "010123456789"),
            ("bằng lái 380151234567", "380151234567"),
        ],
    );
    nothing_in(&["C1234567", "P00123456", "790123456789", "hộ chiếu C0000000"]);
}

#[test]
fn ordinary_vietnamese_text_survives() {
    nothing_in(&[
        "Giá 1.500.000đ, giảm còn 990.000đ.",
        "25.000d một ly cà phê",
        "Tổng cộng: 12.345.678.901 VND",
        "Chuyển khoản 0071001234567 Vietcombank",
        "Số tài khoản: 19034567890123",
        "Mã vận đơn VN123456789VN",
        "Đơn hàng #2411210001234",
        "Ngày 21/11/2024 lúc 15:30:00",
        "ISBN 978-604-2-12345-6",
        "EAN 8934563138165",
        "Biển số 51F-123.45",
        "Hotline 1900 1234 hoặc 028 3822 1234",
        "Nghị định 137/2015/NĐ-CP, Thông tư 07/2016/TT-BCA",
        "phiên bản 1.2.3.4",
        "created_at=1732190400 updated_at=1732190400123",
        "dân số 98504400 người",
    ]);
}

proptest! {
    #[test]
    fn no_text_panics_and_every_span_is_on_characters(
        text in "(CCCD|MST|cpf|RFC|주민등록번호|hộ chiếu|[0-9]{1,14}|[A-Za-z]{1,5}|[ -./:\\u{a0}\\u{2011}]|\\PC){0,40}",
    ) {
        for (value, _) in found(&text) {
            prop_assert!(!value.is_empty() && text.contains(value));
        }
    }
}

#[test]
fn the_name_of_a_field_is_context() {
    for (field, value, label) in [
        ("so_cccd", "079 203 001 234", "VN_CCCD"),
        ("citizenId", "220090012345", "VN_CCCD"),
        ("soCMND", "023456789", "VN_CMND"),
        ("maSoThue", "0100109106", "VN_TAX_CODE"),
        ("tax-code", "0100109106", "VN_TAX_CODE"),
        ("ma_so_bhxh", "7916123456", "VN_SOCIAL_INSURANCE"),
        ("so_ho_chieu", "C1234567", "VN_PASSPORT"),
        ("gplx", "790123456789", "VN_DRIVER_LICENSE"),
        ("passportNumber", "AB1234567", "PASSPORT"),
    ] {
        assert_eq!(labels_in_field(field, value), [label], "in {field}");
    }
    assert_eq!(labels_in_field("phone", "0912345678"), ["PHONE"]);
    assert_eq!(labels_in_field("order_id", "023456789").len(), 0);
}

#[test]
fn sentences_of_a_chat_give_exact_values() {
    for (text, expected) in [
        (
            "Em tên Lan, cccd 001192012345, sđt 0912345678, nhờ anh kiểm tra giúp",
            &[("001192012345", "VN_CCCD")][..],
        ),
        (
            "Mã số thuế: 079203001234, số tài khoản 19034567890123",
            &[("079203001234", "VN_CCCD")],
        ),
        (
            "Công ty TNHH ABC – MST 0100109106 – giá 1.500.000đ",
            &[("0100109106", "VN_TAX_CODE")],
        ),
        (
            "CCCD/Hộ chiếu: 079203001234 hoặc C1234567",
            &[("079203001234", "VN_CCCD"), ("C1234567", "VN_PASSPORT")],
        ),
        (
            "Số CMND của ông là \u{201c}023456789\u{201d}, cấp 15/03/2010",
            &[("023456789", "VN_CMND")],
        ),
        ("| CCCD | 079203001234 |", &[("079203001234", "VN_CCCD")]),
        (
            "chi nhánh MST 0314409058002 và GPLX `790123456789`",
            &[
                ("0314409058002", "VN_TAX_CODE"),
                ("790123456789", "VN_DRIVER_LICENSE"),
            ],
        ),
        ("Đơn hàng 079203001234 giá 250.000đ đã giao", &[]),
    ] {
        let found = found(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(value, label)| (*value, label.as_str()))
            .collect();
        assert_eq!(found, expected, "in {text:?}");
    }
}

#[test]
fn several_numbers_of_a_person_are_all_found() {
    assert_eq!(
        found("Nguyễn Văn An, CCCD 079203001234\nMST 0100233488\nhộ chiếu C1234567"),
        [
            ("079203001234", "VN_CCCD".to_owned()),
            ("0100233488", "VN_TAX_CODE".to_owned()),
            ("C1234567", "VN_PASSPORT".to_owned()),
        ]
    );
}
