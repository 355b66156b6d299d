//! What can be wrong with rules.

/// What is wrong with rules. Messages name the key and say what to do; they quote the rules, never a text that was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// No entity or recognizer is called so.
    #[error("there is no entity or recognizer \"{word}\"{}", near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    Unknown {
        /// What was written.
        word: String,
        /// A name that is near to it.
        near: Option<String>,
    },
    /// An expression cannot be compiled.
    #[error("{place}: the expression is not valid: {why}")]
    Pattern {
        /// Where it stands: `recognizer "employee"`, `allow`.
        place: String,
        /// What the compiler of expressions says.
        why: String,
    },
    /// An expression matches the empty text, so it would find something everywhere.
    #[error("{place}: the expression matches an empty text; say what it must find at least")]
    MatchesNothing {
        /// Where it stands.
        place: String,
    },
    /// A name is used twice.
    #[error("the recognizer \"{id}\" exists already; choose another name")]
    Twice {
        /// The name.
        id: String,
    },
    /// A name of an entity or label cannot be used in placeholders.
    #[error(
        "{place}: \"{name}\" cannot be the name of an entity; use capitals, digits and underscores, beginning with a letter, 40 at most"
    )]
    Name {
        /// Where it stands.
        place: String,
        /// What was written.
        name: String,
    },
    /// A dictionary without words, or with an empty word.
    #[error("dictionary \"{id}\": {what}")]
    Words {
        /// The dictionary's name.
        id: String,
        /// What is wrong with its words.
        what: &'static str,
    },
    /// There is no bundled dictionary of this name.
    #[error("there is no bundled dictionary \"{id}\"; there are {known}")]
    UnknownDictionary {
        /// What was written.
        id: String,
        /// Those that exist.
        known: String,
    },
    /// An example of a custom recognizer fails.
    #[error("recognizer \"{id}\": its example {index} {what}")]
    Example {
        /// The recognizer's name.
        id: String,
        /// Which example, from 1 on.
        index: usize,
        /// What was expected.
        what: &'static str,
    },
}
