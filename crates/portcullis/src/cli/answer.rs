//! Words to a rollout that waits for a person.

use clap::Args;

/// What a person agrees to beforehand, where nobody can be asked.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Consent {
    /// Agree that what users wrote since the backup is lost, where this puts one back. Without it you are asked, after it
    /// was counted; where nobody is at a terminal it is refused.
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The rollout; the live one when not given.
    pub(crate) rollout: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

impl Answer {
    /// To which rollout, and what is agreed to beforehand.
    pub(crate) fn both(&self) -> (&Option<String>, Consent) {
        (&self.rollout, self.consent)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Vouch {
    /// The rollout; the live one when not given.
    pub(crate) rollout: Option<String>,
}

impl Vouch {
    /// To which rollout. It loses nothing.
    pub(crate) fn both(&self) -> (&Option<String>, Consent) {
        (&self.rollout, Consent { accept_loss: false })
    }
}
