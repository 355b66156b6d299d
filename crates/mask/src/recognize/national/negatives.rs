//! Numbers of everyday texts that are no national number of any country.

use crate::recognize::national::cases::nothing_in;

#[test]
fn telephone_numbers_of_these_countries_are_not_national_numbers() {
    nothing_in(&[
        "+65 9123 4567",
        "9123 4567",
        "+61 412 345 678",
        "0412 345 678",
        "(02) 9876 5432",
        "1300 123 456",
        "+91 98765 43210",
        "9876543210",
        "080-23456789",
        "010-1234-5678",
        "+82-10-1234-5678",
        "02-345-6789",
        "081 234 5678",
        "+66 2 123 4567",
        "(11) 98765-4321",
        "+55 11 98765-4321",
        "55 1234 5678",
        "+52 55 1234 5678",
        "0532 123 45 67",
        "+90 532 123 45 67",
        "090-1234-5678",
        "+81 90 1234 5678",
        "0912 345 678",
        "+84 912 345 678",
        "84912345678",
        "(028) 3822 1234",
    ]);
}

#[test]
fn numbers_of_trade_and_logs_survive() {
    nothing_in(&[
        "Order 4031234567 shipped with 1Z999AA10123456784",
        "invoice INV-2024-000123, PO 4500012345",
        "EAN 4006381333931 and UPC 036000291452",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2",
        "IMEI 490154203237518",
        "at 1700000000 and 1700000000123 and 1700000000123456",
        "20241121 20241121153000 2024-11-21T15:30:00.123456Z",
        "192.168.1.10:8080 1.2.3.4 10.0.0.0/8",
        "sha 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "550e8400-e29b-41d4-a716-446655440000",
        "size=123456789 offset=0x1234567890",
        "main.rs:123:45 error[E0308]",
        "x = 3.14159265358979; y = 1e-10; z = 123_456_789",
        "population 1 412 000 000, 51 000 000 km2",
        "USD 1,234,567.89 or 1.234.567,89 EUR",
        "v1.2.3-rc.4+build.567890123",
        "flight VN123 seat 12A, train SE1",
        "MH370, B747, A320neo, F16, S8, iPhone15",
        "part M12345678 or S1234567A",
        "INSERT INTO t VALUES (100000001, 200000002, 300000003)",
        "#define MAX 4294967295u",
        "case 2024-CV-012345",
        "IBAN-like 12 3456 7890 1234 5678",
        "4111 1111 1111 1112",
        "1234 5678 9012 3456",
    ]);
}

#[test]
fn words_of_context_alone_make_nothing() {
    nothing_in(&[
        "Nộp CCCD bản sao 2 mặt trước 30/06/2025.",
        "CCCD gồm 12 số, CMND gồm 9 số.",
        "MST là gì? Xem Thông tư 105/2020/TT-BTC.",
        "BHXH đóng 8% lương 15.000.000đ",
        "Hộ chiếu cấp năm 2021, hết hạn 2031.",
        "GPLX hạng B2 có thời hạn 10 năm",
        "Passport expires 12/2030, visa 90 days",
        "Aadhaar has 12 digits; PAN has 10.",
        "CPF tem 11 dígitos e CNPJ tem 14",
        "La CURP tiene 18 caracteres, el RFC 13",
        "TC Kimlik 11 haneli",
        "マイナンバーは12桁です",
        "주민등록번호 13자리",
        "NRIC starts with S, T, F, G or M",
        "ABN 11 digits, TFN 9 digits, ACN 9 digits",
    ]);
}

#[test]
fn bare_digits_are_nothing_unless_they_have_the_structure_of_a_citizen_number() {
    // Every length, spread over the whole range by a multiplicative step.
    for length in 7..=15_u32 {
        let (low, high) = (10_u64.pow(length - 1), 10_u64.pow(length));
        let mut number = low;
        for _ in 0..400 {
            number = low + (number.wrapping_mul(6_364_136_223_846_793_005) >> 1) % (high - low);
            nothing_in(&[&number.to_string(), &format!("({number}),")]);
        }
    }
}
