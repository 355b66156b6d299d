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
fn every_word_of_the_apis_has_a_code_and_every_code_is_of_a_word_that_is_written() {
    // Where crates/server and crates/gateway write words into their refusals.
    let written = [
        include_str!("../../../../server/src/answer.rs"),
        include_str!("../../../../api/src/problem.rs"),
        include_str!("../../../../gateway/src/admin.rs"),
        include_str!("../../../../api/src/gateway.rs"),
    ]
    .concat();
    for (word, code) in WORDS {
        let urn = format!("urn:portcullis:problem:{}\"", word.replace('_', "-"));
        let is_written = written.contains(&format!("\"{word}\"")) || written.contains(&urn);
        assert!(is_written, "{word} is written nowhere");
        assert_eq!(ErrorCode::of_refusal(Some(word), 409), code, "{word}");
    }
    let known = |word: &str| WORDS.iter().any(|(known, _)| *known == word);
    for kind in written.split("urn:portcullis:problem:").skip(1) {
        let end = kind.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        let word = kind[..end.unwrap_or(kind.len())].replace('-', "_");
        // The one that is put together has no word in the text.
        assert!(word.is_empty() || known(&word), "{word} has no code");
    }
}
