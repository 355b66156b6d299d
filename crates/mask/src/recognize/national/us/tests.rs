use crate::recognize::national::tests::{assert_finds, assert_leaves};

#[test]
fn social_security_numbers_are_found() {
    assert_finds(&[
        ("536-22-8145", &[("536-22-8145", "US_SSN")]),
        ("My SSN is 536-22-8145.", &[("536-22-8145", "US_SSN")]),
        ("SSN: 536 22 8145", &[("536 22 8145", "US_SSN")]),
        ("ssn 536.22.8145", &[("536.22.8145", "US_SSN")]),
        (
            "social security number 536228145",
            &[("536228145", "US_SSN")],
        ),
        (
            "số an sinh xã hội của tôi là 536228145",
            &[("536228145", "US_SSN")],
        ),
        ("SSN# 001-01-0001", &[("001-01-0001", "US_SSN")]),
        ("{\"ssn\":\"899-45-6789\"}", &[("899-45-6789", "US_SSN")]),
        ("my ssn is 123-45-6789", &[("123-45-6789", "US_SSN")]),
        ("SSN-536-22-8145", &[("536-22-8145", "US_SSN")]),
    ]);
}

#[test]
fn a_number_of_an_area_that_is_never_issued_is_hidden_only_where_it_is_said_to_be_one() {
    assert_finds(&[
        ("SSN 900-12-3456", &[("900-12-3456", "US_SSN")]),
        ("part 900-12-3456", &[]),
        ("SSN 900123456", &[]),
        ("SSN 900-00-3456", &[]),
    ]);
}

#[test]
fn numbers_that_are_never_issued_are_no_social_security_numbers() {
    assert_leaves(&[
        "SSN 000-12-3456",
        "SSN 666-12-3456",
        "SSN 987-65-4320",
        "SSN 536-00-8145",
        "SSN 536-22-0000",
        "SSN 078-05-1120",
        "SSN 219-09-9999",
        "SSN 111-11-1111",
        "123-45-6789",
        "SSN 536-228145",
        "SSN 5362-28-145",
        "order 536-22-8145",
        "part number 536-22-8145",
        "536228145",
        "REF-536-22-8145",
    ]);
}

#[test]
fn taxpayer_numbers_are_found() {
    assert_finds(&[
        ("912-90-3456", &[("912-90-3456", "US_ITIN")]),
        ("ITIN 912903456", &[("912903456", "US_ITIN")]),
        ("itin: 950 70 1234", &[("950 70 1234", "US_ITIN")]),
        ("My ITIN is 999-88-7777", &[("999-88-7777", "US_ITIN")]),
        ("EIN 91-1144442", &[("91-1144442", "US_EIN")]),
        ("Federal Tax ID: 04-2103594", &[("04-2103594", "US_EIN")]),
        (
            "employer identification number 042103594",
            &[("042103594", "US_EIN")],
        ),
        ("ein=12-3456789", &[("12-3456789", "US_EIN")]),
    ]);
    assert_leaves(&[
        "912-93-4567",
        "ITIN 912-89-4567",
        "ITIN 912-66-4567",
        "EIN 07-1144442",
        "EIN 00-1234567",
        "EIN 96-1234567",
        "EIN 69-1144442",
        "12-3456789",
        "Tel 02-1234567",
        "Lot 91-1144442",
    ]);
}

#[test]
fn passports_and_licences_need_context() {
    assert_finds(&[
        (
            "passport number: 536228145",
            &[("536228145", "US_PASSPORT")],
        ),
        ("US passport A12345678", &[("A12345678", "US_PASSPORT")]),
        ("hộ chiếu số 536228145", &[("536228145", "US_PASSPORT")]),
        (
            "driver's license D1234567",
            &[("D1234567", "US_DRIVER_LICENSE")],
        ),
        (
            "driver\u{2019}s license D1234567",
            &[("D1234567", "US_DRIVER_LICENSE")],
        ),
        (
            "DL# S123-4567-8901-23",
            &[("S123-4567-8901-23", "US_DRIVER_LICENSE")],
        ),
        (
            "FL driver license B123-456-78-901-0",
            &[("B123-456-78-901-0", "US_DRIVER_LICENSE")],
        ),
        (
            "driver license A1234 56789 01234",
            &[("A1234 56789 01234", "US_DRIVER_LICENSE")],
        ),
        (
            "giấy phép lái xe D1234567",
            &[("D1234567", "US_DRIVER_LICENSE")],
        ),
        (
            "Texas driver license 12345678",
            &[("12345678", "US_DRIVER_LICENSE")],
        ),
    ]);
    assert_leaves(&[
        "A12345678",
        "D1234567",
        "S123-4567-8901-23",
        "INTRODUCTORY H1 D3",
        "license: MIT",
        "license key D1234567",
        "model A1234567",
        "passport 12345",
        "536228145",
    ]);
}
