use std::path::Path;

use proptest::prelude::*;

use super::echoes::{self, Echo};
use super::texts::{holds, styles};
use super::wires::{anthropic_wire, dify, openai, pointer_wire};
use super::{Room, TARGETS, forms};
use crate::wire::DifyVersion;

#[test]
fn everything_that_a_fuzzer_found_worth_keeping_still_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpora.join(name);
        let inputs = std::fs::read_dir(&folder).unwrap();
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| target(&bytes));
            assert!(held.is_ok(), "{name} does not hold for {}", path.display());
            count += 1;
        }
        assert!(count > 0, "{} has no inputs", folder.display());
    }
}

#[test]
fn every_target_has_a_program_of_its_name() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut names: Vec<String> = std::fs::read_dir(programs)
        .unwrap()
        .map(|program| program.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}

/// Data of every room, what looks like placeholders, and what comes between.
const PIECES: &[&str] = &[
    "jo@example.com",
    "1@a.co",
    "11@a.co",
    "mai+x@sub.example.co.uk",
    "192.168.1.1",
    "10.0.0.1",
    "10.0.0.10",
    "8.8.8.8",
    "2001:db8::1",
    "::ffff:10.1.2.3",
    "https://user:pa%22ss@example.com/x?token=a1b2c3d4e5f6",
    "+84 912 345 678",
    "(415) 555-2671",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "00:1a:2b:3c:4d:5e",
    "born on 1984-02-29",
    "SSN 536-22-8145",
    "password: \"h\\unter2\"9x!\"",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
    "EMAIL_1",
    "EMAIL_10",
    "email\\_1",
    "[[EMAIL_2]]",
    "<IP_PRIVATE_1>",
    "&lt;PHONE_1&gt;",
    "EMAIL_1_k7q2",
    "LITERAL_1",
    "EMAIL",
    "_1",
    "_",
    "1",
    "0",
    "s",
    "'s",
    " ",
    ", ",
    "\n",
    ":",
    "\"",
    "\\",
    "\\n",
    "\\u0041",
    "\u{1f600}",
    "\u{1ed7}",
    "\u{200b}",
    "{\"a\":\"",
    "\"}",
    "[",
    "&amp;",
    "Google",
    "std::vector",
    "v1.2.3",
];

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            12 => proptest::sample::select(PIECES).prop_map(str::to_owned),
            4 => Just(" ".to_owned()),
            1 => any::<char>().prop_map(String::from)
        ],
        0..12,
    )
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_recognizer_room_keeps_its_promises(text in texts(), style in 0..4_usize, seed in any::<u8>()) {
        for room in [Room::All, Room::Network, Room::Payment, Room::Crypto, Room::Phone, Room::Date, Room::Secret,
            Room::National, Room::Custom] {
            holds(room.masker(), &text, None, styles()[style].clone(), seed);
        }
    }

    #[test]
    fn what_a_model_says_again_through_dify_is_read_as_it_was_sent(text in texts(), style in 0..4_usize, seed in any::<u8>()) {
        echoes::echo(dify(DifyVersion::V0_15), Echo::Dify, &text, styles()[style].clone(), seed);
        echoes::echo(dify(DifyVersion::V1), Echo::Dify, &text, styles()[style].clone(), seed);
    }

    #[test]
    fn what_a_model_says_again_through_openai_is_read_as_it_was_sent(text in texts(), style in 0..4_usize, seed in any::<u8>()) {
        echoes::echo(openai(), Echo::Chat, &text, styles()[style].clone(), seed);
        echoes::echo(openai(), Echo::Responses, &text, styles()[style].clone(), seed);
        echoes::echo(openai(), Echo::Embeddings, &text, styles()[style].clone(), seed);
    }

    #[test]
    fn what_a_model_says_again_through_anthropic_is_read_as_it_was_sent(text in texts(), style in 0..4_usize, seed in any::<u8>()) {
        echoes::echo(anthropic_wire(), Echo::Anthropic, &text, styles()[style].clone(), seed);
    }

    #[test]
    fn what_a_model_says_again_through_pointers_is_read_as_it_was_sent(text in texts(), style in 0..4_usize, seed in any::<u8>()) {
        echoes::echo(pointer_wire(), Echo::Pointers, &text, styles()[style].clone(), seed);
    }

    #[test]
    fn a_file_in_a_form_comes_back_as_it_was(text in texts(), style in 0..4_usize) {
        forms::file(&text, styles()[style].clone());
    }
}
