//! The end of a request's way: an arm's answer, or the gateway's own.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE,
    UPGRADE,
};
use http::{Response, StatusCode, Version, response};

use super::{Answer, Passage};
use crate::body::{AnswerBody, ArmBody};
use crate::connection::{Protocol, Step};
use crate::headers::{self, RELEASE};
use crate::observe::line_limit;
use crate::problem::PROBLEM_JSON;
use crate::protect::add_security_headers;
use crate::refusal::{Refusal, call};
use crate::stream_watch::StreamWatch;
use crate::tunnel::Tunnel;
use crate::under_way::UnderWay;
use crate::upstream::Upstream;

impl Passage {
    /// What every answer gets.
    pub(super) fn finish(mut self, mut answer: Answer) -> Answer {
        let status = answer.status();
        let is_switching = status == StatusCode::SWITCHING_PROTOCOLS;
        let is_own = matches!(answer.body(), AnswerBody::Own { .. });
        self.observed.answered(status);
        if self.is_call && is_own && (status.is_client_error() || status.is_server_error()) {
            // A refusal; its head has the status of the call.
            *answer.status_mut() = StatusCode::OK;
        }
        let headers = answer.headers_mut();
        self.observed.trace().set_answer(headers);
        for (name, value) in self.fields.drain(..) {
            headers.insert(name, value);
        }
        if let Some(cookie) = self.cookie.take() {
            headers.append(SET_COOKIE, cookie);
        }
        if let Some(route) = &self.route {
            if let Some(cors) = route.cors.as_ref().filter(|_| !self.is_preflight) {
                cors.set_answer(self.cors_origin.as_ref(), headers);
            }
            add_security_headers(route.config.security_headers, self.scheme, headers);
        }
        // Under the gateway's own answer nobody reads what is left of a body, so nothing can follow it. An arm
        // that answers early may still read it.
        let is_unread = self.state.tap.is_in_body() && is_own;
        let closes = self.worker.is_draining() || is_unread;
        if closes && self.state.protocol() == Protocol::Http1 && !is_switching {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// Turns an arm's answer into the client's.
    pub(super) fn accept(
        &mut self,
        mut under_way: UnderWay,
        mut head: response::Parts,
        upstream: Upstream,
    ) -> Answer {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(under_way, head, upstream);
        }
        under_way.answered(head.status, self.latency_us());
        let stream = StreamWatch::of(&head.headers, self.started_us);
        self.observed.called(under_way.judge_call(&head.headers));
        headers::prepare_answer(&mut head, under_way.release_header());
        head.version = Version::HTTP_11;
        head.extensions.clear();
        let idle_ms = self.idle_ms();
        self.state.enter(Step::AnswerBody, idle_ms);
        let request = (under_way, self.place.take());
        let shared = (
            Rc::clone(&self.worker.pool),
            Rc::clone(&self.state),
            Rc::clone(&self.observed),
        );
        let mut body = ArmBody::new(upstream, request, shared, idle_ms);
        body.watch(stream);
        Response::from_parts(head, AnswerBody::Arm(Box::new(body)))
    }

    /// How long a stream may be silent.
    fn idle_ms(&self) -> u64 {
        let route = self.route.as_ref();
        route.map_or(0, |route| route.config.timeouts.idle_ms)
    }

    /// The arm changes the protocol, which only a client that asked for it may see.
    fn switch(
        &mut self,
        mut under_way: UnderWay,
        mut head: response::Parts,
        upstream: Upstream,
    ) -> Answer {
        let protocol = headers::upgrade_protocol(&head.headers);
        let Some(protocol) = protocol.filter(|_| self.may_switch) else {
            let cause = "it switched protocols unasked";
            return self.give_up(under_way, &Refusal::Broken, cause);
        };
        under_way.answered(head.status, self.latency_us());
        headers::prepare_answer(&mut head, under_way.release_header());
        head.headers
            .insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, protocol);
        head.extensions.clear();
        let request = (under_way, self.place.take());
        let observed = Rc::clone(&self.observed);
        let tunnel = Tunnel::new(upstream, request, observed, self.idle_ms());
        self.state.change_protocol(tunnel);
        Response::from_parts(head, AnswerBody::before_tunnel(Rc::clone(&self.state)))
    }

    /// Answers in place of an arm.
    pub(super) fn give_up(
        &mut self,
        mut under_way: UnderWay,
        refusal: &Refusal,
        cause: &str,
    ) -> Answer {
        let mut answer = self.refuse(refusal, Some((&under_way, cause)));
        // Also an answer in place of an arm names it: whoever counts failures can tell whose they are.
        if let Some(release) = under_way.release_header() {
            answer.headers_mut().insert(RELEASE, release.clone());
        }
        if refusal.is_arms_error() {
            if let UnderWay::Arm(arm) = &mut under_way {
                arm.answered(answer.status(), self.latency_us());
            }
            under_way.failed();
        }
        answer
    }

    /// Makes the gateway's own answer, and writes the line in the log that its request id finds.
    /// `fault` is the server that gave no answer, and why.
    pub(super) fn refuse(&mut self, refusal: &Refusal, fault: Option<(&UnderWay, &str)>) -> Answer {
        self.place = None;
        let observed = Rc::clone(&self.observed);
        let request_id = observed.trace().request_id();
        let route = self.route.as_ref().map_or("", |route| &route.config.name);
        let refused = refusal.cause();
        observed.refused(refused);
        if line_limit::may_write(route, refused) {
            match fault {
                Some((under_way, cause)) => tracing::warn!(
                    request_id,
                    route,
                    release = under_way.release(),
                    address = under_way.endpoint().address(),
                    refused,
                    cause,
                    "no answer from a server"
                ),
                None => {
                    let upstream = self.route.as_ref().map_or("", |route| route.leads_to());
                    tracing::info!(
                        request_id,
                        route,
                        upstream,
                        refused,
                        "a request was refused"
                    );
                }
            }
        }
        let problem = refusal.problem().with_request_id(request_id);
        let text = match self.is_call {
            true => Bytes::new(),
            false => Bytes::from(problem.to_json()),
        };
        let mut answer = self.own(problem.status(), text);
        let headers = answer.headers_mut();
        match self.is_call {
            true => call::set_headers(problem.status(), problem.detail(), headers),
            false => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
            }
        }
        refusal.set_headers(headers);
        if refusal.closes() && self.state.protocol() == Protocol::Http1 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// An answer that sends the client elsewhere.
    pub(super) fn redirect(&mut self, status: StatusCode, location: HeaderValue) -> Answer {
        let mut answer = self.empty(status);
        answer.headers_mut().insert(LOCATION, location);
        answer
    }

    /// The answer to an ACME authority.
    pub(super) fn challenge(&mut self, text: String) -> Answer {
        let mut answer = self.own(StatusCode::OK, text.into());
        let headers = answer.headers_mut();
        let kind = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, kind);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    /// An answer without a body.
    pub(super) fn empty(&mut self, status: StatusCode) -> Answer {
        self.own(status, Bytes::new())
    }

    fn own(&mut self, status: StatusCode, text: Bytes) -> Answer {
        self.state.enter_client_read();
        let (state, observed) = (Rc::clone(&self.state), Rc::clone(&self.observed));
        let length = text.len();
        // Over HTTP/1.1 hyper leaves it away, over HTTP/2 it does not.
        let is_head = self.is_head && self.state.protocol() == Protocol::Http2;
        let text = if is_head { Bytes::new() } else { text };
        let mut answer = Response::new(AnswerBody::own(text, state, observed));
        *answer.status_mut() = status;
        if is_head {
            let headers = answer.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        answer
    }
}
