//! Reversible masking of personal and secret data in what people send to language models.
//!
//! Pure: no I/O, no clock, no randomness, no threads. What needs those (stores of mappings, keys, limits) lies in the
//! gateway.

mod bounds;
mod entity;
mod find;
pub mod json;
mod recognize;
mod rules;
mod score;
mod span;
pub mod sse;
pub mod wire;

pub use entity::{Entity, EntityFacts};
pub use find::{Finder, Note, NoteKind};
pub use recognize::RecognizerId;
pub use rules::Rules;
pub use score::Score;
pub use span::Span;

#[cfg(test)]
mod tests;
