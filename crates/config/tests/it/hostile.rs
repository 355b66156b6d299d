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
