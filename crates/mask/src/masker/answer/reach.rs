//! How far what a configuration looks for may reach beyond a word, so that a stream knows how long to wait.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How much must be known behind a word before it is told what the word belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Nothing: no word is part of anything.
    #[default]
    Nothing,
    /// Nothing, but each word may be something.
    Word,
    /// So many bytes.
    Bytes(usize),
    /// The rest of its line.
    Line,
}

impl Reach {
    /// The reach of an expression. One that fits no white space never reaches beyond a word.
    pub(crate) fn of_pattern(pattern: &str) -> Reach {
        let Ok(parsed) = regex_syntax::parse(pattern) else {
            return Reach::Line;
        };
        if !fits_space(&parsed) {
            return Reach::Word;
        }
        match parsed.properties().maximum_len() {
            Some(length) => Reach::Bytes(length),
            None => Reach::Line,
        }
    }
}

/// Whether an expression fits a text with white space in it.
fn fits_space(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => text.contains(char::is_whitespace),
            Err(_) => true,
        },
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().any(|range| {
            const SPACES: [char; 6] = [' ', '\t', '\n', '\r', '\u{a0}', '\u{3000}'];
            SPACES
                .iter()
                .any(|space| (range.start()..=range.end()).contains(space))
        }),
        HirKind::Class(Class::Bytes(_)) => true,
        HirKind::Repetition(repetition) => fits_space(&repetition.sub),
        HirKind::Capture(capture) => fits_space(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(fits_space),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_reaches_as_far_as_it_fits_white_space() {
        for (pattern, reach) in [
            (r"\bE-(?P<value>\d{6})\b", Reach::Word),
            (r"(?i)room [0-9]{3}", Reach::Bytes(8)),
            (r"case\s+\w+", Reach::Line),
            (r"[^,]{1,4}", Reach::Bytes(16)),
        ] {
            assert_eq!(Reach::of_pattern(pattern), reach, "{pattern}");
        }
    }
}
