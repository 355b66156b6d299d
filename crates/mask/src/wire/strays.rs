//! What an answer holds beside the texts of its table, where all of it is to be looked through.
//!
//! A service may put text where no table expects it: into fields of a newer version, into names, into events that nobody
//! knows. Nothing is put back there. What is certainly no text of a model is left alone: ids, links, kinds, and long runs
//! of base64 such as sound and signatures.

use super::restoring::{Unmask, Unmasks};
use crate::json::{Document, Edits, Kind, Value};

/// Members that are ids, links, kinds or states, whatever the service: their strings are words of programs. With `_id` and
/// the like at their end: see [`is_of_program`].
const PROGRAMS: [&str; 21] = [
    "id",
    "ids",
    "object",
    "type",
    "event",
    "role",
    "model",
    "status",
    "url",
    "mime_type",
    "finish_reason",
    "stop_reason",
    "service_tier",
    "system_fingerprint",
    "signature",
    "transfer_method",
    "encrypted_content",
    "b64_json",
    "extension",
    "obfuscation",
    "from_variable_selector",
];
/// How the names of such members end.
const PROGRAM_ENDS: [&str; 6] = ["_id", "_ids", "_url", "_type", "_at", "_by"];
/// A string of base64 that is longer is sound, a picture, or a signature.
const CODED_BYTES_MIN: usize = 512;

/// Looks through every string and name whose place is not among those that were treated (where they begin, in the source).
/// Gives how many changed.
pub(super) fn look_through<U: Unmasks>(
    document: &Document<'_>,
    treated: &mut [usize],
    unmasks: &U,
    edits: &mut Edits,
) -> usize {
    if unmasks.stray().is_none() {
        return 0;
    }
    treated.sort_unstable();
    let mut strays = Strays {
        document,
        treated,
        unmasks,
        edits,
        changed: 0,
    };
    strays.value(document.root(), "");
    strays.changed
}

/// A whole text that no table names; `None` if it stays as it is.
pub(super) fn looked_through<U: Unmasks>(unmasks: &U, text: &str) -> Option<String> {
    let mut stray = unmasks.stray()?;
    let mut out = String::with_capacity(text.len());
    stray.push(text, &mut out);
    stray.finish(&mut out);
    (out != text).then_some(out)
}

struct Strays<'s, 'd, U> {
    document: &'s Document<'d>,
    treated: &'s [usize],
    unmasks: &'s U,
    edits: &'s mut Edits,
    changed: usize,
}

impl<U: Unmasks> Strays<'_, '_, U> {
    /// Looks through a value with all that it holds; `name` is the nearest name above it.
    fn value(&mut self, value: Value<'_>, name: &str) {
        if self.treated.binary_search(&value.range().start).is_ok() || name == "logprobs" {
            return;
        }
        match value.kind() {
            Kind::Text => self.text(value, name),
            Kind::Object => {
                for (key, inner) in value.members() {
                    if self.treated.binary_search(&key.range().start).is_err() {
                        self.text(key, "");
                    }
                    self.value(inner, key.raw());
                }
            }
            Kind::Array => value.elements().for_each(|inner| self.value(inner, name)),
            _ => {}
        }
    }

    fn text(&mut self, value: Value<'_>, name: &str) {
        let said = value.decoded();
        if said.text.is_empty() || is_of_program(name, &said.text) || is_coded(&said.text) {
            return;
        }
        if let Some(text) = looked_through(self.unmasks, &said.text) {
            self.edits.say(self.document, value, &text, said.has_lone);
            self.changed += 1;
        }
    }
}

/// The text of JSON that stands in a string is looked through as it stands there; what is written for programs is not.
fn is_of_program(name: &str, text: &str) -> bool {
    let is_named =
        PROGRAMS.contains(&name) || PROGRAM_ENDS.iter().any(|ending| name.ends_with(ending));
    is_named && !text.contains(|one: char| one.is_whitespace() || one == '@')
}

/// Whether a text is a long run of base64.
fn is_coded(text: &str) -> bool {
    text.len() >= CODED_BYTES_MIN
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
}
