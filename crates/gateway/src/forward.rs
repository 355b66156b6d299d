//! One request from its head to its answer's head.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, SET_COOKIE, UPGRADE};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request, response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use portcullis_api::gateway::Arm;
use portcullis_config::UpstreamProtocol;

use crate::acme;
use crate::arm::ArmState;
use crate::body::{AnswerBody, ArmBody, RequestBody};
use crate::bounds::{CLIENT_STALL_TIMEOUT_MS, RETRY_AFTER_S};
use crate::clock;
use crate::connection::{ConnectionState, Protocol, Step};
use crate::headers::{self, CANARY, RELEASE};
use crate::https_redirect;
use crate::in_flight::InFlight;
use crate::problem::PROBLEM_JSON;
use crate::refusal::Refusal;
use crate::route::{ActiveSplit, Assignment, Route};
use crate::settings::{Sticky, TimeoutSettings};
use crate::sticky::{self, BUCKETS};
use crate::tunnel;
use crate::upstream::{ExchangeError, Http2Opened, Upstream};
use crate::worker::Worker;

type Answer = Response<AnswerBody>;

/// A request that is being forwarded.
struct Forward {
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    route: Arc<Route>,
    started_us: u64,
    upgrade: Option<OnUpgrade>,
}

/// Why an arm gave no answer.
enum Failure {
    /// Nothing was sent; here is the request again.
    Unreachable(Box<Request<RequestBody>>, String),
    /// It was sent, at least in part.
    Sent(Refusal, String),
}

/// Answers one request.
pub(crate) async fn forward(
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let started_us = clock::monotonic_us();
    state.enter(Step::Connect, CLIENT_STALL_TIMEOUT_MS);
    let (head, incoming) = request.into_parts();
    let mut answer = match admit(&worker, &state, &head, &incoming) {
        Err(refusal) => refuse(&state, refusal, None, None),
        Ok(Admitted::Own(answer)) => answer,
        Ok(Admitted::Route(route)) => {
            let forward = Forward {
                worker: Rc::clone(&worker),
                state: Rc::clone(&state),
                route,
                started_us,
                upgrade: None,
            };
            forward.run(head, incoming).await
        }
    };
    let closes = worker.is_draining() && state.protocol() == Protocol::Http1;
    if closes && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// A request that may be answered.
enum Admitted {
    Route(Arc<Route>),
    /// The gateway answers it before any route.
    Own(Answer),
}

/// Finds the request's route, unless it is one that no route may have.
fn admit(
    worker: &Worker,
    state: &Rc<ConnectionState>,
    head: &request::Parts,
    incoming: &Incoming,
) -> Result<Admitted, Refusal> {
    let chunked = head.headers.contains_key(http::header::TRANSFER_ENCODING);
    let has_body = !hyper::body::Body::is_end_stream(incoming);
    if state.tap.finish_head(chunked, has_body) {
        return Err(Refusal::AmbiguousLength);
    }
    if head.method == Method::CONNECT {
        return Err(Refusal::NoTunnels);
    }
    if let Some(answer) = acme::answer_challenge(worker.tls(), state, head) {
        return Ok(Admitted::Own(answer));
    }
    if let Some(answer) = https_redirect::answer(worker.tls(), state, head)? {
        return Ok(Admitted::Own(answer));
    }
    let table = worker.table.load();
    let host = || {
        head.headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or("")
    };
    let host = head
        .uri
        .authority()
        .map_or_else(host, |authority| authority.as_str());
    let route = table.route(host).cloned();
    route.map(Admitted::Route).ok_or(Refusal::UnknownHost)
}

impl Forward {
    async fn run(mut self, mut head: request::Parts, incoming: Incoming) -> Answer {
        let route = Arc::clone(&self.route);
        let Some(split) = &route.active else {
            route.unrouted.fetch_add(1, Relaxed);
            return refuse(&self.state, Refusal::Unrouted, Some(&route), None);
        };
        let (assignment, cookie) = self.assign(split, &head.headers);
        // HTTP/2 has no upgrades (RFC 9113, 8.6).
        let protocol = headers::upgrade_protocol(&head.headers)
            .filter(|_| self.state.protocol() == Protocol::Http1)
            .filter(|_| route.settings.protocol == UpstreamProtocol::Http1);
        let prepared = headers::prepare_request(
            &mut head,
            headers::Origin {
                peer: &self.state.peer_header,
                is_secure: self.state.is_secure,
                is_stream: self.state.protocol() == Protocol::Http2,
                has_body: !hyper::body::Body::is_end_stream(&incoming),
            },
            &split.stable.host_header,
            protocol.clone(),
        );
        if let Err(error) = prepared {
            return refuse(&self.state, Refusal::BadHead(error), Some(&route), None);
        }
        self.upgrade = head
            .extensions
            .remove::<OnUpgrade>()
            .filter(|_| protocol.is_some());
        match route.settings.protocol {
            UpstreamProtocol::Http1 => head.version = Version::HTTP_11,
            UpstreamProtocol::Http2 => {
                if let Err(error) = headers::for_http2(&mut head) {
                    return refuse(&self.state, Refusal::BadHead(error), Some(&route), None);
                }
            }
        }
        let first_byte_ms = route.settings.timeouts.first_byte_ms;
        let body = RequestBody::new(incoming, Rc::clone(&self.state), first_byte_ms);
        let mut answer = self
            .dispatch(assignment, Request::from_parts(head, body))
            .await;
        if let Some(cookie) = cookie {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        answer
    }

    /// Chooses the arm, and makes the cookie that will choose it again.
    fn assign(
        &self,
        split: &ActiveSplit,
        headers: &HeaderMap,
    ) -> (Assignment, Option<HeaderValue>) {
        if split.canary.is_none() {
            return (split.assign(BUCKETS, false), None);
        }
        let forced = self.route.settings.force_header
            && headers
                .get(CANARY)
                .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"true"));
        let hash = self.route.hash;
        let mut issued = None;
        let bucket = match &self.route.settings.sticky {
            Sticky::ClientAddress => hash.bucket(self.state.peer_header.as_bytes()),
            Sticky::Header { name } => match headers.get(name.as_str()) {
                Some(value) => hash.bucket(value.as_bytes()),
                None => hash.bucket(&rand::random::<[u8; 16]>()),
            },
            Sticky::Cookie { name } => match sticky::cookie(headers, name) {
                Some(value) => hash.bucket(value),
                None => {
                    let id = format!("{:032x}", rand::random::<u128>());
                    let cookie = format!("{name}={id}; Path=/; HttpOnly; SameSite=Lax");
                    issued = HeaderValue::from_str(&cookie).ok();
                    hash.bucket(id.as_bytes())
                }
            },
        };
        (split.assign(bucket, forced), issued)
    }

    /// Sends the request to the assigned arm, or to its stand-in.
    async fn dispatch(self, assignment: Assignment, request: Request<RequestBody>) -> Answer {
        let index = self.worker.index;
        let (stable, request) = match assignment {
            Assignment::Stable(stable) => (stable, request),
            Assignment::StandIn { canary, stable } => {
                InFlight::begin(canary, index).failed_over();
                (stable, request)
            }
            Assignment::Canary { canary, stable } => {
                let mut in_flight = InFlight::begin(canary, index);
                match self.attempt(&mut in_flight, request).await {
                    Ok((answer, upstream)) => return self.accept(in_flight, answer, upstream),
                    Err(Failure::Unreachable(request, cause)) => {
                        let release = &in_flight.arm().arm.release;
                        tracing::warn!(
                            release,
                            cause,
                            "the canary cannot be reached: failing over"
                        );
                        in_flight.failed_over();
                        (stable, *request)
                    }
                    Err(Failure::Sent(refusal, cause)) => {
                        return self.give_up(in_flight, refusal, &cause);
                    }
                }
            }
        };
        let mut in_flight = InFlight::begin(stable, index);
        match self.attempt(&mut in_flight, request).await {
            Ok((answer, upstream)) => self.accept(in_flight, answer, upstream),
            Err(Failure::Unreachable(_, cause)) => {
                self.give_up(in_flight, Refusal::Unreachable, &cause)
            }
            Err(Failure::Sent(refusal, cause)) => self.give_up(in_flight, refusal, &cause),
        }
    }

    /// Tries one arm: over idle connections first, as long as they turn out to be dead before
    /// anything is sent, then over a new one.
    async fn attempt(
        &self,
        in_flight: &mut InFlight,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Upstream), Failure> {
        let timeouts = &self.route.settings.timeouts;
        loop {
            let arm = in_flight.arm();
            let is_shared = arm.protocol == UpstreamProtocol::Http2;
            let known = match is_shared {
                true => self.worker.pool.join(arm),
                false => self.worker.pool.take(arm),
            };
            let (mut upstream, reused) = match known {
                Some(upstream) => (upstream, true),
                None => match self.connect(in_flight.arm(), timeouts).await {
                    Ok(upstream) => (upstream, false),
                    Err(cause) => return Err(Failure::Unreachable(Box::new(request), cause)),
                },
            };
            in_flight.sent();
            self.state.enter(Step::Answer, timeouts.first_byte_ms);
            match upstream.exchange(request, &self.state).await {
                Ok(answer) => return Ok((answer, upstream)),
                Err(ExchangeError::NotSent(returned, _)) if reused => {
                    self.worker.pool.leave(in_flight.arm());
                    request = *returned;
                }
                Err(ExchangeError::NotSent(returned, error)) => {
                    return Err(Failure::Unreachable(returned, error.to_string()));
                }
                Err(ExchangeError::Broken(error)) => {
                    let client = self.state.has_client_failed();
                    let refusal = if client {
                        Refusal::ClientBroke
                    } else {
                        Refusal::Broken
                    };
                    return Err(Failure::Sent(refusal, error.to_string()));
                }
                Err(ExchangeError::Overdue) => {
                    let client = self.state.step() == Step::ClientBody;
                    let refusal = if client {
                        Refusal::ClientStalled
                    } else {
                        Refusal::TimedOut
                    };
                    return Err(Failure::Sent(refusal, "took too long".to_owned()));
                }
            }
        }
    }

    async fn connect(
        &self,
        arm: &Arc<ArmState>,
        timeouts: &TimeoutSettings,
    ) -> Result<Upstream, String> {
        self.state.enter(Step::Connect, timeouts.connect_ms);
        let pool = &self.worker.pool;
        let mut connecting = std::pin::pin!(async {
            match arm.protocol {
                UpstreamProtocol::Http1 => Upstream::connect(&arm.destination).await,
                UpstreamProtocol::Http2 => match pool.join_or_dial(arm).await {
                    Ok(joined) => Ok(joined),
                    Err(_turn) => {
                        let opened = Http2Opened::connect(&arm.destination).await?;
                        Ok(pool.share(arm, opened))
                    }
                },
            }
        });
        let connected = std::future::poll_fn(|cx| {
            let polled = connecting
                .as_mut()
                .poll(cx)
                .map_err(|error| error.to_string());
            if polled.is_pending() && self.state.is_overdue() {
                let limit_ms = timeouts.connect_ms;
                return std::task::Poll::Ready(Err(format!("no connection in {limit_ms} ms")));
            }
            polled
        });
        connected.await
    }

    /// Turns an arm's answer into the client's.
    fn accept(
        self,
        mut in_flight: InFlight,
        answer: Response<Incoming>,
        upstream: Upstream,
    ) -> Answer {
        let (mut head, incoming) = answer.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(in_flight, head, upstream);
        }
        in_flight.answered(head.status, self.latency_us());
        headers::prepare_answer(&mut head, &in_flight.arm().release_header);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        let idle_ms = self.route.settings.timeouts.idle_ms;
        self.state.enter(Step::AnswerBody, idle_ms);
        let pool = Rc::clone(&self.worker.pool);
        let body = ArmBody::new(incoming, upstream, in_flight, pool, self.state, idle_ms);
        Response::from_parts(head, AnswerBody::Arm(Box::new(body)))
    }

    /// The arm changes the protocol, which only a client that asked for it may see.
    fn switch(
        mut self,
        mut in_flight: InFlight,
        mut head: response::Parts,
        upstream: Upstream,
    ) -> Answer {
        let protocol = headers::upgrade_protocol(&head.headers);
        let (Some(protocol), Some(client)) = (protocol, self.upgrade.take()) else {
            return self.give_up(in_flight, Refusal::Broken, "it switched protocols unasked");
        };
        in_flight.answered(head.status, self.latency_us());
        headers::prepare_answer(&mut head, &in_flight.arm().release_header);
        head.headers
            .insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, protocol);
        head.extensions.clear();
        tunnel::open(self.worker, client, upstream, in_flight);
        Response::from_parts(head, AnswerBody::own(Bytes::new(), self.state))
    }

    /// Answers in place of an arm.
    fn give_up(self, mut in_flight: InFlight, refusal: Refusal, cause: &str) -> Answer {
        let arm = in_flight.arm().arm.clone();
        let mut answer = refuse(&self.state, refusal, Some(&self.route), Some((&arm, cause)));
        // Also an answer in place of an arm names it: whoever counts failures can tell whose they are.
        let release = in_flight.arm().release_header.clone();
        answer.headers_mut().insert(RELEASE, release);
        if refusal.is_arms_error() {
            in_flight.answered(answer.status(), self.latency_us());
            in_flight.failed();
        }
        answer
    }

    fn latency_us(&self) -> u64 {
        clock::monotonic_us().saturating_sub(self.started_us)
    }
}

/// Makes the gateway's own answer, and writes the line in the log that its request id finds.
/// `fault` is the arm that gave no answer, and why.
fn refuse(
    state: &Rc<ConnectionState>,
    refusal: Refusal,
    route: Option<&Route>,
    fault: Option<(&Arm, &str)>,
) -> Answer {
    let request_id = format!("{:016x}", rand::random::<u64>());
    let service = route.map_or("", |route| route.settings.service.as_str());
    match fault {
        Some((Arm { release, address }, cause)) => tracing::warn!(
            request_id,
            service,
            release,
            address,
            ?refusal,
            cause,
            "no answer from an arm"
        ),
        None => tracing::info!(request_id, service, ?refusal, "a request was refused"),
    }
    let problem = refusal.problem().with_request_id(&request_id);
    state.enter(Step::ClientRead, CLIENT_STALL_TIMEOUT_MS);
    let body = AnswerBody::own(Bytes::from(problem.to_json()), Rc::clone(state));
    let mut answer = Response::new(body);
    *answer.status_mut() = problem.status();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if refusal == Refusal::Unrouted {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    if refusal.closes() && state.protocol() == Protocol::Http1 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
