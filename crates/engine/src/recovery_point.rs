//! The recovery point: up to which moment the data of a service could be put back if it were lost now.
//!
//! A backup has all stores at one moment. A continuous archive has one store, up to a moment that is usually seconds ago;
//! it counts only while it is whole, not behind, and was read back lately (`ContinuousArchive::point`). A service is as
//! far behind as the store that is furthest behind, so archives count for it when every store has one.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{ArchivePoint, BackupError, BackupState, PointLimits, Vault};
use portcullis_config::Config;
use portcullis_rollout::ArchiveAge;

/// For how many times `verify_every` an archive counts as verified: one verification may be late.
const VERIFIED_FOR: u64 = 2;

/// Up to which moment the data of a service could be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// The moment, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// By what.
    pub by: RecoveredBy,
}

/// What the data would be put back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoveredBy {
    /// The backup of this name.
    Backup(String),
    /// The continuous archives of these stores, which are all of them.
    Archives(Vec<String>),
}

/// The recovery point of a service, and what does not count for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryPoints {
    /// The better of backups and archives; `None` if there is neither.
    pub point: Option<RecoveryPoint>,
    /// When the newest verified backup was begun, with its name.
    pub backup: Option<(String, u64)>,
    /// Archives that do not count, each with its store and why.
    pub not_counted: Vec<(String, String)>,
}

/// Whose recovery point is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointOf {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The archives of all its stores; none if a store has no archive.
    pub archives: Vec<ArchiveAge>,
}

impl RecoveredBy {
    /// The words for it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            RecoveredBy::Backup(name) => format!("the backup {name}"),
            RecoveredBy::Archives(stores) => {
                format!("the continuous archive of {}", stores.join(", "))
            }
        }
    }

    /// `backup` or `archive`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            RecoveredBy::Backup(_) => "backup",
            RecoveredBy::Archives(_) => "archive",
        }
    }
}

impl PointOf {
    /// The service of a configuration.
    #[must_use]
    pub fn config(config: &Config) -> PointOf {
        PointOf {
            service: config.service.name.to_string(),
            environment: config.service.environment.clone(),
            archives: archive_ages(config),
        }
    }

    /// Looks into the vault.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn look(&self, vault: &Vault, now_ms: u64) -> Result<RecoveryPoints, BackupError> {
        let all = vault.list()?;
        // Newest first.
        let newest = all.iter().find(|summary| {
            summary.name.service() == self.service
                && summary.name.environment() == self.environment
                && summary.verified
                && matches!(summary.state, BackupState::Complete { .. })
        });
        let backup = newest.map(|newest| (newest.name.to_string(), millis(newest.created_at)));
        let mut points = RecoveryPoints {
            backup,
            ..RecoveryPoints::default()
        };
        let now = Timestamp::from_millisecond(now_ms as i64).unwrap_or_default();
        let mut until_ms: Option<u64> = None;
        for age in &self.archives {
            let archive = vault.continuous(&self.service, &self.environment, &age.store);
            let limits = PointLimits {
                behind_max: Duration::from_millis(age.behind_max_ms),
                verified_max: Duration::from_millis(age.verified_max_ms),
            };
            match archive.point(limits, now) {
                Ok(ArchivePoint::Counts { until, .. }) => {
                    let until = millis(until);
                    until_ms = Some(until_ms.map_or(until, |other| other.min(until)));
                }
                Ok(ArchivePoint::DoesNot { why }) => {
                    points.not_counted.push((age.store.clone(), why));
                }
                Err(error) => {
                    let why = crate::hands::chain(&error);
                    points.not_counted.push((age.store.clone(), why));
                }
            }
        }
        let by_backup = points.backup.as_ref().map(|(name, time_ms)| RecoveryPoint {
            time_ms: *time_ms,
            by: RecoveredBy::Backup(name.clone()),
        });
        let stores = self.archives.iter().map(|age| age.store.clone());
        let by_archives = until_ms
            .filter(|_| points.not_counted.is_empty())
            .map(|time_ms| RecoveryPoint {
                time_ms,
                by: RecoveredBy::Archives(stores.collect()),
            });
        points.point = [by_backup, by_archives]
            .into_iter()
            .flatten()
            .max_by_key(|point| point.time_ms);
        Ok(points)
    }
}

/// When the archives of a configuration count; none unless every store has one.
#[must_use]
pub(crate) fn archive_ages(config: &Config) -> Vec<ArchiveAge> {
    let ages = config.stores.iter().map(|store| {
        let archive = config
            .continuous
            .iter()
            .find(|one| one.store == store.name)?;
        Some(ArchiveAge {
            store: archive.store.clone(),
            behind_max_ms: archive.rpo_ms,
            verified_max_ms: archive.verify_every_ms.saturating_mul(VERIFIED_FOR),
        })
    });
    ages.collect::<Option<Vec<ArchiveAge>>>()
        .unwrap_or_default()
}

fn millis(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millisecond()).unwrap_or(0)
}
