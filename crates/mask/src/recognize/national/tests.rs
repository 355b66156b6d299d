use std::sync::LazyLock;

use proptest::prelude::*;

use crate::{Finder, Rules};

static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(Rules::default()));

/// Every text has exactly these values with these labels.
pub(crate) fn assert_finds(cases: &[(&str, &[(&str, &str)])]) {
    let mut wrong = String::new();
    for (text, expected) in cases {
        let found = found(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(value, label)| (*value, label.as_str()))
            .collect();
        if found != *expected {
            wrong += &format!("\n{text}\n  expected {expected:?}\n  found    {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// No text has any of these labels.
pub(crate) fn assert_leaves(texts: &[&str]) {
    let mut wrong = String::new();
    for text in texts {
        let found = found(text);
        if !found.is_empty() {
            wrong += &format!("\n{text}\n  found {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What numbers of countries a text holds; other rooms have their own tests.
fn found(text: &str) -> Vec<(&str, String)> {
    let shaped = crate::recognize::first::SHAPED;
    FINDER
        .find(text)
        .into_iter()
        .filter(|span| span.recognizer.0 >= shaped)
        .map(|span| {
            let facts = FINDER.rules().entity_facts(span.entity).unwrap();
            (&text[span.start..span.end], facts.label.to_string())
        })
        .collect()
}

/// Every way of damaging one digit of the value in this text makes it unrecognized.
pub(crate) fn assert_damage_is_seen(text: &str, value: &str, label: &str) {
    assert_finds(&[(text, &[(value, label)])]);
    let at = text.find(value).unwrap();
    for (index, byte) in value
        .bytes()
        .enumerate()
        .filter(|(_, b)| b.is_ascii_digit())
    {
        for other in (b'0'..=b'9').filter(|other| *other != byte) {
            let mut damaged = text.as_bytes().to_vec();
            damaged[at + index] = other;
            let damaged = String::from_utf8(damaged).unwrap();
            let found = found(&damaged);
            assert!(
                found.iter().all(|(_, found)| found != label),
                "{damaged}: {found:?}"
            );
        }
    }
}

#[test]
fn ordinary_numbers_are_left_alone() {
    assert_leaves(&[
        // Orders, invoices, tickets, parts.
        "Order 536228145 has shipped.",
        "Order #130692544 was cancelled",
        "Invoice INV-2024-000123456 is due",
        "invoice no. 20240115-0042",
        "ticket 9434765870 was closed",
        "Ticket #4423124321 reopened",
        "tracking number 1Z999AA10123456784",
        "Part number 12-3456789-A",
        "SKU 123-45-6789 is out of stock",
        "order 536-22-8145 was shipped",
        "đơn hàng 111222333 đã giao",
        "Mã vận đơn 732829320 đang giao",
        "hóa đơn số 0012345678 ngày 12/05/2024",
        // Telephones.
        "Call 212-555-0142 or 555-0199",
        "phone: +1 212 555 0142",
        "Gọi 0912 345 678 hoặc 028 3822 1234",
        "Tel. +48 601 234 567",
        "tel +33 6 12 34 56 78",
        "Telefon: +49 30 901820",
        "+46 70 123 45 67",
        "+358 40 1234567",
        "ring 08-123 456 78",
        "0171 2345678",
        "(021) 536 22 8145",
        "+44 7911 123456",
        "07911 123456",
        "06 12 34 56 78",
        // Dates and times.
        "2024-11-21T08:15:30.123456789Z",
        "2024-11-21 08:15:30,123",
        "20241121 081530",
        "20241121T081530Z",
        "21/11/2024 08:15",
        "11.21.2024",
        "timestamp 1732176930",
        "1732176930123",
        "epoch=1700000000",
        "202411210815",
        // Books and goods.
        "ISBN 978-3-16-148410-0",
        "ISBN 9783161484100",
        "EAN 4006381333931",
        "barcode 5901234123457",
        "UPC 036000291452",
        // Prices and quantities.
        "Giá 1.250.000.000đ",
        "Giá 732 829 320 đồng",
        "Total: 130 692 544 VND",
        "$ 536228145",
        "EUR 123 456 782",
        "1,234,567,890 rows",
        "111222333 bytes",
        "12345678.90",
        "3.14159265358979",
        "0.130692544",
        "revenue of 732 829 320 EUR",
        "99.999%",
        // Versions, hashes, keys.
        "version 1.20.300-4567",
        "v2024.11.21",
        "3f9a1b2c4d5e6f708192a3b4c5d6e7f8",
        "commit 12345678a",
        "commit ab123456c fixed it",
        "550e8400-e29b-41d4-a716-446655440000",
        "a1b2c3d4-0000-4000-8000-536228145123",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "XXXXX-12345-ABCDE-67890-FGHIJ",
        "license key L01X-00T4-7ABC",
        "Product key: VK7JG-NPHTM-C97JM-9MPGT-3V66T",
        "build 20241121.3",
        "0x12345678",
        "0xDEADBEEF",
        "#ff8800",
        // Postal codes, flights, rooms, plates.
        "SW1A 1AA London",
        "10001-1234",
        "00-950 Warszawa",
        "111 22 Stockholm",
        "1012 AB Amsterdam",
        "75008 Paris",
        "flight AF1234 from CDG",
        "Flight LH 456 at 10:40",
        "Room B12, seat 14C",
        "Boeing 737-800, A320-200",
        "plate AB-123-CD",
        "model GT-I9505, SM-G991B",
        // Code.
        "let x = 536228145;",
        "for (int i = 0; i < 12345678; i++)",
        "timeout_ms=1500000000",
        "user_536228145",
        "std::array<int, 12345678>",
        "main.rs:120:45",
        "127.0.0.1:8080",
        "file_12345678Z.txt",
        "[2024-11-21 08:15:30] ERROR 536228145 worker[4423]: failed",
        "pid 12345 tid 140234567890123",
        "id BIGINT(20) DEFAULT 0",
        "{\"id\":536228145,\"count\":111222333}",
        "https://example.com/users/536228145/posts/9434765870",
        "issue #44051401",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25",
        "12 34 56 78 90 12 34 56 78",
        "IPv6 2001:db8:85a3::8a2e:370:7334",
        "the year 2024, 1999 or 1945",
        "chương 12 trang 345 dòng 6789",
        "CCCD thì có 12 chữ số",
    ]);
}

#[test]
fn a_number_is_found_wherever_it_stands() {
    let found = [
        "536-22-8145",
        "44051401359",
        "X-2482300-W",
        "RCCMNL83S18D969H",
    ];
    for value in found {
        for (before, after) in [
            ("", ""),
            ("(", ")"),
            ("\"", "\","),
            ("{\"v\":\"", "\"}"),
            ("**", "**"),
            ("_", "_"),
            ("`", "`"),
            ("- ", "\n"),
            ("| ", " |"),
            ("id=", "&x=1"),
            ("số ", " của tôi"),
            ("số:", "."),
            ("=", ";"),
            ("<b>", "</b>"),
            ("a,", ",b"),
            ("1,", ",2"),
            ("x\\n", "\\n"),
            ("\u{201c}", "\u{201d}"),
            ("", "!"),
            ("", "?"),
            ("\u{3000}", "\u{3002}"),
        ] {
            let text = format!("{before}{value}{after}");
            let values: Vec<&str> = self::found(&text).iter().map(|(value, _)| *value).collect();
            assert_eq!(values, [value], "{text}");
        }
    }
}

#[test]
fn a_number_within_something_longer_is_left_alone() {
    for value in ["536-22-8145", "44051401359", "12345678Z"] {
        for (before, after) in [
            ("1", ""),
            ("", "1"),
            ("9-", ""),
            ("", "-9"),
            ("0.", ""),
            ("", ".5"),
            ("a_", ""),
            ("", "_b"),
            ("ă", ""),
            ("", "đ"),
            ("é", ""),
            ("$", ""),
            ("€", ""),
            ("", "%"),
            ("12:", ""),
            ("", ":12"),
            ("+", ""),
            ("x1-", ""),
            ("", "-x1"),
            ("2024/", ""),
            ("", "/2024"),
            ("ORD-", ""),
            ("#", ""),
            ("/users/", ""),
            ("", ".pdf"),
            ("", "@example.com"),
        ] {
            let text = format!("{before}{value}{after}");
            assert_eq!(found(&text), [], "{text}");
        }
    }
}

#[test]
fn several_numbers_in_one_line_are_found_each() {
    assert_finds(&[
        (
            "SSN 536-22-8145, 512-33-9876 and 219-44-5678",
            &[
                ("536-22-8145", "US_SSN"),
                ("512-33-9876", "US_SSN"),
                ("219-44-5678", "US_SSN"),
            ],
        ),
        (
            "DNI 12345678Z NIE X2482300W PESEL 44051401359",
            &[
                ("12345678Z", "ES_NIF"),
                ("X2482300W", "ES_NIE"),
                ("44051401359", "PL_PESEL"),
            ],
        ),
        (
            "1,Anna,44051401359,PL\n2,Jan,02070803628,PL",
            &[("44051401359", "PL_PESEL"), ("02070803628", "PL_PESEL")],
        ),
    ]);
}

#[test]
fn a_long_list_hides_no_number_at_the_end_of_a_cluster() {
    let finder = &*FINDER;
    for filler in 0..60 {
        let text = format!("{}536-22-8145", "7 ".repeat(filler));
        let spans = finder.find(&text);
        assert_eq!(spans.len(), 1, "{filler}");
        assert_eq!(&text[spans[0].start..spans[0].end], "536-22-8145");
    }
}

proptest! {
    #[test]
    fn any_text_is_searched_without_panic_and_on_character_borders(
        text in "([0-9]{1,5}|[A-Z]{1,3}|[a-z]{1,3}|[-+./ :,_#$%@\\\\()]|\u{a0}|\u{2011}|\u{2013}|\u{202f}|đ|ă|€|\u{1f600}|\n|536-22-8145|SIN ){0,40}",
    ) {
        for span in FINDER.find(&text) {
            prop_assert!(span.start < span.end);
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        }
        let _ = FINDER.explain(&text);
    }
}

#[test]
fn a_piece_of_a_mistyped_number_is_no_number() {
    for text in [
        "NIR 1 34 03 47 442 865 16",
        "Numéro de sécurité sociale : 2 75 08 50 992 684 55",
        "numbers 70570 5667 85728 9 0 228 6 39342",
        "Artikelnummer 65 929 970 489 1",
        "RRN: 530510-2059953",
        "주민등록번호: 761112-1356005",
        "Số CCCD: 999088012345",
        "got 4628462222195 rows",
    ] {
        assert_eq!(crate::tests::found(text), [], "in {text:?}");
    }
}

#[test]
fn labels_of_more_countries_are_known() {
    for (text, value, label) in [
        ("护照号码：E12345678", "E12345678", "PASSPORT"),
        ("Paspoortnummer: NXD3P5R21", "NXD3P5R21", "PASSPORT"),
        ("Passnummer: 93412345", "93412345", "PASSPORT"),
        ("HC số: C1204100", "C1204100", "VN_PASSPORT"),
        (
            "Führerschein Nr. J010000SD51",
            "J010000SD51",
            "DRIVER_LICENSE",
        ),
        (
            "Patente di guida n. U1A23456BC",
            "U1A23456BC",
            "DRIVER_LICENSE",
        ),
        (
            "prawo jazdy nr 00012/06/0567",
            "00012/06/0567",
            "DRIVER_LICENSE",
        ),
        ("CNH 02650306461", "02650306461", "DRIVER_LICENSE"),
        ("rijbewijsnummer 5012345678", "5012345678", "DRIVER_LICENSE"),
        (
            "aadhaar card number 2341 2341 2346",
            "2341 2341 2346",
            "IN_AADHAAR",
        ),
        ("UID: 2341 2341 2346", "2341 2341 2346", "IN_AADHAAR"),
        ("pers.nr 8611130223", "8611130223", "SE_PERSONNUMMER"),
        ("เลขที่บัตร 4521839479858", "4521839479858", "TH_TNIN"),
        (
            "Turkish identity number: 10000000146",
            "10000000146",
            "TR_TCKN",
        ),
    ] {
        let found = crate::tests::found(text);
        assert_eq!(found.len(), 1, "in {text:?}: {found:?}");
        assert_eq!(found[0].0, value, "in {text:?}");
        assert!(
            found[0].1.starts_with(&label[..2]),
            "in {text:?}: {found:?}"
        );
    }
}
