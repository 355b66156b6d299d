//! Bypasses: what takes the split of a service out of the way in an emergency, for a while.
//!
//! They are kept in a file of their own beside the state file. In the state file an older binary would
//! find a field that it does not know, call the file damaged and not start; this file it does not
//! read, so it serves by the saved split, as if the bypass had ended. That is the safe way round: a
//! bypass only ever takes something out of the way, and to forget one puts it back.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use portcullis_api::gateway::{Bypass, BypassWish, ClosedTo, Split};
use serde::{Deserialize, Serialize};

use crate::bounds::{BYPASS_CLOCK_BACK_MAX_MS, BYPASS_MS_MAX, BYPASS_TEXT_BYTES_MAX};
use crate::state_file::{StateFileError, replace};

/// The bypasses of all services. Fields that a newer version may add are passed over, for the reason
/// above.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bypasses {
    services: BTreeMap<String, Bypass>,
}

impl Bypasses {
    /// Reads the file that belongs to a state file; without one, nothing is bypassed. Neither is anything
    /// when it cannot be read, which the log says: a gateway that does not start helps nobody, and the
    /// split is what is configured.
    pub(crate) fn read(state_file: &Path) -> Bypasses {
        let path = path(state_file);
        let read = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Bypasses::default(),
            Err(error) => Err(error),
        };
        read.unwrap_or_else(|error| {
            let path = path.display();
            tracing::error!(%path, %error, "bypasses cannot be read: none is in force");
            Bypasses::default()
        })
    }

    /// Replaces the file; when this returns, the new version is on the disk.
    pub(crate) fn write(&self, state_file: &Path) -> Result<(), StateFileError> {
        let path = path(state_file);
        replace(&path, self).map_err(|source| StateFileError::Write { path, source })
    }

    /// The bypass of a service that is in force at `now_ms`.
    pub(crate) fn in_force(&self, service: &str, now_ms: u64) -> Option<&Bypass> {
        let bypass = self.services.get(service);
        bypass.filter(|bypass| !is_over(bypass, now_ms))
    }

    /// Begins a bypass, in place of one that may be there.
    pub(crate) fn begin(&mut self, service: &str, bypass: Bypass) {
        self.services.insert(service.to_owned(), bypass);
    }

    /// Takes a service's bypass out.
    pub(crate) fn end(&mut self, service: &str) -> Option<Bypass> {
        self.services.remove(service)
    }

    /// Takes out what is over at `now_ms`.
    pub(crate) fn take_over(&mut self, now_ms: u64) -> Vec<(String, Bypass)> {
        let over = self
            .services
            .extract_if(.., |_, bypass| is_over(bypass, now_ms));
        over.collect()
    }
}

/// What is wrong with a wish, and what to do.
pub(crate) fn validate(wish: &BypassWish) -> Result<(), String> {
    validate_name(&wish.by)?;
    validate_text("reason", &wish.reason)?;
    match wish.for_ms {
        0 => Err("`for_ms` is 0; say for how long".to_owned()),
        1..=BYPASS_MS_MAX => Ok(()),
        _ => Err(
            "a bypass is for at most 24 hours; what is to last belongs into the configuration"
                .to_owned(),
        ),
    }
}

/// What is wrong with the name of whoever asks.
pub(crate) fn validate_name(by: &str) -> Result<(), String> {
    validate_text("by", by)
}

/// The split as a bypassed service has it. With no canary in it, nothing that leads to the canary does:
/// no weight, no forced arm, no list of users.
pub(crate) fn without_canary(split: Split) -> Split {
    Split {
        canary: None,
        weight_percent: 0,
        mirror_only: false,
        ..split
    }
}

/// Whether a bypass would leave a service with nobody to answer: its stable release takes nothing.
pub(crate) fn has_nobody(split: &Split) -> bool {
    let closed = split.closed.as_ref();
    closed.is_some_and(|closed| closed.to == ClosedTo::Everything)
}

pub(crate) fn validate_text(name: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("`{name}` is empty; a bypass is recorded with it"));
    }
    if text.len() > BYPASS_TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!(
            "`{name}` must be one line of at most {BYPASS_TEXT_BYTES_MAX} bytes"
        ));
    }
    Ok(())
}

/// Beside `gateway.json` it is `gateway.bypass.json`.
fn path(state_file: &Path) -> PathBuf {
    state_file.with_extension("bypass.json")
}

fn is_over(bypass: &Bypass, now_ms: u64) -> bool {
    let was_set_back = now_ms.saturating_add(BYPASS_CLOCK_BACK_MAX_MS) < bypass.begun_at_ms;
    now_ms >= bypass.until_ms || was_set_back
}

#[cfg(test)]
mod tests;
