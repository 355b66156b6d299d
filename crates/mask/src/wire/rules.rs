//! How the events of an adapter are read: one enum, one place where it is decided.

use super::adapter::{WireOptions, table};
use super::anthropic;
use super::dify;
use super::error_event::ErrorForm;
use super::event_stream::Engine;
use super::openai::{self, chat_events, response_events};
use super::pointers;
use super::restoring::Unmasks;
use super::route::Fields;
use crate::json::{Document, FieldError, FieldTable};
use crate::sse::Frame;

/// The rules of a stream, shared by all streams of a route.
#[derive(Debug)]
pub struct EventRules {
    format: Format,
    /// The whole texts of events.
    whole: FieldTable,
    /// The pieces of texts, where they are named by rules.
    pieces: FieldTable,
}

/// Whose events they are.
#[derive(Clone, Copy, Debug)]
enum Format {
    Dify,
    Chat,
    Responses,
    Anthropic,
    Pointers,
}

impl EventRules {
    /// Dify's events.
    pub(super) fn dify() -> Result<EventRules, FieldError> {
        EventRules::new(Format::Dify, dify::events::EVENT)
    }

    /// Chunks of chats and completions.
    pub(super) fn chat() -> Result<EventRules, FieldError> {
        EventRules::new(Format::Chat, chat_events::EVENT)
    }

    /// Events of the responses API.
    pub(super) fn responses() -> Result<EventRules, FieldError> {
        EventRules::new(Format::Responses, openai::RESPONSE_EVENT)
    }

    /// Anthropic's events.
    pub(super) fn anthropic() -> Result<EventRules, FieldError> {
        EventRules::new(Format::Anthropic, anthropic::EVENT)
    }

    /// Events of which only pointers are known.
    pub(super) fn pointers(pieces: FieldTable, whole: FieldTable) -> EventRules {
        EventRules {
            format: Format::Pointers,
            whole,
            pieces,
        }
    }

    /// Events of a format with these whole texts.
    fn new(format: Format, whole: Fields) -> Result<EventRules, FieldError> {
        Ok(EventRules {
            format,
            whole: table(whole, &WireOptions::default())?,
            pieces: FieldTable::default(),
        })
    }

    /// How an error is told.
    pub(super) fn error_form(&self) -> ErrorForm {
        match self.format {
            Format::Dify => ErrorForm::Dify,
            Format::Chat => ErrorForm::Chat,
            Format::Responses => ErrorForm::Responses,
            Format::Anthropic => ErrorForm::Anthropic,
            Format::Pointers => ErrorForm::Other,
        }
    }

    /// Treats one event whose data is JSON.
    pub(super) fn event<U: Unmasks>(
        &self,
        engine: &mut Engine<U>,
        frame: &Frame<'_>,
        document: &Document<'_>,
        out: &mut Vec<u8>,
    ) {
        let whole = &self.whole;
        match self.format {
            Format::Dify => dify::events::event(whole, engine, frame, document, out),
            Format::Chat => chat_events::event(whole, engine, frame, document, out),
            Format::Responses => response_events::event(whole, engine, frame, document, out),
            Format::Anthropic => anthropic::events::event(whole, engine, frame, document, out),
            Format::Pointers => {
                pointers::event(&self.pieces, whole, engine, frame, document, out);
            }
        }
    }
}
