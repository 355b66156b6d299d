//! How the events of an adapter are read: one enum, one place where it is decided.

use super::adapter::{WireOptions, table};
use super::anthropic;
use super::dify;
use super::event_stream::Engine;
use super::openai::{self, chat_events, response_events};
use super::pointers;
use super::restoring::Unmasks;
use crate::json::{Document, FieldError, FieldTable};
use crate::sse::Frame;

/// The rules of a stream, shared by all streams of a route.
#[derive(Debug)]
pub struct EventRules(pub(super) Format);

/// Whose events they are.
#[derive(Debug)]
pub(super) enum Format {
    Dify(FieldTable),
    Chat(FieldTable),
    Responses(FieldTable),
    Anthropic(FieldTable),
    Pointers {
        deltas: FieldTable,
        whole: FieldTable,
    },
}

impl EventRules {
    /// Dify's events.
    pub(super) fn dify() -> Result<EventRules, FieldError> {
        let whole = table(dify::events::EVENT, &WireOptions::default())?;
        Ok(EventRules(Format::Dify(whole)))
    }

    /// Chunks of chats and completions.
    pub(super) fn chat() -> Result<EventRules, FieldError> {
        let whole = table(chat_events::EVENT, &WireOptions::default())?;
        Ok(EventRules(Format::Chat(whole)))
    }

    /// Events of the responses API.
    pub(super) fn responses() -> Result<EventRules, FieldError> {
        let whole = table(openai::RESPONSE_EVENT, &WireOptions::default())?;
        Ok(EventRules(Format::Responses(whole)))
    }

    /// Anthropic's events.
    pub(super) fn anthropic() -> Result<EventRules, FieldError> {
        let whole = table(anthropic::EVENT, &WireOptions::default())?;
        Ok(EventRules(Format::Anthropic(whole)))
    }

    /// Treats one event whose data is JSON.
    pub(super) fn event<U: Unmasks>(
        &self,
        engine: &mut Engine<U>,
        frame: &Frame<'_>,
        document: &Document<'_>,
        out: &mut Vec<u8>,
    ) {
        match &self.0 {
            Format::Dify(whole) => dify::events::event(whole, engine, frame, document, out),
            Format::Chat(whole) => chat_events::event(whole, engine, frame, document, out),
            Format::Responses(whole) => {
                response_events::event(whole, engine, frame, document, out);
            }
            Format::Anthropic(whole) => {
                anthropic::events::event(whole, engine, frame, document, out);
            }
            Format::Pointers { deltas, whole } => {
                pointers::event(deltas, whole, engine, frame, document, out);
            }
        }
    }
}
