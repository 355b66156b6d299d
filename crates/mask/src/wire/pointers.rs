//! Any service with JSON, of which only JSON pointers are known.
//!
//! A pointer is that of RFC 6901 with `*` for every member or element and `**` for any number of them. Every path and
//! method has the same fields, and a body that has none of them is not one that anybody knows. Names are masked where a pointer
//! ends in `*` or `**`. In a stream the n-th string that the pointers for pieces name in an event continues the
//! n-th one of the event before; what is left goes out before `[DONE]` or at the end.

use super::adapter::Wire;
use super::event_stream::{Engine, Piece};
use super::restoring::{Encoding, Unmasks};
use super::rules::EventRules;
use super::texts::Tail;
use crate::json::{Document, FieldError, FieldTable, Kind, Treatment, Value};
use crate::sse::Frame;

/// Where the text is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointerRules {
    /// Strings of requests that are masked.
    pub request: Vec<String>,
    /// Strings of requests that are left although a pointer of `request` fits.
    pub request_left: Vec<String>,
    /// Whole texts of answers and events that are restored.
    pub answer: Vec<String>,
    /// Strings of events that are pieces of a text.
    pub event_pieces: Vec<String>,
}

/// The table of these pointers.
pub(super) fn wire(rules: &PointerRules) -> Result<Wire, FieldError> {
    let build = |left: &[String], pointers: &[String], is_free: bool| {
        let mut builder = FieldTable::builder();
        for pointer in left {
            builder = builder.pointer(Treatment::Leave, pointer);
        }
        for pointer in pointers {
            // Where any member is text, nobody knows their names.
            let treatment = match is_free && pointer.ends_with('*') {
                true => Treatment::FreeText,
                false => Treatment::Text,
            };
            builder = builder.pointer(treatment, pointer);
        }
        builder.build()
    };
    let events = EventRules::pointers(
        build(&[], &rules.event_pieces, false)?,
        build(&rules.event_pieces, &rules.answer, true)?,
    );
    Wire::of_pointers(
        build(&rules.request_left, &rules.request, true)?.must_fit(),
        build(&[], &rules.answer, true)?,
        events,
    )
}

/// Treats one event.
pub(super) fn event<U: Unmasks>(
    deltas: &FieldTable,
    whole: &FieldTable,
    engine: &mut Engine<U>,
    frame: &Frame<'_>,
    document: &Document<'_>,
    out: &mut Vec<u8>,
) {
    let mut values: Vec<Value<'_>> = Vec::new();
    let visited: Result<(), std::convert::Infallible> = deltas.visit(document, |field| {
        if field.value.kind() == Kind::Text {
            values.push(field.value);
        }
        Ok(())
    });
    let Ok(()) = visited;
    let places: Vec<_> = values.iter().map(|value| value.range()).collect();
    for (number, value) in values.into_iter().enumerate() {
        let key = number.to_string();
        let piece = Piece {
            key: &key,
            encoding: Encoding::Text,
            value,
            document,
            frame,
            tail: Tail::Place {
                place: value.range(),
                others: places.clone(),
            },
            is_last: false,
        };
        engine.delta(piece, out);
    }
    engine.whole(whole, document);
    engine.emit(frame, document, out);
}
