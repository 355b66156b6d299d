//! Windows.

use super::*;

/// Tokens of which every `every`-th begins a word.
fn tokens(count: usize, every: usize) -> Vec<Token> {
    let token = |place: usize| Token {
        number: 0,
        range: place..place + 1,
        begins_word: place.is_multiple_of(every),
    };
    (0..count).map(token).collect()
}

#[test]
fn every_token_counts_in_exactly_one_window_that_shows_it() {
    for every in [1, 3, 7, 1000] {
        for count in (1..300).step_by(7) {
            let tokens = tokens(count, every);
            for size in [1, 2, 3, 14, 62, 126] {
                let mut next = 0;
                for window in windows(&tokens, size) {
                    assert!(window.shown.len() <= size);
                    assert_eq!(window.counted.start, next, "{count} {size} {every}");
                    assert!(window.shown.start <= window.counted.start);
                    assert!(window.counted.end <= window.shown.end);
                    next = window.counted.end;
                }
                assert_eq!(next, count);
            }
        }
    }
}

#[test]
fn windows_overlap_and_begin_with_words() {
    let tokens = tokens(300, 3);
    let windows = windows(&tokens, 62);
    assert!(windows.len() <= 8);
    for pair in windows.windows(2) {
        assert!(tokens[pair[1].shown.start].begins_word);
        assert!(tokens[pair[1].counted.start].begins_word);
        let around = pair[1].counted.start - pair[1].shown.start;
        let after = pair[0].shown.end - pair[0].counted.end;
        assert!(around >= 5 && after >= 5, "{pair:?}");
    }
}

#[test]
fn a_text_that_fits_has_one_window() {
    let tokens = tokens(62, 2);
    let all = Window {
        shown: 0..62,
        counted: 0..62,
    };
    assert_eq!(windows(&tokens, 62), [all]);
}
