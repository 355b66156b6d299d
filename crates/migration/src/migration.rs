//! One migration: a file with its number, its phase and its statements.

use sha2::{Digest, Sha256};

use crate::directive::{self, Batch, Directive, Misunderstood};
use crate::problem::ProblemKind;
use crate::split::{Comment, Split, split};
use crate::statement::Statement;
use crate::token::TokenKind;
use crate::{Dialect, Phase};

/// One migration file.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The number at the beginning of its name; migrations run in the order of their numbers.
    pub version: u64,
    /// The file's name.
    pub file: String,
    /// When in a rollout it may run.
    pub phase: Phase,
    /// SHA-256 of the file's bytes, in hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
    /// Whether it is carried out as a whole or not at all.
    pub in_transaction: bool,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// What undoes it, if there is a file for that: its phase is [`Phase::Contract`], for it takes away.
    pub reverse: Option<Box<Migration>>,
    pub(crate) text: String,
    pub(crate) ignores: Vec<Ignore>,
}

/// Rules that a comment turns off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ignore {
    pub(crate) rules: Vec<String>,
    pub(crate) line: usize,
    /// The statement that it is about; the whole file if there is none.
    pub(crate) statement: Option<usize>,
}

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName {
    pub(crate) version: u64,
    pub(crate) phase: Option<Phase>,
    pub(crate) goes_back: bool,
}

type Located = (Option<usize>, ProblemKind);

impl Migration {
    /// Reads a file whose name was read before. Whatever is wrong goes to `problems`.
    pub(crate) fn read(
        file: &str,
        name: &FileName,
        text: String,
        dialect: Dialect,
        problems: &mut Vec<Located>,
    ) -> Migration {
        if let Some((line, what)) = unreadable(&text) {
            problems.push((Some(line), ProblemKind::Character { what }));
        }
        let Split {
            mut statements,
            comments,
            unclosed,
        } = split(&text, dialect);
        if let Some(unclosed) = unclosed {
            let what = unclosed.what;
            problems.push((Some(unclosed.line), ProblemKind::Unclosed { what }));
        }
        if statements.is_empty() {
            problems.push((None, ProblemKind::Empty));
        }
        for statement in &statements {
            problems.extend(not_for_a_server(statement));
        }
        let mut said = Said::default();
        for comment in &comments {
            if let Err((kind, line)) = said.hear(comment, &mut statements) {
                problems.push((Some(line), kind));
            }
        }
        let phase = said.phase.or(name.phase).unwrap_or(Phase::Expand);
        if let (Some(by_comment), Some(by_name)) = (said.phase, name.phase)
            && by_comment != by_name
        {
            let (name, comment) = (by_name.word(), by_comment.word());
            problems.push((None, ProblemKind::TwoPhases { name, comment }));
        }
        let batched = statements.iter().find(|one| one.batch.is_some());
        if let (Some(batched), true) = (batched, phase != Phase::Backfill) {
            let phase = phase.word();
            let kind = ProblemKind::BatchOutsideBackfill { phase };
            problems.push((Some(batched.line), kind));
        }
        Migration {
            version: name.version,
            file: file.to_owned(),
            phase,
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            in_transaction: !said.no_transaction && batched.is_none(),
            statements,
            reverse: None,
            text,
            ignores: said.ignores,
        }
    }

    /// Why it cannot be carried out as a way back: that is one transaction, or statements that may be carried out twice.
    pub(crate) fn not_for_a_way_back(&self) -> Vec<(Option<usize>, ProblemKind)> {
        let refused = |statement: &Statement| {
            let what = match statement {
                _ if statement.batch.is_some() => "batches are for backfills",
                _ if statement.controls_transaction() => "a statement begins or ends a transaction",
                _ if !self.in_transaction && !statement.is_repeatable() => {
                    "it is in no transaction, and this statement may not be carried out twice (`DROP ... IF EXISTS` may)"
                }
                _ => return None,
            };
            let what = what.to_owned();
            Some((Some(statement.line), ProblemKind::NotForAWayBack { what }))
        };
        self.statements.iter().filter_map(refused).collect()
    }

    /// SHA-256 of the file through the end of its first `statements` statements, in hexadecimal: what must not change when the
    /// rest of a file that failed half way is mended.
    #[must_use]
    pub fn sha256_through(&self, statements: usize) -> String {
        let end = match statements {
            0 => 0,
            count => self
                .statements
                .get(count - 1)
                .map_or(self.text.len(), |last| last.range.end),
        };
        hex::encode(Sha256::digest(&self.text.as_bytes()[..end]))
    }
}

/// What a file's comments say, all together.
#[derive(Debug, Default)]
struct Said {
    phase: Option<Phase>,
    no_transaction: bool,
    ignores: Vec<Ignore>,
}

impl Said {
    fn hear(
        &mut self,
        comment: &Comment,
        statements: &mut [Statement],
    ) -> Result<(), (ProblemKind, usize)> {
        let line = comment.line;
        let directives = match directive::read(&comment.text) {
            None => return Ok(()),
            Some(Ok(directives)) => directives,
            Some(Err(misunderstood)) => return Err((kind_of(misunderstood), line)),
        };
        let misplaced = || {
            let said = comment.text.trim_start_matches("portcullis:").trim();
            let said = said.to_owned();
            (ProblemKind::Misplaced { said }, line)
        };
        for directive in directives {
            let statement = comment.statement.filter(|at| *at < statements.len());
            match (directive, statement) {
                (Directive::Phase(phase), _) if comment.is_in_head => {
                    if self.phase.is_some_and(|before| before != phase) {
                        return Err(misplaced());
                    }
                    self.phase = Some(phase);
                }
                (Directive::NoTransaction, _) if comment.is_in_head => self.no_transaction = true,
                (Directive::Batch(batch), Some(at)) if statements[at].line > line => {
                    statements[at].batch = Some::<Batch>(batch);
                }
                (Directive::Ignore { rules, is_for_file }, at) if is_for_file || at.is_some() => {
                    let statement = at.filter(|_| !is_for_file);
                    self.ignores.push(Ignore {
                        rules,
                        line,
                        statement,
                    });
                }
                _ => return Err(misplaced()),
            }
        }
        Ok(())
    }
}

/// A character that databases end a text or a comment at, and others do not: what follows it would be lost or carried out
/// where nobody expects it.
fn unreadable(text: &str) -> Option<(usize, &'static str)> {
    let bytes = text.as_bytes();
    let at = bytes.iter().enumerate().find_map(|(at, byte)| match byte {
        0 => Some((at, "a NUL byte")),
        b'\r' if bytes.get(at + 1) != Some(&b'\n') => {
            Some((at, "a carriage return without a line feed"))
        }
        _ => None,
    });
    let (at, what) = at?;
    let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
    Some((line, what))
}

fn kind_of(misunderstood: Misunderstood) -> ProblemKind {
    match misunderstood {
        Misunderstood::Unknown(said) => ProblemKind::UnknownComment { said },
        Misunderstood::NoReason(rules) => ProblemKind::NoReason { rules },
        Misunderstood::BadValue(said) => ProblemKind::BadValue { said },
        Misunderstood::OtherForm(said) => ProblemKind::CommentForm { said },
    }
}

/// What only psql understands.
fn not_for_a_server(statement: &Statement) -> Option<Located> {
    if let [first, second, ..] = statement.parts.as_slice()
        && first.text == "\\"
        && first.kind == TokenKind::Symbol
    {
        let command = format!("\\{}", second.text);
        return Some((Some(statement.line), ProblemKind::PsqlCommand { command }));
    }
    let reads = statement.begins(&["COPY"]) && statement.find(&["FROM", "STDIN"]).is_some();
    reads.then_some((Some(statement.line), ProblemKind::CopyFromStdin))
}

impl FileName {
    /// What `NUMBER_words[.up|.down][.PHASE].sql` says.
    pub(crate) fn read(file: &str) -> Result<FileName, ProblemKind> {
        let digits = file.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = file.split_at(digits.unwrap_or(file.len()));
        if number.is_empty() {
            return Err(ProblemKind::NoNumber);
        }
        let version = number
            .parse()
            .ok()
            .filter(|version| *version <= i64::MAX as u64);
        let version = version.ok_or(ProblemKind::NumberTooLarge)?;
        let words: Vec<&str> = rest.trim_end_matches(".sql").split('.').skip(1).collect();
        let is_known = |word: &&str| ["up", "down"].contains(word) || word.parse::<Phase>().is_ok();
        // A mistyped `contract` must not become an `expand`.
        if let Some(word) = words.iter().find(|word| !is_known(word)) {
            let word = (*word).to_owned();
            return Err(ProblemKind::UnknownWord { word });
        }
        Ok(FileName {
            version,
            phase: words.iter().find_map(|word| word.parse().ok()),
            goes_back: words.contains(&"down"),
        })
    }
}
