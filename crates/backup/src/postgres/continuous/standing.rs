//! How far an archive came, in a file of its own.
//!
//! It announces moments that can be recovered to, so a digit of it that was changed would announce some that cannot, and a
//! receiver, which only moves forward, would note nothing any more. So it has its own checksum. One that is not what was
//! written counts as none: the marks of the segments say less, and are right. It stays as it is until the archive has been
//! measured again, so that reading the archive back tells of it.
//!
//! The checksum is of everything else in the file, in its order there, also of what only a later version knows.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{ContinuousArchive, Lsn};
use crate::BackupError;
use crate::bounds::BASE_NOTE_BYTES_MAX;
use crate::vault::{failed_to, read_bounded};

const STANDING: &str = "standing.json";
/// The member of it that has the checksum of the others.
const SUM: &str = "sha256";

/// SHA-256 of what is noted, as JSON without white space, hexadecimal.
fn sum_of(noted: &Map<String, Value>) -> serde_json::Result<String> {
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(noted)?)))
}

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

impl ArchiveStanding {
    /// Its members, as they lie there.
    fn members(&self) -> serde_json::Result<Map<String, Value>> {
        serde_json::from_value(serde_json::to_value(self)?)
    }

    /// The same with their checksum.
    fn noted(&self) -> serde_json::Result<Map<String, Value>> {
        let mut noted = self.members()?;
        let sum = sum_of(&noted)?;
        noted.insert(SUM.to_owned(), Value::String(sum));
        Ok(noted)
    }

    fn parse(json: &[u8]) -> Result<Self, String> {
        let told = |error: serde_json::Error| error.to_string();
        let mut noted: Map<String, Value> = serde_json::from_slice(json).map_err(told)?;
        let sum = noted.shift_remove(SUM);
        let standing: Self = serde_json::from_value(Value::Object(noted.clone())).map_err(told)?;
        let is_written = match sum {
            Some(sum) => sum == sum_of(&noted).map_err(told)?,
            // An earlier version noted none, and nothing that is not known here.
            None => noted == standing.members().map_err(told)?,
        };
        match is_written {
            true => Ok(standing),
            false => Err("it is not what was written".to_owned()),
        }
    }
}

impl ContinuousArchive {
    /// How far it came. Where the note of that cannot be relied on, or is gone, that is as far as the newest mark of its segments.
    #[must_use]
    pub fn standing(&self) -> ArchiveStanding {
        let json = read_bounded(&self.root().join(STANDING), BASE_NOTE_BYTES_MAX);
        let read = json.ok().map(|json| ArchiveStanding::parse(&json));
        let read = read.and_then(Result::ok);
        read.unwrap_or_else(|| self.standing_by_marks())
    }

    /// Why what is noted of that cannot be relied on, if it cannot.
    pub(crate) fn standing_damage(&self) -> Result<Option<String>, BackupError> {
        let wrong = match read_bounded(&self.root().join(STANDING), BASE_NOTE_BYTES_MAX) {
            Ok(json) => ArchiveStanding::parse(&json).err(),
            Err(BackupError::Vault { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                None
            }
            Err(BackupError::Vault { source, .. })
                if source.kind() == io::ErrorKind::FileTooLarge =>
            {
                Some(source.to_string())
            }
            Err(error) => return Err(error),
        };
        Ok(wrong.map(|why| format!("{STANDING}: {why}")))
    }

    /// Notes how far it came. Only who measured that may: what is noted replaces what was damaged.
    pub(crate) fn note_standing(&self, standing: &ArchiveStanding) -> Result<(), BackupError> {
        let path = self.root().join(STANDING);
        let noted = standing.noted();
        let noted = noted.map_err(|error| failed_to("write", &path, error.into()))?;
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

    /// What was noted, and what a later version may note: it knows something that nobody knows here.
    const NOTED: &str = r#"{
  "received_until": "2026-11-23T07:30:00.123456Z",
  "received_lsn": "16/B374D848",
  "received_timeline": 3,
  "sha256": "a844f95bc984b260cede1099e4e12e0afdccd5f20e87ff162d3d67bcf9fab88b"
}"#;
    const LATER: &str = r#"{
  "received_until": "2026-11-23T07:30:00.123456Z",
  "received_by": {"slot": "b", "at": [1, 2.5]},
  "received_lsn": "16/B374D848",
  "received_timeline": 3,
  "sha256": "ccdb5aa66381ff378bfec76913ad8558c66aaa7b6d646cb79d736c5a507e38c1"
}"#;

    /// Whoever changes the form sees here what becomes of the archives that are there.
    #[test]
    fn it_is_read_as_it_was_written_also_by_a_later_version() {
        for json in [NOTED, LATER] {
            assert_eq!(ArchiveStanding::parse(json.as_bytes()), Ok(standing()));
        }
        let noted = serde_json::to_string_pretty(&standing().noted().unwrap()).unwrap();
        assert_eq!(noted, NOTED);
        let nothing = ArchiveStanding::default();
        let noted = serde_json::to_vec(&nothing.noted().unwrap()).unwrap();
        assert_eq!(ArchiveStanding::parse(&noted), Ok(nothing));
    }

    #[test]
    fn every_bit_of_it_that_changes_is_noticed() {
        for json in [NOTED, LATER] {
            let whole: Value = serde_json::from_str(json).unwrap();
            for (at, bit) in (0..json.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut damaged = json.as_bytes().to_vec();
                damaged[at] ^= 1 << bit;
                // White space for other white space says the same.
                let is_same = serde_json::from_slice::<Value>(&damaged).is_ok_and(|it| it == whole);
                assert!(
                    is_same || ArchiveStanding::parse(&damaged).is_err(),
                    "bit {bit} of the byte at {at}: {}",
                    String::from_utf8_lossy(&damaged)
                );
            }
            for length in 0..json.len() {
                assert!(ArchiveStanding::parse(&json.as_bytes()[..length]).is_err());
            }
        }
    }

    #[test]
    fn one_of_before_has_no_checksum_and_nothing_that_is_not_known_here() {
        let json = serde_json::to_vec(&standing()).unwrap();
        assert_eq!(ArchiveStanding::parse(&json), Ok(standing()));
        let first = ArchiveStanding::parse(br#"{"received_until":null}"#);
        assert_eq!(first, Ok(ArchiveStanding::default()));
        for other in [
            "{}",
            r#"{"at":"2026-11-23T07:30:00Z","sound":true,"bases":1,"segments":2}"#,
            r#"{"received_until":null,"sha255":"00"}"#,
        ] {
            assert!(ArchiveStanding::parse(other.as_bytes()).is_err(), "{other}");
        }
    }
}
