//! The smallest pieces of SQL: enough to know where strings, comments and statements end.
//!
//! Every byte of the text belongs to exactly one token, so nothing can be lost. The rules are those of PostgreSQL's
//! psqlscan.l and SQLite's tokenize.c: comments nest in PostgreSQL only, `$tag$` quotes there only, `E'...'` has backslashes
//! there only, and `[name]` and backquotes are names in SQLite only.

use std::ops::Range;

use crate::Dialect;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Space,
    LineComment,
    BlockComment,
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    QuotedName,
    /// A string, in whichever quotes.
    Text,
    Number,
    Semicolon,
    /// Any other character.
    Symbol,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) range: Range<usize>,
    /// False when a quote or a comment reaches the end of the text without being closed.
    pub(crate) is_closed: bool,
}

/// The tokens of a text.
pub(crate) fn tokens(text: &str, dialect: Dialect) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let (kind, length, is_closed) = next(&text[at..], first, dialect);
        found.push(Token {
            kind,
            range: at..at + length,
            is_closed,
        });
        at += length;
    }
    found
}

type Piece = (TokenKind, usize, bool);

fn next(rest: &str, first: char, dialect: Dialect) -> Piece {
    let is_postgres = dialect == Dialect::Postgres;
    match first {
        // A byte order mark is no part of any statement.
        _ if is_space(first) => (TokenKind::Space, length_while(rest, is_space), true),
        '-' if rest.starts_with("--") => {
            let length = rest.find('\n').unwrap_or(rest.len());
            (TokenKind::LineComment, length, true)
        }
        '/' if rest.starts_with("/*") => block_comment(rest, is_postgres),
        '\'' => quoted(rest, 0, '\'', false, TokenKind::Text),
        'e' | 'E' if is_postgres && rest[1..].starts_with('\'') => {
            quoted(rest, 1, '\'', true, TokenKind::Text)
        }
        '"' => quoted(rest, 0, '"', false, TokenKind::QuotedName),
        '`' if !is_postgres => quoted(rest, 0, '`', false, TokenKind::QuotedName),
        '[' if !is_postgres => until(rest, ']', TokenKind::QuotedName),
        '$' if is_postgres => dollar_quoted(rest).unwrap_or((TokenKind::Symbol, 1, true)),
        ';' => (TokenKind::Semicolon, 1, true),
        '0'..='9' => (TokenKind::Number, length_while(rest, in_number), true),
        _ if begins_word(first) => (TokenKind::Word, length_while(rest, in_word), true),
        _ => (TokenKind::Symbol, first.len_utf8(), true),
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{feff}')
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn in_word(c: char) -> bool {
    (begins_word(c) || c.is_ascii_digit() || c == '$') && c != '\u{feff}'
}

fn in_number(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

fn length_while(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

/// What is between quotes, of which two in a row stand for one. `from` is where the opening quote is.
fn quoted(rest: &str, from: usize, quote: char, backslashes: bool, kind: TokenKind) -> Piece {
    let mut characters = rest[from + 1..].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' if backslashes => {
                characters.next();
            }
            _ if c == quote && characters.peek().is_some_and(|(_, next)| *next == quote) => {
                characters.next();
            }
            _ if c == quote => return (kind, from + 1 + at + 1, true),
            _ => {}
        }
    }
    (kind, rest.len(), false)
}

fn until(rest: &str, end: char, kind: TokenKind) -> Piece {
    match rest.find(end) {
        Some(at) => (kind, at + end.len_utf8(), true),
        None => (kind, rest.len(), false),
    }
}

fn block_comment(rest: &str, nests: bool) -> Piece {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let end = rest[at..].find("*/").map(|found| at + found);
        let open = rest[at..].find("/*").map(|found| at + found);
        match (open, end) {
            (Some(open), Some(end)) if nests && open < end => (depth, at) = (depth + 1, open + 2),
            (_, Some(end)) => (depth, at) = (depth - 1, end + 2),
            // SQLite takes a comment that the end of the text cuts off for a comment.
            (_, None) => return (TokenKind::BlockComment, rest.len(), false),
        }
    }
    (TokenKind::BlockComment, at, true)
}

/// `$$...$$` or `$tag$...$tag$`; nothing if no tag begins here.
fn dollar_quoted(rest: &str) -> Option<Piece> {
    let inside = &rest[1..];
    let length = length_while(inside, |c| begins_word(c) || c.is_ascii_digit());
    let begins_well = inside.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if !begins_well || !inside[length..].starts_with('$') {
        return None;
    }
    let tag = &rest[..length + 2];
    match rest[tag.len()..].find(tag) {
        Some(at) => Some((TokenKind::Text, tag.len() + at + tag.len(), true)),
        None => Some((TokenKind::Text, rest.len(), false)),
    }
}

#[cfg(test)]
impl Token {
    /// Whether it is neither space nor comment.
    pub(crate) fn means_something(&self) -> bool {
        !matches!(
            self.kind,
            TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment
        )
    }
}

#[cfg(test)]
mod tests;
