use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::tests::{styles, tagged, texts_of};
use crate::{Labels, Limits, Mapping, Style};

/// A mapping with `EMAIL_1` to `EMAIL_12`, `IP_PRIVATE_1`, `PRIVATE_1`, `ROOM_1` and `ROOM_2_1`.
fn mapping(style: Style) -> Mapping {
    let mut mapping = Mapping::new(style, Limits::default());
    let mut output = String::new();
    for number in 1..=12 {
        let value = format!("p{number}@x.org");
        mapping
            .write_placeholder("EMAIL", &value, &mut output)
            .unwrap();
    }
    for (label, value) in [
        ("IP_PRIVATE", "10.0.0.1"),
        ("PRIVATE", "say \"EMAIL_2\"\n"),
        ("ROOM", "west"),
        ("ROOM_2", "C:\\east"),
    ] {
        mapping
            .write_placeholder(label, value, &mut output)
            .unwrap();
    }
    mapping
}

fn labels() -> Arc<Labels> {
    Arc::new(
        Labels::new([
            "EMAIL",
            "IP_PRIVATE",
            "PRIVATE",
            "LITERAL",
            "ROOM",
            "ROOM_2",
            "PHONE",
        ])
        .unwrap(),
    )
}

fn vocabulary(style: Style) -> Arc<Vocabulary> {
    Arc::new(Vocabulary::of(&mapping(style), &labels()))
}

fn plain(text: &str) -> String {
    restore(&vocabulary(Style::Plain), text, Encoding::Plain)
        .text
        .into_owned()
}

/// What a stream gives for these pieces, and what it counted.
fn streamed<'t>(
    vocabulary: &Arc<Vocabulary>,
    encoding: Encoding,
    pieces: impl IntoIterator<Item = &'t str>,
) -> (String, RestoreCounts) {
    let mut restorer = Restorer::new(Arc::clone(vocabulary), encoding);
    let mut output = String::new();
    for piece in pieces {
        restorer.push(piece, &mut output);
    }
    restorer.finish(&mut output);
    assert_eq!(restorer.held(), 0);
    (output, restorer.counts())
}

#[test]
fn placeholders_become_their_values() {
    for (text, expected) in [
        ("write to EMAIL_1.", "write to p1@x.org."),
        ("EMAIL_1 EMAIL_10 EMAIL_11", "p1@x.org p10@x.org p11@x.org"),
        (
            "**email_1** `Email_2` _EMAIL_3_",
            "**p1@x.org** `p2@x.org` _p3@x.org_",
        ),
        (r"\_EMAIL\_3\_ EMAIL&#95;4", r"\_p3@x.org\_ p4@x.org"),
        ("EMAIL_1s and EMAIL_1's", "p1@x.orgs and p1@x.org's"),
        (
            "IP_PRIVATE_1 and PRIVATE_1",
            "10.0.0.1 and say \"EMAIL_2\"\n",
        ),
        ("ROOM_1 ROOM_2 ROOM_2_1", "west ROOM_2 C:\\east"),
        (
            "MY_EMAIL_1 EMAIL_1_2 EMAIL_1abc EMAIL_100 EMAIL_13",
            "MY_EMAIL_1 EMAIL_1_2 EMAIL_1abc EMAIL_100 EMAIL_13",
        ),
        (
            "邮箱EMAIL_1是 EMAIL_1은 EMAIL_1được",
            "邮箱p1@x.org是 p1@x.org은 p1@x.orgđược",
        ),
        ("E\u{200b}MAIL_1", "p1@x.org"),
        ("", ""),
    ] {
        assert_eq!(plain(text), expected, "{text:?}");
    }
    let counts = restore(
        &vocabulary(Style::Plain),
        "EMAIL_1 EMAIL_99 PHONE_1 UTF_8 LITERAL_7s",
        Encoding::Plain,
    )
    .counts;
    assert_eq!(
        counts,
        RestoreCounts {
            restored: 1,
            look_alikes: 3
        }
    );
}

#[test]
fn other_styles_are_restored_with_their_escapes() {
    for (style, text, expected) in [
        (
            Style::Brackets,
            "x[[EMAIL_1]]y [[ email_2 ]] EMAIL_3",
            "xp1@x.orgy p2@x.org EMAIL_3",
        ),
        (
            Style::Brackets,
            "&#91;&#91;EMAIL_1&#93;&#93; \\[\\[EMAIL_1\\]\\]",
            "p1@x.org p1@x.org",
        ),
        (
            Style::Brackets,
            "[[[EMAIL_1]]] [[EMAIL_1]",
            "[p1@x.org] [[EMAIL_1]",
        ),
        (
            Style::Angles,
            "&lt;EMAIL_1&gt; <EMAIL_12>s",
            "p1@x.org p12@x.orgs",
        ),
        (
            tagged(),
            "EMAIL_1_k7 EMAIL_1 EMAIL_1_K7s",
            "p1@x.org EMAIL_1 p1@x.orgs",
        ),
    ] {
        let restored = restore(&vocabulary(style), text, Encoding::Plain);
        assert_eq!(restored.text, expected, "{text:?}");
    }
}

#[test]
fn values_are_escaped_for_where_they_go() {
    let vocabulary = vocabulary(Style::Plain);
    let value = "say \"EMAIL_2\"\n";
    let once = restore(
        &vocabulary,
        r#"{"to":"\nPRIVATE_1\t","also":"PRIVATE\\_1"}"#,
        Encoding::Json,
    );
    let read: serde_json::Value = serde_json::from_str(&once.text).unwrap();
    assert_eq!(read["to"], format!("\n{value}\t"));
    assert_eq!(read["also"], value);

    let inner = serde_json::json!({"to": "line\nPRIVATE_1", "path": "ROOM_2_1"}).to_string();
    let outer = serde_json::json!({"arguments": inner}).to_string();
    let twice = restore(&vocabulary, &outer, Encoding::JsonTwice);
    assert_eq!(twice.counts.restored, 2);
    let read: serde_json::Value = serde_json::from_str(&twice.text).unwrap();
    let read: serde_json::Value =
        serde_json::from_str(read["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(read["to"], format!("line\n{value}"));
    assert_eq!(read["path"], "C:\\east");

    // The letter of an escape is no letter of a word, and an escaped letter is.
    assert_eq!(
        restore(&vocabulary, r"a\nEMAIL_1", Encoding::Plain)
            .counts
            .restored,
        0
    );
    assert_eq!(
        restore(&vocabulary, r"a\nEMAIL_1", Encoding::Json)
            .counts
            .restored,
        1
    );
    assert_eq!(
        restore(&vocabulary, r"\u0061EMAIL_1", Encoding::Json)
            .counts
            .restored,
        0
    );
    let angles = Vocabulary::of(&mapping(Style::Angles), &labels());
    assert_eq!(
        restore(&angles, r"\u003cEMAIL_1\u003e", Encoding::Json).text,
        "p1@x.org"
    );
}

#[test]
fn every_control_character_is_escaped_as_a_parser_reads_it() {
    let value: String = (0..0x80)
        .map(char::from)
        .chain("\u{e9}\u{1f600}\u{2028}".chars())
        .collect();
    let mut mapping = Mapping::new(Style::Plain, Limits::default());
    mapping
        .write_placeholder("SECRET", &value, &mut String::new())
        .unwrap();
    let vocabulary = Vocabulary::of(&mapping, &labels());
    let restored = restore(&vocabulary, "\"SECRET_1\"", Encoding::Json);
    assert_eq!(
        serde_json::from_str::<String>(&restored.text).unwrap(),
        value
    );
}

#[test]
fn only_what_may_be_an_issued_placeholder_is_held_back() {
    let vocabulary = vocabulary(Style::Plain);
    for (text, held) in [
        ("hello", ""),
        ("hello e", "e"),
        ("hello EMAI", "EMAI"),
        ("EMAILS", ""),
        ("EMAIL_", "EMAIL_"),
        ("EMAIL_1", "EMAIL_1"),
        ("EMAIL_12", "EMAIL_12"),
        ("EMAIL_13", ""),
        ("EMAIL_2", "EMAIL_2"),
        ("EMAIL_20", ""),
        ("EMAIL_1 ", ""),
        ("EMAIL_1s", "EMAIL_1s"),
        ("EMAIL_1st", ""),
        ("EMAIL_1_", "EMAIL_1_"),
        ("EMAIL_1.", ""),
        ("PHONE_1", ""),
        ("PHON", ""),
        ("Hell", ""),
        ("the", ""),
        ("a_EMAIL", ""),
        ("_EMAIL", "EMAIL"),
        ("IP", "IP"),
        ("IP_PRIVATE_2", ""),
        ("ROOM_2", "ROOM_2"),
        ("ROOM_3", ""),
        ("x\\", ""),
        ("&", ""),
        ("12", ""),
        ("EMAIL\\", "EMAIL\\"),
        ("EMAIL&#9", "EMAIL&#9"),
        ("EMAIL&amp", ""),
        ("EMAIL_0", ""),
        ("[", ""),
    ] {
        let mut restorer = Restorer::new(Arc::clone(&vocabulary), Encoding::Plain);
        let mut output = String::new();
        restorer.push(text, &mut output);
        assert_eq!(restorer.held(), held.len(), "{text:?}");
        if restorer.counts().restored == 0 {
            assert_eq!(output, text.strip_suffix(held).unwrap(), "{text:?}");
        }
        restorer.finish(&mut output);
    }
    let brackets = self::vocabulary(Style::Brackets);
    for (text, held) in [
        ("a[", "["),
        ("[[", "[["),
        ("[[EMAIL_1]", "[[EMAIL_1]"),
        ("[[EMAIL_13", ""),
        ("[[PHONE", ""),
        ("EMAIL", ""),
        ("&l", "&l"),
        ("&lt", ""),
        ("&lo", ""),
        ("&#9", "&#9"),
        ("&a", ""),
        ("\\", "\\"),
        ("[[ ", "[[ "),
        ("[x", ""),
    ] {
        let mut restorer = Restorer::new(Arc::clone(&brackets), Encoding::Plain);
        let mut output = String::new();
        restorer.push(text, &mut output);
        assert_eq!(restorer.held(), held.len(), "{text:?}");
    }
    // Nothing was issued: nothing is held.
    let empty = Mapping::new(Style::Plain, Limits::default());
    let mut restorer = Restorer::new(Arc::new(Vocabulary::of(&empty, &labels())), Encoding::Plain);
    let mut output = String::new();
    restorer.push("EMAIL", &mut output);
    assert_eq!((output.as_str(), restorer.held()), ("EMAIL", 0));
    restorer.push("_1", &mut output);
    restorer.finish(&mut output);
    assert_eq!(output, "EMAIL_1");
    assert_eq!(restorer.counts().look_alikes, 1);
}

#[test]
fn a_discarded_tail_is_never_told() {
    let mut restorer = Restorer::new(vocabulary(Style::Plain), Encoding::Plain);
    let mut output = String::new();
    restorer.push("see EMAIL_", &mut output);
    restorer.discard();
    restorer.push("1 and EMAIL_1", &mut output);
    restorer.finish(&mut output);
    assert_eq!(output, "see 1 and p1@x.org");
}

#[test]
fn a_vocabulary_stays_as_it_was_when_the_mapping_grows() {
    let mut mapping = mapping(Style::Plain);
    let before = Vocabulary::of(&mapping, &labels());
    mapping
        .write_placeholder("EMAIL", "new@x.org", &mut String::new())
        .unwrap();
    let after = Vocabulary::of(&mapping, &labels());
    assert_eq!(
        restore(&before, "EMAIL_13", Encoding::Plain).text,
        "EMAIL_13"
    );
    assert_eq!(
        restore(&after, "EMAIL_13", Encoding::Plain).text,
        "new@x.org"
    );
}

/// Pieces of which texts are made that come close to placeholders.
const PIECES: &[&str] = &[
    "EMAIL_1",
    "EMAIL_10",
    "EMAIL_13",
    "EMAIL",
    "email",
    "_",
    "1",
    "2",
    "\\_",
    "\\",
    "&#95;",
    "&",
    "&lowbar;",
    "&lt;",
    "<",
    ">",
    "&gt;",
    "[[",
    "[",
    "]]",
    "]",
    "\\[",
    "\\]",
    "&#91;",
    " ",
    "  ",
    "\u{200b}",
    "s",
    "'s",
    "S",
    "IP_PRIVATE_1",
    "PRIVATE_1",
    "IP_",
    "ROOM_2",
    "ROOM_2_1",
    "ROOM_1",
    "PHONE_1",
    "x",
    "\u{1ed7}",
    "\u{6f22}",
    "\u{ff11}",
    "\n",
    "**",
    "`",
    "\"",
    "_k7",
    "_K7",
    "k",
    "\\n",
    "\\u005f",
    "\\\\",
    "\\u00",
    "\\ud83d",
    "\\ude00",
    "\\\\_",
    "\\\\u005f",
    "a",
    "e",
    "____",
];

fn texts() -> impl Strategy<Value = String> {
    texts_of(PIECES, 14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_way_of_cutting_gives_the_same_text(
        text in texts(),
        style in styles(),
        cuts in proptest::collection::vec(0_usize..200, 0..6),
    ) {
        let vocabulary = vocabulary(style);
        for encoding in [Encoding::Plain, Encoding::Json, Encoding::JsonTwice] {
            let whole = restore(&vocabulary, &text, encoding);
            let expected = (whole.text.into_owned(), whole.counts);
            let by_character = text.char_indices().map(|(at, character)| &text[at..at + character.len_utf8()]);
            prop_assert_eq!(&streamed(&vocabulary, encoding, by_character), &expected);
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            for at in &boundaries {
                prop_assert_eq!(&streamed(&vocabulary, encoding, [&text[..*at], &text[*at..]]), &expected);
            }
            let mut places: Vec<usize> = cuts.iter().map(|cut| boundaries[cut % boundaries.len()]).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces = places.windows(2).map(|pair| &text[pair[0]..pair[1]]);
            prop_assert_eq!(&streamed(&vocabulary, encoding, pieces), &expected);
        }
    }

    #[test]
    fn what_is_told_early_is_always_the_beginning_of_the_whole(text in texts(), style in styles()) {
        let vocabulary = vocabulary(style);
        let whole = restore(&vocabulary, &text, Encoding::Plain).text.into_owned();
        let mut restorer = Restorer::new(vocabulary, Encoding::Plain);
        let mut output = String::new();
        for character in text.chars() {
            restorer.push(character.encode_utf8(&mut [0; 4]), &mut output);
            prop_assert!(whole.starts_with(&output));
        }
    }
}

/// Run with `--run-ignored only --release --no-capture`.
#[test]
#[ignore = "a measurement: run it in release mode"]
#[allow(clippy::disallowed_methods)]
fn time_of_events() {
    let prose = "The quick brown fox jumps over the lazy dog, and then EMAIL_1 is told about it. Please call the office \
                 when the delivery in IP_PRIVATE_1 has come, or write to EMAIL_2 (or **EMAIL_3**) later today. ";
    let clean = prose.replace('_', " ").replace(char::is_numeric, "");
    for entries in [1_usize, 10_000] {
        let mut mapping = Mapping::new(Style::Plain, Limits::default());
        for number in 0..entries {
            let value = format!("person{number}@example.org");
            mapping
                .write_placeholder("EMAIL", &value, &mut String::new())
                .unwrap();
        }
        let labels = Arc::new(Labels::of(&crate::Rules::default()).unwrap());
        let begin = Instant::now();
        for _ in 0..10_000 {
            std::hint::black_box(Vocabulary::of(&mapping, &labels));
        }
        println!(
            "{entries} entries: vocabulary {} ns",
            begin.elapsed().as_nanos() / 10_000
        );
        let vocabulary = Arc::new(Vocabulary::of(&mapping, &labels));
        for (name, text) in [("with placeholders", prose), ("clean", clean.as_str())] {
            for size in [1, 4, 16, text.len()] {
                let pieces: Vec<&str> = text
                    .as_bytes()
                    .chunks(size)
                    .map(|piece| std::str::from_utf8(piece).unwrap())
                    .collect();
                let mut best = u128::MAX;
                for _ in 0..200 {
                    let mut restorer = Restorer::new(Arc::clone(&vocabulary), Encoding::Plain);
                    let mut output = String::with_capacity(1024);
                    let begin = Instant::now();
                    for _ in 0..20 {
                        output.clear();
                        for piece in &pieces {
                            restorer.push(piece, &mut output);
                        }
                        restorer.finish(&mut output);
                    }
                    best = best.min(begin.elapsed().as_nanos());
                    std::hint::black_box(&output);
                }
                println!(
                    "{entries} entries, {name}, events of {size} bytes: {:.0} ns an event",
                    best as f64 / (20 * pieces.len()) as f64
                );
            }
        }
    }
}

#[test]
fn no_more_is_put_back_than_there_is_room_for() {
    use crate::wire::{Unmask, Unmasks};

    let restorers = FieldRestorers::new(vocabulary(Style::Plain));
    restorers.make_room(16);
    let restored = |text: &str| {
        let mut out = String::new();
        let mut restorer = restorers.text(crate::wire::Encoding::Text);
        restorer.push(text, &mut out);
        restorer.finish(&mut out);
        out
    };
    // Each value has eight bytes.
    assert_eq!(restored("EMAIL_1, EMAIL_2"), "p1@x.org, p2@x.org");
    assert!(!restorers.is_out_of_room());
    assert_eq!(restored("EMAIL_1, EMAIL_2."), "EMAIL_1, EMAIL_2.");
    assert!(restorers.is_out_of_room());
    restorers.make_room(1000);
    assert!(restorers.is_out_of_room(), "it is not forgotten");
}
