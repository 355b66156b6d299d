//! To which servers a request is sent, and how often.
//!
//! For the guarded service it is the arm that the user belongs to. If the canary cannot be reached at all, the
//! stable arm answers and the canary is charged with the failure. Every further attempt is at the same arm, and every
//! attempt that failed there counts as a failed request of it: what a retry hides from the client, it does not hide
//! from a gate.
//!
//! An arm that has left the split meanwhile gets no request that it did not have: it may be drained and stopped. The
//! stable arm of the split in force gets it then. A further attempt is counted before the one before it ends, so that
//! a request is in somebody's count from the first attempt to its end.
//!
//! For an upstream it is a server that the set chooses; further attempts are at others as long as there are some.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, response};
use hyper::body::Body;

use super::attempt::{Failed, SpareBody};
use super::door::Admitted;
use super::{Answer, Outbound, Passage, Prepared, shadow};
use crate::arm::ArmState;
use crate::body::{KeptBody, RequestBody};
use crate::clock;
use crate::connection::Step;
use crate::in_flight::InFlight;
use crate::observe::line_limit;
use crate::refusal::Refusal;
use crate::retry::{self, BodyLeft, Tried, Verdict};
use crate::routing::Route;
use crate::service::{Assignment, Service};
use crate::settings::ServiceSettings;
use crate::under_way::{AtServer, UnderWay};
use crate::upstream::Upstream;
use crate::upstream_set::{Pick, UpstreamSet};

/// Where a request may be sent.
pub(super) enum Targets {
    /// To an arm.
    Arms {
        /// The one that is next.
        next: Arc<ArmState>,
        /// The one that answers if that one cannot be reached.
        stand_in: Option<Arc<ArmState>>,
        /// Whether the request may write.
        may_write: bool,
        /// Whose they are.
        service: Arc<ServiceSettings>,
        /// The hash of the user's routing key, where it decided the arm.
        key: Option<u64>,
    },
    /// To a server of an upstream.
    Servers {
        set: Arc<UpstreamSet>,
        /// Places of servers that were tried.
        tried: Vec<usize>,
    },
}

/// A request with what is needed to send it again.
struct Outgoing {
    request: Request<RequestBody>,
    spare: Option<SpareBody>,
}

type Attempted = Result<(response::Parts, Upstream), Failed>;

impl Passage {
    /// Sends a request to the arm of the service that its user belongs to, once the service is open to it.
    pub(super) async fn send_to_service(
        &mut self,
        service: Arc<Service>,
        mut prepared: Prepared,
    ) -> Result<Answer, Refusal> {
        let (service, admitted) = self.let_in(service, &prepared.head).await?;
        let Admitted {
            assigned,
            mut targets,
            under_way,
        } = admitted;
        let Some(split) = &service.active else {
            under_way.withdraw();
            return Err(Passage::unrouted(&service));
        };
        self.cookie = assigned.cookie;
        if let Err(refusal) = self.prepare(&mut prepared, &split.stable.endpoint) {
            under_way.withdraw();
            return Err(refusal);
        }
        let shadowed = match assigned.to {
            Assignment::Stable(_) => shadow::begin(self, &service, split, &prepared),
            Assignment::StandIn { canary, .. } => {
                let charged = InFlight::begin(canary, self.worker.index);
                charged.of(assigned.key).failed_over();
                None
            }
            Assignment::Canary { .. } | Assignment::CanaryAlone(_) => None,
        };
        let under_way = UnderWay::Arm(under_way);
        let answer = self.dispatch(&mut targets, under_way, prepared).await;
        if let Some(shadowed) = shadowed {
            shadowed.answered(answer.status(), self.latency_us());
        }
        Ok(answer)
    }

    /// Sends a request to a server of an upstream.
    pub(super) async fn send_to_upstream(
        &mut self,
        set: &Arc<UpstreamSet>,
        mut prepared: Prepared,
    ) -> Result<Answer, Refusal> {
        // They all speak the same protocol.
        let endpoint = Arc::clone(&set.server(0).endpoint);
        self.prepare(&mut prepared, &endpoint)?;
        let mut targets = Targets::Servers {
            set: Arc::clone(set),
            tried: Vec::new(),
        };
        let under_way = self.next_server(&mut targets);
        Ok(self.dispatch(&mut targets, under_way, prepared).await)
    }

    async fn dispatch(
        &mut self,
        targets: &mut Targets,
        mut under_way: UnderWay,
        prepared: Prepared,
    ) -> Answer {
        let Some(route) = self.route.clone() else {
            return self.refuse(&Refusal::UnknownHost, None);
        };
        let retries = &route.config.retries;
        if retries.attempts_max > 1 {
            route.budget.request(self.worker.index, self.state.now_ms());
        }
        let Outgoing { mut request, spare } = self.outgoing(&route, prepared);
        let (mut attempts, mut free_used) = (1, false);
        loop {
            let attempted = self
                .attempt_hedged(
                    &route,
                    targets,
                    &mut under_way,
                    (&mut request, spare.as_ref()),
                    &mut attempts,
                )
                .await;
            let wanted = |status: http::StatusCode| {
                retries.statuses.contains(&status.as_u16()) && attempts < retries.attempts_max
            };
            let (failed, held) = match attempted {
                Ok((answer, upstream)) if !wanted(answer.status) => {
                    if let Some(SpareBody::Kept(kept)) = spare {
                        KeptBody::leave(kept);
                    }
                    return self.accept(under_way, answer, upstream);
                }
                // It is passed on if there is no further attempt after all.
                Ok((answer, upstream)) => {
                    (Failed::answered(answer.status), Some((answer, upstream)))
                }
                Err(failed) => (failed, None),
            };
            if self.state.has_ended() && failed.kind.is_some() {
                return self.give_up(under_way, &Refusal::TimedOut, &failed.cause);
            }
            let verdict = self.again(&route, &request, &spare, &failed, (attempts, free_used));
            let Some(verdict) = verdict else {
                return match held {
                    Some((answer, upstream)) => self.accept(under_way, answer, upstream),
                    None => self.give_up(under_way, &failed.refusal, &failed.cause),
                };
            };
            if held.is_some() {
                self.observed.superseded();
            }
            match verdict {
                Verdict::AgainForFree => free_used = true,
                _ => attempts += 1,
            }
            under_way = match self.move_on(targets, under_way, &failed) {
                Ok(next) => next,
                Err((at, refusal)) => return self.give_up(at, &refusal, &failed.cause),
            };
            // Without a whole spare nothing was sent, and the body is where it was.
            if let Some(body) = spare.as_ref().and_then(SpareBody::again) {
                *request.body_mut() = body;
            }
        }
    }

    /// What is sent, and a spare if it may be sent again.
    fn outgoing(&self, route: &Route, prepared: Prepared) -> Outgoing {
        let Prepared { head, body } = prepared;
        let may_repeat = retry::is_idempotent(&head.method) && !self.may_switch;
        let (incoming, rules) = match body {
            Outbound::Client { incoming, rules } => (incoming, rules),
            Outbound::Whole(text) => {
                let spare = may_repeat.then(|| SpareBody::Whole(text.clone()));
                return Outgoing {
                    spare,
                    request: Request::from_parts(head, RequestBody::Whole(text)),
                };
            }
            Outbound::Begun(first, rest) => {
                let body = RequestBody::begun(first, Some(RequestBody::Once(rest)));
                return Outgoing {
                    spare: None,
                    request: Request::from_parts(head, body),
                };
            }
        };
        let is_empty = incoming.is_end_stream() && rules.upload.is_none();
        let (body, spare) = match (is_empty, may_repeat) {
            (true, true) => (RequestBody::Empty, Some(SpareBody::Empty)),
            (true, false) => (RequestBody::Empty, None),
            (false, true) if route.config.retries.attempts_max > 1 => {
                let kept = KeptBody::new(self.client_body(incoming, rules));
                let kept = Rc::new(RefCell::new(kept));
                let body = RequestBody::Kept {
                    kept: Rc::clone(&kept),
                    sent: 0,
                };
                (body, Some(SpareBody::Kept(kept)))
            }
            (false, _) => {
                let client = self.client_body(incoming, rules);
                (RequestBody::Once(Box::new(client)), None)
            }
        };
        Outgoing {
            spare,
            request: Request::from_parts(head, body),
        }
    }

    /// Counts an attempt at the next server as under way.
    fn next_server(&self, targets: &mut Targets) -> UnderWay {
        let index = self.worker.index;
        match targets {
            // Arms are begun at by whoever knows what to do if they are closed.
            Targets::Arms { next, key, .. } => {
                UnderWay::Arm(InFlight::begin(Arc::clone(next), index).of(*key))
            }
            Targets::Servers { set, tried } => {
                let now_ms = clock::monotonic_ms();
                let pick = |tried: &[usize]| {
                    let pick = Pick {
                        worker: index,
                        now_ms,
                        client: self.client_header.as_bytes(),
                        tried,
                    };
                    set.pick(&pick, rand::random)
                };
                // When all were tried, it begins anew.
                let place = pick(tried).or_else(|| pick(&[])).unwrap_or(0);
                tried.push(place);
                UnderWay::Server(AtServer::begin(set.server(place), index))
            }
        }
    }

    /// Ends a failed attempt and begins the next.
    ///
    /// # Errors
    /// The stable arm, which would stand in for the canary, was closed to the request meanwhile.
    fn move_on(
        &self,
        targets: &mut Targets,
        mut under_way: UnderWay,
        failed: &Failed,
    ) -> Result<UnderWay, (UnderWay, Refusal)> {
        let was_sent = failed.kind != Some(retry::Failure::NotSent);
        if let (Targets::Arms { next, stand_in, .. }, UnderWay::Arm(arm)) =
            (&mut *targets, &under_way)
            && !was_sent
        {
            let Some(stable) = stand_in.take() else {
                // The same arm again, and nothing came of the request: it still counts as one.
                return Ok(under_way);
            };
            let release = &arm.arm().arm.release;
            let cause = &failed.cause;
            let route = self.route.as_ref().map_or("", |route| &route.config.name);
            if line_limit::may_write(route, "failed-over") {
                tracing::warn!(release, cause, "the canary cannot be reached: failing over");
            }
            *next = stable;
            let Some(stood_in) = self.begin_at_arm(targets) else {
                let retry_after_s = crate::bounds::RETRY_AFTER_S;
                return Err((under_way, Refusal::Closed { retry_after_s }));
            };
            if let UnderWay::Arm(arm) = under_way {
                arm.failed_over();
            }
            return Ok(UnderWay::Arm(stood_in));
        }
        match failed.kind {
            Some(retry::Failure::Answered(status)) => under_way.answered(status, self.latency_us()),
            _ => under_way.failed(),
        }
        Ok(match targets {
            // As long as the attempt before is counted, nobody stops the arm, or takes it for closed.
            Targets::Arms {
                next,
                key,
                may_write,
                ..
            } => {
                let begun = InFlight::begin(Arc::clone(next), self.worker.index);
                UnderWay::Arm(begun.writing(*may_write).of(*key))
            }
            Targets::Servers { .. } => self.next_server(targets),
        })
    }

    /// Whether a failed request is sent again.
    fn again(
        &self,
        route: &Route,
        request: &Request<RequestBody>,
        spare: &Option<SpareBody>,
        failed: &Failed,
        (attempts, free_used): (u32, bool),
    ) -> Option<Verdict> {
        let retries = &route.config.retries;
        let body = match (failed.kind, spare) {
            // With a hedge it may be the other attempt that took it.
            (Some(retry::Failure::NotSent), _) if request.body().is_there() => BodyLeft::Whole,
            (_, Some(spare)) => spare.left(),
            (_, None) => BodyLeft::Gone,
        };
        let tried = Tried {
            method: request.method(),
            body,
            answer_begun: false,
            attempts,
            free_used,
            failure: failed.kind?,
        };
        match retry::decide(retries, &tried) {
            Verdict::AgainForFree => Some(Verdict::AgainForFree),
            Verdict::AgainWithinBudget => {
                let now_ms = self.state.now_ms();
                let percent = retries.budget_percent;
                let left = route.budget.take(self.worker.index, percent, now_ms);
                left.then_some(Verdict::AgainWithinBudget)
            }
            Verdict::Stop(_) => None,
        }
    }

    /// An attempt, and a second one at another server when the first is slow and the route is hedged. What comes
    /// first wins; `under_way` is then what belongs to it.
    async fn attempt_hedged(
        &self,
        route: &Route,
        targets: &mut Targets,
        under_way: &mut UnderWay,
        (request, spare): (&mut Request<RequestBody>, Option<&SpareBody>),
        attempts: &mut u32,
    ) -> Attempted {
        let timeouts = &route.config.timeouts;
        let retries = &route.config.retries;
        let left = spare.map_or(BodyLeft::Gone, SpareBody::left);
        let hedge = retry::hedge_after_ms(retries, request.method(), left, *attempts);
        let after_ms = hedge.filter(|_| targets.has_another());
        let Some(after_ms) = after_ms else {
            return self
                .attempt(under_way, timeouts, (request, spare), false)
                .await;
        };
        let slow = &*under_way;
        let mut second = copy_of(request);
        let mut first = Box::pin(self.attempt(slow, timeouts, (request, spare), false));
        let wait = Duration::from_millis(after_ms);
        if let Ok(attempted) = tokio::time::timeout(wait, first.as_mut()).await {
            return attempted;
        }
        let now_ms = self.state.now_ms();
        let body = spare.and_then(SpareBody::again);
        let budget = || {
            route
                .budget
                .take(self.worker.index, retries.budget_percent, now_ms)
        };
        let Some(body) = body.filter(|_| budget()) else {
            return first.await;
        };
        *second.body_mut() = body;
        *attempts += 1;
        self.observed.hedged();
        let hedge = self.next_server(targets);
        // Both wait for an answer now, so one time-out is for both.
        self.state.enter(Step::Answer, timeouts.first_byte_ms);
        let mut other = Box::pin(self.attempt(&hedge, timeouts, (&mut second, spare), true));
        // One that fails leaves it to the other, unless the client is to blame.
        let goes_on = |one: &Attempted| matches!(one, Err(failed) if failed.kind.is_some());
        let (attempted, by_second) = tokio::select! {
            biased;
            one = first.as_mut() => match goes_on(&one) {
                true => {
                    slow.lost();
                    (other.as_mut().await, true)
                }
                false => (one, false),
            },
            two = other.as_mut() => match goes_on(&two) {
                true => {
                    hedge.lost();
                    (first.as_mut().await, false)
                }
                false => (two, true),
            },
        };
        drop((first, other));
        match by_second {
            true => *under_way = hedge,
            false => self.observe(under_way),
        }
        attempted
    }
}

impl Targets {
    /// Whether there is a server that is in and was not tried. An arm is the only one of its kind.
    fn has_another(&self) -> bool {
        let Targets::Servers { set, tried } = self else {
            return false;
        };
        let now_ms = clock::monotonic_ms();
        let mut servers = set.servers().enumerate();
        servers.any(|(place, server)| !tried.contains(&place) && !server.is_out(now_ms))
    }
}

/// The same head once more, without a body.
fn copy_of(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}
