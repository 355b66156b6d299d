//! Where statements begin and end.
//!
//! A semicolon ends a statement unless it is in quotes, in a comment, in parentheses, in the `BEGIN ATOMIC ... END` of a
//! PostgreSQL function, or in the `BEGIN ... END` of a SQLite trigger. The first four are psql's rules, the last one is that of
//! sqlite3_complete(): a trigger ends with `; END ;`.

use crate::Dialect;
use crate::directive::other_form;
use crate::statement::{Part, Statement};
use crate::token::{Token, TokenKind, tokens};

/// A text in statements, and the comments with what they stand at.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) statements: Vec<Statement>,
    pub(crate) comments: Vec<Comment>,
    /// What is open at the end, and where it begins.
    pub(crate) unclosed: Option<Unclosed>,
}

/// A line comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Without its dashes, trimmed.
    pub(crate) text: String,
    pub(crate) line: usize,
    /// The statement that it belongs to: the one that ends on its line, the one that it is in, or the next one; none at the
    /// end of the file.
    pub(crate) statement: Option<usize>,
    /// Whether no statement begins before it.
    pub(crate) is_in_head: bool,
}

/// Something that is not closed at the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclosed {
    pub(crate) what: &'static str,
    pub(crate) line: usize,
}

/// Splits a text.
pub(crate) fn split(text: &str, dialect: Dialect) -> Split {
    let mut splitter = Splitter {
        text,
        dialect,
        split: Split::default(),
        line: 1,
        open: Open::default(),
        from: 0,
    };
    for token in tokens(text, dialect) {
        splitter.take(&token);
        splitter.line += text[token.range.clone()].matches('\n').count();
    }
    splitter.end()
}

/// The statement that is being read.
#[derive(Debug, Default)]
struct Open {
    parts: Vec<Part>,
    start: usize,
    end: usize,
    line: usize,
    end_line: usize,
    parentheses: usize,
    /// How deep it is in `BEGIN` and `CASE` of a function's body.
    body: usize,
}

struct Splitter<'t> {
    text: &'t str,
    dialect: Dialect,
    split: Split,
    line: usize,
    open: Open,
    /// Where the statement before ends.
    from: usize,
}

impl Splitter<'_> {
    fn take(&mut self, token: &Token) {
        let text = &self.text[token.range.clone()];
        if !token.is_closed && token.kind != TokenKind::Space {
            let what = match token.kind {
                TokenKind::BlockComment => "the comment",
                TokenKind::QuotedName => "the name in quotes",
                _ => "the string",
            };
            let line = self.line;
            self.split.unclosed = Some(Unclosed { what, line });
        }
        match token.kind {
            TokenKind::Space => return,
            TokenKind::BlockComment => return self.block_comment(text),
            TokenKind::LineComment => return self.comment(text),
            // An empty statement is none.
            TokenKind::Semicolon if self.open.parts.is_empty() => return,
            _ => {}
        }
        if self.open.parts.is_empty() {
            self.open.start = token.range.start;
            self.open.line = self.line;
        }
        self.open.end = token.range.end;
        self.open.end_line = self.line + text.matches('\n').count();
        if token.kind == TokenKind::Semicolon && self.ends_here() {
            return self.close();
        }
        let word = match token.kind {
            TokenKind::Word => text.to_uppercase(),
            _ => text.to_owned(),
        };
        self.follow(token.kind, &word);
        self.open.parts.push(Part {
            kind: token.kind,
            text: text.to_owned(),
            word,
        });
    }

    fn comment(&mut self, text: &str) {
        let (next, inside) = (self.split.statements.len(), !self.open.parts.is_empty());
        let last = self.split.statements.last();
        let ends_here = last.is_some_and(|last| last.end_line == self.line);
        let text = text.trim_start_matches('-').trim().to_owned();
        self.split.comments.push(Comment {
            text,
            line: self.line,
            statement: Some(match ends_here && !inside {
                true => next - 1,
                false => next,
            }),
            is_in_head: next == 0 && !inside,
        });
    }

    /// Says nothing to Portcullis; one that is meant to is told.
    fn block_comment(&mut self, text: &str) {
        let inside = text.trim_start_matches("/*").trim_end_matches("*/");
        if other_form(inside).is_some() {
            self.split.comments.push(Comment {
                text: text.to_owned(),
                line: self.line,
                statement: None,
                is_in_head: false,
            });
        }
    }

    /// Keeps count of what a semicolon may be in.
    fn follow(&mut self, kind: TokenKind, word: &str) {
        match (kind, word) {
            (TokenKind::Symbol, "(") => self.open.parentheses += 1,
            (TokenKind::Symbol, ")") => {
                self.open.parentheses = self.open.parentheses.saturating_sub(1);
            }
            (TokenKind::Word, _) if self.dialect == Dialect::Postgres => self.follow_body(word),
            _ => {}
        }
    }

    /// psql's rule for `CREATE [OR REPLACE] {FUNCTION | PROCEDURE} ... BEGIN ATOMIC ... END`.
    fn follow_body(&mut self, word: &str) {
        if !self.open.creates(&["FUNCTION", "PROCEDURE"]) || self.open.parentheses > 0 {
            return;
        }
        match word {
            "BEGIN" => self.open.body += 1,
            "CASE" if self.open.body > 0 => self.open.body += 1,
            "END" => self.open.body = self.open.body.saturating_sub(1),
            _ => {}
        }
    }

    fn ends_here(&self) -> bool {
        match self.dialect {
            Dialect::Postgres => self.open.parentheses == 0 && self.open.body == 0,
            Dialect::Sqlite if self.open.creates(&["TRIGGER"]) => {
                let parts = &self.open.parts;
                let word = |back: usize| {
                    let at = parts.len().checked_sub(back)?;
                    Some(parts[at].word.as_str())
                };
                word(1) == Some("END") && word(2) == Some(";")
            }
            Dialect::Sqlite => true,
        }
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.split.statements.push(Statement {
            text: self.text[open.start..open.end].to_owned(),
            range: open.start..open.end,
            whole: self.from..open.end,
            line: open.line,
            end_line: open.end_line,
            batch: None,
            parts: open.parts,
        });
        self.from = open.end;
    }

    fn end(mut self) -> Split {
        if !self.open.parts.is_empty() {
            let is_open = !self.ends_here();
            if is_open && self.split.unclosed.is_none() {
                let what = match (self.open.parentheses > 0, self.dialect) {
                    (_, Dialect::Sqlite) => "the body of the trigger",
                    (true, _) => "the parenthesis",
                    (false, _) => "the body of the function",
                };
                let line = self.open.line;
                self.split.unclosed = Some(Unclosed { what, line });
            }
            self.close();
        }
        let statements = self.split.statements.len();
        for comment in &mut self.split.comments {
            comment.statement = comment.statement.filter(|at| *at < statements);
        }
        self.split
    }
}

impl Open {
    /// Whether it begins with `CREATE`, one of `OR REPLACE`, `TEMP` and `TEMPORARY` perhaps, and one of these words.
    fn creates(&self, things: &[&str]) -> bool {
        let mut words = self.parts.iter().take(4).map(|part| part.word.as_str());
        if words.next() != Some("CREATE") {
            return false;
        }
        let between = |word: &&str| ["OR", "REPLACE", "TEMP", "TEMPORARY"].contains(word);
        let thing = words.find(|word| !between(word));
        thing.is_some_and(|thing| things.contains(&thing))
    }
}

#[cfg(test)]
mod tests;
