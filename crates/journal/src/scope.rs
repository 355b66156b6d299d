//! What a lease guards and a chain covers: the name of a service.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::bounds::SCOPE_BYTES_MAX;

/// What the scope of a service's data has after the service's name.
const DATA: &str = ".data";

/// The name of a service: 1 to 63 characters of `a-z`, `0-9` and `-`. What happens to its data outside of
/// rollouts has a scope of its own, the service's name with `.data`, which no service can have as its name.
///
/// One lease guards a scope and one chain of entries covers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

impl Scope {
    /// Checks the name and makes a scope of it.
    ///
    /// # Errors
    /// [`ScopeRefused`] if the name is empty, longer than 63 bytes or has other characters.
    pub fn new(name: impl Into<String>) -> Result<Self, ScopeRefused> {
        let name = name.into();
        let service = name.strip_suffix(DATA).unwrap_or(&name);
        let fits = (1..=SCOPE_BYTES_MAX).contains(&service.len());
        let plain = service
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits && plain {
            Ok(Self(name))
        } else {
            Err(ScopeRefused { name })
        }
    }

    /// The scope of what happens to the service's data outside of rollouts: backups and drills. It has a lease of
    /// its own, so that they can be recorded while a rollout runs and while none can.
    #[must_use]
    pub fn of_data(&self) -> Self {
        match self.is_of_data() {
            true => self.clone(),
            false => Self(format!("{}{DATA}", self.0)),
        }
    }

    /// Whether it is the scope of a service's data.
    #[must_use]
    pub fn is_of_data(&self) -> bool {
        self.0.ends_with(DATA)
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Scope {
    type Err = ScopeRefused;

    fn from_str(name: &str) -> Result<Self, ScopeRefused> {
        Self::new(name)
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeRefused;

    fn try_from(name: String) -> Result<Self, ScopeRefused> {
        Self::new(name)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

/// A name that cannot be a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} cannot name a scope: expected 1 to {SCOPE_BYTES_MAX} characters of a-z, 0-9 and '-'; \
     use the service's name"
)]
pub struct ScopeRefused {
    /// The name that was given.
    pub name: String,
}
