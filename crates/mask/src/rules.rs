//! What is looked for: which recognizers are on, what scores they need, what is allowed.

use std::collections::HashSet;

use crate::entity::EntityFacts;
use crate::recognize::phone::Regions;
use crate::recognize::{self, Recognizer, RecognizerId};
use crate::{Entity, Score};

/// Compiled rules. [`Rules::default`] has every built-in recognizer on that needs no configuration.
#[derive(Clone)]
pub struct Rules {
    entities: Vec<EntityFacts>,
    recognizers: Vec<Recognizer>,
    is_on: Vec<bool>,
    thresholds: Vec<Score>,
    allowed: HashSet<String>,
    phone_regions: Regions,
}

impl Default for Rules {
    fn default() -> Self {
        let recognizers: Vec<Recognizer> = recognize::all();
        let entities: Vec<EntityFacts> = Entity::BUILT_IN
            .iter()
            .map(|(name, label, about)| EntityFacts {
                name: (*name).into(),
                label: (*label).into(),
                about: about.trim().into(),
            })
            .collect();
        Rules {
            is_on: vec![true; recognizers.len()],
            thresholds: vec![Score::THRESHOLD; entities.len()],
            allowed: HashSet::new(),
            phone_regions: Regions::default(),
            recognizers,
            entities,
        }
    }
}

impl Rules {
    /// How an entity is called. An entity of other rules has no facts here.
    #[must_use]
    pub fn entity_facts(&self, entity: Entity) -> Option<&EntityFacts> {
        self.entities.get(usize::from(entity.0))
    }

    /// The recognizers with their ids, those that are off as well.
    pub(crate) fn recognizers(&self) -> impl Iterator<Item = (RecognizerId, &Recognizer)> {
        (0..).map(RecognizerId).zip(&self.recognizers)
    }

    /// Whether a recognizer is on.
    pub(crate) fn is_on(&self, recognizer: RecognizerId) -> bool {
        self.is_on
            .get(usize::from(recognizer.0))
            .copied()
            .unwrap_or(false)
    }

    /// What a recognizer finds.
    pub(crate) fn entity_of(&self, recognizer: RecognizerId) -> Entity {
        self.recognizers[usize::from(recognizer.0)].entity
    }

    /// The score that an entity needs.
    pub(crate) fn threshold(&self, entity: Entity) -> Score {
        self.thresholds
            .get(usize::from(entity.0))
            .copied()
            .unwrap_or(Score::THRESHOLD)
    }

    /// Whether a value is never hidden.
    pub(crate) fn is_allowed(&self, value: &str) -> bool {
        !self.allowed.is_empty() && self.allowed.contains(value)
    }

    /// The regions whose national telephone numbers are looked for.
    #[must_use]
    pub fn phone_regions(&self) -> Regions {
        self.phone_regions
    }

    /// Looks for the national telephone numbers of these regions only.
    pub fn set_phone_regions(&mut self, regions: Regions) {
        self.phone_regions = regions;
    }
}
