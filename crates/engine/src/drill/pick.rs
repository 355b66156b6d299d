//! Which backup a drill tries out.

use jiff::Timestamp;
use portcullis_backup::{BackupName, BackupState, BackupSummary};
use portcullis_config::Config;

/// Which backup is tried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The newest that is complete.
    Latest,
    /// Any that is complete, by this number.
    Random(u64),
    /// The newest that was made at this moment or before it.
    At(Timestamp),
    /// The one of this name.
    Named(BackupName),
}

/// What was picked, and what is worth knowing about it.
pub(super) struct Picked {
    pub(super) summary: BackupSummary,
    pub(super) notes: Vec<String>,
}

impl Pick {
    /// The words for it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Pick::Latest => "the latest".to_owned(),
            Pick::Random(_) => "any, at random".to_owned(),
            Pick::At(moment) => format!("the last before {moment}"),
            Pick::Named(name) => format!("{name}, by name"),
        }
    }

    /// The words for the moment of a continuous archive that is meant.
    #[must_use]
    pub fn moment_words(&self) -> String {
        match self {
            Pick::Latest => "everything that was received".to_owned(),
            Pick::Random(_) => "any moment, at random".to_owned(),
            Pick::At(moment) => format!("the moment {moment}"),
            Pick::Named(name) => format!("{name}, by name"),
        }
    }

    /// Picks from what is in the vault, newest first.
    pub(super) fn of(&self, config: &Config, all: Vec<BackupSummary>) -> Result<Picked, String> {
        let (service, environment) = (&config.service.name, &config.service.environment);
        if let Pick::Named(name) = self
            && (name.service() != service.as_str() || name.environment() != environment)
        {
            return Err(format!(
                "{name} is a backup of {} ({}), not of {service} ({environment})",
                name.service(),
                name.environment()
            ));
        }
        let ours = all.into_iter().filter(|summary| {
            summary.name.service() == service.as_str() && summary.name.environment() == environment
        });
        let in_time = ours.filter(|summary| match self {
            Pick::At(moment) => summary.created_at <= *moment,
            Pick::Named(name) => summary.name == *name,
            Pick::Latest | Pick::Random(_) => true,
        });
        let (mut usable, mut notes) = (Vec::new(), Vec::new());
        for summary in in_time {
            match &summary.state {
                BackupState::Complete { .. } => usable.push(summary),
                // Whoever asks for one by name shall hear what is wrong with it from the attempt.
                BackupState::Broken { .. } if matches!(self, Pick::Named(_)) => {
                    usable.push(summary)
                }
                BackupState::Broken { why } if usable.is_empty() => {
                    notes.push(format!("{} was passed over: {why}", summary.name));
                }
                BackupState::Broken { .. } => {}
            }
        }
        let count = usable.len() as u64;
        let at = match self {
            Pick::Random(number) if count > 0 => (number % count) as usize,
            _ => 0,
        };
        match usable.into_iter().nth(at) {
            Some(summary) => Ok(Picked { summary, notes }),
            None => {
                let mut why = match self {
                    Pick::Named(name) => format!("the vault has no backup {name}"),
                    Pick::At(moment) => format!("there is no backup of {moment} or before"),
                    Pick::Latest | Pick::Random(_) => {
                        "there is no backup that could be restored".to_owned()
                    }
                };
                for note in notes {
                    why.push_str(&format!("; {note}"));
                }
                Err(why)
            }
        }
    }
}
