//! Where a gate's figures come from, if not from the candidate's own document.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Command;

/// A figure that a gate asks for at each measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureOrder {
    /// Its name in the rules.
    pub name: String,
    /// Where it comes from.
    pub source: FigureSource,
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// The folder in which references to secrets are looked up.
    pub folder: PathBuf,
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum FigureSource {
    /// A JSON document over HTTP or HTTPS.
    Json {
        /// Where the document is.
        url: String,
        /// The number in it, as an RFC 6901 pointer.
        pointer: String,
        /// The moment at which the document was true, as a pointer to Unix seconds, Unix milliseconds or an RFC 3339
        /// text; a document that is older than this allows is no data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fresh: Option<Freshness>,
        /// What is shown to the server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization: Option<Authorization>,
        /// Over HTTPS: a PEM file with the authorities that are trusted instead of the system's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca: Option<PathBuf>,
    },
    /// An instant query of Prometheus, or of what speaks its API.
    Prometheus {
        /// The server, for example `http://127.0.0.1:9090` or one over HTTPS.
        url: String,
        /// The query in PromQL. It has one series, or one for each value of `label`.
        query: String,
        /// The label that names the release; of several series the candidate's is taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// The candidate's value of that label.
        release: String,
        /// How old the newest reading behind the value may be, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_age_ms: Option<u64>,
        /// What is shown to the server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization: Option<Authorization>,
        /// Over HTTPS: a PEM file with the authorities that are trusted instead of the system's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ca: Option<PathBuf>,
    },
    /// What a command says.
    Command {
        /// What is run.
        command: Command,
        /// What is read from it.
        reads: CommandReading,
    },
    /// One number out of a database.
    Sql {
        /// `sqlite:PATH`, a URL `postgres://`, or a reference to one.
        database: String,
        /// A query with one row of one column. It is run so that it cannot change anything.
        query: String,
    },
}

/// What is read from a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandReading {
    /// Its exit code.
    ExitCode,
    /// The number that is the last line it writes, if it ends with code 0.
    Number,
}

/// When a document is fresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// The document's moment, as an RFC 6901 pointer.
    pub pointer: String,
    /// How old it may be, in milliseconds.
    pub max_age_ms: u64,
}

/// What is shown to a server. Secrets are references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Authorization {
    /// `Authorization: Bearer`.
    Token {
        /// The token's reference.
        token: String,
    },
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password's reference.
        password: String,
    },
}

/// The places that differ from one release to the next.
const OF_A_RELEASE: [&str; 5] = ["release", "address", "port", "host", "artifact"];

/// Whether a text with places names one that differs from one release to the next, so that it can be asked of each.
pub fn names_a_release(text: &str) -> bool {
    let mut places = OF_A_RELEASE.iter();
    places.any(|place| text.contains(&format!("{{{place}}}")))
}

impl FigureSource {
    /// The file with the authorities that are trusted instead of the system's.
    pub fn ca(&self) -> Option<&Path> {
        match self {
            FigureSource::Json { ca, .. } | FigureSource::Prometheus { ca, .. } => ca.as_deref(),
            FigureSource::Command { .. } | FigureSource::Sql { .. } => None,
        }
    }
}

impl FigureOrder {
    /// The same for one candidate: `{release}`, `{address}` and the like are filled in by `fill`, which leaves braces that
    /// are no places as they are.
    #[must_use]
    pub(crate) fn filled(&self, fill: impl Fn(&str) -> String) -> FigureOrder {
        let mut order = self.clone();
        match &mut order.source {
            FigureSource::Json { url, .. } => *url = fill(url),
            FigureSource::Prometheus { query, release, .. } => {
                *query = fill(query);
                *release = fill("{release}");
            }
            FigureSource::Command { command, .. } => {
                command.argv.iter_mut().for_each(|word| *word = fill(word));
                command.env.values_mut().for_each(|text| *text = fill(text));
            }
            FigureSource::Sql { query, .. } => *query = fill(query),
        }
        order
    }

    /// What is shown to the server, if it is one that wants something.
    pub fn authorization(&self) -> Option<&Authorization> {
        match &self.source {
            FigureSource::Json { authorization, .. }
            | FigureSource::Prometheus { authorization, .. } => authorization.as_ref(),
            FigureSource::Command { .. } | FigureSource::Sql { .. } => None,
        }
    }

    /// The references to secrets that it needs, each with a word for what it is.
    pub(crate) fn secrets(&self) -> Vec<(String, &str)> {
        match &self.source {
            FigureSource::Json { .. } | FigureSource::Prometheus { .. } => {
                match self.authorization() {
                    Some(Authorization::Token { token }) => {
                        vec![("the token".to_owned(), token.as_str())]
                    }
                    Some(Authorization::Basic { password, .. }) => {
                        vec![("the password".to_owned(), password.as_str())]
                    }
                    None => Vec::new(),
                }
            }
            FigureSource::Command { command, .. } => {
                let variables = command.env.iter();
                variables
                    .map(|(name, text)| (format!("the variable {name}"), text.as_str()))
                    .collect()
            }
            FigureSource::Sql { database, .. } => {
                vec![("the database".to_owned(), database.as_str())]
            }
        }
    }
}
