//! One line of the doctor's report.

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    /// As it should be.
    Ok,
    /// Not a reason to stop, but worth a look.
    Warn,
    /// A release would not go well.
    Fail,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    #[serde(rename = "result")]
    pub(super) word: Word,
    /// What was looked at.
    pub(super) about: &'static str,
    /// What was found.
    pub(super) message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Word {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Word::Ok => "ok",
            Word::Warn => "warn",
            Word::Fail => "fail",
        }
    }
}

impl Finding {
    pub(super) fn ok(about: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(Word::Ok, about, message.into())
    }

    pub(super) fn warn(about: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(Word::Warn, about, message.into())
    }

    pub(super) fn fail(about: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(Word::Fail, about, message.into())
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    fn new(word: Word, about: &'static str, message: String) -> Finding {
        Finding {
            word,
            about,
            message,
            hint: None,
        }
    }
}
