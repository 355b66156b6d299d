//! What a gate, or one rule of it, concludes.

use serde::{Deserialize, Serialize};

/// The conclusion of a rule or of a whole gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The window is over and the signal was seen to be good enough.
    Pass,
    /// The signal was seen to be worse than allowed.
    Fail,
    /// The window is over and there was too little data to say: a person decides.
    Inconclusive,
    /// The window is still open and nothing bad has been proven so far.
    Undecided,
}

impl Verdict {
    /// The word that screens and documents use for this verdict.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Undecided => "undecided",
        }
    }
}
