//! The file that keeps first errors over a restart.
//!
//! A gate adds up the first errors of routing keys, and its bound on false rollbacks rests on each key being counted
//! once. A gateway that forgot them when it was restarted would count each broken session once more, again with the
//! arm that it had before: the same evidence twice.
//!
//! The file lies beside the state file, for the reason that bypasses have one of their own: an older binary passes it
//! over. One that cannot be read is told and counts as none.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_api::gateway::{Arm, Split};
use serde::{Deserialize, Serialize};

use super::FirstErrors;
use crate::state_file::replace;

/// The first errors of all services whose split has two arms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptSets {
    services: BTreeMap<String, KeptPair>,
}

/// Those of two arms of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptPair {
    stable: Arm,
    canary: Arm,
    #[serde(with = "hex::serde")]
    keys: Vec<u8>,
}

impl KeptSets {
    /// Reads the file that belongs to a state file; without one there are none.
    pub(crate) fn read(state_file: &Path) -> KeptSets {
        let path = path(state_file);
        let read = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return KeptSets::default(),
            Err(error) => Err(error),
        };
        read.unwrap_or_else(|error| {
            let path = path.display();
            tracing::warn!(%path, %error, "first errors of users cannot be read and are counted anew");
            KeptSets::default()
        })
    }

    /// Replaces the file; when this returns, the new version is on the disk.
    pub(crate) fn write(&self, state_file: &Path) -> io::Result<()> {
        replace(&path(state_file), self)
    }

    /// What is kept of a service.
    pub(crate) fn of(&self, service: &str) -> Option<&KeptPair> {
        self.services.get(service)
    }
}

impl FromIterator<(String, KeptPair)> for KeptSets {
    fn from_iter<T: IntoIterator<Item = (String, KeptPair)>>(pairs: T) -> KeptSets {
        KeptSets {
            services: pairs.into_iter().collect(),
        }
    }
}

impl KeptPair {
    /// What `keys` are, of a stable arm and a canary.
    pub(crate) fn of((stable, canary): (&Arm, &Arm), keys: &FirstErrors) -> KeptPair {
        KeptPair {
            stable: stable.clone(),
            canary: canary.clone(),
            keys: keys.to_bytes(),
        }
    }

    /// The keys, if they are those of the two arms of this split.
    pub(crate) fn keys_of(&self, split: &Split) -> Option<FirstErrors> {
        let same = self.stable == split.stable && split.canary.as_ref() == Some(&self.canary);
        same.then(|| FirstErrors::from_bytes(&self.keys)).flatten()
    }
}

fn path(state_file: &Path) -> PathBuf {
    state_file.with_extension("first-errors.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sticky::BucketHash;

    fn arm(release: &str) -> Arm {
        Arm {
            release: release.to_owned(),
            address: "127.0.0.1:1".to_owned(),
        }
    }

    #[test]
    fn a_set_comes_back_for_the_same_two_arms_only() {
        let folder = tempfile::tempdir().unwrap();
        let state_file = folder.path().join("splits.json");
        assert_eq!(KeptSets::read(&state_file), KeptSets::default());
        let (keys, hash) = (FirstErrors::new(), BucketHash::new("shop"));
        let anna = hash.of(b"anna");
        assert!(keys.is_first(anna));
        let pair = KeptPair::of((&arm("1.0"), &arm("1.1")), &keys);
        let kept = KeptSets::from_iter([("shop".to_owned(), pair)]);
        kept.write(&state_file).unwrap();
        let again = KeptSets::read(&state_file);
        assert_eq!(again, kept);
        let split = |canary| Split {
            stable: arm("1.0"),
            canary: Some(arm(canary)),
            weight_percent: 10,
            closed: None,
            mirror_only: false,
        };
        let of_shop = again.of("shop").unwrap();
        let known = of_shop.keys_of(&split("1.1")).unwrap();
        assert!(!known.is_first(anna));
        assert!(known.is_first(hash.of(b"tom")));
        assert!(of_shop.keys_of(&split("1.2")).is_none());
        std::fs::write(path(&state_file), "{\"services\": 1}").unwrap();
        assert_eq!(KeptSets::read(&state_file), KeptSets::default());
    }
}
