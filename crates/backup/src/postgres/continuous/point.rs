//! The moment up to which an archive has everything, if it can be relied on.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ContinuousArchive, ContinuousVerified};
use crate::BackupError;
use crate::bounds::BASE_NOTE_BYTES_MAX;
use crate::vault::read_bounded;

const VERIFIED: &str = "verified.json";

/// What reading an archive back found the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveVerification {
    /// When it was read back.
    pub at: Timestamp,
    /// Whether nothing was damaged but notes beside log and copies, and no write-ahead log is missing after its newest copy of
    /// the cluster.
    pub sound: bool,
    /// How many copies of the cluster were read.
    pub bases: u64,
    /// How many segments of write-ahead log were.
    pub segments: u64,
    /// What was wrong, the first of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
}

/// What an archive must keep so that it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointLimits {
    /// How far it may be behind.
    pub behind_max: Duration,
    /// How long ago it may have been read back.
    pub verified_max: Duration,
}

/// Up to when an archive has everything, and whether that may be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchivePoint {
    /// Everything that was committed until then can be recovered.
    Counts {
        /// The moment, by the server's clock.
        until: Timestamp,
        /// When the archive was read back.
        verified_at: Timestamp,
    },
    /// It does not count.
    DoesNot {
        /// Why, in words.
        why: String,
    },
}

/// Why nobody knows up to when an archive has everything.
fn not_measured(damage: Option<String>) -> String {
    match damage {
        None => "it was not measured yet up to when everything is in it".to_owned(),
        Some(damage) => format!(
            "up to when everything is in it is not known ({damage}); the stream of `portcullis serve` measures it again"
        ),
    }
}

/// How many of the things that are wrong are noted.
const WRONG_NOTED_MAX: usize = 8;

impl ContinuousVerified {
    /// Whether log and copies are as they were written, and what comes after the newest copy of the cluster is there without a
    /// gap. A gap before a later copy keeps nobody from recovering to what came after that one, and neither do damaged notes
    /// of what was measured.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let open = self.ranges.last().is_some_and(|range| range.open);
        self.damages.len() == self.notes && open && self.gaps.iter().all(|gap| gap.until.is_some())
    }

    /// What is wrong, in sentences. Damaged notes say the least, and come after log that is missing.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let others = self.damages.len().saturating_sub(self.notes);
        let (others, notes) = self.damages.split_at(others);
        let gaps = self.gaps.iter().map(super::LogGap::words);
        let others = others.iter().cloned().chain(gaps);
        others.chain(notes.iter().cloned()).collect()
    }
}

impl ContinuousArchive {
    /// Notes what reading it back found, for [`ContinuousArchive::point`].
    ///
    /// # Errors
    /// [`BackupError::Vault`] if it cannot be written.
    pub fn note_verified(
        &self,
        verified: &ContinuousVerified,
        at: Timestamp,
    ) -> Result<ArchiveVerification, BackupError> {
        let mut wrong = verified.wrong();
        wrong.truncate(WRONG_NOTED_MAX);
        let note = ArchiveVerification {
            at,
            sound: verified.is_sound(),
            bases: verified.bases,
            segments: verified.segments,
            wrong,
        };
        self.write(VERIFIED, &note)?;
        Ok(note)
    }

    /// What reading it back found the last time; `None` if that never was.
    #[must_use]
    pub fn verification(&self) -> Option<ArchiveVerification> {
        let json = read_bounded(&self.root().join(VERIFIED), BASE_NOTE_BYTES_MAX).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Up to when it has everything, if it can be relied on: no log is missing since its newest copy of the cluster, it
    /// is not behind, and it was read back lately and found in order.
    ///
    /// # Errors
    /// Those of [`ContinuousArchive::ranges`]. An archive that was not begun is none of them: it does not count.
    pub fn point(&self, limits: PointLimits, now: Timestamp) -> Result<ArchivePoint, BackupError> {
        let does_not = |why: String| Ok(ArchivePoint::DoesNot { why });
        if !self.exists() {
            return does_not("nothing was archived yet".to_owned());
        }
        let ranges = self.ranges()?;
        let Some(last) = ranges.last() else {
            return does_not("nothing can be recovered to yet".to_owned());
        };
        let verification = self.verification();
        let unsound = verification.as_ref().filter(|it| !it.sound);
        let unsound = unsound.map(|it| {
            let wrong = it.wrong.first().cloned();
            format!(
                "it was not in order when it was read back at {}: {}",
                it.at,
                wrong.unwrap_or_else(|| "nothing could be recovered to".to_owned())
            )
        });
        if !last.open {
            let missing = format!(
                "write-ahead log is missing after {}, and the cluster was not copied since",
                last.to
            );
            return does_not(unsound.unwrap_or(missing));
        }
        let damage = self.standing_damage()?;
        let Some(until) = self.standing().received_until else {
            return does_not(unsound.unwrap_or_else(|| not_measured(damage)));
        };
        let ago =
            |moment: Timestamp| Duration::try_from(now.duration_since(moment)).unwrap_or_default();
        if ago(until) > limits.behind_max {
            let behind = format!(
                "it is behind by {} s, and may be by {} s",
                ago(until).as_secs(),
                limits.behind_max.as_secs()
            );
            return does_not(match damage {
                None => behind,
                // It may be less.
                Some(_) => format!("{}; by what is known, {behind}", not_measured(damage)),
            });
        }
        let Some(verification) = verification else {
            return does_not("it was never read back".to_owned());
        };
        if let Some(unsound) = unsound {
            return does_not(unsound);
        }
        if ago(verification.at) > limits.verified_max {
            return does_not(format!(
                "it was read back the last time at {}, longer ago than it may be",
                verification.at
            ));
        }
        Ok(ArchivePoint::Counts {
            until,
            verified_at: verification.at,
        })
    }
}
