//! What puts the originals back into a text, and how whole texts are given to it.

use super::file;
use crate::json::{Document, Edits, FieldTable, JsonLimits, Kind, Treatment, Value};

/// How the text is written into which an original goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Text,
    /// The text is JSON itself, and placeholders stand within its strings: originals are escaped for it.
    JsonText,
}

/// One text that comes in pieces and goes out restored. The pieces that go out, joined, are the same for every way of
/// cutting the text.
pub trait Unmask {
    /// Takes a piece and writes what is settled.
    fn push(&mut self, piece: &str, out: &mut String);
    /// Writes what was held back; the text has ended.
    fn finish(&mut self, out: &mut String);
    /// Whether something is held back.
    fn is_holding(&self) -> bool;
}

/// Knows the originals of one conversation.
pub trait Unmasks {
    /// A text being restored.
    type Text: Unmask;

    /// A new text at its beginning.
    fn text(&self, encoding: Encoding) -> Self::Text;

    /// A text that no table names, at its beginning. It comes in one piece; nothing is put back into it. `None`, the usual
    /// case: nobody looks through such texts.
    fn stray(&self) -> Option<Self::Text> {
        None
    }

    /// Something came that cannot be looked through.
    fn cannot_read(&self) {}

    /// Whether nothing more of the answer may go on.
    fn is_over(&self) -> bool {
        false
    }
}

/// A whole text restored, or none when nothing changes.
pub(super) fn restored<U: Unmasks>(unmasks: &U, encoding: Encoding, text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut restorer = unmasks.text(encoding);
    restorer.push(text, &mut out);
    restorer.finish(&mut out);
    (out != text).then_some(out)
}

/// Restores every text that the table names; gives how many changed. Where they begin is added to `treated`.
pub(super) fn restore_fields<U: Unmasks>(
    document: &Document<'_>,
    table: &FieldTable,
    unmasks: &U,
    (edits, treated): (&mut Edits, &mut Vec<usize>),
) -> usize {
    let mut changed = 0;
    let mut dropped: Vec<Value<'_>> = Vec::new();
    let visited: Result<(), std::convert::Infallible> = table.visit(document, |field| {
        treated.push(field.value.range().start);
        if field.treatment == Treatment::DropIfChanged {
            dropped.push(field.value);
            return Ok(());
        }
        let is_text = file::Place::of(field.treatment).is_none();
        if is_text && matches!(field.value.kind(), Kind::Text | Kind::Key) {
            let said = field.value.decoded();
            let encoding = encoding_of(field.treatment, field.value.kind(), &said.text);
            if let Some(text) = restored(unmasks, encoding, &said.text) {
                edits.say(document, field.value, &text, said.has_lone);
                changed += 1;
            }
        }
        Ok(())
    });
    let Ok(()) = visited;
    if changed > 0 {
        for value in dropped {
            drop_value(value, edits);
        }
    }
    changed
}

/// Empties a list, which clients may rely on to be one, and puts `null` in the place of everything else.
pub(super) fn drop_value(value: Value<'_>, edits: &mut Edits) {
    let quotes = usize::from(value.kind() == Kind::Text);
    let range = value.range();
    let nothing: &[u8] = match value.kind() {
        Kind::Null => return,
        Kind::Array if value.elements().next().is_none() => return,
        Kind::Array => b"[]",
        _ => b"null",
    };
    edits.put(range.start - quotes..range.end + quotes, nothing);
}

/// How a text is written, by its rule and, where that says so, by looking at it.
fn encoding_of(treatment: Treatment, kind: Kind, text: &str) -> Encoding {
    let is_json = match treatment {
        Treatment::JsonText => true,
        Treatment::MaybeJson => holds_json(text),
        _ => false,
    };
    if is_json && kind == Kind::Text {
        Encoding::JsonText
    } else {
        Encoding::Text
    }
}

/// Whether a text is a JSON object or array.
pub(super) fn holds_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && Document::read(text.as_bytes(), JsonLimits::default()).is_ok()
}
