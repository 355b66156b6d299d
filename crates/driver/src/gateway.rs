//! The driver of traffic: the gateway's split, and waiting for a release's last requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_analysis::counted;
use portcullis_api::gateway::{self, RouteStatus, SplitChange};
use portcullis_api::{Client, ClientError};
use portcullis_rollout::{
    Action, ClosedFor, ClosedTo, Closure, CutOff, Fact, Failure, Op, Presence, Split,
};
use tokio::sync::Mutex;

use crate::bounds::{CHANGE_WAIT, DRAIN_PAUSE_MAX, DRAIN_PAUSE_MIN};
use crate::causes::with_causes;
use crate::clock::Stopwatch;
use crate::driver::{Driver, Probed, not_mine};

mod restore;

pub use restore::{Recorded, Restored};

/// Statuses with which the gateway refuses for good: asking again cannot help.
const FINAL_STATUSES: [u16; 7] = [400, 401, 403, 404, 405, 413, 422];
/// The status of an unknown route.
const NOT_FOUND: u16 = 404;

/// Carries out [`Action::Shift`] and [`Action::Promote`] by replacing a service's split as a whole, and
/// waits for requests to end before a release is stopped.
///
/// A change that was sent cannot be called back: the gateway may still be asking the new arm for its
/// health. So it goes on when an apply is dropped, and probes and further changes wait for its answer.
///
/// Clones share the fencing epoch.
#[derive(Debug, Clone)]
pub struct GatewayDriver {
    client: Client,
    epoch: Arc<AtomicU64>,
    /// Held while a change is on its way.
    turn: Arc<Mutex<()>>,
}

/// What is left on an arm after draining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were still under way when the time was over; 0 when all had ended.
    pub left: u64,
    /// How long it was waited, in milliseconds.
    pub took_ms: u64,
}

impl GatewayDriver {
    /// A driver of the gateway whose admin API `client` speaks to. Its epoch is 0 until one is set.
    pub fn new(client: Client) -> GatewayDriver {
        GatewayDriver {
            client,
            epoch: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// This driver with the fencing epoch of the lease under which it acts.
    #[must_use]
    pub fn with_epoch(self, epoch: u64) -> GatewayDriver {
        self.set_epoch(epoch);
        self
    }

    /// Sets the fencing epoch for all clones.
    pub fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// The fencing epoch that changes carry.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The split in force, or `None` when the service has no route or no release yet.
    ///
    /// # Errors
    /// When the gateway cannot be reached or refuses.
    pub async fn split(&self, service: &str) -> Result<Option<gateway::Split>, ClientError> {
        Ok(self.route(service).await?.and_then(|route| route.split))
    }

    /// The draining half of [`Action::Retire`]: waits until the release has no request left and says
    /// what is left when its time is over. Stopping it is the caller's part.
    ///
    /// # Errors
    /// When the release still is in the split, or the gateway cannot be asked.
    pub async fn drained(&self, order: &CutOff) -> Result<Vec<Fact>, Failure> {
        let timeout = Duration::from_millis(order.drain_timeout_ms);
        let address = &order.target.address;
        let drained = self
            .wait_drained(order.service.as_str(), address, timeout)
            .await?;
        let text = match drained.left {
            0 => format!("no request left after {} ms", drained.took_ms),
            left => format!(
                "{} still under way after {} ms",
                counted(left, "request was", "requests were"),
                drained.took_ms
            ),
        };
        Ok(vec![Fact::new("drained", text)])
    }

    /// Waits until no request is under way to `address` (`host:port`), at most `timeout`.
    ///
    /// # Errors
    /// When the address is in the service's split, where it would get new requests, or when the gateway
    /// cannot be asked.
    pub async fn wait_drained(
        &self,
        service: &str,
        address: &str,
        timeout: Duration,
    ) -> Result<Drained, Failure> {
        let watch = Stopwatch::start();
        let mut pause = DRAIN_PAUSE_MIN;
        loop {
            let route = self.route(service).await.map_err(|error| failure(&error))?;
            let left = match &route {
                Some(route) if routes_to(route, address) => {
                    let message = format!(
                        "{address} is still in the split of {service} and would get new requests; \
                         move the traffic away before it is drained"
                    );
                    return Err(Failure {
                        message,
                        retryable: false,
                        facts: Vec::new(),
                    });
                }
                Some(route) => in_flight(route, address),
                // Without a route the gateway sends nothing there.
                None => 0,
            };
            let rest = watch.left_of(timeout);
            if left == 0 || rest.is_zero() {
                return Ok(Drained {
                    left,
                    took_ms: watch.elapsed_ms(),
                });
            }
            tokio::time::sleep(pause.min(rest)).await;
            pause = (pause * 2).min(DRAIN_PAUSE_MAX);
        }
    }

    /// Waits until no request is under way any more that a closure in force keeps out: only then it is closed.
    async fn wait_closed(&self, split: &Split, closed: &Closure) -> Result<Fact, Failure> {
        let service = split.service.as_str();
        let timeout = Duration::from_millis(closed.drain_ms);
        let watch = Stopwatch::start();
        let mut pause = DRAIN_PAUSE_MIN;
        loop {
            let route = self.route(service).await.map_err(|error| failure(&error))?;
            let left = route.map_or(0, |route| still_inside(&route, split, closed));
            if left == 0 {
                let words = format!("to {closed} after {} ms", watch.elapsed_ms());
                return Ok(Fact::new("closed", words));
            }
            let rest = watch.left_of(timeout);
            if rest.is_zero() {
                let requests = counted(left, "request", "requests");
                let message = format!(
                    "{requests} that should be kept out were still under way after {} ms; give them more time with \
                     `drain` in [timeouts], or close when there is less traffic",
                    closed.drain_ms
                );
                return Err(Failure {
                    message,
                    retryable: false,
                    facts: Vec::new(),
                });
            }
            tokio::time::sleep(pause.min(rest)).await;
            pause = (pause * 2).min(DRAIN_PAUSE_MAX);
        }
    }

    /// Replaces the split and waits for the answer; goes on even when the future is dropped.
    async fn change(&self, service: &str, change: SplitChange) -> Result<RouteStatus, Failure> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (client, path) = (self.client.clone(), format!("/v1/routes/{service}/split"));
        let sent = tokio::spawn(async move {
            let answer = client.put(&path, &change).await;
            drop(turn);
            answer
        });
        let refused = match sent.await {
            Ok(Ok(status)) => return Ok(status),
            Ok(Err(error)) => error,
            Err(stopped) => {
                let message = format!("the change of the split was broken off: {stopped}");
                return Err(Failure {
                    message,
                    retryable: true,
                    facts: Vec::new(),
                });
            }
        };
        if is_fenced(&refused) {
            let why = with_causes(&refused);
            let message =
                format!("the gateway refused: {why}; someone else acts on this service now");
            return Err(Failure {
                message,
                retryable: false,
                facts: Vec::new(),
            });
        }
        Err(failure(&refused))
    }

    async fn route(&self, service: &str) -> Result<Option<RouteStatus>, ClientError> {
        match self.client.get(&format!("/v1/routes/{service}")).await {
            Ok(route) => Ok(Some(route)),
            Err(ClientError::Refused(problem)) if problem.status == NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Driver for GatewayDriver {
    async fn probe(&self, op: &Op) -> Probed {
        let Some(split) = split_of(&op.action) else {
            return Probed::new(Presence::Unknown);
        };
        let Ok(_turn) = tokio::time::timeout(CHANGE_WAIT, self.turn.lock()).await else {
            return Probed::new(Presence::Unknown).with("gateway", "a change is still under way");
        };
        match self.route(split.service.as_str()).await {
            Ok(found) => {
                let route = found.as_ref();
                let found = route.and_then(|route| route.split.as_ref());
                let same = found == Some(&split.into());
                let left = route.zip(split.closed.as_ref());
                let left = left.map_or(0, |(route, closed)| still_inside(route, split, closed));
                let presence = match same && left == 0 {
                    true => Presence::Applied,
                    false => Presence::Absent,
                };
                let probed = Probed::new(presence).with("split", describe(found));
                match left {
                    0 => probed,
                    left => probed.with("still under way", left),
                }
            }
            Err(error) => Probed::new(Presence::Unknown).with("gateway", with_causes(&error)),
        }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        let Some(split) = split_of(&op.action) else {
            return Err(not_mine(op, "gateway driver"));
        };
        let change = SplitChange {
            split: split.into(),
            epoch: self.epoch(),
            if_changes: None,
        };
        let in_force = describe(Some(&change.split));
        let status = self.change(split.service.as_str(), change).await?;
        let mut facts = vec![
            Fact::new("split", in_force),
            Fact::new("changes", status.changes),
        ];
        if let Some(closed) = &split.closed {
            facts.push(self.wait_closed(split, closed).await?);
        }
        Ok(facts)
    }
}

fn routes_to(route: &RouteStatus, address: &str) -> bool {
    let Some(split) = &route.split else {
        return false;
    };
    // A canary of weight 0 still answers those who ask for the canary. A stable release that is closed to everything
    // answers nobody.
    let closed = split.closed.as_ref();
    let shut = closed.is_some_and(|closed| closed.to == ClosedTo::Everything);
    split.stable.address == address && !shut
        || split
            .canary
            .as_ref()
            .is_some_and(|canary| canary.address == address)
}

fn in_flight(route: &RouteStatus, address: &str) -> u64 {
    let there = route
        .arms
        .iter()
        .filter(|status| status.arm.address == address);
    there.map(|status| status.in_flight).sum()
}

/// Requests under way that a closure keeps out.
fn still_inside(route: &RouteStatus, split: &Split, closed: &Closure) -> u64 {
    let canary = split.canary.as_ref();
    let canary = canary.filter(|_| closed.of == ClosedFor::Everyone);
    let kept_out = |address: &str| {
        split.stable.address == address || canary.is_some_and(|canary| canary.address == address)
    };
    let arms = route.arms.iter();
    let arms = arms.filter(|status| kept_out(&status.arm.address));
    arms.map(|status| match closed.to {
        ClosedTo::Everything => status.in_flight,
        ClosedTo::Writes => status.writes_in_flight,
    })
    .sum()
}

fn describe(split: Option<&gateway::Split>) -> String {
    split.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn failure(error: &ClientError) -> Failure {
    let retryable = match error {
        ClientError::Unreachable { .. } | ClientError::Malformed { .. } => true,
        ClientError::Refused(problem) => !FINAL_STATUSES.contains(&problem.status),
        ClientError::Setup(_) => false,
    };
    let message = format!("the gateway: {}", with_causes(error));
    Failure {
        message,
        retryable,
        facts: Vec::new(),
    }
}

/// Whether the gateway has seen a newer epoch than this driver's.
fn is_fenced(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.code.as_deref() == Some(gateway::STALE_EPOCH))
}

/// The split that an action of this driver leads to.
fn split_of(action: &Action) -> Option<&Split> {
    match action {
        Action::Shift(split) => Some(split),
        Action::Promote(promotion) => Some(&promotion.split),
        _ => None,
    }
}
