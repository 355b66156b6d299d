//! The registry is whole.

use super::*;

#[test]
fn codes_are_listed_by_number_and_every_one_once() {
    let numbers: Vec<u16> = ErrorCode::ALL
        .iter()
        .map(|code| code.meaning().number)
        .collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(numbers, sorted);
    assert_eq!(ErrorCode::NothingLive.to_string(), "PC0601");
}

#[test]
fn the_default_code_of_an_exit_code_ends_with_that_exit_code() {
    for code in ErrorCode::ALL {
        let exit = code.meaning().exit;
        assert_eq!(ErrorCode::of_exit(exit).meaning().exit, exit, "{code}");
    }
}

#[test]
fn every_word_of_the_api_has_a_code() {
    // The words that crates/server writes into its refusals.
    let written = include_str!("../../../../server/src/answer.rs");
    let words = [
        "not_authorised",
        "not_found",
        "configuration",
        "plan_refused",
        "unknown_release",
        "no_predecessor",
        "artifact_unreadable",
        "no_free_port",
        "plan_moved",
        "internal",
        "not_now",
        "nothing_live",
        "still_live",
        "not_live",
        "journal_unreadable",
        "engine_stopped",
    ];
    for word in words {
        assert!(written.contains(&format!("\"{word}\"")), "{word}");
        let code = ErrorCode::of_refusal(Some(word), 409);
        assert_ne!(code, ErrorCode::RequestRefused, "{word}");
    }
}
