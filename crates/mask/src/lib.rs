//! Reversible masking of personal and secret data in what people send to language models.
//!
//! Pure: no I/O, no clock, no randomness, no threads. What needs those (stores of mappings, keys, limits) lies in the
//! gateway.

mod bounds;
mod entity;
mod find;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod json;
mod mapping;
mod masker;
mod named;
mod placeholder;
mod policy;
mod recognize;
mod restore;
mod rules;
mod score;
mod span;
pub mod sse;
pub mod wire;

pub use entity::{Entity, EntityFacts};
pub use find::{Finder, Note, NoteKind};
pub use mapping::{Change, Limits, Mapping, MappingError, Mark, Snapshot};
pub use masker::{
    AnswerScan, Counts, FieldMasker, Known, MaskError, Masked, MaskedSpan, Masker, Mode,
    RequestValues,
};
pub use named::{NamedEntities, NamedEntitiesError, NamedSpan};
pub use placeholder::{LabelError, Labels, Style, Tag, TagError};
pub use policy::{Action, Policy, PolicyError};
pub use recognize::RecognizerId;
pub use recognize::phone::{Regions, UnknownRegion};
pub use restore::{
    Encoding, FieldRestorer, FieldRestorers, RestoreCounts, Restored, Restorer, Vocabulary, restore,
};
pub use rules::{Dictionary, Examples, PatternRecognizer, Rules, RulesBuilder, RulesError};
pub use score::Score;
pub use span::Span;

#[cfg(test)]
mod tests;
