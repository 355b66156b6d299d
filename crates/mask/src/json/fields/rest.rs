//! What no rule of a table names, where that is text.
//!
//! A service takes more members than any table has: those of a newer version, of another vendor, or of nobody. Each of
//! their strings and names is text. What is certainly none is left: the names that the tables know, and strings that are
//! ids, types or roles by their name and by their look.

use std::collections::HashSet;

use super::{Above, Field, Step, Treatment};
use crate::json::document::{Kind, Value};

/// A longer id is text.
const ID_BYTES_MAX: usize = 256;

/// What is done with what no rule names.
#[derive(Clone, Debug, Default)]
pub(super) struct Rest {
    /// Names of members that are nobody's words.
    names: HashSet<Box<str>>,
}

impl Rest {
    /// Knows these names and those of all steps.
    pub(super) fn new<'s>(known: &[&str], steps: impl Iterator<Item = &'s Step>) -> Rest {
        let steps = steps.filter_map(|step| match step {
            Step::Key(name) | Step::When(name, _) => Some(name.clone()),
            _ => None,
        });
        Rest {
            names: known
                .iter()
                .map(|name| Box::from(*name))
                .chain(steps)
                .collect(),
        }
    }

    /// Whether the name of a member is one that the tables have.
    pub(super) fn knows(&self, key: Value<'_>) -> bool {
        self.names.contains(&*key.decoded().text)
    }

    /// Whether a string under this name is text.
    pub(super) fn is_text(&self, value: Value<'_>, name: &str) -> bool {
        let raw = value.raw();
        let is_id = name == "id" || name.ends_with("_id") || name.ends_with("_ids");
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:".contains(&byte);
        let is_sign = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let stays = match name {
            "type" | "role" => raw.bytes().all(is_word),
            _ => is_id && raw.len() <= ID_BYTES_MAX && raw.bytes().all(is_sign),
        };
        !stays && !raw.is_empty()
    }

    /// Visits a value that no rule names, with all that it holds.
    pub(super) fn visit<'d, E>(
        &self,
        value: Value<'d>,
        above: Above<'d>,
        found: &mut impl FnMut(Field<'d>) -> Result<(), E>,
    ) -> Result<(), E> {
        match value.kind() {
            Kind::Text if self.is_text(value, above.name) => {
                found(above.field(value, Treatment::Text))
            }
            Kind::Object | Kind::Array => {
                let is_object = value.kind() == Kind::Object;
                for (key, inner) in value.members() {
                    let above = above.of_inner(value, key);
                    if is_object && !self.knows(key) {
                        found(above.field(key, Treatment::FreeText))?;
                    }
                    self.visit(inner, above, found)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
