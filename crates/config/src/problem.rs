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
    /// A place, figure or store is named that is not declared.
    #[serde(rename = "PC0108")]
    UnknownName,
    /// Keys that contradict each other.
    #[serde(rename = "PC0109")]
    Contradiction,
    /// A file or folder that is not on the disk, or is of another kind.
    #[serde(rename = "PC0110")]
    FileMissing,
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
    pub const ALL: [Code; 10] = [
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
    ];

    /// The code as it is printed, for example `PC0103`.
    pub fn as_str(self) -> &'static str {
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
        }
    }

    /// What the code means, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Code::Unreadable => "The file cannot be read, is too large or is not UTF-8.",
            Code::Syntax => "The text is not TOML.",
            Code::UnknownKey => "A key is not known where it stands.",
            Code::MissingKey => "A key that must be given is missing.",
            Code::WrongType => "A value has another type than expected.",
            Code::BadValue => "A value is not among those allowed.",
            Code::Duplicate => "A name, path or address is already taken.",
            Code::UnknownName => "A place, figure or store is named that is not declared.",
            Code::Contradiction => "Keys contradict each other.",
            Code::FileMissing => "A file or folder is not on the disk, or is of another kind.",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Problem {
    /// `portcullis.toml:12:1: [gate] wndow: unknown key; did you mean `window`? [PC0103]`, then the
    /// line with a caret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if !self.label.is_empty() {
            write!(f, "{}: ", self.label)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        write!(f, " [{}]", self.code)?;
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
