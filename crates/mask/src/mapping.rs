//! What a conversation's placeholders stand for.
//!
//! A mapping belongs to one conversation and is never shared with another. It is a log that only grows: every entry
//! gives a value the next number of its label, from 1 on, and no number is ever given twice. So a store needs to keep only
//! what came after a [`Mark`], and a copy that lags behind is brought up to date with [`Mapping::merge`].
//!
//! Two requests of one conversation at once: each takes the mapping as it is, masks, and stores
//! [`Mapping::changes_since`] its mark on the condition that nobody stored anything in between. Who loses takes the
//! stored mapping anew and merges its own changes into it: either that works (the two gave different labels), or it says
//! that a number was given twice; then the request is masked again with the newer mapping. Nothing has been sent by then.

mod change;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::placeholder::labels::is_label;
use crate::placeholder::names::{Issued, IssuedNames};
use crate::placeholder::{LabelError, Labels, NUMBER_DIGITS_MAX, Style};
use crate::restore::is_plain;

pub use change::{Change, Snapshot};

/// The most that a mapping may hold. When it is full, masking is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most entries, at least 1.
    pub entries_max: usize,
    /// The most bytes of all values together.
    pub bytes_max: usize,
}

impl Default for Limits {
    /// 10,000 entries of 4 MiB together.
    fn default() -> Limits {
        Limits {
            entries_max: 10_000,
            bytes_max: 4 << 20,
        }
    }
}

/// A place in the log of a mapping: how many entries it had.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Mark(pub(crate) usize);

impl Mark {
    /// How many entries the mapping had.
    #[must_use]
    pub fn entries(self) -> usize {
        self.0
    }
}

/// The values and placeholders of one conversation.
#[derive(Clone)]
pub struct Mapping {
    style: Style,
    limits: Limits,
    /// Shared with the vocabularies made of it, and copied when it grows while one is in use.
    issued: Arc<IssuedNames>,
    log: Vec<Entry>,
    places: HashMap<Arc<str>, usize>,
    bytes: usize,
}

/// An entry of the log.
#[derive(Clone)]
struct Entry {
    label: Arc<str>,
    number: u32,
    value: Arc<str>,
}

/// Why a mapping cannot take what it was offered. No variant holds a value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MappingError {
    /// It has as many entries as it may have.
    #[error(
        "the conversation holds {entries_max} different values already, which is the limit; raise it, or begin a new conversation"
    )]
    TooManyEntries {
        /// The limit.
        entries_max: usize,
    },
    /// The values take as many bytes as they may take.
    #[error(
        "the values of the conversation would take more than {bytes_max} bytes, which is the limit; raise it, or begin a new conversation"
    )]
    TooManyBytes {
        /// The limit.
        bytes_max: usize,
    },
    /// Two requests gave the same number to different values.
    #[error("the number {number} of {label} was given twice; mask again with the newer mapping")]
    NumberTwice {
        /// The label.
        label: String,
        /// The number.
        number: u32,
    },
    /// A number comes that does not follow the last one.
    #[error(
        "the number {number} of {label} does not follow the last one, {last}; changes are missing"
    )]
    NumberMissing {
        /// The label.
        label: String,
        /// The number that came.
        number: u32,
        /// The last number of the label, or 0.
        last: u32,
    },
    /// A label that no placeholder can have.
    #[error("a label of the mapping cannot be used")]
    Label(#[source] LabelError),
    /// The mark is beyond the end of the log, so it is another mapping's.
    #[error(
        "the mark is at entry {mark}, but the mapping has only {entries}; it is another mapping's mark"
    )]
    MarkBeyondEnd {
        /// The mark.
        mark: usize,
        /// How many entries there are.
        entries: usize,
    },
    /// It was written in a form that this version does not know.
    #[error(
        "the mapping was written in version {version}, and this program reads version {known}; upgrade it"
    )]
    UnknownVersion {
        /// Its version.
        version: u32,
        /// The version that is known.
        known: u32,
    },
}

impl Mapping {
    /// An empty mapping.
    #[must_use]
    pub fn new(style: Style, limits: Limits) -> Mapping {
        Mapping {
            style,
            limits,
            issued: Arc::default(),
            log: Vec::new(),
            places: HashMap::new(),
            bytes: 0,
        }
    }

    /// How its placeholders are written. A conversation keeps its style.
    #[must_use]
    pub fn style(&self) -> &Style {
        &self.style
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// How many bytes its values take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the value, in exactly this spelling, has a placeholder.
    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        self.places.contains_key(value)
    }

    /// The placeholder of a value, if it has one.
    #[must_use]
    pub fn placeholder_of(&self, value: &str) -> Option<String> {
        let entry = &self.log[*self.places.get(value)?];
        Some(self.style.placeholder(&entry.label, entry.number))
    }

    /// Appends the placeholder of a value to a text. The value gets the label's next number unless it has a placeholder
    /// already; that one stays, whatever its label.
    ///
    /// # Errors
    /// When the mapping is full, or the label does not fit. Nothing is appended then.
    pub fn write_placeholder(
        &mut self,
        label: &str,
        value: &str,
        output: &mut String,
    ) -> Result<(), MappingError> {
        let place = match self.places.get(value) {
            Some(place) => *place,
            None => self.add(label, value)?,
        };
        let entry = &self.log[place];
        self.style.write(&entry.label, entry.number, output);
        Ok(())
    }

    /// The place that its log has reached.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.log.len())
    }

    /// The entries that came after a mark, in their order.
    ///
    /// # Errors
    /// When the mark is another mapping's.
    pub fn changes_since(&self, mark: Mark) -> Result<Vec<Change>, MappingError> {
        let entries = self.log.get(mark.0..).ok_or(MappingError::MarkBeyondEnd {
            mark: mark.0,
            entries: self.log.len(),
        })?;
        Ok(entries
            .iter()
            .map(|entry| Change {
                label: entry.label.to_string(),
                number: entry.number,
                value: entry.value.to_string(),
            })
            .collect())
    }

    /// Takes the entries that another copy of this conversation's mapping gave, in their order. Those that are here already
    /// are passed over. Gives how many were new.
    ///
    /// # Errors
    /// When a number was given twice, a number is missing, or the mapping would be too full. Nothing is taken then.
    pub fn merge(&mut self, changes: &[Change]) -> Result<usize, MappingError> {
        let mut next: HashMap<&str, u32> = HashMap::new();
        let mut new: Vec<&Change> = Vec::new();
        for change in changes {
            let last = self.last_number(&change.label);
            let next = next.entry(&change.label).or_insert(last + 1);
            if change.number == *next {
                *next += 1;
                new.push(change);
                continue;
            }
            if self.value_of(&change.label, change.number) != Some(&change.value) {
                return Err(self.refused(change, *next - 1));
            }
        }
        let bytes = new.iter().map(|change| change.value.len()).sum();
        self.check_room(new.len(), bytes)?;
        for change in &new {
            if !is_label(&change.label) {
                return Err(label_error(&change.label));
            }
        }
        for change in &new {
            self.push(&change.label, &change.value);
        }
        Ok(new.len())
    }

    /// Everything, for keeping it somewhere.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: Snapshot::VERSION,
            style: self.style.clone(),
            entries: self.changes_since(Mark(0)).unwrap_or_default(),
        }
    }

    /// The mapping that was kept.
    ///
    /// # Errors
    /// When its version is unknown, it contradicts itself, or it is over the limits.
    pub fn from_snapshot(snapshot: Snapshot, limits: Limits) -> Result<Mapping, MappingError> {
        if snapshot.version != Snapshot::VERSION {
            return Err(MappingError::UnknownVersion {
                version: snapshot.version,
                known: Snapshot::VERSION,
            });
        }
        let mut mapping = Mapping::new(snapshot.style, limits);
        mapping.merge(&snapshot.entries)?;
        Ok(mapping)
    }

    /// What was issued so far.
    pub(crate) fn issued(&self) -> &Arc<IssuedNames> {
        &self.issued
    }

    /// Why a change cannot be taken whose label has got this far.
    fn refused(&self, change: &Change, last: u32) -> MappingError {
        let (label, number) = (change.label.clone(), change.number);
        if number > last {
            MappingError::NumberMissing {
                label,
                number,
                last,
            }
        } else {
            MappingError::NumberTwice { label, number }
        }
    }

    fn add(&mut self, label: &str, value: &str) -> Result<usize, MappingError> {
        if !is_label(label) {
            return Err(label_error(label));
        }
        self.check_room(1, value.len())?;
        Ok(self.push(label, value))
    }

    /// Whether so many entries of so many bytes together fit in.
    fn check_room(&self, entries: usize, bytes: usize) -> Result<(), MappingError> {
        // A number has no more digits than a placeholder is read with.
        let entries_max = self
            .limits
            .entries_max
            .min(10_usize.pow(NUMBER_DIGITS_MAX as u32) - 1);
        if self.log.len() + entries > entries_max {
            return Err(MappingError::TooManyEntries { entries_max });
        }
        if self.bytes.saturating_add(bytes) > self.limits.bytes_max {
            return Err(MappingError::TooManyBytes {
                bytes_max: self.limits.bytes_max,
            });
        }
        Ok(())
    }

    /// Gives a value the next number of its label.
    fn push(&mut self, label: &str, value: &str) -> usize {
        let value: Arc<str> = value.into();
        let issued = Arc::make_mut(&mut self.issued);
        issued.has_escaped |= !is_plain(&value);
        let index = match issued
            .labels
            .binary_search_by(|issued| (*issued.label).cmp(label))
        {
            Ok(index) => index,
            Err(index) => {
                issued.starts.add(label);
                issued.labels.insert(
                    index,
                    Issued {
                        label: label.into(),
                        values: Arc::default(),
                    },
                );
                index
            }
        };
        let issued = &mut issued.labels[index];
        let values = Arc::make_mut(&mut issued.values);
        values.push(Arc::clone(&value));
        let place = self.log.len();
        self.bytes += value.len();
        self.log.push(Entry {
            label: Arc::clone(&issued.label),
            number: u32::try_from(values.len()).unwrap_or(u32::MAX),
            value: Arc::clone(&value),
        });
        // A value that two copies gave different labels has two placeholders; the first is the one that is used on.
        self.places.entry(value).or_insert(place);
        place
    }

    fn values(&self, label: &str) -> &[Arc<str>] {
        let labels = &self.issued.labels;
        match labels.binary_search_by(|issued| (*issued.label).cmp(label)) {
            Ok(index) => &labels[index].values,
            Err(_) => &[],
        }
    }

    fn value_of(&self, label: &str, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.values(label).get(index).map(|value| &**value)
    }

    fn last_number(&self, label: &str) -> u32 {
        u32::try_from(self.values(label).len()).unwrap_or(u32::MAX)
    }
}

/// Shows how much there is, and no value.
impl fmt::Debug for Mapping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mapping")
            .field("style", &self.style)
            .field("entries", &self.log.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

fn label_error(label: &str) -> MappingError {
    match Labels::new([label]) {
        Err(error) => MappingError::Label(error),
        Ok(_) => MappingError::NumberTwice {
            label: label.to_owned(),
            number: 0,
        },
    }
}

#[cfg(test)]
mod tests;
