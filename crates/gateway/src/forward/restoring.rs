//! The answer to a request that was looked into: what was hidden is put back into it.
//!
//! JSON is read whole, up to a bound; events pass as they come ([`crate::masking::RestoredBody`]). An answer that is not what it says passes
//! with its placeholders: it holds nothing that was hidden. Where all of an answer is to be looked through (`leaks`), it is looked
//! through as text instead, and refused when it is none, unless the settings let pass what is not known.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, Response, StatusCode, response};
use hyper::body::Body;
use portcullis_mask::RestoreCounts;
use portcullis_mask::json::{Document, JsonLimits};
use portcullis_mask::wire::{
    AnswerPlan, Encoding, EventStream, Identifiers, Unmask, Unmasks, unmask_json,
};

use super::masked::{DIGESTS, Masking};
use super::{Answer, Passage};
use crate::access_log::line::MaskingSummary;
use crate::body::{AnswerBody, ArmBody, BodyError};
use crate::bounds::MASKING_ANSWER_BYTES_MAX;
use crate::clock;
use crate::masking::{
    Codings, Events, LeakRestorers, MaskingRefusal, RestoredBody, Session, restore_list,
};
use crate::refusal::Refusal;

impl Passage {
    /// Puts values back into an answer.
    pub(super) async fn restore(&mut self, masking: Masking, answer: Answer) -> Answer {
        let Masking::Restores(restores) = masking else {
            return answer;
        };
        let (mut session, work) = *restores;
        let profile = Arc::clone(session.profile());
        let status = answer.status();
        let has_none = self.is_head
            || status.is_informational()
            || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
            || answer.body().is_end_stream();
        let is_idle = session.mapping().is_empty() && !session.wants_ids();
        if has_none || (is_idle && profile.leaks.is_none()) {
            return answer;
        }
        let content_type = answer.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let exchange = work.exchange();
        let plan = match profile.leaks {
            Some(_) => exchange.whole_answer(status.as_u16(), content_type),
            None => exchange.answer(status.as_u16(), content_type),
        };
        if matches!(plan, AnswerPlan::Pass) {
            return self.pass_unknown(session, answer);
        }
        let (mut head, body) = answer.into_parts();
        let arm = match body {
            AnswerBody::Arm(arm) => arm,
            body => return Response::from_parts(head, body),
        };
        session.answered_by = arm.arm().map(|arm| (arm, self.worker.index));
        // It was asked for plainly; some servers compress all the same.
        let Ok(codings) = Codings::of(&head.headers) else {
            if is_only_counted(&session) {
                let answer = Response::from_parts(head, AnswerBody::Arm(arm));
                return self.pass_unknown(session, answer);
            }
            return self.refuse_arm(session, arm, MaskingRefusal::AnswerEncoded);
        };
        let AnswerPlan::Events(rules) = plan else {
            let operation = exchange.operation().unwrap_or_default();
            let plan = (plan, operation, codings);
            return self.restore_whole(plan, head, arm, session).await;
        };
        let Ok(decoder) = codings.of_pieces(MASKING_ANSWER_BYTES_MAX) else {
            return self.refuse_arm(session, arm, MaskingRefusal::AnswerEncoded);
        };
        head.headers.remove(CONTENT_ENCODING);
        changed(&mut head.headers);
        let restorers = LeakRestorers::new(&session, false);
        let stream = EventStream::new(rules, restorers.clone());
        let events = Events::new((stream, decoder), restorers, session, self.worker.index);
        let told = (Rc::clone(&self.state), Rc::clone(&self.observed));
        let body = RestoredBody::new(arm, Some(events), Bytes::new(), told);
        Response::from_parts(head, AnswerBody::Restored(Box::new(body)))
    }

    /// Reads an answer to its end and puts values back into it.
    async fn restore_whole(
        &mut self,
        (plan, operation, codings): (AnswerPlan<'_>, &str, Codings),
        mut head: response::Parts,
        mut arm: Box<ArmBody>,
        mut session: Session,
    ) -> Answer {
        arm.stand_behind();
        let profile = Arc::clone(session.profile());
        let block = profile.counters.block(self.worker.index);
        let (text, is_whole) = match read_answer(&head.headers, &mut arm).await {
            Ok(read) => read,
            Err(error) => {
                drop(arm);
                let refusal = match error {
                    BodyError::Overdue => Refusal::TimedOut,
                    _ => Refusal::Broken,
                };
                return self.refuse(&refusal, None);
            }
        };
        if !is_whole {
            return self.pass_long(session, head, arm, text);
        }
        drop(arm);
        let Some(text) = plain(text, &codings, &mut head.headers) else {
            return self.refuse_answer(session, MaskingRefusal::AnswerEncoded);
        };
        let began_us = clock::monotonic_us();
        let restorers = LeakRestorers::new(&session, true);
        let mut counts = RestoreCounts::default();
        let mut restored = restored(plan, &text, &restorers);
        block.unread.fetch_add(restorers.unread(), Relaxed);
        if let AnswerPlan::Json(table) = plan
            && session.place_is_unknown()
        {
            let text = restored.as_ref().unwrap_or(&text);
            match restore_list(&session, operation, (text, table), &mut counts).await {
                Ok(listed) => restored = listed.or(restored),
                Err(refusal) => return self.refuse_answer(session, refusal),
            }
        }
        // Of a list the mapping of this request, which has nothing, knows no placeholder.
        if counts == RestoreCounts::default() {
            counts.add(restorers.counts());
        }
        let took_us = clock::monotonic_us().saturating_sub(began_us);
        session.told(block, counts, &restorers.leaks());
        self.observed.masked(MaskingSummary {
            time_us: took_us,
            patterns: 0,
        });
        if let Some(refusal) = restorers.refusal() {
            return self.refuse_answer(session, refusal);
        }
        if head.status.is_success() {
            self.bind(&mut session, &text).await;
        }
        if restored.is_some() {
            changed(&mut head.headers);
        }
        let text = restored.unwrap_or(text);
        head.headers.insert(CONTENT_LENGTH, text.len().into());
        self.state.enter_client_read();
        let (state, observed) = (Rc::clone(&self.state), Rc::clone(&self.observed));
        Response::from_parts(head, AnswerBody::own(text, state, observed))
    }

    /// Keeps the mapping under the ids that a whole answer names.
    async fn bind(&self, session: &mut Session, text: &Bytes) {
        let profile = Arc::clone(session.profile());
        if session.wants_ids()
            && let Some(saving) = session.bind(&ids_of(text))
            && !matches!(saving.await, Ok(true))
        {
            let block = profile.counters.block(self.worker.index);
            block.unbound.fetch_add(1, Relaxed);
        }
    }

    /// Passes an answer into which nobody looks. Where all answers are to be looked through, it is refused unless the settings
    /// say otherwise, and counted.
    fn pass_unknown(&mut self, session: Session, answer: Answer) -> Answer {
        let profile = Arc::clone(session.profile());
        let (head, body) = answer.into_parts();
        let arm = match body {
            AnswerBody::Arm(arm) if profile.leaks.is_some() => arm,
            body => return Response::from_parts(head, body),
        };
        if profile.withholds_leaks() && !profile.passes_unknown() {
            return self.refuse_arm(session, arm, MaskingRefusal::AnswerUnknown);
        }
        let block = profile.counters.block(self.worker.index);
        block.unread.fetch_add(1, Relaxed);
        Response::from_parts(head, AnswerBody::Arm(arm))
    }

    /// Refuses an arm's answer, of which nothing more is read.
    fn refuse_arm(
        &mut self,
        mut session: Session,
        mut arm: Box<ArmBody>,
        refusal: MaskingRefusal,
    ) -> Answer {
        session.answered_by = arm.arm().map(|arm| (arm, self.worker.index));
        arm.stand_behind();
        drop(arm);
        self.refuse_answer(session, refusal)
    }

    /// Refuses an answer that is too long to be read whole, or passes it with its placeholders where what cannot be looked
    /// into passes: it holds nothing that was hidden. Where leaks are only counted, nothing is withheld for them.
    fn pass_long(
        &mut self,
        session: Session,
        head: response::Parts,
        arm: Box<ArmBody>,
        beginning: Bytes,
    ) -> Answer {
        let profile = Arc::clone(session.profile());
        if !is_only_counted(&session) && !profile.passes_unknown() {
            drop(arm);
            return self.refuse_answer(session, MaskingRefusal::AnswerTooLong);
        }
        let block = profile.counters.block(self.worker.index);
        block.unread.fetch_add(1, Relaxed);
        let told = (Rc::clone(&self.state), Rc::clone(&self.observed));
        let body = RestoredBody::new(arm, None, beginning, told);
        Response::from_parts(head, AnswerBody::Restored(Box::new(body)))
    }

    fn refuse_answer(&mut self, mut session: Session, refusal: MaskingRefusal) -> Answer {
        let profile = Arc::clone(session.profile());
        let block = profile.counters.block(self.worker.index);
        session.refused(block, &refusal);
        self.refuse(&refusal.into(), None)
    }
}

/// Whether an answer would pass as it is if its leaks were not counted.
fn is_only_counted(session: &Session) -> bool {
    let profile = session.profile();
    let is_idle = session.mapping().is_empty() && !session.wants_ids();
    is_idle && profile.leaks.is_some() && !profile.withholds_leaks()
}

/// Takes out what the head of an answer says of a body that has changed.
fn changed(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(ETAG);
    for name in &DIGESTS {
        headers.remove(name);
    }
}

/// A whole answer without its content codings; `None` if they cannot be undone.
fn plain(text: Bytes, codings: &Codings, headers: &mut HeaderMap) -> Option<Bytes> {
    headers.remove(CONTENT_ENCODING);
    if codings.is_identity() {
        return Some(text);
    }
    changed(headers);
    let decoded = codings.decode(&text, MASKING_ANSWER_BYTES_MAX).ok()?;
    Some(decoded.into())
}

/// A whole answer with its values; `None` if it stays as it is, also because it is not what it says.
fn restored(plan: AnswerPlan<'_>, text: &Bytes, restorers: &LeakRestorers) -> Option<Bytes> {
    match plan {
        AnswerPlan::Json(table) => {
            let limits = answer_limits();
            let mut out = Vec::with_capacity(text.len() + text.len() / 8);
            match unmask_json(text, table, limits, restorers, &mut out) {
                Ok(changed) => (changed > 0).then(|| out.into()),
                Err(_) => broken_json(text, restorers),
            }
        }
        AnswerPlan::Unknown => looked_through(text, restorers),
        AnswerPlan::Text => {
            let Ok(text) = std::str::from_utf8(text) else {
                restorers.cannot_read();
                return None;
            };
            let mut restorer = restorers.text(Encoding::Text);
            let mut out = String::with_capacity(text.len());
            restorer.push(text, &mut out);
            restorer.finish(&mut out);
            (out != text).then(|| out.into())
        }
        AnswerPlan::Events(_) | AnswerPlan::Pass => None,
    }
}

/// What is said to be JSON and is none is looked through as text. The escapes of a text that was cut short cannot be undone,
/// so nobody knows what it says.
fn broken_json(text: &Bytes, restorers: &LeakRestorers) -> Option<Bytes> {
    const ESCAPE: &[u8] = b"\\u00";
    restorers.stray()?;
    if text.windows(ESCAPE.len()).any(|piece| piece == ESCAPE) {
        restorers.cannot_read();
        return None;
    }
    looked_through(text, restorers)
}

/// A text that no table names, looked through.
fn looked_through(text: &Bytes, restorers: &LeakRestorers) -> Option<Bytes> {
    let mut stray = restorers.stray()?;
    let said = std::str::from_utf8(text).ok();
    // Characters of more than one byte that are none of UTF-8's.
    let Some(said) = said.filter(|said| !said.contains('\0')) else {
        restorers.cannot_read();
        return None;
    };
    let mut out = String::with_capacity(said.len());
    stray.push(said, &mut out);
    stray.finish(&mut out);
    (out != said).then(|| out.into())
}

/// How long an answer says its body is.
fn body_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How much JSON of an answer is read.
fn answer_limits() -> JsonLimits {
    JsonLimits {
        bytes_max: MASKING_ANSWER_BYTES_MAX,
        ..JsonLimits::default()
    }
}

/// The ids that a whole answer names.
fn ids_of(text: &Bytes) -> Identifiers {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let Ok(document) = Document::read(text, answer_limits()) else {
        return Identifiers::default();
    };
    let root = document.root();
    let response = Identifiers::of_response(root);
    if response.response_id.is_some() {
        return response;
    }
    let text = |name| Some(root.get(name)?.as_str()?.into_owned());
    Identifiers {
        conversation_id: text("conversation_id"),
        message_id: text("message_id"),
        workflow_run_id: text("workflow_run_id"),
        task_id: text("task_id"),
        response_id: None,
    }
}

/// Reads an answer to its end, or to the most that is read whole; whether it was the end. Nothing is read of one that says
/// that it is longer.
async fn read_answer(headers: &HeaderMap, arm: &mut ArmBody) -> Result<(Bytes, bool), BodyError> {
    if body_length(headers).is_some_and(|length| length > MASKING_ANSWER_BYTES_MAX as u64) {
        return Ok((Bytes::new(), false));
    }
    let mut read = Vec::new();
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *arm).poll_frame(cx)).await;
        match frame {
            None => return Ok((read.into(), true)),
            Some(Err(error)) => return Err(error),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
                if read.len() > MASKING_ANSWER_BYTES_MAX {
                    return Ok((read.into(), false));
                }
            }
        }
    }
}
