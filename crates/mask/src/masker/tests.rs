use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::tests::{styles, tagged, texts_of};
use crate::{Encoding, Limits, Rules, Style, Tag, Vocabulary, restore};

fn masker(policy: Policy, mode: Mode) -> Masker {
    Masker::new(Arc::new(Finder::new(Rules::default())), policy, mode).unwrap()
}

fn mapping(style: Style) -> Mapping {
    Mapping::new(style, Limits::default())
}

/// A text masked and restored in one new conversation.
fn there_and_back(style: Style, text: &str) -> (String, String) {
    let masker = masker(Policy::default(), Mode::Enforce);
    let mut mapping = mapping(style);
    let masked = masker
        .mask(text, None, &mut mapping)
        .unwrap()
        .text
        .into_owned();
    (masked.clone(), restored(&masker, &mapping, &masked))
}

fn restored(masker: &Masker, mapping: &Mapping, text: &str) -> String {
    let vocabulary = Vocabulary::of(mapping, masker.labels());
    restore(&vocabulary, text, Encoding::Plain)
        .text
        .into_owned()
}

#[test]
fn data_is_hidden_and_comes_back() {
    for (text, expected) in [
        ("write to jo@example.com now.", "write to EMAIL_1 now."),
        (
            "jo@example.com,al@example.com;jo@example.com",
            "EMAIL_1,EMAIL_2;EMAIL_1",
        ),
        (
            "My SSN is 536-22-8145, jo@example.com",
            "My SSN is US_SSN_1, EMAIL_1",
        ),
        ("nothing here", "nothing here"),
        ("", ""),
    ] {
        let (masked, back) = there_and_back(Style::Plain, text);
        assert_eq!(masked, expected);
        assert_eq!(back, text);
    }
    assert_eq!(
        there_and_back(Style::Brackets, "(jo@example.com)").0,
        "([[EMAIL_1]])"
    );
    assert_eq!(
        there_and_back(tagged(), "(jo@example.com)").0,
        "(EMAIL_1_k7)"
    );
    let masker = masker(Policy::default(), Mode::Enforce);
    let text = "clean";
    let masked = masker.mask(text, None, &mut mapping(Style::Plain)).unwrap();
    assert!(matches!(masked.text, Cow::Borrowed(_)) && masked.counts.is_empty());
}

#[test]
fn a_placeholder_that_somebody_types_is_never_a_value() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let mut mapping = mapping(Style::Plain);
    let first = "jo@example.com and EMAIL_1, email\\_2, IP_PRIVATE_7s, UTF_8 and LITERAL_1";
    let masked = masker.mask(first, None, &mut mapping).unwrap();
    assert_eq!(
        masked.text,
        "EMAIL_1 and LITERAL_1, LITERAL_2, LITERAL_3s, UTF_8 and LITERAL_4"
    );
    assert_eq!(masked.counts.of_entity(Entity::LITERAL, Action::Mask), 4);
    assert_eq!(restored(&masker, &mapping, &masked.text), first);
    // In a later turn too; the same spelling has the same placeholder.
    let second = masker
        .mask("what is EMAIL_1? and Email_1?", None, &mut mapping)
        .unwrap();
    assert_eq!(second.text, "what is LITERAL_1? and LITERAL_5?");
    assert_eq!(
        restored(&masker, &mapping, &second.text),
        "what is EMAIL_1? and Email_1?"
    );
    // The model's own use of the placeholder is restored.
    assert_eq!(
        restored(&masker, &mapping, "EMAIL_1 is not LITERAL_1"),
        "jo@example.com is not EMAIL_1"
    );
}

#[test]
fn a_label_that_only_the_mapping_knows_is_hidden_too() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let mut mapping = mapping(Style::Plain);
    mapping
        .write_placeholder("BADGE_7", "abc", &mut String::new())
        .unwrap();
    let masked = masker
        .mask("BADGE_7_1 BADGE_7", None, &mut mapping)
        .unwrap();
    assert_eq!(masked.text, "LITERAL_1 BADGE_7");
}

#[test]
fn a_value_is_hidden_wherever_it_stands_in_the_text() {
    let (masked, back) = there_and_back(
        Style::Plain,
        "My SSN is 536-22-8145.\nThe paper of the office in the city had no 536-22-8145 in all of its many lines.",
    );
    assert!(!masked.contains("536-22-8145"), "{masked}");
    assert!(back.ends_with("had no 536-22-8145 in all of its many lines."));
}

#[test]
fn a_policy_decides_by_entity() {
    let rules = Rules::default();
    let text = "My SSN is 536-22-8145, jo@example.com";
    let with = |name, action| Policy::default().with(&rules, name, action).unwrap();
    let redacting = masker(with("US_SSN", Action::Redact), Mode::Enforce);
    let mut map = mapping(Style::Plain);
    let masked = redacting.mask(text, None, &mut map).unwrap();
    assert_eq!(masked.text, "My SSN is [US_SSN], EMAIL_1");
    assert!(!map.contains("536-22-8145"));

    let reporting = masker(with("EMAIL_ADDRESS", Action::Report), Mode::Enforce);
    let masked = reporting
        .mask(text, None, &mut mapping(Style::Plain))
        .unwrap();
    assert_eq!(masked.text, "My SSN is US_SSN_1, jo@example.com");
    assert_eq!(masked.counts.of_entity(Entity::EMAIL, Action::Report), 1);
    assert_eq!(masked.counts.of_entity(Entity::US_SSN, Action::Mask), 1);
    assert_eq!(
        masked.spans[0],
        MaskedSpan {
            start: 10,
            end: 21,
            ..masked.spans[0]
        }
    );
    // A look-alike within what is only reported is hidden nevertheless.
    let masked = reporting
        .mask("EMAIL_1@example.com", None, &mut mapping(Style::Plain))
        .unwrap();
    assert_eq!(masked.text, "LITERAL_1@example.com");

    let blocking = masker(with("EMAIL", Action::Block), Mode::Enforce);
    let mut map = mapping(Style::Plain);
    let error = blocking.mask(text, None, &mut map).unwrap_err();
    let MaskError::Blocked { entities, counts } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*entities, ["EMAIL_ADDRESS"]);
    let email = blocking.finder().rules().entities_named("EMAIL")[0];
    assert_eq!(
        counts.of_entity(email, Action::Block),
        counts.iter().map(|(.., count)| count).sum::<u64>()
    );
    assert!(counts.of_entity(email, Action::Block) > 0);
    assert_eq!(
        error.to_string(),
        "the text holds EMAIL_ADDRESS, which must not be sent; remove it and try again"
    );
    assert!(map.is_empty());
}

#[test]
fn shadow_mode_counts_and_changes_nothing() {
    let rules = Rules::default();
    let policy = Policy::default()
        .with(&rules, "EMAIL", Action::Block)
        .unwrap();
    let shadow = masker(policy, Mode::Shadow);
    let mut map = mapping(Style::Plain);
    let text = "My SSN is 536-22-8145, jo@example.com EMAIL_1";
    let masked = shadow.mask(text, None, &mut map).unwrap();
    assert!(matches!(masked.text, Cow::Borrowed(same) if same == text));
    assert!(map.is_empty());
    let counts: Vec<_> = masked.counts.iter().collect();
    assert_eq!(
        counts,
        [
            (Entity::EMAIL, Action::Block, 1),
            (Entity::US_SSN, Action::Mask, 1),
            (Entity::LITERAL, Action::Mask, 1)
        ]
    );
}

#[test]
fn a_full_mapping_refuses_the_text() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let limits = Limits {
        entries_max: 1,
        ..Limits::default()
    };
    let mut mapping = Mapping::new(Style::Plain, limits);
    let error = masker
        .mask("a@example.com b@example.com", None, &mut mapping)
        .unwrap_err();
    assert_eq!(
        error,
        MaskError::Mapping(MappingError::TooManyEntries { entries_max: 1 })
    );
}

#[test]
fn counts_of_several_texts_are_added() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let mut mapping = mapping(Style::Plain);
    let mut counts = Counts::default();
    for text in ["a@example.com", "b@example.com a@example.com"] {
        counts.add(&masker.mask(text, None, &mut mapping).unwrap().counts);
    }
    assert_eq!(counts.of_entity(Entity::EMAIL, Action::Mask), 3);
    assert_eq!(counts.of_entity(Entity::EMAIL, Action::Redact), 0);
}

#[test]
fn an_answer_is_scanned_for_what_is_not_the_conversations() {
    let redacting = masker(Policy::default(), Mode::Enforce);
    let mut map = mapping(Style::Plain);
    redacting
        .mask("I am jo@example.com", None, &mut map)
        .unwrap();
    let answer = "EMAIL_1 (jo@example.com) should ask al@example.com now.";
    let scanned = redacting.scan_answer(answer, &map).unwrap();
    assert_eq!(
        scanned.text,
        "EMAIL_1 (jo@example.com) should ask [EMAIL] now."
    );
    assert_eq!(scanned.counts.of_entity(Entity::EMAIL, Action::Redact), 1);
    let reporting = masker(Policy::new(Action::Report), Mode::Enforce);
    let scanned = reporting.scan_answer(answer, &map).unwrap();
    assert_eq!((&*scanned.text, scanned.spans.len()), (answer, 1));
    let blocking = masker(Policy::new(Action::Block), Mode::Enforce);
    assert!(matches!(
        blocking.scan_answer(answer, &map),
        Err(MaskError::Blocked { .. })
    ));
    assert!(
        blocking
            .scan_answer("EMAIL_1 is jo@example.com", &map)
            .is_ok()
    );
}

/// What the scan of a stream gives for these pieces.
fn answer_in_pieces<'t>(masker: &Masker, pieces: impl IntoIterator<Item = &'t str>) -> String {
    let map = mapping(Style::Plain);
    let (mut scan, mut output) = (AnswerScan::new(), String::new());
    for piece in pieces {
        scan.push(masker, &map, piece, &mut output).unwrap();
    }
    scan.finish(masker, &map, &mut output).unwrap();
    output
}

#[test]
fn an_answer_in_pieces_goes_on_word_by_word() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let map = mapping(Style::Plain);
    let (mut scan, mut output) = (AnswerScan::new(), String::new());
    for (piece, told) in [
        ("one two thr", "one two "),
        ("ee ask al@exam", "one two three ask "),
        ("ple.com", "one two three ask "),
        (" and", "one two three ask [EMAIL] "),
        (
            " my card 4111 1111",
            "one two three ask [EMAIL] and my card ",
        ),
        (" 1111 1111 is ", "one two three ask [EMAIL] and my card "),
        (
            "old\n",
            "one two three ask [EMAIL] and my card [CARD] is old\n",
        ),
    ] {
        scan.push(&masker, &map, piece, &mut output).unwrap();
        assert_eq!(output, told, "{piece:?}");
    }
    scan.finish(&masker, &map, &mut output).unwrap();
    assert_eq!(scan.counts().of_entity(Entity::EMAIL, Action::Redact), 1);
}

#[test]
fn a_private_key_is_waited_for_and_a_certificate_is_not() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let lines = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(40);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----");
    let text = format!("Here it is:\n{key}\nand that was it.");
    let pieces = text
        .as_bytes()
        .chunks(5)
        .map(|piece| std::str::from_utf8(piece).unwrap());
    let told = answer_in_pieces(&masker, pieces);
    assert_eq!(told, "Here it is:\n[PRIVATE_KEY]\nand that was it.");
    let (mut scan, mut output) = (AnswerScan::new(), String::new());
    let map = mapping(Style::Plain);
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG\n";
    scan.push(&masker, &map, certificate, &mut output).unwrap();
    assert_eq!(scan.held(), 0, "{output}");
}

#[test]
fn what_is_waited_for_has_a_bound() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let map = mapping(Style::Plain);
    for text in [
        "a".repeat(30_000),
        "1".repeat(30_000),
        "A=".repeat(15_000),
        "AB CD ".repeat(5_000),
        "12 ".repeat(10_000),
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}",
            "MIIE+vQIB\n".repeat(3_000)
        ),
    ] {
        let (mut scan, mut output) = (AnswerScan::new(), String::new());
        let mut most = 0;
        for piece in text.as_bytes().chunks(7) {
            let piece = std::str::from_utf8(piece).unwrap();
            scan.push(&masker, &map, piece, &mut output).unwrap();
            most = scan.held().max(most);
        }
        assert!(most <= 8192, "{most} of {}", &text[..20]);
    }
}

#[test]
fn phrases_and_expressions_of_the_settings_are_found_in_pieces() {
    let rules = Rules::builder()
        .dictionary(crate::Dictionary {
            id: "firms".to_owned(),
            entity: "ORG".to_owned(),
            words: vec!["Blue Harbour Trading".to_owned(), "Acme".to_owned()],
            ..crate::Dictionary::default()
        })
        .pattern(crate::PatternRecognizer {
            id: "room".to_owned(),
            entity: "ROOM".to_owned(),
            patterns: vec!["(?i)room [a-z]{3} [0-9]{3}".to_owned()],
            ..crate::PatternRecognizer::default()
        })
        .build()
        .unwrap();
    let finder = Arc::new(Finder::new(rules));
    let masker = Masker::new(finder, Policy::default(), Mode::Enforce).unwrap();
    let text = "We met Blue Harbour Trading, and Acme's people, in room abc 123 of the blue house.";
    let told = answer_in_pieces(&masker, text.split_inclusive('e'));
    assert_eq!(
        told,
        "We met [ORG], and [ORG]'s people, in [ROOM] of the blue house."
    );
}

#[test]
fn what_the_request_held_is_no_leak_in_its_answer() {
    use crate::wire::Mask;
    let masker = masker(Policy::new(Action::Report), Mode::Enforce);
    let mut map = mapping(Style::Plain);
    let mut fields = crate::FieldMasker::new(&masker, &mut map).remembering();
    fields.mask("I am Jo@Example.com, 536-22-8145", "").unwrap();
    let values = fields.values().unwrap().clone();
    assert!(!format!("{values:?}").contains("example"));
    let known = crate::Known::from(&map).with_request(&values);
    let answer = "You are jo@example.com, not al@example.com.";
    let scanned = masker.scan_answer(answer, known).unwrap();
    assert_eq!(scanned.spans.len(), 1, "{:?}", scanned.spans);
    assert_eq!(masker.scan_answer(answer, &map).unwrap().spans.len(), 2);
}

#[test]
fn an_answer_in_long_lines_is_the_same_for_every_way_of_cutting() {
    let masker = masker(Policy::default(), Mode::Enforce);
    let long = "\u{1ed7}y al@example.com ".repeat(600);
    let whole = answer_in_pieces(&masker, [long.as_str()]);
    assert_eq!(whole, "\u{1ed7}y [EMAIL] ".repeat(600));
    for size in [1, 7, 4095, 4096, 4097] {
        let characters: Vec<char> = long.chars().collect();
        let pieces: Vec<String> = characters
            .chunks(size)
            .map(|piece| piece.iter().collect())
            .collect();
        assert_eq!(
            answer_in_pieces(&masker, pieces.iter().map(String::as_str)),
            whole
        );
    }
}

/// Pieces of which answers are made.
const ANSWER_PIECES: &[&str] = &[
    "al@example.com",
    "4111 1111 1111 1111",
    "password: hunter2x9",
    "token = \"a b c\"",
    "born on March 5, 1980",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "plain words go on",
    "\u{5bc6}\u{7801}\u{ff1a}\u{662f}",
    "\u{1ed7}y",
    "AB CD",
    "12.5",
    "\n",
    " ",
    " ",
    ", ",
];

proptest! {
    #[test]
    fn a_scanned_answer_is_the_same_for_every_way_of_cutting(
        pieces in proptest::collection::vec(proptest::sample::select(ANSWER_PIECES), 0..40),
        repeat in 1usize..30,
        sizes in proptest::collection::vec(1usize..40, 1..8),
    ) {
        let masker = masker(Policy::default(), Mode::Enforce);
        let text = pieces.concat().repeat(repeat);
        let characters: Vec<char> = text.chars().collect();
        let (mut cut, mut at) = (Vec::new(), 0);
        for size in sizes.iter().cycle() {
            if at >= characters.len() {
                break;
            }
            let end = (at + size).min(characters.len());
            cut.push(characters[at..end].iter().collect::<String>());
            at = end;
        }
        let whole = answer_in_pieces(&masker, [text.as_str()]);
        prop_assert_eq!(answer_in_pieces(&masker, cut.iter().map(String::as_str)), whole);
    }
}

/// Pieces of which texts are made.
const PIECES: &[&str] = &[
    "jo@example.com",
    "al@example.com",
    "x+y@example.com",
    "536-22-8145",
    "My SSN is ",
    "EMAIL_1",
    "email_1",
    "EMAIL_2",
    "EMAIL\\_1",
    "LITERAL_1",
    "US_SSN_1",
    "US_",
    "SSN_1",
    "EMAIL",
    "_",
    "1",
    "2",
    "0",
    "\\_",
    "\\",
    "&#95;",
    "&#9",
    "5;",
    "&",
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
    "\u{200b}",
    "s",
    "'s",
    "S",
    "x",
    "\u{1ed7}",
    "\u{6f22}",
    "\u{ff11}",
    "\n",
    "**",
    "`",
    "\"",
    "_k7",
    "K7",
    "+",
    "@",
    ".",
    "a",
    "e",
    "____",
    "\u{301}",
    "[[EMAIL_1]]",
    "<EMAIL_1>",
    "EMAIL_1_k7",
    ";",
];

fn texts() -> impl Strategy<Value = String> {
    texts_of(PIECES, 16)
}

/// Any spans of a text, as recognizers of any kind could find them.
fn spans_of(text: &str, cuts: &[(usize, u8)], redacts: bool) -> Vec<MaskedSpan> {
    let boundaries: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let mut places: Vec<(usize, u8)> = cuts
        .iter()
        .map(|(cut, kind)| (boundaries[cut % boundaries.len()], *kind))
        .collect();
    places.sort_unstable();
    places.dedup_by_key(|(place, _)| *place);
    places
        .windows(2)
        .filter(|pair| pair[0].1 % 3 != 0)
        .map(|pair| MaskedSpan {
            start: pair[0].0,
            end: pair[1].0,
            entity: if pair[0].1 % 2 == 0 {
                Entity::EMAIL
            } else {
                Entity::US_SSN
            },
            score: Score::CERTAIN,
            action: if redacts && pair[0].1 % 5 < 2 {
                Action::Redact
            } else {
                Action::Mask
            },
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn masking_and_restoring_gives_the_text_back(text in texts(), style in styles(), turns in 1..3) {
        let masker = masker_of_tests();
        let mut mapping = mapping(style);
        for _ in 0..turns {
            let masked = masker.mask(&text, None, &mut mapping).unwrap().text.into_owned();
            prop_assert_eq!(&restored(masker, &mapping, &masked), &text, "masked: {:?}", masked);
        }
    }

    #[test]
    fn whatever_is_found_comes_back(
        text in texts(),
        style in styles(),
        cuts in proptest::collection::vec((0_usize..200, any::<u8>()), 0..8),
    ) {
        let masker = masker_of_tests();
        let mut mapping = mapping(style);
        let spans = spans_of(&text, &cuts, false);
        // Later turns hold what the first one issued.
        for _ in 0..2 {
            let masked = masker.masked(&text, spans.clone(), &mut mapping).unwrap().text.into_owned();
            prop_assert_eq!(&restored(masker, &mapping, &masked), &text, "masked: {:?}", masked);
        }
    }

    #[test]
    fn redacting_exposes_no_look_alike(
        text in texts(),
        style in styles(),
        cuts in proptest::collection::vec((0_usize..200, any::<u8>()), 0..8),
    ) {
        let masker = masker_of_tests();
        let mut mapping = mapping(style);
        for label in ["EMAIL", "US_SSN", "LITERAL"] {
            for number in 0..3 {
                let value = format!("\u{1f512}{label}{number}");
                mapping.write_placeholder(label, &value, &mut String::new()).unwrap();
            }
        }
        let spans = spans_of(&text, &cuts, true);
        let masked = masker.masked(&text, spans, &mut mapping).unwrap().text.into_owned();
        let back = restored(masker, &mapping, &masked);
        prop_assert!(!back.contains('\u{1f512}') || text.contains('\u{1f512}'), "{:?} from {:?}", back, masked);
    }

    #[test]
    fn no_value_is_left_in_what_is_sent(text in texts(), style in styles()) {
        let masker = masker_of_tests();
        let mut mapping = mapping(style);
        let masked = masker.mask(&text, None, &mut mapping).unwrap();
        for span in masked.spans.iter().filter(|span| span.entity != Entity::LITERAL) {
            let value = &text[span.start..span.end];
            prop_assert!(!masked.text.contains(value), "{:?} in {:?}", value, masked.text);
        }
    }

    #[test]
    fn nothing_of_one_conversation_is_told_in_another(text in texts(), style in styles()) {
        let masker = masker_of_tests();
        let (mut one, mut two) = (mapping(style.clone()), mapping(style));
        let masked = masker.mask("one@secret.example, two@secret.example", None, &mut one).unwrap().text.into_owned();
        masker.mask(&text, None, &mut two).unwrap();
        let back = restored(masker, &two, &masked);
        prop_assert!(!back.contains("secret.example"));
        let empty = mapping(Style::Plain);
        prop_assert_eq!(restored(masker, &empty, &masked), masked);
    }

    #[test]
    fn a_tag_keeps_conversations_apart(text in texts()) {
        let masker = masker_of_tests();
        let mut one = mapping(tagged());
        let mut two = mapping(Style::Tagged(Tag::new("q2").unwrap()));
        masker.mask("a@example.com b@example.com 536-22-8145", None, &mut two).unwrap();
        let masked = masker.mask(&text, None, &mut one).unwrap().text.into_owned();
        prop_assert_eq!(restored(masker, &two, &masked), masked);
    }
}

fn masker_of_tests() -> &'static Masker {
    static MASKER: std::sync::LazyLock<Masker> =
        std::sync::LazyLock::new(|| masker(Policy::default(), Mode::Enforce));
    &MASKER
}

#[test]
fn hostile_texts_are_masked_in_linear_time() {
    let masker = masker_of_tests();
    for unit in [
        "_",
        "EMAIL_",
        "EMAIL_1_",
        "E\u{200b}",
        "[[",
        "&#",
        "\\",
        "EMAIL_1",
        "a_",
        "<",
        "EMAIL_1 ",
        "x@y.co_",
    ] {
        for style in [Style::Plain, Style::Brackets] {
            let text = unit.repeat(200_000 / unit.len());
            let mut mapping = mapping(style);
            let masked = masker
                .mask(&text, None, &mut mapping)
                .unwrap()
                .text
                .into_owned();
            assert_eq!(restored(masker, &mapping, &masked), text, "{unit}");
        }
    }
}

/// Run with `--run-ignored only --release --no-capture`.
#[test]
#[ignore = "a measurement: run it in release mode"]
#[allow(clippy::disallowed_methods)]
fn time_of_masking() {
    let masker = masker_of_tests();
    let clean = "The quick brown fox jumps over the lazy dog. ".repeat(23);
    let data = clean.replacen(
        "lazy",
        "jo@example.com EMAIL_1 al@example.com 536-22-8145",
        3,
    );
    let named = clean.replace(' ', "_a");
    for (name, text) in [
        ("clean", &clean),
        ("with data", &data),
        ("with underscores", &named),
    ] {
        let mut best = [u128::MAX; 2];
        for _ in 0..300 {
            let mut mapping = mapping(Style::Plain);
            let begin = Instant::now();
            for _ in 0..10 {
                std::hint::black_box(masker.mask(text, None, &mut mapping).unwrap());
            }
            best[0] = best[0].min(begin.elapsed().as_nanos());
            let begin = Instant::now();
            for _ in 0..10 {
                std::hint::black_box(masker.finder().find(text));
            }
            best[1] = best[1].min(begin.elapsed().as_nanos());
        }
        println!(
            "{name}, {} bytes: mask {} ns, of it find {} ns",
            text.len(),
            best[0] / 10,
            best[1] / 10
        );
    }
}
