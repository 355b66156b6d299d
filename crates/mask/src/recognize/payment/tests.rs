use proptest::prelude::*;

use super::registry::Country;
use crate::tests::found;

/// Asserts that a text holds exactly these values of this room, in this order.
fn assert_found(text: &str, label: &str, values: &[&str]) {
    let ours: Vec<String> = found(text)
        .into_iter()
        .filter(|(_, found)| matches!(found.as_str(), "CARD" | "IBAN" | "US_ROUTING"))
        .map(|(value, found)| format!("{found} {value}"))
        .collect();
    let expected: Vec<String> = values
        .iter()
        .map(|value| format!("{label} {value}"))
        .collect();
    assert_eq!(ours, expected, "in {text:?}");
}

/// Published test numbers: PayPal's and Stripe's lists, the networks' own, and VNPay's of NAPAS.
const CARDS: &[&str] = &[
    "4111111111111111",
    "4012888888881881",
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "5105105105105100",
    "5200828282828210",
    "2223003122003222",
    "2223000048400011",
    "378282246310005",
    "371449635398431",
    "378734493671000",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3056930009020004",
    "3530111333300000",
    "3566002020360505",
    "5610591081018250",
    "6331101999990016",
    "5019717010103742",
    "6200019999800019",
    "6250941006528599",
    "6304000000000000",
    "6759649826438453",
    "9792030394440796",
    "5061020000000000094",
    "9704198526191432198",
    "9704000000000018",
    "8600000000000007",
    "4222222222222",
];

#[test]
fn published_test_numbers_are_found_without_groups() {
    for card in CARDS {
        assert_found(card, "CARD", &[card]);
        assert_found(&format!("pay with {card}, thanks"), "CARD", &[card]);
        assert_found(&format!("{{\"n\":\"{card}\"}}"), "CARD", &[card]);
    }
}

#[test]
fn a_changed_digit_is_refused() {
    for card in CARDS {
        for place in 0..card.len() {
            let mut digits = card.as_bytes().to_vec();
            digits[place] = b'0' + (digits[place] - b'0' + 1) % 10;
            let damaged = String::from_utf8(digits).unwrap();
            assert_found(&format!("card {damaged}"), "CARD", &[]);
        }
    }
}

#[test]
fn groups_of_a_card_are_one_span() {
    for (text, card) in [
        ("My card is 4111 1111 1111 1111.", "4111 1111 1111 1111"),
        ("4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("4111.1111.1111.1111", "4111.1111.1111.1111"),
        ("4111 - 1111 - 1111 - 1111", "4111 - 1111 - 1111 - 1111"),
        ("4111  1111  1111  1111", "4111  1111  1111  1111"),
        (
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
        ),
        (
            "(4111\u{202f}1111\u{202f}1111\u{202f}1111)",
            "4111\u{202f}1111\u{202f}1111\u{202f}1111",
        ),
        (
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
        ),
        ("Amex 3782 822463 10005!", "3782 822463 10005"),
        ("3782-822463-10005", "3782-822463-10005"),
        ("diners: 3056 930902 5904", "3056 930902 5904"),
        ("9704 1985 2619 1432 198", "9704 1985 2619 1432 198"),
        ("thẻ ATM 9704 0000 0000 0018 nhé", "9704 0000 0000 0018"),
        (
            "số thẻ của em là 4111 1111 1111 1111 ạ",
            "4111 1111 1111 1111",
        ),
        ("卡号4111111111111111吗", "4111111111111111"),
        ("**4111 1111 1111 1111**", "4111 1111 1111 1111"),
        ("`4111111111111111`", "4111111111111111"),
        ("card=4111111111111111&cvv=123", "4111111111111111"),
        ("4111111111111111|12|27|123", "4111111111111111"),
        ("4111111111111111/12/27/123", "4111111111111111"),
        ("4111111111111111,12/27,123", "4111111111111111"),
        ("7,4111111111111111,Jo", "4111111111111111"),
        ("4111 1111 1111 1111 12/27 123", "4111 1111 1111 1111"),
        ("4111 1111 1111 1111 0927 123", "4111 1111 1111 1111"),
        ("4111 1111 1111 1111 123", "4111 1111 1111 1111"),
        ("4111-1111-1111-1111-123", "4111-1111-1111-1111"),
        ("Order paid by 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("ngày 21/11/2026 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("room 1204 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("my order, paid with 4111111111111111", "4111111111111111"),
        ("5200-8282-8282-8210,", "5200-8282-8282-8210"),
        ("| Jo | 5200828282828210 |", "5200828282828210"),
        ("<b>5200828282828210</b>", "5200828282828210"),
        ("['5200828282828210']", "5200828282828210"),
        ("(5200828282828210)", "5200828282828210"),
        ("5200828282828210?", "5200828282828210"),
        ("a@b.vn 5200828282828210", "5200828282828210"),
        ("đây:5200828282828210.", "5200828282828210"),
        ("2026-11-21 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("card 8-8: 41111111 11111111", "41111111 11111111"),
        ("order id 7, card 4111111111111111", "4111111111111111"),
        ("4111111111111111\n4111", "4111111111111111"),
    ] {
        assert_found(text, "CARD", &[card]);
    }
}

#[test]
fn several_cards_in_a_line_are_several_spans() {
    assert_found(
        "4111 1111 1111 1111 5555 5555 5555 4444 3782 822463 10005",
        "CARD",
        &[
            "4111 1111 1111 1111",
            "5555 5555 5555 4444",
            "3782 822463 10005",
        ],
    );
    assert_found(
        "4111111111111111 5555555555554444;378282246310005",
        "CARD",
        &["4111111111111111", "5555555555554444", "378282246310005"],
    );
}

#[test]
fn what_only_looks_like_a_card_stays() {
    for text in [
        "4111 1111 1111 1112",
        "card number is 4012-8888-8888-1882",
        "my credit card: 36168002586008",
        "**** **** **** 1111",
        "4111 11** **** 1111",
        "card ending in 1111",
        "created at 1700000000000, 1700000000000000, 1700000000000000000",
        "order 4111111111111111",
        "Mã đơn hàng: 4111111111111111",
        "tracking 4012888888881881",
        "transaction id: 5555555555554444",
        "IMEI 490154203237518",
        "imei: 356938035643809",
        "EAN 4006381333931",
        "4006381333931",
        "9783161484100",
        "550e8400-e29b-41d4-a716-446655440000",
        "41111111-1111-1111-1111-111111111111",
        "123456784111111111111111",
        "0x4111111111111111",
        "4111111111111111L",
        "4111111111111111.25",
        "0.4111111111111111",
        "0,4111111111111111",
        "$4111111111111111",
        "+4111111111111111",
        "IMG_4111111111111111.jpg",
        "https://example.com/items/4111111111111111/edit",
        "id=4111111111111111",
        "order-4111111111111111",
        "#4111111111111111",
        "4111,1111,1111,1111",
        "4111/1111/1111/1111",
        "4111 1111-1111 1111",
        "4111 1111\n1111 1111",
        "41 11 11 11 11 11 11 11",
        "4111111111111111@example",
        "1024 4111 1111 1111 1111 2048 4096 8192",
        "0000 0000 0000 0000",
        "4444 4444 4444 4444",
        "20231231235959",
        "9400 1000 0000 0000 0000 00",
        "1.234.567.890.123.456",
        "tel 4912345678901",
        "122000000000003",
        "FR76 4111 1111 1111 1111 2048",
        "4111-1111-1111-1111-ABCD",
        "1204 2048 4111 1111 1111 1111",
        "v4.1111.1111.1111.1111",
        "2026-11-21T10:11:12.4111111111111111Z",
        "5200828282828210px",
        "0x5200828282828210",
        "5200828282828210n",
        "5200828282828210_backup.tar",
        "file-5200828282828210.log",
        "build 2024.4111111111111111",
        "{\"order_id\": 5200828282828210}",
        "{\"id\": 5200828282828210}",
        "SELECT * FROM t WHERE id = 5200828282828210;",
        "hóa đơn 5200828282828210",
        "mã vận đơn 5200828282828210",
        "ISBN 978-3-16-148410-0",
        "12 34 56 78 90 12 34 56",
        "10.1000/4111111111111111.x",
    ] {
        assert_found(text, "CARD", &[]);
    }
}

#[test]
fn rarer_forms_need_a_word_that_says_so() {
    for card in [
        "122000000000003",
        "4000000000000000006",
        "6799990100000000019",
        "4222222222222",
    ] {
        assert_found(&format!("my credit card: {card}"), "CARD", &[card]);
        assert_found(&format!("số thẻ {card}"), "CARD", &[card]);
    }
    assert_found("4000000000000000006", "CARD", &[]);
    assert_found("6799990100000000019", "CARD", &[]);
}

/// Examples of the registry itself.
const IBANS: &[&str] = &[
    "AD12 0001 2030 2003 5910 0100",
    "AE07 0331 2345 6789 0123 456",
    "AL47 2121 1009 0000 0002 3569 8741",
    "AT61 1904 3002 3457 3201",
    "AZ21 NABZ 0000 0000 1370 1000 1944",
    "BA39 1290 0794 0102 8494",
    "BE68 5390 0754 7034",
    "BG80 BNBG 9661 1020 3456 78",
    "BH67 BMAG 0000 1299 1234 56",
    "BR18 0036 0305 0000 1000 9795 493C 1",
    "BY13 NBRB 3600 9000 0000 2Z00 AB00",
    "CH93 0076 2011 6238 5295 7",
    "CR05 0152 0200 1026 2840 66",
    "CY17 0020 0128 0000 0012 0052 7600",
    "CZ65 0800 0000 1920 0014 5399",
    "DE89 3704 0044 0532 0130 00",
    "DK50 0040 0440 1162 43",
    "DO28 BAGR 0000 0001 2124 5361 1324",
    "EE38 2200 2210 2014 5685",
    "EG38 0019 0005 0000 0000 2631 8000 2",
    "ES91 2100 0418 4502 0005 1332",
    "FI21 1234 5600 0007 85",
    "FO62 6460 0001 6316 34",
    "FR14 2004 1010 0505 0001 3M02 606",
    "GB29 NWBK 6016 1331 9268 19",
    "GB82 WEST 1234 5698 7654 32",
    "GE29 NB00 0000 0101 9049 17",
    "GI75 NWBK 0000 0000 7099 453",
    "GL89 6471 0001 0002 06",
    "GR16 0110 1250 0000 0001 2300 695",
    "GT82 TRAJ 0102 0000 0012 1002 9690",
    "HR12 1001 0051 8630 0016 0",
    "HU42 1177 3016 1111 1018 0000 0000",
    "IE29 AIBK 9311 5212 3456 78",
    "IL62 0108 0000 0009 9999 999",
    "IQ98 NBIQ 8501 2345 6789 012",
    "IS14 0159 2600 7654 5510 7303 39",
    "IT60 X054 2811 1010 0000 0123 456",
    "JO94 CBJO 0010 0000 0000 0131 0003 02",
    "KW81 CBKU 0000 0000 0000 1234 5601 01",
    "KZ86 125K ZT50 0410 0100",
    "LB62 0999 0000 0001 0019 0122 9114",
    "LC55 HEMM 0001 0001 0012 0012 0002 3015",
    "LI21 0881 0000 2324 013A A",
    "LT12 1000 0111 0100 1000",
    "LU28 0019 4006 4475 0000",
    "LV80 BANK 0000 4351 9500 1",
    "LY83 0020 4800 0020 1001 2036 1",
    "MC58 1122 2000 0101 2345 6789 030",
    "MD24 AG00 0225 1000 1310 4168",
    "ME25 5050 0001 2345 6789 51",
    "MK07 2501 2000 0058 984",
    "MR13 0002 0001 0100 0012 3456 753",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    "MU17 BOMM 0101 1010 3030 0200 000M UR",
    "NL91 ABNA 0417 1643 00",
    "NO93 8601 1117 947",
    "PK36 SCBL 0000 0011 2345 6702",
    "PL61 1090 1014 0000 0712 1981 2874",
    "PS92 PALS 0000 0000 0400 1234 5670 2",
    "PT50 0002 0123 1234 5678 9015 4",
    "QA58 DOHB 0000 1234 5678 90AB CDEF G",
    "RO49 AAAA 1B31 0075 9384 0000",
    "RS35 2600 0560 1001 6113 79",
    "SA03 8000 0000 6080 1016 7519",
    "SC18 SSCB 1101 0000 0000 0000 1497 USD",
    "SE45 5000 0000 0583 9825 7466",
    "SI56 1910 0000 0123 438",
    "SK31 1200 0000 1987 4263 7541",
    "SM86 U032 2509 8000 0000 0270 100",
    "SV62 CENR 0000 0000 0000 0070 0025",
    "TL38 0080 0123 4567 8910 157",
    "TN59 1000 6035 1835 9847 8831",
    "TR33 0006 1005 1978 6457 8413 26",
    "UA21 3223 1300 0002 6007 2335 6600 1",
    "VA59 0011 2300 0012 3456 78",
    "VG96 VPVG 0000 0123 4567 8901",
    "XK05 1212 0123 4567 8906",
];

#[test]
fn examples_of_the_registry_are_found_however_they_are_grouped() {
    for iban in IBANS {
        let compact = iban.replace(' ', "");
        let no_break = iban.replace(' ', "\u{a0}");
        let hyphens = iban.replace(' ', "-");
        for written in [*iban, &compact, &no_break, &hyphens] {
            assert_found(&format!("IBAN: {written}."), "IBAN", &[written]);
            assert_found(&format!("{written} please 12"), "IBAN", &[written]);
            assert_found(&format!("({written})"), "IBAN", &[written]);
            assert_found(&format!("{written} {written}"), "IBAN", &[written, written]);
            assert_found(&format!("IBAN{written}"), "IBAN", &[written]);
        }
        let small = compact.to_lowercase();
        assert_found(&format!("my iban is {small} ok"), "IBAN", &[&small]);
    }
}

#[test]
fn a_damaged_account_number_is_refused() {
    for iban in IBANS {
        let compact = iban.replace(' ', "");
        for place in 2..compact.len() {
            let mut characters = compact.as_bytes().to_vec();
            characters[place] = match characters[place] {
                b'9' => b'0',
                b'Z' => b'A',
                other => other + 1,
            };
            let damaged = String::from_utf8(characters).unwrap();
            assert_found(&format!("IBAN {damaged}"), "IBAN", &[]);
        }
    }
}

#[test]
fn an_account_number_ends_where_its_country_says() {
    for (text, iban) in [
        (
            "DE89 3704 0044 0532 0130 00 please",
            "DE89 3704 0044 0532 0130 00",
        ),
        (
            "DE89 3704 0044 0532 0130 00 123",
            "DE89 3704 0044 0532 0130 00",
        ),
        (
            "chuyển vào DE89370400440532013000 nhé",
            "DE89370400440532013000",
        ),
        (
            "\"iban\":\"DE89370400440532013000\"",
            "DE89370400440532013000",
        ),
        ("iban_DE89370400440532013000.pdf", "DE89370400440532013000"),
        (
            "DE 89 3704 0044 0532 0130 00",
            "DE 89 3704 0044 0532 0130 00",
        ),
        ("GB29 NWBK 601613 31926819", "GB29 NWBK 601613 31926819"),
        (
            "GB29 NWBK 6016 1331 9268 19 at Barclays",
            "GB29 NWBK 6016 1331 9268 19",
        ),
        (
            "gb29 nwbk 6016 1331 9268 19 at",
            "gb29 nwbk 6016 1331 9268 19",
        ),
    ] {
        assert_found(text, "IBAN", &[iban]);
    }
}

#[test]
fn what_only_looks_like_an_account_number_stays() {
    for text in [
        "DE89 3704 0044 0532 0130 01",
        "DE893704004405320130001",
        "DE8937040044053201300",
        "DE89 3704 0044 0532 0130 0012",
        "XX89370400440532013000",
        "NO 93 8601 1117 947",
        "VAT DE123456789",
        "DE89\n3704 0044 0532 0130 00",
        "DE89 3704-0044 0532 0130 00",
        "GB29NWBK60161331926819AB",
        "xDE89370400440532013000",
        "De89370400440532013000a",
        "DE00370400440532013000",
        "version AT12 and BE34",
    ] {
        assert_found(text, "IBAN", &[]);
    }
}

#[test]
fn the_countries_are_in_order_and_short_enough() {
    for first in b'A'..=b'Z' {
        for second in b'A'..=b'Z' {
            if let Some(country) = Country::of([first, second]) {
                assert_eq!(country.code, [first, second]);
                assert!((15..=34).contains(&country.length()));
            }
        }
    }
    let count = IBANS
        .iter()
        .filter_map(|iban| Country::of(iban.as_bytes()[..2].try_into().unwrap()))
        .count();
    assert_eq!(count, IBANS.len());
}

#[test]
fn routing_numbers_need_a_word_that_says_so() {
    for number in ["021000021", "011401533", "091000019", "322271627"] {
        assert_found(&format!("routing number {number}"), "US_ROUTING", &[number]);
        assert_found(
            &format!("ABA: {number}, account 12"),
            "US_ROUTING",
            &[number],
        );
        assert_found(&format!("order {number}"), "US_ROUTING", &[]);
        assert_found(number, "US_ROUTING", &[]);
    }
    for text in [
        "routing number 021000022",
        "routing number 131000021",
        "routing 000000000",
        "aba 0210000210",
    ] {
        assert_found(text, "US_ROUTING", &[]);
    }
}

proptest! {
    #[test]
    fn any_text_of_triggers_gives_whole_characters(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("4111"), Just("1111"), Just("DE89"), Just("3704"), Just("IBAN"), Just("00"), Just(" "), Just("-"),
                Just(" - "), Just("\u{a0}"), Just("\u{2009}"), Just("\u{2011}"), Just("."), Just("ế"), Just("号"), Just("4"),
                Just("378282246310005"), Just("GB"), Just("x"), Just("/"), Just("021000021"), Just("\u{e9}"),
            ],
            0..40,
        )
    ) {
        let text = pieces.concat();
        for span in crate::tests::FINDER.find(&text) {
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
            prop_assert!(!span.is_empty());
        }
    }
}
