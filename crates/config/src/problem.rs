//! One thing that is wrong, and where.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One thing that is wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters; a tab is one character.
    pub column: usize,
    /// The key with the tables it stands in, for example `gate.rule[0].max`, counted from 0; empty when
    /// the problem is not that of a key.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
    /// What to do, when there is a good guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What kind of problem it is.
    pub code: Code,
    /// The key as the rendering shows it, for example `[[gate.rule]] max`.
    #[serde(skip)]
    pub(crate) label: String,
    /// The line's text and the caret under it; `None` where the line may hold a secret.
    #[serde(skip)]
    pub(crate) excerpt: Option<Excerpt>,
}

/// What kind of problem it is. The codes are part of the interface: a number keeps its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Code {
    /// The file cannot be read, is too large or is not UTF-8.
    #[serde(rename = "PC0101")]
    Unreadable,
    /// The text is not TOML.
    #[serde(rename = "PC0102")]
    Syntax,
    /// A key that is not known where it stands.
    #[serde(rename = "PC0103")]
    UnknownKey,
    /// A key that must be given is not.
    #[serde(rename = "PC0104")]
    MissingKey,
    /// A value of another type than expected.
    #[serde(rename = "PC0105")]
    WrongType,
    /// A value of the right type that is not among those allowed.
    #[serde(rename = "PC0106")]
    BadValue,
    /// A name, path or address that is already taken.
    #[serde(rename = "PC0107")]
    Duplicate,
    /// A place, figure, store, upstream, limit or policy is named that is not declared.
    #[serde(rename = "PC0108")]
    UnknownName,
    /// Keys that contradict each other.
    #[serde(rename = "PC0109")]
    Contradiction,
    /// A file or folder that is not on the disk, or is of another kind.
    #[serde(rename = "PC0110")]
    FileMissing,
    /// A secret that stands in the file itself.
    #[serde(rename = "PC0111")]
    PlainSecret,
    /// An environment that the file does not have.
    #[serde(rename = "PC0112")]
    UnknownEnvironment,
}

/// A line of the file with the place in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line, or the part of it around the place, fit to be printed.
    pub(crate) text: String,
    /// What stands before the carets: blanks, and tabs where the line has tabs.
    pub(crate) indent: String,
    /// How many carets.
    pub(crate) width: usize,
}

impl Code {
    /// All codes, in order.
    pub fn all() -> &'static [Code] {
        &ALL
    }

    /// The code as it is printed, for example `PC0103`. A number keeps its meaning for good.
    pub fn number(self) -> &'static str {
        match self {
            Code::Unreadable => "PC0101",
            Code::Syntax => "PC0102",
            Code::UnknownKey => "PC0103",
            Code::MissingKey => "PC0104",
            Code::WrongType => "PC0105",
            Code::BadValue => "PC0106",
            Code::Duplicate => "PC0107",
            Code::UnknownName => "PC0108",
            Code::Contradiction => "PC0109",
            Code::FileMissing => "PC0110",
            Code::PlainSecret => "PC0111",
            Code::UnknownEnvironment => "PC0112",
        }
    }

    /// What the code means, in a few sentences.
    pub fn meaning(self) -> &'static str {
        match self {
            Code::Unreadable => {
                "The configuration file cannot be opened or read, is larger than 256 KiB, or has bytes \
                 that are not UTF-8. Nothing of it was looked at."
            }
            Code::Syntax => {
                "The text is not TOML, so nothing else could be looked at: a quote or a bracket is \
                 missing, a text has no quotes, or a line has more than one key."
            }
            Code::UnknownKey => {
                "A key is not known where it stands. It is misspelt, stands in the wrong table, or \
                 belongs to another version of Portcullis. It is refused because a setting that is \
                 quietly ignored is worse than one that is missing."
            }
            Code::MissingKey => {
                "A key that must be given is not. There is no default for it that would be safe to guess."
            }
            Code::WrongType => {
                "A value has another type than expected, for example a number where a text in quotes is \
                 expected, or one table where there may be several."
            }
            Code::BadValue => {
                "A value has the right type, but is not among those allowed: out of bounds, in a form \
                 that is not understood, or not one of the words that the key knows."
            }
            Code::Duplicate => {
                "A key, name, version, path or address is there twice, so one of the two would be lost or \
                 the two would get into each other's way."
            }
            Code::UnknownName => {
                "A place such as {store.NAME}, a figure, a store, an upstream, a limit or an access policy \
                 is named that the file does not declare, so nothing could stand for it."
            }
            Code::Contradiction => {
                "Two keys contradict each other: each is right on its own, and together they could not be \
                 carried out or would be dangerous."
            }
            Code::FileMissing => {
                "A file or folder that the configuration names is not on the disk, is of another kind \
                 than expected, cannot be read, does not hold what it should, or may not be run."
            }
            Code::PlainSecret => {
                "A secret stands in the file itself. It would be copied into every plan and into the \
                 journal, which are kept and shown."
            }
            Code::UnknownEnvironment => {
                "The environment that was asked for with --env or PORTCULLIS_ENV has no table \
                 [environment.NAME] in the file. Going on without it would act on the wrong environment."
            }
        }
    }

    /// What to do about it, in a few sentences.
    pub fn remedy(self) -> &'static str {
        match self {
            Code::Unreadable => {
                "Look at the path: `--file` or PORTCULLIS_FILE name another file, and `portcullis init` \
                 makes one. Make sure that your user may read it, and save it with the encoding UTF-8."
            }
            Code::Syntax => {
                "Mend the place that is shown; the mistake may be just before it. Texts stand in double \
                 quotes, lists in brackets, inline tables in braces on one line. An editor with TOML \
                 support shows it while you type."
            }
            Code::UnknownKey => {
                "Correct the spelling or move the key; the hint says what was probably meant. All keys \
                 are in the reference (`portcullis docs config`), and `portcullis config schema` gives an \
                 editor the same list."
            }
            Code::MissingKey => {
                "Add the key to the table that is named. The message says what is expected, and the \
                 reference has an example for each table."
            }
            Code::WrongType => {
                "Write the value as the message says. Durations, addresses and versions are texts in \
                 quotes; counts and true or false are not. A table that may be repeated has double \
                 brackets."
            }
            Code::BadValue => {
                "Choose one of the values that the message names. A duration is a whole number and one \
                 unit, such as \"250ms\" or \"10m\"."
            }
            Code::Duplicate => {
                "Keep one of them, or give the other a name, port or path of its own. A table that may be \
                 repeated has double brackets."
            }
            Code::UnknownName => {
                "Correct the name or declare what it refers to. Braces that stand for themselves are \
                 written twice: {{ and }}."
            }
            Code::Contradiction => {
                "Change one of the two; the message names both, and the hint says what is usually meant. \
                 If it says \"in the environment NAME\", the two only meet when that environment is laid \
                 over the file."
            }
            Code::FileMissing => {
                "Build or copy what is missing, or correct the path: relative paths start at the folder \
                 of the configuration file. A program needs the permission to be executed (`chmod +x`)."
            }
            Code::PlainSecret => {
                "Give it by reference: \"env:NAME\" reads a variable of Portcullis's own environment, \
                 \"file:PATH\" a file, \"cmd:PROGRAM ARG...\" what a command prints. It is then read only \
                 when a process is started. If the value is no secret, put `text:` in front of it."
            }
            Code::UnknownEnvironment => {
                "Choose one of the environments that the message names, or add the table. Without --env \
                 the file counts as it stands."
            }
        }
    }
}

const ALL: [Code; 12] = [
    Code::Unreadable,
    Code::Syntax,
    Code::UnknownKey,
    Code::MissingKey,
    Code::WrongType,
    Code::BadValue,
    Code::Duplicate,
    Code::UnknownName,
    Code::Contradiction,
    Code::FileMissing,
    Code::PlainSecret,
    Code::UnknownEnvironment,
];

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

impl fmt::Display for Problem {
    /// `error[PC0103]: portcullis.toml:12:1: [gate] wndow: unknown key; did you mean `window`?`, then the
    /// line with a caret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error[{}]: {}:{}:{}: ",
            self.code,
            self.file.display(),
            self.line,
            self.column
        )?;
        if !self.label.is_empty() {
            write!(f, "{}: ", self.label)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            let number = self.line.to_string();
            let margin = " ".repeat(number.len());
            write!(f, "\n  {number} | {}", excerpt.text)?;
            write!(
                f,
                "\n  {margin} | {}{}",
                excerpt.indent,
                "^".repeat(excerpt.width)
            )?;
        }
        Ok(())
    }
}
