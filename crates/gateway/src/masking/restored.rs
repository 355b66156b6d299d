//! An answer's body on its way to the client, with its values.
//!
//! Events pass as they come: nothing waits but what may still become a placeholder, and the event that first tells a new id,
//! until the mapping is kept under that id. So whoever has read an id finds its conversation.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use portcullis_mask::wire::{EventStream, Identifiers, StreamError};
use tokio::task::JoinHandle;

use super::coding::Decoder;
use super::{LeakRestorers, MaskingCounters, MaskingRefusal, Session};
use crate::access_log::line::MaskingSummary;
use crate::body::{ArmBody, BodyError};
use crate::clock;
use crate::connection::ConnectionState;
use crate::observe::Observed;

/// An arm's answer that is changed on its way.
pub(crate) struct RestoredBody {
    arm: Box<ArmBody>,
    /// `None` passes everything as it is.
    events: Option<Events>,
    /// What goes to the client next.
    out: VecDeque<Result<Frame<Bytes>, BodyError>>,
    /// Has to be done before anything goes to the client.
    saving: Option<JoinHandle<bool>>,
    is_over: bool,
    has_failed: bool,
    /// Whoever sends what was let go has had the time to do it.
    has_paused: bool,
    state: Rc<ConnectionState>,
    observed: Rc<Observed>,
}

/// Events that are restored.
pub(crate) struct Events {
    /// Undoes the coding of an answer that is coded.
    decoder: Option<Decoder>,
    /// Restores them.
    pub(crate) stream: EventStream<LeakRestorers>,
    /// What it restores with, for its counts.
    pub(crate) restorers: LeakRestorers,
    /// The mapping of the request.
    pub(crate) session: Session,
    /// Which worker's counters.
    pub(crate) worker: usize,
    ids: Identifiers,
    took_us: u64,
}

impl Events {
    /// Events that begin.
    pub(crate) fn new(
        (stream, decoder): (EventStream<LeakRestorers>, Option<Decoder>),
        restorers: LeakRestorers,
        session: Session,
        worker: usize,
    ) -> Events {
        Events {
            decoder,
            stream,
            restorers,
            session,
            worker,
            ids: Identifiers::default(),
            took_us: 0,
        }
    }

    fn counters(&self) -> &Arc<MaskingCounters> {
        &self.session.profile().counters
    }

    /// Restores a piece; whether it could be read.
    fn push(&mut self, data: &[u8], text: &mut Vec<u8>) -> bool {
        let Some(decoder) = &mut self.decoder else {
            return self.stream.push(data, text).is_ok();
        };
        let mut plain = Vec::with_capacity(data.len() * 2);
        let decoded = decoder.push(data, &mut plain);
        self.stream.push(&plain, text).is_ok() && decoded.is_ok()
    }

    /// Keeps the mapping under ids that are new.
    fn save(&mut self) -> Option<JoinHandle<bool>> {
        if *self.stream.identifiers() == self.ids {
            return None;
        }
        self.ids = self.stream.identifiers().clone();
        self.session.bind(&self.ids)
    }
}

impl RestoredBody {
    /// An arm's answer whose events are restored, or one that passes as it is behind a beginning that was read already.
    pub(crate) fn new(
        mut arm: Box<ArmBody>,
        events: Option<Events>,
        beginning: Bytes,
        (state, observed): (Rc<ConnectionState>, Rc<Observed>),
    ) -> RestoredBody {
        arm.stand_behind();
        let mut out = VecDeque::new();
        if !beginning.is_empty() {
            out.push_back(Ok(Frame::data(beginning)));
        }
        RestoredBody {
            arm,
            events,
            out,
            saving: None,
            is_over: false,
            has_failed: false,
            has_paused: false,
            state,
            observed,
        }
    }

    /// Whether everything was given away.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.is_over && self.out.is_empty() && self.saving.is_none()
    }

    /// The next frame for the client.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(saving) = &mut self.saving {
                let is_kept = matches!(ready!(Pin::new(saving).poll(cx)), Ok(true));
                self.saving = None;
                if let Some(events) = self.events.as_ref().filter(|_| !is_kept) {
                    let block = events.counters().block(events.worker);
                    block.unbound.fetch_add(1, Relaxed);
                }
            }
            if let Some(Err(_)) = self.out.front()
                && !std::mem::replace(&mut self.has_paused, true)
            {
                // An error that comes at once behind data makes the connection throw the data away.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(next) = self.out.pop_front() {
                self.state.enter_client_read();
                if let Ok(frame) = &next {
                    self.observed
                        .bytes_out(frame.data_ref().map_or(0, Bytes::len));
                }
                if self.is_end_stream() && !self.has_failed {
                    self.observed.complete();
                }
                return Poll::Ready(Some(next));
            }
            if self.is_over {
                if !self.has_failed {
                    self.observed.complete();
                }
                return Poll::Ready(None);
            }
            match ready!(Pin::new(self.arm.as_mut()).poll_frame(cx)) {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(error)) => {
                    self.end();
                    self.fail(error);
                }
                None => {
                    self.end();
                    self.is_over = true;
                }
            }
        }
    }

    /// Takes what came from the arm.
    fn take(&mut self, frame: Frame<Bytes>) {
        let Some(events) = &mut self.events else {
            self.out.push_back(Ok(frame));
            return;
        };
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(trailers) => {
                self.end();
                self.out.push_back(Ok(trailers));
                return;
            }
        };
        let began_us = clock::monotonic_us();
        let mut text = Vec::with_capacity(data.len() + 64);
        events.restorers.make_room();
        let is_read = events.push(&data, &mut text);
        self.saving = events.save();
        events.took_us += clock::monotonic_us().saturating_sub(began_us);
        if let Some(refusal) = events.restorers.refusal() {
            self.stop(&refusal, text);
            return;
        }
        if !text.is_empty() {
            self.out.push_back(Ok(Frame::data(text.into())));
        }
        if !is_read {
            self.observed.cut("masking");
            self.fail(BodyError::Unrestorable);
        }
    }

    /// Lets go what was held back: nothing more comes.
    fn end(&mut self) {
        let Some(events) = &mut self.events else {
            return;
        };
        let mut text = Vec::new();
        events.restorers.make_room();
        events.stream.finish(&mut text);
        self.saving = self.saving.take().or_else(|| events.save());
        if let Some(refusal) = events.restorers.refusal() {
            self.stop(&refusal, text);
        } else if !text.is_empty() {
            self.out.push_back(Ok(Frame::data(text.into())));
        }
        self.tell();
    }

    /// The answer must not go on: behind what was let go before the client gets an event that says why, and the end.
    fn stop(&mut self, refusal: &MaskingRefusal, mut text: Vec<u8>) {
        if let Some(events) = &mut self.events {
            let counters = Arc::clone(events.counters());
            let block = counters.block(events.worker);
            events.session.refused(block, refusal);
            let problem = refusal.problem();
            let error = StreamError {
                code: problem.code(),
                message: problem.detail(),
                status: problem.status().as_u16(),
            };
            events.stream.fail(error, &mut text);
        }
        self.tell();
        self.observed.cut(refusal.cause());
        self.out.push_back(Ok(Frame::data(text.into())));
        // It ends in order, but it is not the whole answer.
        self.has_failed = true;
        self.is_over = true;
    }

    fn fail(&mut self, error: BodyError) {
        if !std::mem::replace(&mut self.has_failed, true) {
            self.out.push_back(Err(error));
        }
        self.is_over = true;
    }

    /// Counts what was done, once.
    fn tell(&mut self) {
        let Some(mut events) = self.events.take() else {
            return;
        };
        let counters = Arc::clone(events.counters());
        let block = counters.block(events.worker);
        let leaks = events.restorers.leaks();
        let unread = events.stream.counts().unread + events.restorers.unread();
        events
            .session
            .told(block, events.restorers.counts(), &leaks);
        block.unread.fetch_add(unread, Relaxed);
        self.observed.masked(MaskingSummary {
            time_us: events.took_us,
            patterns: 0,
        });
    }
}

impl Drop for RestoredBody {
    fn drop(&mut self) {
        self.tell();
        self.observed.end();
        self.state.enter_idle();
    }
}
