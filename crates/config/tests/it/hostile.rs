//! Files that no person would write.

use crate::read;

/// Deep nesting and long runs of the same mistake neither overflow the stack nor take for ever.
#[test]
fn the_largest_file_of_anything_is_refused_quickly() {
    let pieces = [
        "[", "a.", "{a=", "a=[", "=", "\"", "a={b=1,", "[a]\n", "[[a]]\n", "a=1\n", "'", "\n\t",
    ];
    for piece in pieces {
        let text = piece.repeat(256 * 1024 / piece.len());
        let problems = read(&text).expect_err("problems");
        assert!(problems.as_slice().len() <= 100, "{piece:?}");
    }
}

/// What stands in the file reaches a terminal only with its control characters escaped, wherever it is quoted.
#[test]
fn a_key_with_control_characters_is_told_without_them() {
    let problems = read("a = 1\n\u{0}\u{1b}[2Ja = 2\n\"\u{1b}]0;x\" = 1\n\"\u{1b}]0;x\" = 2\n")
        .expect_err("problems");
    let told = problems.to_string();
    assert!(
        !told.contains(|character: char| character.is_control() && character != '\n'),
        "{told:?}"
    );
    let twice = read("\u{0}a = 1\n\u{0}a = 2\n")
        .expect_err("problems")
        .to_string();
    assert!(
        twice.contains("\\0a: this key is already given"),
        "{twice:?}"
    );
}
