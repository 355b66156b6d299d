//! One request from its head to its answer's head.
//!
//! The order of things: the request gets its names (`protect::trace`); its framing and its target are looked
//! at; it is found out who the client is; the table says which route takes it; then the route's
//! policies, from the cheapest to the most expensive (`admission`: address, preflight, limits of the address, key or
//! token, the other limits), a place among those that the route takes at once, and the way to a server and
//! back, several times if need be (`dispatch`, `attempt`). Whatever the answer is, an arm's or the
//! gateway's own, it is finished in one place (`answer`).
//!
//! What may wait (a place, a shared limit) comes before the split is looked at, so that nothing waits between
//! choosing an arm and counting the request as under way there: whoever drains an arm sees it.

mod admission;
mod answer;
mod attempt;
mod dispatch;
mod door;
mod masked;
mod restoring;
mod shadow;
mod unread;

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request};
use hyper::body::{Body, Incoming};
use portcullis_config::UpstreamProtocol;

use crate::acme;
use crate::body::{AnswerBody, BodyRules, ClientBody};
use crate::capacity::Place;
use crate::clock;
use crate::connection::{BodyFraming, ConnectionState, Protocol, Step};
use crate::endpoint::Endpoint;
use crate::headers;
use crate::https_redirect;
use crate::masking::Tenant;
use crate::observe::{Beginning, Observed};
use crate::protect::{Denial, Scheme, UploadCheck};
use crate::refusal::{Refusal, call};
use crate::routing::{Route, RouteTo};
use crate::service::Service;
use crate::table::Table;
use crate::worker::Worker;
use unread::Unread;

type Answer = Response<AnswerBody>;

/// A request on its way, and what belongs to its answer.
struct Passage {
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    started_us: u64,
    observed: Rc<Observed>,
    /// The client's address, as trusted proxies name it, and as text.
    client: IpAddr,
    client_header: HeaderValue,
    /// How the client spoke to the outermost trusted proxy.
    scheme: Scheme,
    /// Why it cannot be told who the client is.
    unclear: Option<Denial>,
    /// The route, once it is found.
    route: Option<Arc<Route>>,
    /// Fields of the answer that policies have set.
    fields: Vec<(HeaderName, HeaderValue)>,
    /// The origin of a page that may read the answer.
    cors_origin: Option<HeaderValue>,
    /// The answer is about CORS itself, and complete.
    is_preflight: bool,
    /// Ties the user to an arm.
    cookie: Option<HeaderValue>,
    place: Option<Place>,
    /// Whose mappings its request may use, on a route that masks.
    tenant: Option<Tenant>,
    /// Whether the client makes a call of gRPC, which is told of a refusal in its own words.
    is_call: bool,
    /// Whether the client asks for another protocol, and may get it.
    may_switch: bool,
    /// Whether only the head of an answer is asked for.
    is_head: bool,
}

/// A request that may be sent: its head as an arm gets it, and its body.
struct Prepared {
    head: request::Parts,
    body: Outbound,
}

/// The body of a request on its way out.
enum Outbound {
    /// The client's, as it comes.
    Client {
        incoming: Incoming,
        rules: BodyRules,
    },
    /// All of it, looked into.
    Whole(Bytes),
    /// The client's, of which the beginning was read already.
    Begun(Bytes, Box<ClientBody>),
}

impl Outbound {
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        match self {
            Outbound::Client { incoming, .. } => incoming.is_end_stream(),
            Outbound::Whole(text) => text.is_empty(),
            Outbound::Begun(..) => false,
        }
    }
}

/// Answers one request.
pub(crate) async fn forward(
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    state.begin_request(Step::Connect, state.clients.stall_timeout_ms);
    let (head, incoming) = request.into_parts();
    let mut passage = Passage::begin(worker, state, &head);
    let mut unread = Unread::new(&head, incoming);
    let passed = passage.pass(head, &mut unread).await;
    let closes = passed.as_ref().is_err_and(Refusal::closes);
    passage.read_rest(unread, closes).await;
    let answer = passed.unwrap_or_else(|refusal| passage.refuse(&refusal, None));
    Ok(passage.finish(answer))
}

impl Passage {
    fn begin(worker: Rc<Worker>, state: Rc<ConnectionState>, head: &request::Parts) -> Passage {
        let started_us = clock::monotonic_us();
        let connection = match state.is_secure {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        let (peer, headers) = (state.peer, &head.headers);
        let mut client = (peer, state.peer_header.clone());
        let (mut scheme, mut unclear) = (connection, None);
        worker.with_table(|table| {
            let trust = &table.routing.trust;
            if trust.trusts(peer) {
                scheme = trust.scheme(peer, connection, headers);
                match trust.client(peer, headers) {
                    Ok(found) => {
                        let text = HeaderValue::try_from(found.to_string());
                        client.0 = found;
                        client.1 = text.unwrap_or_else(|_| client.1.clone());
                    }
                    Err(denial) => unclear = Some(denial),
                }
            }
        });
        let observed = worker.observers.begin(&Beginning {
            started_us,
            head,
            client: client.0,
            is_secure: scheme == Scheme::Https,
        });
        Passage {
            started_us,
            observed: Rc::new(observed),
            client: client.0,
            client_header: client.1,
            scheme,
            unclear,
            route: None,
            fields: Vec::new(),
            cors_origin: None,
            is_preflight: false,
            cookie: None,
            place: None,
            tenant: None,
            // gRPC has no other protocol.
            is_call: state.protocol() == Protocol::Http2 && call::is_call(&head.headers),
            may_switch: false,
            is_head: head.method == Method::HEAD,
            worker,
            state,
        }
    }

    async fn pass(
        &mut self,
        mut head: request::Parts,
        unread: &mut Unread,
    ) -> Result<Answer, Refusal> {
        let has_body = unread.has_body();
        self.check_framing(&head, has_body)?;
        // Of HTTP/1.1 hyper has not even read more. HPACK makes lines of next to nothing, so their bytes say little.
        if head.headers.len() > self.state.clients.headers_max as usize {
            return Err(Refusal::TooManyFields);
        }
        headers::make_plain(&mut head)?;
        if let Some(denial) = self.unclear.take() {
            return Err(denial.into());
        }
        if let Some(text) = acme::answer_challenge(self.worker.tls(), &head) {
            return Ok(self.challenge(text));
        }
        if let Some(location) = https_redirect::location(self.worker.tls(), self.scheme, &head)? {
            return Ok(self.redirect(StatusCode::PERMANENT_REDIRECT, location));
        }
        let found = self.worker.with_table(|table| table.find(&head))?;
        let route = found.route;
        self.observed.route(&route.observed);
        self.route = Some(Arc::clone(&route));
        if let Some(preflight) = self.admit(&route, &mut head).await? {
            return Ok(preflight);
        }
        if let (RouteTo::Redirect(redirect), Some(location)) = (&route.to, &found.location) {
            return Ok(self.redirect(redirect.status, location.clone()));
        }
        let rules = self.body_rules(&route, &head.headers, has_body)?;
        if let Some(limit_ms) = route.config.timeouts.whole_ms {
            self.state.end_within(limit_ms);
        }
        self.state.enter(Step::Connect, u64::MAX);
        self.enter(&route).await?;
        if let Some(target) = found.target {
            head.uri = target.into();
        }
        let Some(profile) = self.mask_of(&route, found.service) else {
            let body = |unread: &mut Unread| {
                let incoming = unread.take().ok_or(Refusal::ClientBroke)?;
                Ok(Outbound::Client { incoming, rules })
            };
            return self
                .send(&route, found.service, head, || body(unread))
                .await;
        };
        let inbound = masked::Inbound { unread, rules };
        let (masking, body) = self.mask(profile, &mut head, inbound).await?;
        let body = || body.take(unread);
        let answer = self.send(&route, found.service, head, body).await?;
        if let Some(profile) = route.mask.as_ref().filter(|one| one.has_versions()) {
            let from = (&route.config.name, route.leads_to());
            profile.versions.note(from, answer.headers());
        }
        Ok(self.restore(masking, answer).await)
    }

    /// Sends a request to where its route leads. The body is taken once it is known that there is somebody to take it.
    async fn send(
        &mut self,
        route: &Route,
        service: Option<usize>,
        head: request::Parts,
        body: impl FnOnce() -> Result<Outbound, Refusal>,
    ) -> Result<Answer, Refusal> {
        let service = match (&route.to, service) {
            (RouteTo::Upstream(set), _) => {
                let prepared = Prepared {
                    head,
                    body: body()?,
                };
                return self.send_to_upstream(set, prepared).await;
            }
            // Not the one that was found above: its split may have changed since.
            (_, Some(place)) => {
                let services = |table: &Table| table.services.get(place).cloned();
                self.worker.with_table(services)
            }
            (_, None) => None,
        };
        let service = service.ok_or(Refusal::UnknownHost)?;
        if service.active.is_none() {
            return Err(Passage::unrouted(&service));
        }
        let prepared = Prepared {
            head,
            body: body()?,
        };
        self.send_to_service(service, prepared).await
    }

    /// Takes a place among the requests that the route takes at once. The time for the whole request also ends
    /// the wait: then nothing was sent.
    async fn enter(&mut self, route: &Route) -> Result<(), Refusal> {
        if route.config.capacity.in_flight_max.is_none() {
            return Ok(());
        }
        let began_us = clock::monotonic_us();
        let mut entering = std::pin::pin!(route.capacity.enter(clock::monotonic_us));
        let place = std::future::poll_fn(|cx| match entering.as_mut().poll(cx) {
            Poll::Pending if self.state.is_overdue() => {
                Poll::Ready(Err(route.capacity.shed_late()))
            }
            polled => polled,
        });
        let place = place.await;
        self.observed
            .queued(clock::monotonic_us().saturating_sub(began_us));
        self.place = Some(place.map_err(Refusal::Shed)?);
        Ok(())
    }

    fn check_framing(&self, head: &request::Parts, has_body: bool) -> Result<(), Refusal> {
        if self.state.protocol() == Protocol::Http1 {
            let framing = BodyFraming::of(&head.headers, has_body);
            let is_chunked = framing == BodyFraming::Chunks;
            if self.state.tap.finish_head(framing, is_chunked) {
                return Err(Refusal::AmbiguousLength);
            }
        }
        match head.method {
            Method::CONNECT => Err(Refusal::NoTunnels),
            Method::TRACE => Err(Refusal::NoTrace),
            _ => Ok(()),
        }
    }

    /// What is asked of the body. One whose length is said to be too large is refused before it comes.
    fn body_rules(
        &self,
        route: &Route,
        headers: &HeaderMap,
        has_body: bool,
    ) -> Result<BodyRules, Refusal> {
        let bytes_max = route.config.body_bytes_max;
        let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let length = length.and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > bytes_max) {
            return Err(Refusal::BodyTooLarge);
        }
        let upload = match &route.config.upload {
            Some(config) => Some(UploadCheck::begin(config, headers)?),
            None => None,
        };
        let upload = match upload {
            Some(check) if !has_body => {
                check.finish()?;
                None
            }
            upload => upload.map(Box::new),
        };
        Ok(BodyRules {
            first_byte_ms: route.config.timeouts.first_byte_ms,
            idle_ms: route.config.timeouts.idle_ms,
            is_call: self.is_call,
            bytes_max,
            upload,
        })
    }

    /// Rewrites the head for a server.
    fn prepare(&mut self, prepared: &mut Prepared, endpoint: &Endpoint) -> Result<(), Refusal> {
        let has_body = !prepared.body.is_empty();
        // Only HTTP/2 carries a call, so to a server of HTTP/1.1 it is an upload.
        if let Outbound::Client { rules, .. } = &mut prepared.body {
            rules.is_call &= endpoint.protocol == UpstreamProtocol::Http2;
        }
        let head = &mut prepared.head;
        // HTTP/2 has no upgrades (RFC 9113, 8.6).
        let protocol = headers::upgrade_protocol(&head.headers)
            .filter(|_| self.state.protocol() == Protocol::Http1)
            .filter(|_| endpoint.protocol == UpstreamProtocol::Http1);
        let host = head.headers.get(http::header::HOST).cloned();
        let rewritten = self
            .route
            .as_ref()
            .and_then(|route| route.rewrite.host.clone());
        headers::prepare_request(
            head,
            self.state.protocol() == Protocol::Http2,
            has_body,
            (
                rewritten.as_ref().unwrap_or(&endpoint.host_header),
                rewritten.is_some(),
            ),
            protocol.clone(),
        );
        let connection = match self.state.is_secure {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        let peer = (self.state.peer, &self.state.peer_header);
        let (client, headers) = (self.client, &mut head.headers);
        self.worker.with_table(|table| {
            let trust = &table.routing.trust;
            trust.set_forwarded(peer, client, connection, host.as_ref(), headers);
        });
        self.observed.trace().set_request(&mut head.headers);
        self.may_switch = protocol.is_some();
        head.extensions.clear();
        match endpoint.protocol {
            UpstreamProtocol::Http1 => head.version = Version::HTTP_11,
            UpstreamProtocol::Http2 => headers::for_http2(head, endpoint.tls.is_some())?,
        }
        Ok(())
    }

    fn client_body(&self, incoming: Incoming, rules: BodyRules) -> ClientBody {
        let observed = Rc::clone(&self.observed);
        ClientBody::new(incoming, Rc::clone(&self.state), observed, rules)
    }

    fn latency_us(&self) -> u64 {
        clock::monotonic_us().saturating_sub(self.started_us)
    }

    /// Counts a request for which there is no release.
    fn unrouted(service: &Service) -> Refusal {
        service.unrouted.fetch_add(1, Relaxed);
        Refusal::Unrouted
    }
}
