//! What is hidden from the applications behind the gateway.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_mask::{Action, Mode, Regions, Score};

mod fault;
mod rules;
mod words;

pub use fault::MaskFault;
pub(crate) use rules::is_known;
pub use words::WordsError;
pub(crate) use words::read as read_words;

/// What is hidden in the requests of the routes that name it, and restored in their answers.
///
/// [`MaskConfig::rules`] and [`MaskConfig::policy`] make of it what the masking itself needs. Both were tried when the
/// file was read, as far as no file of words takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskConfig {
    /// Its name, different from all others.
    pub name: Arc<str>,
    /// Whose messages they are: where in them is text.
    pub application: MaskApplication,
    /// Whether anything is hidden at all, or only counted.
    pub mode: Mode,
    /// How a placeholder is written.
    pub placeholders: PlaceholderForm,
    /// What is done with what `actions` does not name.
    pub action: Action,
    /// What is done with single kinds of data, by the entity's name or label as the file writes it. Of two that mean
    /// the same data the narrower one counts.
    pub actions: Vec<(String, Action)>,
    /// What is looked for.
    pub search: SearchConfig,
    /// The largest body of a request that is looked into, in bytes; a larger one is answered with 413.
    pub body_bytes_max: u64,
    /// What becomes of a request that cannot be looked into.
    pub unknown: UnknownMessage,
    /// What becomes of data in answers that this conversation did not hide.
    pub leaks: LeakAction,
}

/// Whose messages are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskApplication {
    /// Dify's service API.
    Dify {
        /// Which version of it.
        version: DifyApi,
        /// Names of inputs whose value is one of given options; they are never masked.
        select_inputs: Vec<String>,
        /// What becomes of requests of the knowledge API.
        datasets: DatasetRequests,
    },
    /// OpenAI's API, and services that speak it.
    OpenAi,
    /// Anthropic's API.
    Anthropic,
    /// Any service that takes and answers JSON.
    Json {
        /// Which strings of requests are masked: JSON pointers (RFC 6901) with `*` for any member or element, and `**`
        /// for any number of them. At least one.
        fields: Vec<String>,
        /// Which strings of answers are restored, in the same form; empty restores every one.
        answer_fields: Vec<String>,
    },
}

/// Which version of Dify's service API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifyApi {
    /// What the server says of itself decides.
    Detect,
    /// That of 0.15.
    V0_15,
    /// That of 1.0 and later.
    V1,
}

/// What becomes of requests of Dify's knowledge API, whose texts are documents rather than messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetRequests {
    /// They pass as they are.
    Pass,
    /// They are masked as messages are.
    Mask,
    /// They are refused.
    Refuse,
}

/// How a placeholder is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceholderForm {
    /// `EMAIL_1`.
    Plain,
    /// `[[EMAIL_1]]`.
    Brackets,
    /// `<EMAIL_1>`.
    Angles,
    /// `EMAIL_1_k7q2`, with a tag of the conversation.
    Tagged,
}

/// What becomes of a request that the application does not know, or whose content cannot be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownMessage {
    /// It is refused.
    Refuse,
    /// It passes as it is.
    Pass,
}

/// What becomes of data in answers that this conversation did not hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakAction {
    /// Nobody looks for it.
    Off,
    /// It is counted and passes.
    Report,
    /// It is replaced by its label.
    Mask,
    /// The answer is withheld.
    Block,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchConfig {
    /// Which of the built-in recognizers are used.
    pub built_in: BuiltInSearch,
    /// How sure a recognizer must be.
    pub threshold: Score,
    /// The same for single kinds of data, by the entity's name or label as the file writes it. Of two that mean the
    /// same data the narrower one counts.
    pub thresholds: Vec<(String, Score)>,
    /// Whose national telephone numbers are looked for; international ones are in any case.
    pub phone_regions: Regions,
    /// Values that are never hidden; case is ignored.
    pub allow: Vec<String>,
    /// Regular expressions; a value that one of them matches as a whole is never hidden.
    pub allow_patterns: Vec<String>,
    /// Names of bundled dictionaries that are used.
    pub bundled: Vec<String>,
    /// What finds names of people, organizations and places, if anything does.
    pub model: Option<ModelConfig>,
    /// Dictionaries of the file's own.
    pub dictionaries: Vec<DictionaryConfig>,
    /// Regular expressions of the file's own.
    pub recognizers: Vec<RecognizerConfig>,
}

/// A named-entity model. What it looks for is chosen as among the built-in recognizers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelConfig {
    /// The folder that it is in, absolute.
    pub folder: PathBuf,
    /// The most text of one request that it reads, in bytes; a request with more is answered with 413.
    pub text_bytes_max: u64,
}

/// Which of the built-in recognizers are used. They are named by what they find (name or label of an entity) or by their
/// own names. What the file brings itself is always used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuiltInSearch {
    /// All of them.
    All,
    /// These alone; at least one.
    Only(Vec<String>),
    /// All but these; at least one.
    Without(Vec<String>),
}

/// Words that are found wherever they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DictionaryConfig {
    /// Its name, different from that of every other recognizer.
    pub name: String,
    /// What its words are: the name or label of an entity, or a new one.
    pub entity: String,
    /// The words or phrases.
    pub words: DictionaryWords,
    /// Whether only the spelling that is given counts.
    pub is_case_sensitive: bool,
    /// Whether a word also counts within a longer one.
    pub matches_within_words: bool,
    /// How sure a word of it is without context.
    pub score: Score,
    /// What is common to it and to expressions.
    pub clues: CluesConfig,
}

/// Where the words of a dictionary are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DictionaryWords {
    /// In the configuration file; at least one.
    Given(Vec<String>),
    /// In this file, absolute, one a line.
    File(PathBuf),
}

/// Regular expressions that find something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecognizerConfig {
    /// Its name, different from that of every other recognizer.
    pub name: String,
    /// What it finds: the name or label of an entity, or a new one.
    pub entity: String,
    /// The expressions, at least one. Where one has a group named `value`, that is what is found.
    pub patterns: Vec<String>,
    /// How sure a match is without context.
    pub score: Score,
    /// What is common to it and to dictionaries.
    pub clues: CluesConfig,
}

/// Words around a value, and examples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CluesConfig {
    /// Words that raise the score nearby.
    pub context: Vec<String>,
    /// Words that lower it.
    pub against: Vec<String>,
    /// Texts in each of which something must be found.
    pub finds: Vec<String>,
    /// Texts in none of which anything may be found.
    pub passes: Vec<String>,
}
