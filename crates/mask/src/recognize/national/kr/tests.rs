use crate::recognize::national::cases::{each_holds, found, no_damage_survives, nothing_in};

#[test]
fn resident_numbers_are_found_by_day_and_check_digit() {
    each_holds(
        "KR_RRN",
        &[
            ("900101-1234568", "900101-1234568"),
            ("주민등록번호는 850722-2432105입니다", "850722-2432105"),
            ("RRN 0304153123458.", "0304153123458"),
            ("주민번호: 900101 1234568", "900101 1234568"),
            // Assigned since October 2020, with an arbitrary last digit.
            ("주민등록번호 210315-3123456", "210315-3123456"),
        ],
    );
    nothing_in(&[
        "order 240115-1234567",
        "240115-1234567",
        "주민등록번호 901301-1234568",
        "주민등록번호 900230-1234568",
        "9001011234568",
        "timestamp 1700000000000",
        "전화 010-1234-5678",
    ]);
}

#[test]
fn numbers_of_foreigners_have_their_own_label() {
    each_holds(
        "KR_FRN",
        &[
            ("900101-5123452", "900101-5123452"),
            ("외국인등록번호 880312-6234563", "880312-6234563"),
            ("alien registration number 9001015123459", "9001015123459"),
        ],
    );
    nothing_in(&["900101-5123459", "외국인등록번호 900101-5"]);
}

#[test]
fn business_numbers_are_found_by_check_digit() {
    each_holds(
        "KR_BRN",
        &[
            ("116-82-00276", "116-82-00276"),
            ("사업자등록번호 134-86-72683", "134-86-72683"),
            ("사업자번호 1348672683", "1348672683"),
        ],
    );
    no_damage_survives("KR_BRN", "BRN", "134-86-72683");
    nothing_in(&["1348672683", "116-82-00277", "사업자 100-00-00000"]);
}

#[test]
fn passports_and_licences_are_found() {
    each_holds(
        "KR_PASSPORT",
        &[
            ("여권번호 M12345678", "M12345678"),
            ("Korean passport M123A4567", "M123A4567"),
        ],
    );
    each_holds(
        "KR_DRIVER_LICENSE",
        &[
            ("운전면허 11-23-123456-78", "11-23-123456-78"),
            ("운전면허번호: 112312345678", "112312345678"),
            ("28-19-004512-30", "28-19-004512-30"),
        ],
    );
    nothing_in(&[
        "M12345678",
        "여권 A12345678",
        "10-23-123456-78",
        "27-23-123456-78",
        "112312345678",
    ]);
    assert_eq!(
        found("여권 M12345678 / 900101-1234568").len(),
        2,
        "two in a line"
    );
}
