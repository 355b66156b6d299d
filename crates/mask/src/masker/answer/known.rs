//! What an answer may repeat: what the conversation hid, and what its request held.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use crate::Mapping;

/// The values that are no leak in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    mapping: &'k Mapping,
    request: Option<&'k RequestValues>,
}

/// The values that were found in one request, whatever was done with them: hashes under a key of their own, of which
/// nobody can tell the values, for as long as the request lasts.
///
/// Two spellings of a value are one: what counts are its letters and digits, without regard to case.
#[derive(Clone, Default)]
pub struct RequestValues {
    key: RandomState,
    hashes: HashSet<u64>,
}

impl<'k> Known<'k> {
    /// Also the values of a request.
    #[must_use]
    pub fn with_request(self, request: &'k RequestValues) -> Known<'k> {
        Known {
            request: Some(request),
            ..self
        }
    }

    /// Whether a value is known.
    pub(super) fn contains(self, value: &str) -> bool {
        self.mapping.contains(value) || self.request.is_some_and(|request| request.contains(value))
    }
}

impl<'k> From<&'k Mapping> for Known<'k> {
    fn from(mapping: &'k Mapping) -> Known<'k> {
        Known {
            mapping,
            request: None,
        }
    }
}

impl RequestValues {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: &str) {
        self.hashes.insert(self.hash(value));
    }

    /// Whether the request held a value.
    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&self.hash(value))
    }

    fn hash(&self, value: &str) -> u64 {
        let said = value
            .chars()
            .filter(|character| character.is_alphanumeric());
        self.key
            .hash_one(said.flat_map(char::to_lowercase).collect::<String>())
    }
}

/// Shows how many there are, and nothing of them.
impl fmt::Debug for RequestValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RequestValues({})", self.hashes.len())
    }
}
