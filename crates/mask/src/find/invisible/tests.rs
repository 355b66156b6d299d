use proptest::prelude::*;

use super::Visible;
use crate::tests::found;

fn check(cases: &[(&str, &[(&str, &str)])]) {
    for (text, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(value, label)| ((*value).to_owned(), (*label).to_owned()))
            .collect();
        assert_eq!(found(text), expected, "{text:?}");
    }
}

#[test]
fn values_are_found_with_the_invisible_characters_in_them() {
    check(&[
        (
            "a jo\u{200b}@example.com b",
            &[("jo\u{200b}@example.com", "EMAIL")],
        ),
        (
            "Zero jo@exam\u{200b}ple.com",
            &[("jo@exam\u{200b}ple.com", "EMAIL")],
        ),
        (
            "CCCD 001095\u{200b}012345.",
            &[("001095\u{200b}012345", "VN_CCCD")],
        ),
        (
            "IP 192\u{200b}.168.7.9",
            &[("192\u{200b}.168.7.9", "IP_PRIVATE")],
        ),
        (
            "card 4111\u{ad}1111\u{ad}1111\u{ad}1111",
            &[("4111\u{ad}1111\u{ad}1111\u{ad}1111", "CARD")],
        ),
        (
            "gọi 0912\u{2060}345\u{feff}678 nhé",
            &[("0912\u{2060}345\u{feff}678", "PHONE")],
        ),
        (
            "jo\u{200c}\u{200d}@example.com, al@example.com",
            &[
                ("jo\u{200c}\u{200d}@example.com", "EMAIL"),
                ("al@example.com", "EMAIL"),
            ],
        ),
    ]);
}

#[test]
fn invisible_characters_beside_values_are_no_part_of_them() {
    check(&[
        ("\u{feff}jo@example.com", &[("jo@example.com", "EMAIL")]),
        ("\u{200b}0912345678\u{200b}", &[("0912345678", "PHONE")]),
        (
            "jo@example.com\u{200b} 192.168.7.9",
            &[("jo@example.com", "EMAIL"), ("192.168.7.9", "IP_PRIVATE")],
        ),
        // Joined emoji, Persian and German words.
        ("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} 12", &[]),
        ("می\u{200c}خواهم", &[]),
        ("Donau\u{ad}dampf\u{ad}schiff 1900", &[]),
    ]);
}

#[test]
fn a_text_without_invisible_characters_is_not_copied() {
    for text in [
        "",
        "plain",
        "Hà Nội – “x”",
        "\u{feff}text",
        "\u{1f468}\u{200d}\u{1f469}",
        "a \u{200b} b",
    ] {
        assert!(Visible::of(text).is_none(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn places_are_mapped_back(text in "([a-c1@.é]|\u{200b}|\u{ad}|\u{feff}|\u{1f468}){0,40}") {
        if let Some(visible) = Visible::of(&text) {
            let length = visible.text.len();
            for start in 0..length {
                for end in start + 1..=length {
                    let (Some(part), Some(original)) =
                        (visible.text.get(start..end), visible.original(&(start..end)))
                    else {
                        continue;
                    };
                    let without: String = Visible::of(&text[original.clone()])
                        .map_or(text[original].to_owned(), |inner| inner.text);
                    prop_assert_eq!(part, without);
                }
            }
        }
    }
}
