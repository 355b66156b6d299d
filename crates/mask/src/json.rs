//! JSON as it travels: read strictly, changed only where a string is replaced.
//!
//! A [`Document`] is the list of a text's values with their places in the source. Nothing is converted: numbers keep
//! their spelling, objects their order and their duplicate keys, strings their escapes, and white space stays. [`Edits`]
//! replace single values by splicing, so that everything else passes byte for byte. [`FieldTable`] says which strings of
//! a document are text.
//!
//! What is not JSON (RFC 8259) is an error: nobody can say where the text of such a body is. Errors name the kind and
//! the place, never the content.
//!
//! A lone surrogate (`\ud83d` without its other half), which Python and JavaScript write when a text was cut within a
//! character, has no place in a Rust string. It is carried through a rewrite as a character of the last private-use
//! plane and written as the same escape again; see [`Decoded`].

mod document;
mod edits;
mod error;
mod fields;
mod reader;
mod string;

pub use document::{Document, Kind, Members, Value};
pub use edits::Edits;
pub use error::{JsonError, JsonErrorKind};
pub use fields::{Field, FieldError, FieldTable, FieldTableBuilder, Treatment};
pub use reader::JsonLimits;
pub use string::{Decoded, Style, decode, encode};

#[cfg(test)]
mod tests;
