//! How often what was done with which data.

use crate::masker::MaskedSpan;
use crate::{Action, Entity};

/// Counts by entity and action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the order of entity and action; never zero.
    counts: Vec<((Entity, Action), u64)>,
}

impl Counts {
    /// What was done with these spans.
    pub(crate) fn of<'s>(spans: impl IntoIterator<Item = &'s MaskedSpan>) -> Counts {
        let mut counts = Counts::default();
        for span in spans {
            counts.count(span.entity, span.action, 1);
        }
        counts
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Counts) {
        for ((entity, action), count) in &other.counts {
            self.count(*entity, *action, *count);
        }
    }

    /// How often this was done with this entity.
    #[must_use]
    pub fn of_entity(&self, entity: Entity, action: Action) -> u64 {
        self.counts
            .binary_search_by_key(&(entity, action), |(key, _)| *key)
            .map_or(0, |index| self.counts[index].1)
    }

    /// All counts that are not zero, in the order of entity and action.
    pub fn iter(&self) -> impl Iterator<Item = (Entity, Action, u64)> + '_ {
        self.counts
            .iter()
            .map(|((entity, action), count)| (*entity, *action, *count))
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn count(&mut self, entity: Entity, action: Action, count: u64) {
        let key = (entity, action);
        match self.counts.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(index) => self.counts[index].1 += count,
            Err(index) => self.counts.insert(index, (key, count)),
        }
    }
}
