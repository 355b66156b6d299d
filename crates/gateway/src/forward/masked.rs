//! A request that is looked into before it is sent. Its answer is in `restoring`.
//!
//! The request is read whole, through everything that is asked of a client's body otherwise, and nothing is sent of what
//! could not be looked into. What is sent is all there, so it can be sent again. The answer is asked for without a coding.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
    IF_RANGE, RANGE, TRAILER, TRANSFER_ENCODING,
};
use http::{HeaderMap, Uri, request};
use hyper::body::Body;
use portcullis_config::DatasetRequests;
use portcullis_mask::Counts;
use portcullis_mask::wire::{Exchange, RequestPlan};

use super::unread::Unread;
use super::{Outbound, Passage};
use crate::access_log::line::MaskingSummary;
use crate::body::{BodyRules, ClientBody};
use crate::bounds::MASKING_BODY_BYTES_BEGIN;
use crate::clock;
use crate::connection::{Protocol, Step};
use crate::headers;
use crate::masking::{
    AuditNote, Codings, MaskProfile, MaskingRefusal, NamedIds, Session, Tenant, Work,
};
use crate::refusal::Refusal;
use crate::routing::Route;

/// Fields with a digest of the body: of no use once it has changed (RFC 1864, RFC 3230, RFC 9530).
pub(super) const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// A body that nobody has begun to read, and what is asked of it.
pub(super) struct Inbound<'a> {
    pub(super) unread: &'a mut Unread,
    pub(super) rules: BodyRules,
}

/// A body for the way out.
pub(super) enum NextBody {
    /// The client's, which nobody has begun to read.
    Unread(BodyRules),
    /// What was made of it.
    Made(Outbound),
}

/// What is to be done with the answer.
pub(super) enum Masking {
    /// It passes as it is.
    Passes,
    /// Values are put back into it.
    Restores(Box<(Session, Arc<Work>)>),
}

/// What is to be done with a request.
enum Verdict {
    /// It passes as it is.
    Pass,
    /// It is looked into.
    Look {
        /// Its body too.
        has_text: bool,
        /// It belongs to all that is the tenant's.
        is_tenants: bool,
    },
}

/// A client's body, read to be looked into.
enum Taken {
    /// Its text, and the body as it came.
    Readable(Bytes, Outbound),
    /// In shadow mode: one that cannot be looked into.
    Unreadable(Outbound),
}

/// A client's body that was read.
enum ReadBody {
    /// To its end.
    Whole(Bytes),
    /// To the most that is looked into; there is more.
    Part(Bytes, Box<ClientBody>),
}

impl NextBody {
    /// The body.
    pub(super) fn take(self, unread: &mut Unread) -> Result<Outbound, Refusal> {
        match self {
            NextBody::Made(body) => Ok(body),
            NextBody::Unread(rules) => {
                let incoming = unread.take().ok_or(Refusal::ClientBroke)?;
                Ok(Outbound::Client { incoming, rules })
            }
        }
    }
}

impl Passage {
    /// What masks the requests of a route; nothing while it is bypassed.
    pub(super) fn mask_of(
        &self,
        route: &Route,
        service: Option<usize>,
    ) -> Option<Arc<MaskProfile>> {
        let profile = route.mask.as_ref()?;
        let is_bypassed = self.worker.with_table(|table| table.is_bypassed(service));
        (!is_bypassed).then(|| Arc::clone(profile))
    }

    /// Looks into a request: its head becomes the one to send.
    pub(super) async fn mask(
        &mut self,
        profile: Arc<MaskProfile>,
        head: &mut request::Parts,
        inbound: Inbound<'_>,
    ) -> Result<(Masking, NextBody), Refusal> {
        let block = profile.counters.block(self.worker.index);
        block.arrived.fetch_add(1, Relaxed);
        let mut note = self.note(&profile);
        let mut masked = self.look_into(&profile, head, inbound, &mut note).await;
        match &mut masked {
            // What its answer brings is told with it.
            Ok((Masking::Restores(restores), _)) => restores.0.note = Some(note),
            // An upload that was denied or a body that broke off is nobody's that masks.
            Err(Refusal::Masking(refusal)) => self.count_refused(&profile, refusal, &mut note),
            _ => {}
        }
        self.state.enter(Step::Connect, u64::MAX);
        masked
    }

    async fn look_into(
        &mut self,
        profile: &Arc<MaskProfile>,
        head: &mut request::Parts,
        inbound: Inbound<'_>,
        note: &mut AuditNote,
    ) -> Result<(Masking, NextBody), Refusal> {
        let mut work = work_of(profile, head);
        let has_body = inbound.unread.has_body();
        let asked = (&work.exchange(), &head.headers);
        let verdict = self.verdict(profile, asked, has_body, note)?;
        let Verdict::Look {
            has_text,
            is_tenants,
        } = verdict
        else {
            let block = profile.counters.block(self.worker.index);
            block.passed.fetch_add(1, Relaxed);
            return Ok((Masking::Passes, NextBody::Unread(inbound.rules)));
        };
        let body = match has_text {
            true => match self
                .take_body(profile, &head.headers, inbound, note)
                .await?
            {
                Taken::Readable(plain, body) => {
                    work.body = plain;
                    NextBody::Made(body)
                }
                Taken::Unreadable(body) => return Ok((Masking::Passes, NextBody::Made(body))),
            },
            false => NextBody::Unread(inbound.rules),
        };
        if !work.body.is_empty() && matches!(work.exchange().request(), RequestPlan::Nothing) {
            let masking = self.pass_unknown(profile, MaskingRefusal::UnknownType, note)?;
            return Ok((masking, body));
        }
        let work = Arc::new(work);
        let began_us = clock::monotonic_us();
        if profile.is_shadow() {
            self.count_only(profile, &work, began_us, note).await;
            return Ok((Masking::Passes, body));
        }
        self.state.enter(Step::Connect, u64::MAX);
        let mut session = self.session_of(profile, &work, is_tenants, note).await?;
        let worked = match session.mask(&work).await {
            Err(refusal @ MaskingRefusal::NoField) => {
                return Ok((self.pass_unknown(profile, refusal, note)?, body));
            }
            worked => worked?,
        };
        session.request_values = worked.values;
        self.count(profile, &worked.counts, began_us, note);
        if let Some(query) = &worked.query {
            set_query(head, query)?;
        }
        let body = match (body, worked.body) {
            (NextBody::Made(_), Some(masked)) => {
                // What was compressed is sent on plainly.
                head.headers.remove(CONTENT_ENCODING);
                DIGESTS.iter().for_each(|name| {
                    head.headers.remove(name);
                });
                NextBody::Made(Outbound::Whole(masked))
            }
            (body, _) => body,
        };
        ask_plainly(&mut head.headers, &body);
        Ok((Masking::Restores(Box::new((session, work))), body))
    }

    /// Lets a request pass as it is of which nobody knows where its text is, if the settings say so.
    fn pass_unknown(
        &self,
        profile: &MaskProfile,
        refusal: MaskingRefusal,
        note: &mut AuditNote,
    ) -> Result<Masking, Refusal> {
        self.count_in_shadow(profile, &refusal, note);
        if !profile.passes_unknown() {
            return Err(refusal.into());
        }
        let block = profile.counters.block(self.worker.index);
        block.passed.fetch_add(1, Relaxed);
        Ok(Masking::Passes)
    }

    /// What the audit will be told.
    fn note(&self, profile: &MaskProfile) -> AuditNote {
        let route = match &self.route {
            Some(route) => Arc::clone(&route.config.name),
            None => "".into(),
        };
        let subject = (self.tenant.as_ref(), &route);
        self.worker
            .masking_audit()
            .note(self.worker.index, subject, profile)
    }

    /// Reads the body that is to be looked into. One that cannot be is refused, or passes in shadow mode.
    async fn take_body(
        &self,
        profile: &MaskProfile,
        headers: &HeaderMap,
        inbound: Inbound<'_>,
        note: &mut AuditNote,
    ) -> Result<Taken, Refusal> {
        let (refusal, body) = match self.read_body(profile, headers, inbound).await? {
            ReadBody::Whole(body) => match decoded(profile, headers, &body) {
                Ok(plain) => return Ok(Taken::Readable(plain, Outbound::Whole(body))),
                Err(refusal) => (refusal, Outbound::Whole(body)),
            },
            ReadBody::Part(first, rest) => (too_long(profile), Outbound::Begun(first, rest)),
        };
        if !profile.is_shadow() {
            return Err(refusal.into());
        }
        self.count_refused(profile, &refusal, note);
        Ok(Taken::Unreadable(body))
    }

    /// The session of a request.
    async fn session_of(
        &self,
        profile: &Arc<MaskProfile>,
        work: &Arc<Work>,
        is_tenants: bool,
        note: &mut AuditNote,
    ) -> Result<Session, Refusal> {
        let mut ids = named_ids(profile, work)?;
        ids.is_tenants = is_tenants;
        note.belongs_to(ids.conversation.as_deref());
        let plan = work.exchange().request();
        ids.is_upload = !is_tenants && matches!(plan, RequestPlan::Form(_));
        let tenant = self.tenant.clone().ok_or(MaskingRefusal::Store)?;
        Ok(self.session(profile, tenant, ids).await?)
    }

    async fn session(
        &self,
        profile: &Arc<MaskProfile>,
        tenant: Tenant,
        ids: NamedIds,
    ) -> Result<Session, MaskingRefusal> {
        let kept = (self.worker.conversations(), self.worker.mapping_limits());
        let session = Session::begin(profile, kept, tenant, ids).await?;
        let block = profile.counters.block(self.worker.index);
        let counter = match session.was_known() {
            Some(true) => &block.conversations_found,
            Some(false) => &block.conversations_missed,
            None => return Ok(session),
        };
        counter.fetch_add(1, Relaxed);
        Ok(session)
    }

    /// What is to be done with a request, by its head.
    fn verdict(
        &self,
        profile: &MaskProfile,
        (exchange, headers): (&Exchange<'_>, &HeaderMap),
        has_body: bool,
        note: &mut AuditNote,
    ) -> Result<Verdict, Refusal> {
        let is_http1 = self.state.protocol() == Protocol::Http1;
        let refused = if is_http1 && headers::upgrade_protocol(headers).is_some() {
            MaskingRefusal::Upgrade
        } else {
            let datasets = profile.datasets(exchange.operation());
            let look = |has_text| Verdict::Look {
                has_text,
                is_tenants: profile.is_tenants(exchange.operation()),
            };
            match (datasets, exchange.request()) {
                (Some(DatasetRequests::Pass), _) => return Ok(Verdict::Pass),
                (Some(DatasetRequests::Refuse), _) => {
                    self.count_in_shadow(profile, &MaskingRefusal::Datasets, note);
                    return match profile.is_shadow() {
                        true => Ok(Verdict::Pass),
                        false => Err(MaskingRefusal::Datasets.into()),
                    };
                }
                (_, RequestPlan::Unknown) if exchange.operation().is_none() => {
                    MaskingRefusal::UnknownPath
                }
                _ if !has_body => return Ok(look(false)),
                (_, RequestPlan::Unknown) => MaskingRefusal::UnknownType,
                _ => match Codings::of(headers) {
                    Ok(_) => return Ok(look(true)),
                    Err(error) => error.into(),
                },
            }
        };
        self.count_in_shadow(profile, &refused, note);
        match profile.passes_unknown() {
            true => Ok(Verdict::Pass),
            false => Err(refused.into()),
        }
    }

    /// Reads a client's body to its end, or to the most that is looked into.
    async fn read_body(
        &self,
        profile: &MaskProfile,
        headers: &HeaderMap,
        inbound: Inbound<'_>,
    ) -> Result<ReadBody, Refusal> {
        let bytes_max = profile.config.body_bytes_max;
        let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let length: Option<u64> = length.and_then(|length| length.parse().ok());
        if length.is_some_and(|length| length > bytes_max) && !profile.is_shadow() {
            return Err(too_long(profile).into());
        }
        let Inbound { unread, rules } = inbound;
        let incoming = unread.take().ok_or(Refusal::ClientBroke)?;
        self.state.enter(Step::Answer, rules.first_byte_ms);
        let mut body = Box::new(self.client_body(incoming, rules));
        let state = &self.state;
        // What a client only says takes no memory.
        let room = length.unwrap_or_default().min(MASKING_BODY_BYTES_BEGIN);
        let mut read = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
        let is_whole = std::future::poll_fn(|cx| {
            loop {
                match Pin::new(body.as_mut()).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers are not sent on.
                        let Ok(data) = frame.into_data() else {
                            continue;
                        };
                        read.extend_from_slice(&data);
                        if read.len() as u64 > bytes_max {
                            return Poll::Ready(Ok(false));
                        }
                    }
                    Poll::Ready(None) => return Poll::Ready(Ok(true)),
                    Poll::Ready(Some(Err(_))) => {
                        let fault = state.client_fault().map(Refusal::from);
                        return Poll::Ready(Err(fault.unwrap_or(Refusal::ClientBroke)));
                    }
                    Poll::Pending if state.is_overdue() => {
                        return Poll::Ready(Err(Refusal::ClientStalled));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await?;
        let read = Bytes::from(read);
        Ok(match is_whole {
            true => ReadBody::Whole(read),
            false => ReadBody::Part(read, body),
        })
    }

    /// Looks into a request that is sent as it is.
    async fn count_only(
        &self,
        profile: &Arc<MaskProfile>,
        work: &Arc<Work>,
        began_us: u64,
        note: &mut AuditNote,
    ) {
        let mut mapping = profile.mapping(self.worker.mapping_limits());
        match work.done(&mut mapping).await {
            Ok(worked) => self.count(profile, &worked.counts, began_us, note),
            Err(refusal) => self.count_refused(profile, &refusal, note),
        }
    }

    fn count(&self, profile: &MaskProfile, counts: &Counts, began_us: u64, note: &mut AuditNote) {
        let took_us = clock::monotonic_us().saturating_sub(began_us);
        let rules = profile.masker.finder().rules();
        let block = profile.counters.block(self.worker.index);
        block.request(counts, rules, took_us);
        note.found(counts, rules);
        self.observed.masked(MaskingSummary {
            time_us: took_us,
            patterns: counts.iter().map(|(_, _, count)| count).sum(),
        });
    }

    pub(super) fn count_refused(
        &self,
        profile: &MaskProfile,
        refusal: &MaskingRefusal,
        note: &mut AuditNote,
    ) {
        let rules = profile.masker.finder().rules();
        let block = profile.counters.block(self.worker.index);
        block.refused(refusal, rules);
        note.refused(refusal, rules);
    }

    /// In shadow mode, what would have been refused.
    fn count_in_shadow(
        &self,
        profile: &MaskProfile,
        refusal: &MaskingRefusal,
        note: &mut AuditNote,
    ) {
        if profile.is_shadow() {
            self.count_refused(profile, refusal, note);
        }
    }
}

fn work_of(profile: &Arc<MaskProfile>, head: &request::Parts) -> Work {
    let content_type = head.headers.get(CONTENT_TYPE);
    Work {
        profile: Arc::clone(profile),
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        // One that is no text is one that nobody knows.
        content_type: content_type.map(|value| value.to_str().unwrap_or("?").to_owned()),
        body: Bytes::new(),
    }
}

/// The ids that a request names, as far as its application has any.
fn named_ids(profile: &MaskProfile, work: &Work) -> Result<NamedIds, MaskingRefusal> {
    let exchange = work.exchange();
    let body = (&work.body, profile.json_limits());
    match profile.keeps(exchange.operation().unwrap_or_default()) {
        true => NamedIds::of(&exchange, work.query.as_deref(), body),
        false => Ok(NamedIds::default()),
    }
}

/// A client's body without its content codings.
fn decoded(
    profile: &MaskProfile,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Bytes, MaskingRefusal> {
    let codings = Codings::of(headers)?;
    if codings.is_identity() {
        return Ok(body.clone());
    }
    let bytes_max = usize::try_from(profile.config.body_bytes_max).unwrap_or(usize::MAX);
    Ok(codings.decode(body, bytes_max)?.into())
}

fn too_long(profile: &MaskProfile) -> MaskingRefusal {
    MaskingRefusal::TooLong {
        bytes_max: profile.config.body_bytes_max,
    }
}

/// Replaces the query of a request.
fn set_query(head: &mut request::Parts, query: &str) -> Result<(), MaskingRefusal> {
    let target = format!("{}?{query}", head.uri.path());
    let target = target.parse().map_err(|_| MaskingRefusal::Query)?;
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    parts.path_and_query = Some(target);
    head.uri = Uri::from_parts(parts).map_err(|_| MaskingRefusal::Query)?;
    Ok(())
}

/// Asks for an answer that can be looked into, and says how long a body is that is all there.
fn ask_plainly(headers: &mut HeaderMap, body: &NextBody) {
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.remove(RANGE);
    headers.remove(IF_RANGE);
    if let NextBody::Made(Outbound::Whole(text)) = body {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        headers.remove(TRANSFER_ENCODING);
        headers.remove(TRAILER);
    }
}
