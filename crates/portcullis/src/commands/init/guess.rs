//! What a folder says about the service in it: one guess per file, and how they become one.

use std::collections::BTreeMap;

/// What one file says about a service. Everything in it is as the file has it; nothing was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Guess {
    /// Where it was found, for example `Procfile line 1`.
    pub(super) from: String,
    /// The service's name.
    pub(super) name: Option<String>,
    /// The command that starts it, as a line for a shell.
    pub(super) command: Option<String>,
    /// The folder that the command's paths begin with on the machine it was written for.
    pub(super) folder: Option<String>,
    /// The port on which it listens now.
    pub(super) port: Option<u16>,
    /// The port at which its clients reach it now, when that is another one.
    pub(super) listen: Option<u16>,
    /// The path that answers when it is up.
    pub(super) ready_path: Option<String>,
    /// Files and folders with its data.
    pub(super) stores: Vec<String>,
    /// Environment variables.
    pub(super) env: BTreeMap<String, String>,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

impl Guess {
    /// A guess that says nothing yet.
    pub(super) fn from(from: impl Into<String>) -> Guess {
        Guess {
            from: from.into(),
            ..Guess::default()
        }
    }
}

/// A text as a service's name: 1 to 63 characters of `a-z`, `0-9` and `-`; `None` when nothing is left.
pub(super) fn name_of(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
            _ => '-',
        })
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(63).collect();
    let name = name.trim_end_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}
