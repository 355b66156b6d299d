//! What is looked for: which recognizers are on, what scores they need, what is allowed, and what a configuration adds.
//!
//! Rules are made by a [`RulesBuilder`], which reports everything that is wrong at once and runs the examples that come
//! with custom recognizers: rules whose own examples fail are never used.

mod allow;
mod builder;
mod custom;
mod error;

pub use builder::RulesBuilder;
pub use custom::{Dictionary, Examples, PatternRecognizer};
pub use error::RulesError;

pub(crate) use custom::Custom;

use std::borrow::Cow;

use crate::entity::EntityFacts;
use crate::named::Named;
use crate::recognize::phone::Regions;
use crate::recognize::{self, Recognizer, RecognizerId};
use crate::{Entity, Score};
use allow::AllowList;

/// Compiled rules. [`Rules::default`] has every built-in recognizer on, and no dictionary.
#[derive(Clone)]
pub struct Rules {
    entities: Vec<EntityFacts>,
    recognizers: Vec<RecognizerFacts>,
    is_on: Vec<bool>,
    thresholds: Vec<Score>,
    allowed: AllowList,
    custom: Custom,
    named: Option<Named>,
    phone_regions: Regions,
}

/// What is known of a recognizer, built-in or custom.
#[derive(Clone, Debug)]
pub(crate) struct RecognizerFacts {
    /// Its name.
    pub(crate) id: Cow<'static, str>,
    /// What it finds.
    pub(crate) entity: Entity,
    /// What raises its score nearby.
    pub(crate) context: Vec<Cow<'static, str>>,
    /// What lowers it.
    pub(crate) against: Vec<Cow<'static, str>>,
}

impl From<Recognizer> for RecognizerFacts {
    fn from(built_in: Recognizer) -> Self {
        let owned =
            |words: &'static [&'static str]| words.iter().copied().map(Cow::Borrowed).collect();
        RecognizerFacts {
            id: Cow::Borrowed(built_in.id),
            entity: built_in.entity,
            context: owned(built_in.context),
            against: owned(built_in.against),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        let recognizers: Vec<RecognizerFacts> =
            recognize::all().into_iter().map(Into::into).collect();
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
            allowed: AllowList::default(),
            custom: Custom::default(),
            named: None,
            phone_regions: Regions::default(),
            recognizers,
            entities,
        }
    }
}

impl Rules {
    /// Begins rules from the default ones.
    #[must_use]
    pub fn builder() -> RulesBuilder {
        RulesBuilder::new()
    }

    /// How an entity is called. An entity of other rules has no facts here.
    #[must_use]
    pub fn entity_facts(&self, entity: Entity) -> Option<&EntityFacts> {
        self.entities.get(usize::from(entity.0))
    }

    /// All entities of these rules with their facts: the built-in ones, then those of custom recognizers.
    pub fn entities(&self) -> impl Iterator<Item = (Entity, &EntityFacts)> {
        (0..).map(Entity).zip(&self.entities)
    }

    /// The entities that a word names: those with this name, or the one with this label, in any case. Empty when no entity
    /// is called so.
    #[must_use]
    pub fn entities_named(&self, word: &str) -> Vec<Entity> {
        self.entities()
            .filter(|(_, facts)| {
                facts.name.eq_ignore_ascii_case(word) || facts.label.eq_ignore_ascii_case(word)
            })
            .map(|(entity, _)| entity)
            .collect()
    }

    /// The name of a recognizer, as configuration and explanations have it. A recognizer of other rules has none here.
    #[must_use]
    pub fn recognizer_name(&self, recognizer: RecognizerId) -> Option<&str> {
        self.recognizers
            .get(usize::from(recognizer.0))
            .map(|facts| facts.id.as_ref())
    }

    /// The names of all recognizers with what they find, and whether they are on.
    pub fn recognizer_names(&self) -> impl Iterator<Item = (&str, Entity, bool)> {
        self.recognizers
            .iter()
            .zip(&self.is_on)
            .map(|(facts, is_on)| (facts.id.as_ref(), facts.entity, *is_on))
    }

    /// The recognizers with their ids, those that are off as well.
    pub(crate) fn recognizers(&self) -> impl Iterator<Item = (RecognizerId, &RecognizerFacts)> {
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
    #[must_use]
    pub fn threshold(&self, entity: Entity) -> Score {
        self.thresholds
            .get(usize::from(entity.0))
            .copied()
            .unwrap_or(Score::THRESHOLD)
    }

    /// Whether a value is never hidden.
    pub(crate) fn is_allowed(&self, value: &str) -> bool {
        self.allowed.has(value)
    }

    /// What the configuration added.
    pub(crate) fn custom(&self) -> &Custom {
        &self.custom
    }

    /// The model that is to be asked: there is one, and something that it knows is looked for.
    pub(crate) fn named(&self) -> Option<&Named> {
        let named = self.named.as_ref()?;
        let mut recognizers = named.recognizers.iter();
        recognizers
            .any(|(_, recognizer)| self.is_on(*recognizer))
            .then_some(named)
    }

    /// Whether texts are read by a model, which takes long.
    #[must_use]
    pub fn asks_a_model(&self) -> bool {
        self.named().is_some()
    }

    /// The regions whose national telephone numbers are looked for.
    #[must_use]
    pub fn phone_regions(&self) -> Regions {
        self.phone_regions
    }
}

#[cfg(test)]
mod tests;
