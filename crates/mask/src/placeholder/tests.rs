use super::scan::{Scan, Step};
use super::*;
use crate::placeholder::names::{IssuedNames, Names};
use crate::{Entity, Rules};

fn labels() -> Labels {
    Labels::new([
        "EMAIL",
        "IP_PRIVATE",
        "PRIVATE",
        "LITERAL",
        "ROOM",
        "ROOM_2",
        "X",
    ])
    .unwrap()
}

/// What looks like a placeholder in a text.
fn look_alikes(style: &Style, text: &str) -> Vec<String> {
    let labels = labels();
    let issued = IssuedNames::default();
    let names = Names {
        style,
        known: &labels,
        issued: &issued,
    };
    let mut scan = Scan::new(names, text, 0, false, true);
    let mut found = Vec::new();
    while let Step::Name { start, end, .. } = scan.next() {
        found.push(text[start..end].to_owned());
    }
    found
}

fn tagged() -> Style {
    Style::Tagged(Tag::new("k7q2").unwrap())
}

#[test]
fn placeholders_are_written_in_each_style() {
    assert_eq!(Style::Plain.placeholder("EMAIL", 1), "EMAIL_1");
    assert_eq!(
        Style::Plain.placeholder("ROOM_2", 4_294_967_295),
        "ROOM_2_4294967295"
    );
    assert_eq!(Style::Brackets.placeholder("EMAIL", 10), "[[EMAIL_10]]");
    assert_eq!(Style::Angles.placeholder("EMAIL", 100), "<EMAIL_100>");
    assert_eq!(tagged().placeholder("EMAIL", 7), "EMAIL_7_k7q2");
}

#[test]
fn every_placeholder_of_every_style_is_read_again() {
    for style in [Style::Plain, Style::Brackets, Style::Angles, tagged()] {
        for label in ["EMAIL", "IP_PRIVATE", "ROOM", "ROOM_2", "X"] {
            for number in [1, 2, 9, 10, 11, 99, 100, 12_345, 999_999_999] {
                let placeholder = style.placeholder(label, number);
                let text = format!("see {placeholder}, please");
                assert_eq!(look_alikes(&style, &text), [placeholder]);
            }
        }
    }
}

#[test]
fn plain_names_are_read_as_models_write_them() {
    for (text, expected) in [
        ("EMAIL_1", "EMAIL_1"),
        ("email_1", "email_1"),
        ("Email_1", "Email_1"),
        (r"EMAIL\_1", r"EMAIL\_1"),
        ("EMAIL&#95;1", "EMAIL&#95;1"),
        ("EMAIL&#x5F;1", "EMAIL&#x5F;1"),
        ("EMAIL&lowbar;1", "EMAIL&lowbar;1"),
        (r"IP\_PRIVATE\_1", r"IP\_PRIVATE\_1"),
        ("**EMAIL_1**", "EMAIL_1"),
        ("`EMAIL_1`", "EMAIL_1"),
        ("\"EMAIL_1\"", "EMAIL_1"),
        ("_EMAIL_1_", "EMAIL_1"),
        ("__EMAIL_1__", "EMAIL_1"),
        (r"\_EMAIL\_1\_", r"EMAIL\_1"),
        ("EMAIL_1______", "EMAIL_1"),
        ("EMAIL_1s", "EMAIL_1"),
        ("EMAIL_1S.", "EMAIL_1"),
        ("EMAIL_1's", "EMAIL_1"),
        ("EMAIL_1\u{2019}s", "EMAIL_1"),
        ("EM\u{200b}AIL_\u{feff}1", "EM\u{200b}AIL_\u{feff}1"),
        ("EMAIL_1\u{200b}", "EMAIL_1"),
        ("(EMAIL_1)", "EMAIL_1"),
        ("mailto:EMAIL_1?x", "EMAIL_1"),
        ("a/EMAIL_1/b", "EMAIL_1"),
        ("EMAIL_1.com", "EMAIL_1"),
        ("EMAIL_1-EMAIL", "EMAIL_1"),
        ("\\EMAIL_1", "EMAIL_1"),
        ("&amp;EMAIL_1", "EMAIL_1"),
        ("EMAIL_1&", "EMAIL_1"),
        ("EMAIL_1\\", "EMAIL_1"),
        ("x_1", "x_1"),
        ("room_2", "room_2"),
        ("room_2_1", "room_2_1"),
    ] {
        assert_eq!(look_alikes(&Style::Plain, text), [expected], "{text:?}");
    }
}

#[test]
fn letters_of_other_scripts_end_a_name() {
    for text in [
        "邮箱EMAIL_1是",
        "EMAIL_1은",
        "メールはEMAIL_1です",
        "ส่งไปที่EMAIL_1นะ",
        "EMAIL_1được",
        "ởEMAIL_1",
        "éEMAIL_1é",
    ] {
        assert_eq!(look_alikes(&Style::Plain, text), ["EMAIL_1"], "{text:?}");
    }
}

#[test]
fn what_is_part_of_a_longer_name_is_no_placeholder() {
    for text in [
        "MY_EMAIL_1",
        r"MY\_EMAIL\_1",
        "MY&#95;EMAIL_1",
        "xEMAIL_1",
        "9EMAIL_1",
        "EMAIL_1abc",
        "EMAIL_1_2",
        "EMAIL_1_x",
        r"EMAIL_1\_x",
        "EMAIL_1__x",
        "EMAIL_1sx",
        "EMAIL_1s2",
        "EMAIL_1ss",
        "EMAIL_01",
        "EMAIL_0",
        "EMAIL_",
        "EMAIL",
        "_EMAIL_",
        "EMAIL__1",
        "EMAIL 1",
        "EMAIL_1\u{ff10}",
        "EMAIL_1234567890",
        "UTF_8",
        "COVID_19",
        "ISO_8859",
        "ISO_8859_1",
        "EMAILS_1",
        "EMAI_1",
        "A\u{200b}EMAIL_1",
        "EMAIL_1\u{200b}a",
        "EMAIL_1\u{ff11}",
        "\u{ff11}EMAIL_1",
    ] {
        assert_eq!(look_alikes(&Style::Plain, text), [""; 0], "{text:?}");
    }
    // The first label that fits the whole name counts, not one at its end.
    assert_eq!(
        look_alikes(&Style::Plain, "IP_PRIVATE_1 PRIVATE_1"),
        ["IP_PRIVATE_1", "PRIVATE_1"]
    );
}

#[test]
fn delimited_names_are_read_as_models_write_them() {
    for text in [
        "[[EMAIL_1]]",
        "[[ EMAIL_1 ]]",
        "[[email_1]]",
        r"\[\[EMAIL\_1\]\]",
        "&#91;&#91;EMAIL_1&#93;&#93;",
        "&lbrack;&lbrack;EMAIL_1&rbrack;&rbrack;",
        "[[EMAIL\u{a0}_1]]",
    ] {
        let expected: &[&str] = if text.contains('\u{a0}') {
            &[]
        } else {
            &[text]
        };
        assert_eq!(look_alikes(&Style::Brackets, text), expected, "{text:?}");
        let glued = format!("x{text}y");
        assert_eq!(look_alikes(&Style::Brackets, &glued), expected, "{glued:?}");
    }
    for text in [
        "<EMAIL_1>",
        "< EMAIL_1 >",
        "&lt;EMAIL_1&gt;",
        "&LT;EMAIL_1&GT;",
        "&#60;EMAIL_1&#62;",
        r"\<EMAIL_1\>",
    ] {
        assert_eq!(look_alikes(&Style::Angles, text), [text], "{text:?}");
    }
    assert_eq!(
        look_alikes(&Style::Brackets, "[[[EMAIL_1]]]"),
        ["[[EMAIL_1]]"]
    );
    assert_eq!(
        look_alikes(&Style::Brackets, r"\[[EMAIL_1]]"),
        ["[[EMAIL_1]]"]
    );
    for text in [
        "EMAIL_1",
        "[EMAIL_1]",
        "[[EMAIL_1]",
        "[[EMAIL_1s]]",
        "[[MY_EMAIL_1]]",
        "[[EMAIL_1_]]",
        "[[   EMAIL_1]]",
        "&lt;EMAIL_1>",
        "[[EMAIL_1",
    ] {
        assert_eq!(look_alikes(&Style::Brackets, text), [""; 0], "{text:?}");
        assert_eq!(look_alikes(&Style::Angles, text), [""; 0], "{text:?}");
    }
}

#[test]
fn a_tag_must_fit() {
    let style = tagged();
    for text in ["EMAIL_1_k7q2", "email_1_K7Q2", r"EMAIL\_1\_k7q2"] {
        assert_eq!(look_alikes(&style, text), [text]);
    }
    assert_eq!(look_alikes(&style, "EMAIL_1_k7q2s"), ["EMAIL_1_k7q2"]);
    for text in [
        "EMAIL_1",
        "EMAIL_1_k7q3",
        "EMAIL_1_k7q",
        "EMAIL_1_k7q22",
        "EMAIL_1_k7q2_1",
        "k7q2",
        "_k7q2",
    ] {
        assert_eq!(look_alikes(&style, text), [""; 0], "{text:?}");
    }
    assert_eq!(
        Tag::new("7kq2"),
        Err(TagError {
            spelling: "7kq2".to_owned()
        })
    );
    for spelling in ["", "a", "K7", "a-b", "abcdefghijklm"] {
        assert!(Tag::new(spelling).is_err(), "{spelling}");
    }
    assert!(serde_json::from_str::<Style>(r#"{"tagged":"A B"}"#).is_err());
    assert_eq!(
        serde_json::from_str::<Style>(r#"{"tagged":"k7q2"}"#).unwrap(),
        style
    );
}

#[test]
fn labels_are_checked() {
    for label in ["", "email", "1A", "_A", "A_", "A__B", "A B", "\u{c9}"] {
        assert!(Labels::new([label]).is_err(), "{label}");
    }
    assert!(Labels::new(["A".repeat(65).as_str()]).is_err());
    assert!(Labels::new(["A".repeat(64).as_str(), "A1_2", "ROOM_2"]).is_ok());
    let labels = Labels::of(&Rules::default()).unwrap();
    assert!(labels.contains(b"EMAIL") && labels.contains(b"LITERAL"));
    assert_eq!(
        Rules::default()
            .entity_facts(Entity::LITERAL)
            .unwrap()
            .label,
        "LITERAL"
    );
}

#[test]
fn units_are_read_through_every_layer() {
    let read =
        |text: &str, depth| unit::read(text, 0, depth).map(|unit| (unit.character, unit.len));
    assert_eq!(read("\\n", 0), Some(('\\', 1)));
    assert_eq!(read("\\n", 1), Some(('\n', 2)));
    assert_eq!(read("\\\\n", 2), Some(('\n', 3)));
    assert_eq!(read("\\u005f", 1), Some(('_', 6)));
    assert_eq!(read("\\\\u005f", 2), Some(('_', 7)));
    assert_eq!(read("\\ud83d\\ude00", 1), Some(('\u{1f600}', 12)));
    assert_eq!(read("\\ud83d\\n", 1), Some(('\u{fffd}', 6)));
    assert_eq!(read("\\ud83d", 1), None);
    assert_eq!(read("\\u00", 1), None);
    assert_eq!(read("\\uzz", 1), Some(('\\', 1)));
    assert_eq!(read("\\\\_", 1), Some(('_', 3)));
    assert_eq!(read("\\\\\\\\_", 2), Some(('_', 5)));
    assert_eq!(read("\\u003c", 1), Some(('<', 6)));
    assert_eq!(read("&lt;", 0), Some(('<', 4)));
    assert_eq!(read("&l", 0), None);
    assert_eq!(read("&x", 0), Some(('&', 1)));
}
