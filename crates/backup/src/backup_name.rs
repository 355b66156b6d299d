//! The name of a backup: which service, which environment, when.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::bounds::NAME_BYTES_MAX;

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// `<service>_<environment>_<UTC time>`, such as `dhash_production_20261121T010203Z`.
///
/// Service and environment have 1 to 63 characters of `a-z`, `0-9` and `-`, so the underscores
/// divide the parts without doubt. The time has whole seconds; two backups of the same service and
/// environment cannot be made in the same second.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupName {
    text: String,
    created_at: Timestamp,
}

impl BackupName {
    /// Makes the name from its parts.
    ///
    /// # Errors
    /// [`NameRefused`] if a part has other characters or the time is not in the years 1000 to 9999.
    pub fn new(service: &str, environment: &str, at: Timestamp) -> Result<Self, NameRefused> {
        format!("{service}_{environment}_{}", at.strftime(TIME_FORMAT)).parse()
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The service that was backed up.
    #[must_use]
    pub fn service(&self) -> &str {
        self.part(0)
    }

    /// The environment it runs in, such as `production`.
    #[must_use]
    pub fn environment(&self) -> &str {
        self.part(1)
    }

    /// When it was made, in whole seconds.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn part(&self, index: usize) -> &str {
        self.text.split('_').nth(index).unwrap_or_default()
    }
}

impl FromStr for BackupName {
    type Err = NameRefused;

    fn from_str(text: &str) -> Result<Self, NameRefused> {
        let refused = |why| NameRefused {
            name: text.to_owned(),
            why,
        };
        let parts: Vec<&str> = text.split('_').collect();
        let [service, environment, time] = parts.as_slice() else {
            return Err(refused("it does not have three parts"));
        };
        if !is_plain_name(service) || !is_plain_name(environment) {
            return Err(refused(
                "service or environment is empty, too long or not a-z, 0-9, '-'",
            ));
        }
        let created_at = DateTime::strptime(TIME_FORMAT, time)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|_| refused("its time cannot be read"))?
            .timestamp();
        // A lenient parser must not give two names to one time.
        if created_at.strftime(TIME_FORMAT).to_string() != *time {
            return Err(refused("its time is not written as YYYYMMDDTHHMMSSZ"));
        }
        Ok(Self {
            text: text.to_owned(),
            created_at,
        })
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for BackupName {
    type Error = NameRefused;

    fn try_from(text: String) -> Result<Self, NameRefused> {
        text.parse()
    }
}

impl From<BackupName> for String {
    fn from(name: BackupName) -> Self {
        name.text
    }
}

/// A text that is not the name of a backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not the name of a backup: {why}; expected <service>_<environment>_<UTC time>, \
     such as dhash_production_20261121T010203Z"
)]
pub struct NameRefused {
    /// The text that was given.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Names of services, environments and stores.
pub(crate) fn is_plain_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests;
