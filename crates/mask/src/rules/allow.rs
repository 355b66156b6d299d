//! Values that are never hidden.

use std::collections::HashSet;

use regex::RegexSet;

/// Exact values and expressions for values that are never hidden.
#[derive(Clone, Default)]
pub(super) struct AllowList {
    /// In lower case: `NoReply@Example.com` is the same address as `noreply@example.com`.
    values: HashSet<String>,
    patterns: Option<RegexSet>,
}

impl AllowList {
    /// A list of these values and of the values that one of the expressions matches as a whole. The expressions have been
    /// compiled before, so they fit.
    pub(super) fn new(
        values: impl IntoIterator<Item = String>,
        patterns: Option<RegexSet>,
    ) -> AllowList {
        AllowList {
            values: values
                .into_iter()
                .map(|value| value.to_lowercase())
                .collect(),
            patterns,
        }
    }

    /// Whether the value is on the list.
    pub(super) fn has(&self, value: &str) -> bool {
        let listed = !self.values.is_empty() && self.values.contains(&value.to_lowercase());
        listed
            || self
                .patterns
                .as_ref()
                .is_some_and(|patterns| patterns.is_match(value))
    }
}
