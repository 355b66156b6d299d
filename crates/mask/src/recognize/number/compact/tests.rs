use super::Compact;

#[test]
fn only_letters_and_digits_are_kept_and_letters_are_capitals() {
    let compact = Compact::of("x-24 82.300\u{2011}w").unwrap();
    assert_eq!(compact.bytes(), b"X2482300W");
    assert_eq!(compact.len(), 9);
    assert_eq!(
        (compact.digit(0), compact.digit(1), compact.digit(99)),
        (0, 2, 0)
    );
    assert_eq!(compact.number(1..8), 2_482_300);
}

#[test]
fn more_than_forty_characters_are_refused() {
    assert!(Compact::of(&"1".repeat(40)).is_some());
    assert!(Compact::of(&"1".repeat(41)).is_none());
}

#[test]
fn luhn_accepts_the_standards_example_and_refuses_each_damage() {
    // ISO/IEC 7812-1, annex B: 7992 7398 71 has the check digit 3.
    for check in 0..10 {
        let passes = Compact::of(&format!("7992739871{check}"))
            .unwrap()
            .passes_luhn();
        assert_eq!(passes, check == 3);
    }
}

#[test]
fn parts_are_cut_off_at_both_ends() {
    let compact = Compact::of("SE556012579001").unwrap();
    let vat = compact.without_prefix(b"SE").unwrap();
    assert_eq!(vat.bytes(), b"556012579001");
    assert_eq!(vat.first(10).unwrap().bytes(), b"5560125790");
    assert_eq!(vat.last(2).unwrap().bytes(), b"01");
    assert!(vat.first(13).is_none() && vat.last(13).is_none());
    assert!(compact.without_prefix(b"FI").is_none());
}
