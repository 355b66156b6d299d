//! The place of a model that knows names by what is said around them.
//!
//! A name of a person has no check digit and no sign that announces it, so what finds it beside a dictionary is a model.
//! Models are large and need files and much computing, which is not for this crate: whoever has one hands it in, and
//! its names are offered like the candidates of any recognizer. They need the score of their entity, may be allowed, and
//! may overlap with others. A name within something that was found without the model, such as the `jo` of an e-mail
//! address, is not offered: it is hidden with what it is a part of, under the name of that.
//!
//! A model that fails leaves its text unread, so it is an error and nothing of the text may be sent on.

use std::sync::Arc;

use crate::find::Offers;
use crate::recognize::RecognizerId;
use crate::{Entity, Score};

/// The recognizers of a model. All are there whatever a model knows, so that settings that name them fit every model.
pub(crate) const RECOGNIZERS: &[(Entity, &str)] = &[
    (Entity::PERSON, "person_by_model"),
    (Entity::ORGANIZATION, "organization_by_model"),
    (Entity::LOCATION, "location_by_model"),
];

/// What finds names in texts. It is asked by many threads at once, and for one text at a time.
pub trait NamedEntities: Send + Sync {
    /// The names in a text, from left to right and without overlaps. It may take long: milliseconds for each line.
    ///
    /// # Errors
    /// The text could not be looked into as a whole.
    fn find(&self, text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError>;
}

/// A name in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedSpan {
    /// Where it begins, in bytes; between two characters.
    pub start: usize,
    /// Where it ends, in bytes, exclusive; between two characters.
    pub end: usize,
    /// What it is: [`Entity::PERSON`], [`Entity::ORGANIZATION`] or [`Entity::LOCATION`].
    pub entity: Entity,
    /// How sure the model is.
    pub score: Score,
}

/// Why a model could not look into a text. The words quote nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the named-entity model could not look into the text: {why}")]
pub struct NamedEntitiesError {
    /// What happened.
    pub why: String,
}

impl NamedEntitiesError {
    fn of(why: &str) -> NamedEntitiesError {
        NamedEntitiesError {
            why: why.to_owned(),
        }
    }
}

/// A model as rules have it.
#[derive(Clone)]
pub(crate) struct Named {
    model: Arc<dyn NamedEntities>,
    /// What names are, and the recognizer that stands for each.
    pub(crate) recognizers: Vec<(Entity, RecognizerId)>,
    /// The most bytes of text for one request.
    pub(crate) text_bytes_max: usize,
}

impl Named {
    /// A model whose recognizers are these.
    pub(crate) fn new(
        model: Arc<dyn NamedEntities>,
        recognizers: Vec<(Entity, RecognizerId)>,
        text_bytes_max: usize,
    ) -> Named {
        Named {
            model,
            recognizers,
            text_bytes_max,
        }
    }

    /// Offers the names of the text.
    pub(crate) fn find(
        &self,
        text: &str,
        offers: &mut Offers<'_>,
    ) -> Result<(), NamedEntitiesError> {
        // What has no letter has no name, and most such texts are numbers and ids.
        if !text.chars().any(char::is_alphabetic) {
            return Ok(());
        }
        let mut found = Vec::new();
        let mut from = 0;
        for span in self.model.find(text)? {
            let is_in_order = from <= span.start && span.start < span.end;
            if !is_in_order || text.get(span.start..span.end).is_none() {
                return Err(NamedEntitiesError::of("it named a place that is none"));
            }
            from = span.end;
            let known = self.recognizers.iter();
            let recognizer = known
                .copied()
                .find(|(entity, _)| *entity == span.entity)
                .map(|(_, recognizer)| recognizer)
                .ok_or_else(|| NamedEntitiesError::of("it found what is no name"))?;
            if !offers.holds(span.start..span.end) {
                found.push((recognizer, span));
            }
        }
        for (recognizer, span) in found {
            offers.offer(recognizer, span.start..span.end, span.score);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
