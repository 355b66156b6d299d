//! What is wrong with a set of files before anybody looks at what the SQL does.

use std::fmt;

use crate::directive::EXPECTED;

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetProblem {
    /// The file's name.
    pub file: String,
    /// The line, if it is about one.
    pub line: Option<usize>,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a file. `Display` says what, [`ProblemKind::instead`] what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The name has no number to order it by.
    #[error("the name does not begin with a number or a time")]
    NoNumber,
    /// The number does not fit into the ledger.
    #[error("the number at the beginning of the name is too large")]
    NumberTooLarge,
    /// The name has a word between dots that is not known; what it was meant to say would be lost silently.
    #[error("`.{word}` in its name is not known")]
    UnknownWord {
        /// The word.
        word: String,
    },
    /// A character at which databases end a text or a comment, and others do not.
    #[error("{what} stands here")]
    Character {
        /// Which.
        what: &'static str,
    },
    /// Two files have the same number.
    #[error("its number is that of {other} too")]
    Duplicate {
        /// The other file.
        other: String,
    },
    /// A number is missing in a row of numbers.
    #[error("no file has the number {missing}, although the numbers before it have no gaps")]
    Gap {
        /// The first number that is missing.
        missing: u64,
    },
    /// The file is not text.
    #[error("it is not UTF-8: the byte at {offset} cannot be read")]
    NotUtf8 {
        /// Where the first bad byte is.
        offset: usize,
    },
    /// There is no statement in it.
    #[error("it has no statement")]
    Empty,
    /// A quote, comment or body is open at the end.
    #[error("{what} that begins here is not closed")]
    Unclosed {
        /// What is open.
        what: &'static str,
    },
    /// A comment for Portcullis that is not known; what it was meant to say would be lost silently.
    #[error("`portcullis: {said}` is not known")]
    UnknownComment {
        /// What it says.
        said: String,
    },
    /// A comment that is meant for Portcullis and not written as such.
    #[error("`{said}` looks like a comment for Portcullis and is none")]
    CommentForm {
        /// What it says.
        said: String,
    },
    /// A setting of a comment has a value that cannot be.
    #[error("`{said}` is not a number or a time that can be")]
    BadValue {
        /// What it says.
        said: String,
    },
    /// A rule is ignored without a reason.
    #[error("`ignore {rules}` gives no reason")]
    NoReason {
        /// The rules.
        rules: String,
    },
    /// A comment about the file stands behind a statement, or one about a statement at none.
    #[error("`portcullis: {said}` stands where it has no effect")]
    Misplaced {
        /// What it says.
        said: String,
    },
    /// The name says one phase and a comment another.
    #[error("it is {name} by its name and {comment} by its comment")]
    TwoPhases {
        /// What the name says.
        name: &'static str,
        /// What the comment says.
        comment: &'static str,
    },
    /// A batch in a file that is no backfill.
    #[error("a statement in batches stands in a file of the phase {phase}")]
    BatchOutsideBackfill {
        /// The file's phase.
        phase: &'static str,
    },
    /// A way back without the way.
    #[error("it goes back, and there is no file of its number that goes forward")]
    ReverseAlone,
    /// A file that goes back and cannot be carried out. Whoever never goes back by it is not kept from anything.
    #[error("it cannot be a way back: {what}")]
    NotForAWayBack {
        /// What is wrong with it.
        what: String,
    },
    /// A command of psql, which no server understands.
    #[error("`{command}` is a command of psql and not SQL")]
    PsqlCommand {
        /// The command.
        command: String,
    },
    /// Data behind a statement, which only psql sends.
    #[error("COPY ... FROM STDIN reads data that only psql sends")]
    CopyFromStdin,
}

impl ProblemKind {
    /// Whether nothing of the set can be applied as long as it is there.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self,
            ProblemKind::Gap { .. }
                | ProblemKind::NoReason { .. }
                | ProblemKind::NotForAWayBack { .. }
        )
    }

    /// The rule by which a lint reports it.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            ProblemKind::NoNumber | ProblemKind::NumberTooLarge => "file-number",
            ProblemKind::UnknownWord { .. } => "file-name",
            ProblemKind::Character { .. } => "file-character",
            ProblemKind::Duplicate { .. } => "file-duplicate",
            ProblemKind::Gap { .. } => "file-gap",
            ProblemKind::NotUtf8 { .. } => "file-not-utf8",
            ProblemKind::Empty => "file-empty",
            ProblemKind::Unclosed { .. } => "file-unclosed",
            ProblemKind::UnknownComment { .. }
            | ProblemKind::CommentForm { .. }
            | ProblemKind::BadValue { .. }
            | ProblemKind::Misplaced { .. } => "file-comment",
            ProblemKind::NoReason { .. } => "ignore-without-reason",
            ProblemKind::TwoPhases { .. } => "file-phase",
            ProblemKind::BatchOutsideBackfill { .. } => "batch-outside-backfill",
            ProblemKind::ReverseAlone => "file-reverse-alone",
            ProblemKind::NotForAWayBack { .. } => "file-reverse",
            ProblemKind::PsqlCommand { .. } => "psql-command",
            ProblemKind::CopyFromStdin => "copy-from-stdin",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn instead(&self) -> String {
        match self {
            ProblemKind::NoNumber => {
                "name it NUMBER_name.sql, such as 0007_add_email.sql or 20261122083000_add_email.sql".to_owned()
            }
            ProblemKind::NumberTooLarge => "use at most 18 digits".to_owned(),
            ProblemKind::UnknownWord { .. } => {
                "write NUMBER_name[.down][.expand|.backfill|.contract].sql, in lower case and without other dots".to_owned()
            }
            ProblemKind::Character { .. } => {
                "take it out, or write it as an escape: chr(0) is no text for PostgreSQL, E'\\r' and char(13) are".to_owned()
            }
            ProblemKind::CommentForm { .. } => {
                "write it in a line of its own and in lower case: -- portcullis: contract".to_owned()
            }
            ProblemKind::Duplicate { .. } => {
                "give the one that was applied nowhere yet the next number; two branches often take the same".to_owned()
            }
            ProblemKind::Gap { .. } => {
                "look whether a file was forgotten in a merge; nothing is wrong if it was taken out on purpose".to_owned()
            }
            ProblemKind::NotUtf8 { .. } => "save it as UTF-8".to_owned(),
            ProblemKind::Empty => "write the statement, or take the file away".to_owned(),
            ProblemKind::Unclosed { .. } => "close it; all that follows was taken for a part of it".to_owned(),
            ProblemKind::UnknownComment { .. } => format!("write one of {EXPECTED}"),
            ProblemKind::BadValue { .. } => {
                "write batch = 1000, pause = 100ms (ms, s or m) or rounds = 5000".to_owned()
            }
            ProblemKind::NoReason { .. } => {
                "write why it is all right here: -- portcullis:ignore RULE: REASON".to_owned()
            }
            ProblemKind::Misplaced { .. } => {
                "put what is about the file before its first statement, and what is about a statement right before it"
                    .to_owned()
            }
            ProblemKind::TwoPhases { .. } => "say it in one of both places".to_owned(),
            ProblemKind::BatchOutsideBackfill { .. } => {
                "put it into a file of its own: NUMBER_name.backfill.sql".to_owned()
            }
            ProblemKind::ReverseAlone => {
                "give it the number of the file that it undoes: 0007_add_email.sql and 0007_add_email.down.sql".to_owned()
            }
            ProblemKind::NotForAWayBack { .. } => {
                "write it as one transaction, or with statements that may be carried out twice; going back (rollback = \"reverse\") \
                 is refused as long as it is so"
                    .to_owned()
            }
            ProblemKind::PsqlCommand { .. } => "take it out; settings are made by SET".to_owned(),
            ProblemKind::CopyFromStdin => "write INSERT, or load the data in another way".to_owned(),
        }
    }
}

impl fmt::Display for SetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.kind)
    }
}
