//! One request as it is observed.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use http::header::HOST;
use http::{Request, StatusCode, Version, request};

use super::span::{AttemptSpan, RequestSpan};
use super::{Beginning, ObservedRoute, Observers, WorkerObservers};
use crate::access_log::line::{AccessLine, MaskingSummary};
use crate::access_log::{address, path};
use crate::arm::ArmState;
use crate::clock;
use crate::grpc_status::GrpcStatus;
use crate::metrics::counters::ClientMethod;
use crate::protect::{Trace, TraceParent};
use crate::upstream_set::UpstreamServer;

/// The longest host or path that is kept for the log, in bytes; the rest is cut off.
const TEXT_BYTES_MAX: usize = 1024;

/// One request under way. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Observed {
    at: Rc<WorkerObservers>,
    trace: Trace,
    started_us: u64,
    method: ClientMethod,
    client: IpAddr,
    is_secure: bool,
    version: Version,
    /// What a line or a span needs of the head; `None` where there will be neither. An error may turn up only at
    /// the end, so with a log it is always kept.
    text: Option<Text>,
    route: OnceCell<Arc<ObservedRoute>>,
    by: RefCell<AnsweredBy>,
    queued_us: Cell<Option<u64>>,
    connect_us: Cell<Option<u64>>,
    first_byte_us: Cell<Option<u64>>,
    /// How often it was sent so far.
    sent: Cell<u32>,
    refusal: Cell<Option<&'static str>>,
    masking: Cell<Option<MaskingSummary>>,
    status: Cell<Option<StatusCode>>,
    grpc_status: Cell<Option<GrpcStatus>>,
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
    is_complete: Cell<bool>,
    cut_cause: Cell<Option<&'static str>>,
    has_ended: Cell<bool>,
    attempts: RefCell<Vec<AttemptSpan>>,
}

/// One attempt of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt(usize);

/// Method, host and path, one after the other: one allocation.
#[derive(Debug)]
struct Text {
    all: Box<str>,
    method_end: usize,
    host_end: usize,
}

/// What a request went to last.
#[derive(Debug)]
enum AnsweredBy {
    Nobody,
    Arm(Arc<ArmState>),
    Server(Arc<UpstreamServer>),
}

impl Observed {
    /// Begins a request.
    pub(super) fn begin(
        at: Rc<WorkerObservers>,
        beginning: &Beginning<'_>,
        trace: Trace,
    ) -> Observed {
        let head = beginning.head;
        let has_span = at.shared.tracer.is_some() && trace.parent.is_sampled();
        let text = (has_span || at.shared.log.is_on()).then(|| Text::of(head));
        Observed {
            at,
            trace,
            started_us: beginning.started_us,
            method: ClientMethod::from(&head.method),
            client: beginning.client,
            is_secure: beginning.is_secure,
            version: head.version,
            text,
            route: OnceCell::new(),
            by: RefCell::new(AnsweredBy::Nobody),
            queued_us: Cell::new(None),
            connect_us: Cell::new(None),
            first_byte_us: Cell::new(None),
            sent: Cell::new(0),
            refusal: Cell::new(None),
            masking: Cell::new(None),
            status: Cell::new(None),
            grpc_status: Cell::new(None),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            is_complete: Cell::new(false),
            cut_cause: Cell::new(None),
            has_ended: Cell::new(false),
            attempts: RefCell::default(),
        }
    }

    /// The names of the request.
    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The route takes it: from now on it counts as under way there. Only the first route counts.
    pub(crate) fn route(&self, route: &Arc<ObservedRoute>) {
        if self.route.set(Arc::clone(route)).is_ok() {
            let block = route.counters.block(self.at.worker);
            block.in_flight.fetch_add(1, Relaxed);
        }
    }

    /// The name of the route that took it; empty without one.
    pub(crate) fn route_name(&self) -> &str {
        self.route.get().map_or("", |route| &route.name)
    }

    /// A rate limit refuses it.
    pub(crate) fn limited(&self) {
        if let Some(route) = self.route.get() {
            let block = route.counters.block(self.at.worker);
            block.limited.fetch_add(1, Relaxed);
        }
    }

    /// It goes to a second server as well, while the first one is still asked.
    pub(crate) fn hedged(&self) {
        if let Some(route) = self.route.get() {
            let block = route.counters.block(self.at.worker);
            block.hedges.fetch_add(1, Relaxed);
        }
    }

    /// It had to wait for a place.
    pub(crate) fn queued(&self, took_us: u64) {
        self.queued_us.set(Some(took_us));
    }

    /// A connection was made for it.
    pub(crate) fn connected(&self, took_us: u64) {
        self.connect_us.set(Some(took_us));
    }

    /// It goes to an arm.
    pub(crate) fn arm(&self, arm: &Arc<ArmState>) {
        if self.text.is_some() {
            *self.by.borrow_mut() = AnsweredBy::Arm(Arc::clone(arm));
        }
    }

    /// It goes to a server of an upstream.
    pub(crate) fn server(&self, server: &Arc<UpstreamServer>) {
        if self.text.is_some() {
            *self.by.borrow_mut() = AnsweredBy::Server(Arc::clone(server));
        }
    }

    /// It is about to be sent to where [`Observed::arm`] or [`Observed::server`] said; for the second time, this is
    /// a retry. In a trace that is sampled, the release is told the span of this attempt.
    pub(crate) fn attempt<B>(&self, request: &mut Request<B>) -> Attempt {
        let sent = self.sent.get();
        self.sent.set(sent + 1);
        if sent > 0
            && let Some(route) = self.route.get()
        {
            let block = route.counters.block(self.at.worker);
            block.retries.fetch_add(1, Relaxed);
        }
        let place = Attempt(sent as usize);
        if !self.has_span() {
            return place;
        }
        let by = self.by.borrow();
        let span_id = TraceParent::new_span_id();
        self.trace.set_attempt(request.headers_mut(), span_id);
        self.attempts.borrow_mut().push(AttemptSpan {
            span_id,
            after_us: self.age_us(),
            took_us: None,
            is_secure: request.uri().scheme_str() == Some("https"),
            address: by.address().unwrap_or_default().to_owned(),
            path: path::logged(cut_path(request.uri().path()), self.at.shared.paths).into_owned(),
            release: by.release().map(str::to_owned),
            status: None,
            failure: None,
        });
        place
    }

    /// An attempt failed without an answer that is passed on. `why` is a word, the same every time.
    pub(crate) fn attempt_failed(&self, attempt: Attempt, why: &'static str) {
        if let Some(span) = self.attempts.borrow_mut().get_mut(attempt.0) {
            span.failure = Some(why);
            span.took_us = Some(self.age_us().saturating_sub(span.after_us));
        }
    }

    /// The head of an attempt's answer came. An answer that is not passed on is over with it: then
    /// [`Observed::superseded`] comes next.
    pub(crate) fn attempt_answered(&self, attempt: Attempt, status: StatusCode) {
        if let Some(span) = self.attempts.borrow_mut().get_mut(attempt.0) {
            span.status = Some(status.as_u16());
        }
    }

    /// The answer of the last attempt is not passed on: the request is sent again.
    pub(crate) fn superseded(&self) {
        if let Some(span) = self.attempts.borrow_mut().last_mut() {
            span.took_us = Some(self.age_us().saturating_sub(span.after_us));
        }
    }

    /// Something of it was masked: the request, its answer, or a part of them. What is told several times is
    /// added up. A route that masks tells it even if nothing was found.
    pub(crate) fn masked(&self, part: MaskingSummary) {
        let sum = self.masking.get().unwrap_or_default();
        self.masking.set(Some(MaskingSummary {
            time_us: sum.time_us + part.time_us,
            patterns: sum.patterns + part.patterns,
        }));
    }

    /// The gateway answers itself, for a reason that `code` names, as its problem details do.
    pub(crate) fn refused(&self, code: &'static str) {
        self.refusal.set(Some(code));
        self.at.block().refused(code);
    }

    /// The head of the answer goes to the client.
    pub(crate) fn answered(&self, status: StatusCode) {
        self.status.set(Some(status));
        // Only the log asks for it, and a clock costs something.
        if self.text.is_some() {
            self.first_byte_us.set(Some(self.age_us()));
        }
    }

    /// The head or the trailers of the answer say how a call of gRPC ended, if it was one.
    pub(crate) fn called(&self, status: Option<GrpcStatus>) {
        if status.is_some() {
            self.grpc_status.set(status);
        }
    }

    /// Bytes of the request's body were taken from the client.
    pub(crate) fn bytes_in(&self, bytes: usize) {
        self.bytes_in.set(self.bytes_in.get() + bytes as u64);
    }

    /// Bytes of the answer's body go to the client.
    pub(crate) fn bytes_out(&self, bytes: usize) {
        self.bytes_out.set(self.bytes_out.get() + bytes as u64);
    }

    /// The answer does not go to its end, for a reason that the gateway knows. `cause` is a word, the same every time.
    pub(crate) fn cut(&self, cause: &'static str) {
        self.cut_cause.set(Some(cause));
    }

    /// All of the answer was given to the connection.
    pub(crate) fn complete(&self) {
        self.is_complete.set(true);
    }

    /// Ends the request: counts it, writes its line and hands over its span. Only the first time counts.
    pub(crate) fn end(&self) {
        if self.has_ended.replace(true) {
            return;
        }
        let took_us = self.age_us();
        let status = self.status.get();
        match self.route.get() {
            Some(route) => {
                let block = route.counters.block(self.at.worker);
                block.in_flight.fetch_sub(1, Relaxed);
                block.request(self.method, status, took_us);
                if let Some(status) = self.grpc_status.get() {
                    block.grpc_call(status);
                }
            }
            None => {
                self.at.block().unrouted.fetch_add(1, Relaxed);
            }
        }
        if let Some(text) = &self.text {
            self.tell(text, took_us);
        }
    }

    /// Writes the line and hands over the span.
    fn tell(&self, text: &Text, took_us: u64) {
        let Observers {
            log, tracer, paths, ..
        } = &*self.at.shared;
        let by = self.by.borrow();
        let status = self.status.get();
        let is_cut = !self.is_complete.get();
        let grpc_status = self.grpc_status.get();
        let is_error = is_cut
            || status.is_none_or(|status| status.as_u16() >= 400)
            || grpc_status.is_some_and(|status| !status.is_ok());
        if log.wants(self.at.worker, is_error) {
            let wall_ms = clock::wall_ms().saturating_sub(took_us / 1000);
            log.write(
                self.at.worker,
                &AccessLine {
                    at_ms: wall_ms,
                    request_id: self.trace.request_id(),
                    trace_id: Some(self.trace.trace_id()),
                    client: Some(self.client),
                    method: text.method(),
                    host: text.host(),
                    path: &path::logged(text.path(), *paths),
                    route: self.route.get().map(|route| &*route.name),
                    release: by.release(),
                    version: by.release(),
                    server: by.address(),
                    status: status.map(|status| status.as_u16()),
                    grpc_status: grpc_status.map(GrpcStatus::number),
                    bytes_in: self.bytes_in.get(),
                    bytes_out: self.bytes_out.get(),
                    queue_ms: self.queued_us.get().map(|us| us / 1000),
                    connect_ms: self.connect_us.get().map(|us| us / 1000),
                    first_byte_ms: self.first_byte_us.get().map(|us| us / 1000),
                    whole_ms: took_us / 1000,
                    retries: self.sent.get().saturating_sub(1),
                    refusal: self.refusal.get(),
                    cut: is_cut,
                    cut_cause: self.cut_cause.get().filter(|_| is_cut),
                    masking: self.masking.get(),
                },
            );
        }
        if let Some(tracer) = tracer.as_ref().filter(|_| self.has_span()) {
            tracer.send(self.span(text, &by, took_us));
        }
    }

    fn span(&self, text: &Text, by: &AnsweredBy, took_us: u64) -> RequestSpan {
        RequestSpan {
            own: self.trace.parent,
            client_span: self.trace.client_span,
            state: self.trace.state().to_owned(),
            started_us: clock::wall_us().saturating_sub(took_us),
            took_us,
            method: text.method().to_owned(),
            is_method_known: self.method.name().is_some(),
            host: text.host().to_owned(),
            path: path::logged(text.path(), self.at.shared.paths).into_owned(),
            is_secure: self.is_secure,
            version: self.version,
            client: address::masked(self.client),
            route: self.route.get().map(|route| route.name.to_string()),
            release: by.release().map(str::to_owned),
            request_id: self.trace.request_id().to_owned(),
            status: self.status.get().map(|status| status.as_u16()),
            grpc_status: self.grpc_status.get(),
            refusal: self.refusal.get(),
            is_cut: !self.is_complete.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            queued_us: self.queued_us.get(),
            attempts: self.attempts.take(),
        }
    }

    /// Whether method, host and path are kept.
    #[cfg(test)]
    pub(super) fn keeps_text(&self) -> bool {
        self.text.is_some()
    }

    /// Whether its trace is sampled and sent.
    fn has_span(&self) -> bool {
        self.at.shared.tracer.is_some() && self.trace.parent.is_sampled()
    }

    fn age_us(&self) -> u64 {
        clock::monotonic_us().saturating_sub(self.started_us)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.end();
    }
}

impl Text {
    fn of(head: &request::Parts) -> Text {
        let host = match head.uri.authority() {
            Some(authority) => authority.as_str(),
            None => {
                let host = head.headers.get(HOST);
                host.and_then(|host| host.to_str().ok()).unwrap_or_default()
            }
        };
        // Not the user and the password that may come before it.
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let parts = [head.method.as_str(), host, cut_path(head.uri.path())];
        let [method, host, path] =
            parts.map(|part| &part[..part.floor_char_boundary(TEXT_BYTES_MAX)]);
        let mut all = String::with_capacity(method.len() + host.len() + path.len());
        all.push_str(method);
        all.push_str(host);
        all.push_str(path);
        Text {
            all: all.into_boxed_str(),
            method_end: method.len(),
            host_end: method.len() + host.len(),
        }
    }

    fn method(&self) -> &str {
        &self.all[..self.method_end]
    }

    fn host(&self) -> &str {
        &self.all[self.method_end..self.host_end]
    }

    fn path(&self) -> &str {
        &self.all[self.host_end..]
    }
}

/// A path that is not too long: it ends before a segment that there is no room for, because a part of one does
/// not look like the whole.
fn cut_path(path: &str) -> &str {
    if path.len() <= TEXT_BYTES_MAX {
        return path;
    }
    let cut = &path[..path.floor_char_boundary(TEXT_BYTES_MAX)];
    cut.rfind('/').map_or("", |slash| &cut[..=slash])
}

impl AnsweredBy {
    fn release(&self) -> Option<&str> {
        match self {
            AnsweredBy::Arm(arm) => Some(&arm.arm.release),
            AnsweredBy::Nobody | AnsweredBy::Server(_) => None,
        }
    }

    fn address(&self) -> Option<&str> {
        match self {
            AnsweredBy::Nobody => None,
            AnsweredBy::Arm(arm) => Some(&arm.arm.address),
            AnsweredBy::Server(server) => Some(&server.address),
        }
    }
}
