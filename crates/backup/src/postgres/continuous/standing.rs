//! How far an archive came, in a file of its own.
//!
//! It announces moments that can be recovered to, so a digit of it that was changed would announce some that cannot, and a
//! receiver, which only moves forward, would note nothing any more. So it has its own checksum. One that is not what was
//! written counts as none: the marks of the segments say less, and are right.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ContinuousArchive, Lsn};
use crate::BackupError;
use crate::bounds::BASE_NOTE_BYTES_MAX;
use crate::vault::read_bounded;

const STANDING: &str = "standing.json";

/// How far an archive came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveStanding {
    /// Everything that was committed until then is in the archive. By the server's clock.
    pub received_until: Option<Timestamp>,
    /// How far the server's log was at that moment; missing in what an earlier version noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_lsn: Option<Lsn>,
    /// On which timeline the server was; missing in what an earlier version noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_timeline: Option<u32>,
}

/// The same as it lies there.
#[derive(Serialize, Deserialize)]
struct Noted {
    #[serde(flatten)]
    standing: ArchiveStanding,
    /// Missing in what an earlier version noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl ArchiveStanding {
    /// SHA-256 of its JSON without white space, hexadecimal.
    fn sum(&self) -> Option<String> {
        let json = serde_json::to_vec(self).ok()?;
        Some(hex::encode(Sha256::digest(json)))
    }

    fn parse(json: &[u8]) -> Result<Self, String> {
        let noted: Noted = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match noted.sha256 {
            Some(sum) if Some(&sum) != noted.standing.sum().as_ref() => {
                Err("it is not what was written".to_owned())
            }
            _ => Ok(noted.standing),
        }
    }
}

impl ContinuousArchive {
    /// How far it came.
    #[must_use]
    pub fn standing(&self) -> ArchiveStanding {
        let json = read_bounded(&self.root().join(STANDING), BASE_NOTE_BYTES_MAX);
        let read = json.ok().map(|json| ArchiveStanding::parse(&json));
        read.and_then(Result::ok).unwrap_or_default()
    }

    /// Why what is noted of that cannot be relied on, if it cannot.
    pub(crate) fn standing_damage(&self) -> Result<Option<String>, BackupError> {
        match read_bounded(&self.root().join(STANDING), BASE_NOTE_BYTES_MAX) {
            Ok(json) => {
                let wrong = ArchiveStanding::parse(&json).err();
                Ok(wrong.map(|why| format!("{STANDING}: {why}")))
            }
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn note_standing(&self, standing: &ArchiveStanding) -> Result<(), BackupError> {
        let noted = Noted {
            standing: standing.clone(),
            sha256: standing.sum(),
        };
        self.write(STANDING, &noted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> ArchiveStanding {
        ArchiveStanding {
            received_until: Some("2026-11-23T07:30:00.123456Z".parse().unwrap()),
            received_lsn: Some("16/B374D848".parse().unwrap()),
            received_timeline: Some(3),
        }
    }

    #[test]
    fn every_digit_of_it_that_changes_is_noticed() {
        let noted = Noted {
            standing: standing(),
            sha256: standing().sum(),
        };
        let json = serde_json::to_string_pretty(&noted).unwrap();
        assert_eq!(ArchiveStanding::parse(json.as_bytes()), Ok(standing()));
        let mut changed = 0;
        for (at, sign) in json
            .char_indices()
            .filter(|(_, sign)| sign.is_ascii_digit())
        {
            let other = if sign == '7' { "8" } else { "7" };
            let mut damaged = json.clone();
            damaged.replace_range(at..=at, other);
            // Of the name of the checksum itself the digits are a part as well: without it, it is one of before.
            let is_name = json[..at].ends_with("\"sha")
                || json[..at].ends_with("\"sha2")
                || json[..at].ends_with("\"sha25");
            assert!(
                is_name || ArchiveStanding::parse(damaged.as_bytes()).is_err(),
                "{damaged}"
            );
            changed += 1;
        }
        assert!(changed > 30, "{changed}");
    }

    #[test]
    fn one_of_before_has_no_checksum() {
        let json = serde_json::to_vec(&standing()).unwrap();
        assert_eq!(ArchiveStanding::parse(&json), Ok(standing()));
    }
}
