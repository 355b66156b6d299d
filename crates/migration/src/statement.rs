//! One statement of a file.

use std::ops::Range;

use crate::Dialect;
use crate::directive::Batch;
use crate::split::split;
use crate::token::TokenKind;

/// How much of a statement an excerpt shows, in characters.
const EXCERPT_CHARS_MAX: usize = 100;

/// One statement, with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The statement itself, from its first word through its semicolon if it has one; comments inside belong to it.
    pub text: String,
    /// Where `text` is in the file, in bytes.
    pub range: Range<usize>,
    /// Where it begins with the comments and spaces before it: these ranges and the file's rest make up the file.
    pub whole: Range<usize>,
    /// The line on which it begins, from 1 on.
    pub line: usize,
    /// The line on which it ends.
    pub end_line: usize,
    /// How it is repeated, if it says so.
    pub batch: Option<Batch>,
    /// What means something: no spaces, no comments, no closing semicolon.
    pub(crate) parts: Vec<Part>,
}

/// An index that is built while others write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrentIndex {
    /// Its name as the catalogue has it.
    pub name: String,
    /// Its table, as the statement writes it.
    pub table: String,
}

/// A word, name, string, number or sign of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) kind: TokenKind,
    /// As it is written.
    pub(crate) text: String,
    /// In capitals if it is a word, so that it can be compared with keywords; as it is written otherwise.
    pub(crate) word: String,
}

impl Statement {
    /// The statement in one line, cut at 100 characters. What is in quotes of a string is left out: it may be data.
    #[must_use]
    pub fn excerpt(&self) -> String {
        self.shown(false)
    }

    /// The excerpt; where numbers may be data too, they are left out like strings.
    fn shown(&self, without_numbers: bool) -> String {
        let mut shown = String::new();
        let mut end: Option<&Part> = None;
        for part in &self.parts {
            let text = match part.kind {
                TokenKind::Text => "'...'",
                TokenKind::Number if without_numbers => "?",
                _ => &part.text,
            };
            if end.is_some_and(|before| is_apart(before, part)) {
                shown.push(' ');
            }
            shown.push_str(text);
            end = Some(part);
            if shown.chars().count() > EXCERPT_CHARS_MAX {
                let cut: String = shown.chars().take(EXCERPT_CHARS_MAX - 4).collect();
                return format!("{} ...", cut.trim_end());
            }
        }
        shown
    }

    /// Whether it begins with these keywords.
    pub(crate) fn begins(&self, words: &[&str]) -> bool {
        self.has_at(0, words)
    }

    /// Whether these keywords stand at a place.
    pub(crate) fn has_at(&self, at: usize, words: &[&str]) -> bool {
        let there = self.parts.get(at..).unwrap_or_default();
        there.len() >= words.len()
            && words
                .iter()
                .zip(there)
                .all(|(word, part)| part.kind != TokenKind::QuotedName && part.word == *word)
    }

    /// Where these keywords stand in a row for the first time.
    pub(crate) fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.parts.len()).find(|at| self.has_at(*at, words))
    }

    /// Where these keywords stand in a row for the first time outside of any parentheses.
    pub(crate) fn find_outside(&self, words: &[&str]) -> Option<usize> {
        let mut depth = 0_usize;
        for at in 0..self.parts.len() {
            match self.parts[at].word.as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.has_at(at, words) => return Some(at),
                _ => {}
            }
        }
        None
    }

    /// Whether a keyword is anywhere in it.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.find(&[word]).is_some()
    }

    /// The name at a place, without a schema before it and without quotes, and where it ends.
    pub(crate) fn name_at(&self, at: usize) -> Option<(String, usize)> {
        let first = self.parts.get(at)?;
        if self.has_at(at + 1, &["."]) && self.parts.len() > at + 2 {
            return self.name_at(at + 2);
        }
        Some((first.plain_name(), at + 1))
    }

    /// Whether it begins or ends a transaction, which is for whoever applies the file. Savepoints do not.
    #[must_use]
    pub fn controls_transaction(&self) -> bool {
        let first = self.parts.first().map_or("", |part| &part.word);
        match first {
            "BEGIN" | "COMMIT" | "END" | "ABORT" => true,
            "START" => self.begins(&["START", "TRANSACTION"]),
            "PREPARE" => self.begins(&["PREPARE", "TRANSACTION"]),
            "ROLLBACK" => !self.has("TO"),
            _ => false,
        }
    }

    /// Whether it is known to be carried out inside a transaction just as well, so that what it does and the note of it can
    /// be one. Only plain changes of data and structure are; of anything else nobody can be sure.
    #[must_use]
    pub fn fits_transaction(&self) -> bool {
        const DATA: [&str; 7] = [
            "INSERT", "UPDATE", "DELETE", "MERGE", "COMMENT", "GRANT", "REVOKE",
        ];
        const THINGS: [&str; 11] = [
            "OR",
            "MATERIALIZED",
            "TABLE",
            "INDEX",
            "UNIQUE",
            "VIEW",
            "SEQUENCE",
            "TRIGGER",
            "FUNCTION",
            "SCHEMA",
            "POLICY",
        ];
        let word = |at: usize| self.parts.get(at).map_or("", |part| &part.word);
        let changes_structure = matches!(word(0), "CREATE" | "ALTER" | "DROP");
        !self.has("CONCURRENTLY")
            && (DATA.contains(&word(0)) || (changes_structure && THINGS.contains(&word(1))))
    }

    /// Whether it may commit part of its work itself, outside of a transaction: a procedure, or a block with COMMIT, with a
    /// procedure or with a statement that it puts together. Any other statement does all that it does or nothing.
    #[must_use]
    pub fn may_commit(&self) -> bool {
        let may = |body: &str| {
            let body = body.to_ascii_uppercase();
            ["COMMIT", "CALL", "EXECUTE"]
                .iter()
                .any(|word| body.contains(word))
        };
        let block = self.begins(&["DO"]) && self.parts.iter().any(|part| may(&part.text));
        block || self.begins(&["CALL"])
    }

    /// Whether it only sets something for the session, so that whoever goes on behind it must set it again.
    #[must_use]
    pub fn sets_session(&self) -> bool {
        let is_local = self.begins(&["SET", "LOCAL"]);
        let first = ["SET", "RESET", "PRAGMA"];
        first.iter().any(|word| self.begins(&[word])) && !is_local
    }

    /// Whether it may be carried out once more without harm, whether it took effect or not.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        let first = ["VACUUM", "ANALYZE", "REINDEX", "CHECKPOINT"];
        let drops = self.begins(&["DROP"]) && self.find(&["IF", "EXISTS"]).is_some();
        drops || first.iter().any(|word| self.begins(&[word])) || self.sets_session()
    }

    /// The index that `CREATE INDEX CONCURRENTLY` builds, if this is one that names it.
    #[must_use]
    pub fn concurrent_index(&self) -> Option<ConcurrentIndex> {
        if !self.begins(&["CREATE"]) {
            return None;
        }
        let mut at = self.find(&["INDEX", "CONCURRENTLY"])? + 2;
        if self.has_at(at, &["IF", "NOT", "EXISTS"]) {
            at += 3;
        }
        if self.has_at(at, &["ON"]) {
            return None;
        }
        let (name, end) = self.name_at(at)?;
        let mut from = end + 1;
        if self.has_at(from, &["ONLY"]) {
            from += 1;
        }
        let (_, until) = self.name_at(from)?;
        let table = self.parts.get(from..until)?;
        Some(ConcurrentIndex {
            name,
            table: table.iter().map(|part| part.text.as_str()).collect(),
        })
    }
}

/// What a program has sent to a database, in one line of at most about 100 characters: without comments, and without the
/// strings and numbers in it, for they may be data.
#[must_use]
pub fn excerpt(sql: &str, dialect: Dialect) -> String {
    let mut shown = String::new();
    for statement in split(sql, dialect).statements {
        if !shown.is_empty() {
            shown.push_str("; ");
        }
        if shown.chars().count() > EXCERPT_CHARS_MAX {
            shown.push_str("...");
            break;
        }
        shown.push_str(&statement.shown(true));
    }
    shown
}

impl Part {
    /// A name as the database knows it: without quotes, or in small letters.
    pub(crate) fn plain_name(&self) -> String {
        let quotes: &[char] = &['"', '`', '[', ']'];
        match self.kind {
            TokenKind::QuotedName => self.text.trim_matches(quotes).replace("\"\"", "\""),
            _ => self.text.to_lowercase(),
        }
    }
}

/// Whether a space belongs between two parts when they are shown.
fn is_apart(before: &Part, after: &Part) -> bool {
    let opens = matches!(before.text.as_str(), "(" | "." | ":" | "@" | "$");
    let closes = matches!(after.text.as_str(), ")" | "." | "," | ";" | ":");
    let calls = after.text == "(" && before.kind == TokenKind::Word && before.word != before.text;
    !(opens || closes || calls)
}
