//! An answer that comes as events, restored while it passes.
//!
//! Bytes go in as they come, bytes come out at once, but for what may still become a placeholder. Each text of the
//! answer (each choice, branch, tool call) has a restorer of its own. An event whose text is held back wholly goes out
//! with an empty text, so that its ids and the cadence stay. What is left at the end of a text goes out in an event
//! like the last one with a piece of it, before whatever ends the text.
//!
//! Data that is no JSON passes as it is and is counted: it can hold nothing that the client did not send itself or that
//! the model made up, and a stream that breaks off helps nobody. Where all of an answer is to be looked through
//! ([`Unmasks::stray`]), so are such data, fields that no rule names, the names of events, and comments.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::error_event::{self, StreamError};
use super::restoring::{Encoding, Unmask, Unmasks, restore_fields};
use super::rules::EventRules;
use super::strays;
use super::texts::{Tail, Texts};
use crate::json::{Document, Edits, FieldTable, JsonLimits, Style, Value, encode};
use crate::sse::{Frame, FrameKind, SseError, SseParser};

/// One answer on its way to the client.
pub struct EventStream<U: Unmasks> {
    parser: SseParser,
    engine: Engine<U>,
}

/// What passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Events, without those that were added.
    pub events: u64,
    /// Events in which something changed.
    pub changed: u64,
    /// Events that were added for what was left of a text.
    pub added: u64,
    /// Events that passed unread because their data is no JSON.
    pub unread: u64,
}

/// What the server called the exchange, from the first event that says so. All empty for services without such ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifiers {
    /// The conversation, which the server may have just begun.
    pub conversation_id: Option<String>,
    /// The message, which is how `suggested` and `feedbacks` name it later.
    pub message_id: Option<String>,
    /// The run of a workflow.
    pub workflow_run_id: Option<String>,
    /// The task, which is how the client stops it.
    pub task_id: Option<String>,
    /// The response of OpenAI's responses API, which is how the next one names it.
    pub response_id: Option<String>,
}

impl Identifiers {
    /// The ids in a response of OpenAI's responses API; none if it is something else.
    #[must_use]
    pub fn of_response(response: Value<'_>) -> Identifiers {
        let mut identifiers = Identifiers::default();
        identifiers.note_response(response);
        identifiers
    }

    fn note_response(&mut self, response: Value<'_>) {
        if response.get("object").and_then(Value::as_str).as_deref() != Some("response") {
            return;
        }
        let conversation = response.get("conversation");
        let [response_id, conversation_id] = [Some(response), conversation].map(|named| {
            let id = named?.get("id")?.as_str()?;
            Some(id.into_owned())
        });
        self.response_id = response_id;
        self.conversation_id = conversation_id;
    }
}

/// The state of a stream behind the parser.
pub(super) struct Engine<U: Unmasks> {
    rules: Arc<EventRules>,
    unmasks: U,
    pub(super) texts: Texts<U::Text>,
    pub(super) edits: Edits,
    pub(super) held: Option<Held>,
    pub(super) identifiers: Identifiers,
    /// The number of the event under way, in streams that number their events.
    pub(super) number: Option<u64>,
    /// Where in the event under way the strings begin that were treated.
    treated: Vec<usize>,
    counts: EventCounts,
    /// What a piece becomes; kept for its memory.
    piece: String,
    /// The data of a changed event; kept for its memory.
    data: Vec<u8>,
}

/// An event that waits because what its text ends with may still become a placeholder, in streams that number their
/// events and so can have none added.
pub(super) struct Held {
    /// The text it has a piece of.
    pub(super) key: String,
    /// The event as it came.
    pub(super) frame: Vec<u8>,
    /// The piece as it goes out.
    pub(super) piece: String,
}

impl<U: Unmasks> EventStream<U> {
    /// The stream of one answer, with what knows the originals of its conversation.
    #[must_use]
    pub fn new(rules: &Arc<EventRules>, unmasks: U) -> EventStream<U> {
        EventStream {
            parser: SseParser::default(),
            engine: Engine {
                rules: Arc::clone(rules),
                unmasks,
                texts: Texts::new(),
                edits: Edits::default(),
                held: None,
                identifiers: Identifiers::default(),
                number: None,
                treated: Vec::new(),
                counts: EventCounts::default(),
                piece: String::new(),
                data: Vec::new(),
            },
        }
    }

    /// Takes bytes of the answer and writes what can go to the client. When nothing more may go on ([`Unmasks::is_over`]),
    /// that is everything up to the event that said so.
    ///
    /// # Errors
    /// When an event has too many bytes. The stream cannot go on then.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SseError> {
        self.parser.push(bytes);
        while !self.engine.unmasks.is_over()
            && let Some(frame) = self.parser.next_frame()?
        {
            let before = out.len();
            self.engine.frame(&frame, out);
            if self.engine.unmasks.is_over() {
                out.truncate(before);
            }
        }
        Ok(())
    }

    /// Writes what is left: the answer has ended, or broken off.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.engine.unmasks.is_over() {
            return;
        }
        let before = out.len();
        if let Some(frame) = self.parser.finish() {
            self.engine.unfinished(&frame, out);
        }
        self.engine.end(out);
        if self.engine.unmasks.is_over() {
            out.truncate(before);
        }
    }

    /// Writes the event that tells the client why the stream does not go on, in the form of its protocol.
    pub fn fail(&self, error: StreamError<'_>, out: &mut Vec<u8>) {
        let engine = &self.engine;
        let told = (&engine.identifiers, engine.number);
        error_event::write(engine.rules.error_form(), error, told, out);
    }

    /// What passed so far.
    #[must_use]
    pub fn counts(&self) -> EventCounts {
        self.engine.counts
    }

    /// What the server called the exchange, as far as it has said.
    #[must_use]
    pub fn identifiers(&self) -> &Identifiers {
        &self.engine.identifiers
    }
}

impl<U: Unmasks> Engine<U> {
    /// Treats a complete frame.
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        if frame.kind() != FrameKind::Event {
            self.unread(frame, out);
            return;
        }
        self.counts.events += 1;
        if frame.data().is_some() && self.is_to_be_bared(frame) {
            let mut bare = Vec::new();
            frame.write_data_alone(&mut bare);
            self.event(&Frame::of_event(&bare), out);
            return;
        }
        self.event(frame, out);
    }

    /// Treats a complete event.
    fn event(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let Some(data) = frame.data() else {
            self.unread(frame, out);
            return;
        };
        if data.trim_ascii() == b"[DONE]" {
            self.end(out);
            out.extend_from_slice(frame.bytes());
            return;
        }
        match Document::read(&data, JsonLimits::default()) {
            Ok(document) => {
                let rules = Arc::clone(&self.rules);
                rules.event(self, frame, &document, out);
            }
            Err(_) => {
                self.counts.unread += u64::from(self.unmasks.stray().is_none());
                self.unread(frame, out);
            }
        }
    }

    /// Whether the fields of an event beside its data hold what must not go on.
    fn is_to_be_bared(&self, frame: &Frame<'_>) -> bool {
        if self.unmasks.stray().is_none() {
            return false;
        }
        let besides = frame.besides_data();
        let said = String::from_utf8_lossy(&besides);
        !said.is_empty() && strays::looked_through(&self.unmasks, &said).is_some()
    }

    /// Writes what is no event with JSON: as it is, or looked through as text.
    fn unread(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        if self.unmasks.stray().is_none() || frame.bytes().len() < 3 {
            out.extend_from_slice(frame.bytes());
            return;
        }
        let data = frame.data();
        let is_data = data.is_some();
        let text = data.unwrap_or_else(|| frame.bytes().into());
        let Ok(said) = std::str::from_utf8(&text) else {
            self.unmasks.cannot_read();
            out.extend_from_slice(frame.bytes());
            return;
        };
        match strays::looked_through(&self.unmasks, said) {
            None => out.extend_from_slice(frame.bytes()),
            Some(text) if is_data => frame.write_with_data(text.as_bytes(), out),
            Some(text) => out.extend_from_slice(text.as_bytes()),
        }
    }

    /// Treats what has no end: an event that lacks only its empty line is completed, others pass behind the tails.
    fn unfinished(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let data = frame.data().unwrap_or_default();
        match Document::read(&data, JsonLimits::default()) {
            Ok(document) => {
                self.counts.events += 1;
                let rules = Arc::clone(&self.rules);
                rules.event(self, frame, &document, out);
                let mut tails = Vec::new();
                self.end(&mut tails);
                if !tails.is_empty() {
                    out.extend_from_slice(b"\n\n");
                    out.append(&mut tails);
                }
            }
            Err(_) => {
                self.end(out);
                self.unread(frame, out);
            }
        }
    }

    /// Ends all texts.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.end_held(out);
        self.flush(|_| true, out);
    }

    /// Restores a piece of a text. Gives whether it changed; the change is among the edits. With `is_last` the text
    /// ends with this piece.
    pub(super) fn delta(&mut self, piece: Piece<'_, '_>, out: &mut Vec<u8>) -> bool {
        let said = piece.value.decoded();
        self.treated.push(piece.value.range().start);
        let unmasks = &self.unmasks;
        let (text, oldest) = self.texts.entry(piece.key, || unmasks.text(piece.encoding));
        self.piece.clear();
        text.restorer.push(&said.text, &mut self.piece);
        if piece.is_last {
            text.restorer.finish(&mut self.piece);
        } else if text.restorer.is_holding() {
            text.frame.clear();
            text.frame.extend_from_slice(piece.frame.bytes());
            text.tail = piece.tail;
        }
        let is_changed = self.piece != said.text;
        if is_changed {
            self.edits
                .say(piece.document, piece.value, &self.piece, said.has_lone);
        }
        if piece.is_last {
            self.texts.take(|key| key == piece.key);
        }
        if let Some(mut text) = oldest {
            let mut tail = String::new();
            text.restorer.finish(&mut tail);
            self.add_tail(&text.frame, &text.tail, &tail, out);
        }
        is_changed
    }

    /// What a piece becomes, and whether something of it is held back; nothing is written.
    pub(super) fn piece(&mut self, key: &str, encoding: Encoding, text: &str) -> (String, bool) {
        let unmasks = &self.unmasks;
        let (known, _) = self.texts.entry(key, || unmasks.text(encoding));
        let mut out = String::new();
        known.restorer.push(text, &mut out);
        let is_holding = known.restorer.is_holding();
        (out, is_holding)
    }

    /// Ends a text and gives what was left of it.
    pub(super) fn tail(&mut self, key: &str) -> String {
        let mut tail = String::new();
        for mut text in self.texts.take(|known| known == key) {
            text.restorer.finish(&mut tail);
        }
        tail
    }

    /// Restores the whole texts of an event.
    pub(super) fn whole(&mut self, table: &FieldTable, document: &Document<'_>) {
        let told = (&mut self.edits, &mut self.treated);
        restore_fields(document, table, &self.unmasks, told);
    }

    /// Writes an event with the edits that were made, and forgets them. The rest of it is looked through if somebody wants
    /// that.
    pub(super) fn emit(&mut self, frame: &Frame<'_>, document: &Document<'_>, out: &mut Vec<u8>) {
        let treated = &mut self.treated;
        strays::look_through(document, treated, &self.unmasks, &mut self.edits);
        treated.clear();
        if self.edits.is_empty() {
            out.extend_from_slice(frame.bytes());
            return;
        }
        self.counts.changed += 1;
        self.data.clear();
        self.edits.apply(document.source(), &mut self.data);
        self.edits.clear();
        frame.write_with_data(&self.data, out);
    }

    /// Ends the texts whose key fits, and writes what was left of them.
    pub(super) fn flush(&mut self, fits: impl Fn(&str) -> bool, out: &mut Vec<u8>) {
        for mut text in self.texts.take(fits) {
            let mut tail = String::new();
            text.restorer.finish(&mut tail);
            self.add_tail(&text.frame, &text.tail, &tail, out);
        }
    }

    /// Forgets the texts whose key fits, with what was left of them: something else takes their place.
    pub(super) fn forget(&mut self, fits: impl Fn(&str) -> bool) {
        self.texts.take(fits);
    }

    /// Writes the event that waits, as it is known now.
    pub(super) fn release_held(&mut self, out: &mut Vec<u8>) {
        let Some(held) = self.held.take() else {
            return;
        };
        let frame = Frame::of_event(&held.frame);
        let data = frame.data().unwrap_or_default();
        match Document::read(&data, JsonLimits::default()) {
            Ok(document) => {
                if let Some(value) = document.root().get("delta") {
                    self.say_delta(&document, value, &held.piece);
                }
                self.emit(&frame, &document, out);
            }
            Err(_) => out.extend_from_slice(frame.bytes()),
        }
    }

    /// Lets the `delta` of an event say this piece; its probabilities go when that is a change.
    pub(super) fn say_delta(&mut self, document: &Document<'_>, value: Value<'_>, piece: &str) {
        let said = value.decoded();
        self.treated.push(value.range().start);
        if said.text == piece {
            return;
        }
        self.edits.say(document, value, piece, said.has_lone);
        if let Some(logprobs) = document.root().get("logprobs")
            && !logprobs.is_null()
        {
            super::restoring::drop_value(logprobs, &mut self.edits);
        }
    }

    /// Ends the text of the event that waits, and writes it.
    pub(super) fn end_held(&mut self, out: &mut Vec<u8>) {
        if let Some(mut held) = self.held.take() {
            held.piece.push_str(&self.tail(&held.key));
            self.held = Some(held);
            self.release_held(out);
        }
    }

    /// Notes what the server calls the exchange.
    pub(super) fn identify(&mut self, root: Value<'_>) {
        let identifiers = &mut self.identifiers;
        for (name, place) in [
            ("conversation_id", &mut identifiers.conversation_id),
            ("message_id", &mut identifiers.message_id),
            ("workflow_run_id", &mut identifiers.workflow_run_id),
            ("task_id", &mut identifiers.task_id),
        ] {
            if place.is_none() {
                let value = root.get(name).and_then(Value::as_str);
                *place = value.map(Cow::into_owned);
            }
        }
    }

    /// Notes what OpenAI's responses API calls a response.
    pub(super) fn identify_response(&mut self, response: Value<'_>) {
        if self.identifiers.response_id.is_none() {
            self.identifiers.note_response(response);
        }
    }

    /// Writes an event for what was left of a text, like the last one with a piece of it.
    fn add_tail(&mut self, like: &[u8], place: &Tail, tail: &str, out: &mut Vec<u8>) {
        if tail.is_empty() {
            return;
        }
        let frame = Frame::of_event(like);
        let Some(data) = frame.data() else {
            return;
        };
        let mut edits = Edits::default();
        let style = Style {
            is_ascii: data.is_ascii(),
            has_lone: false,
        };
        let (mut written, mut treated) = (Vec::new(), Vec::new());
        let Ok(document) = Document::read(&data, JsonLimits::default()) else {
            return;
        };
        match place {
            Tail::Place { place, others } => {
                encode(tail, style, &mut written);
                edits.put(place.clone(), &written);
                treated.push(place.start);
                treated.extend(others.iter().map(|other| other.start));
                for other in others.iter().filter(|other| *other != place) {
                    edits.put(other.clone(), b"");
                }
            }
            Tail::Choice { before, after } => {
                written.extend_from_slice(before.as_bytes());
                encode(tail, style, &mut written);
                written.extend_from_slice(after.as_bytes());
                let Some(choices) = document.root().get("choices") else {
                    return;
                };
                edits.put(choices.range(), &written);
                treated.push(choices.range().start);
            }
        }
        strays::look_through(&document, &mut treated, &self.unmasks, &mut edits);
        let mut json = Vec::new();
        edits.apply(document.source(), &mut json);
        frame.write_another(&json, out);
        self.counts.added += 1;
    }
}

/// A piece of a text within an event.
pub(super) struct Piece<'e, 'f> {
    /// Which text it belongs to.
    pub(super) key: &'e str,
    pub(super) encoding: Encoding,
    pub(super) value: Value<'e>,
    pub(super) document: &'e Document<'e>,
    pub(super) frame: &'e Frame<'f>,
    /// Where the rest of the text goes.
    pub(super) tail: Tail,
    /// Whether the text ends with this piece.
    pub(super) is_last: bool,
}

/// A tail that goes into the same string.
pub(super) fn same_place(place: Range<usize>) -> Tail {
    Tail::Place {
        place,
        others: Vec::new(),
    }
}
