//! Measuring gates: the gateway's counters, subtracted, and questions put to the candidate directly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use portcullis_analysis::{ArmSample, HealthSample, Sample};
use portcullis_api::Client;
use portcullis_api::gateway::{Arm, ArmStatus, Follower, GatewayStatus, RouteStatus};
use portcullis_rollout::{GateOrder, RolloutId, SplitArm, StepIndex};

use crate::CheckClient;
use crate::bounds::GATES_REMEMBERED;
use crate::causes::with_causes;
use crate::clock::{Stopwatch, wall_ms};
use crate::meter::{Meter, Query};

/// A [`Meter`] over the gateway's admin API. Clones share what they remember.
///
/// Counters only grow while a gateway runs; a sample is the difference of two readings. What cannot be
/// told is missing: counters of a gateway that was restarted in between, or of an arm that was not there
/// at both readings, give no sample rather than zeros. While a bypass keeps traffic from the candidate, or
/// the candidate is not in the split, time does not pass for the gate: what it saw before must not become a pass by waiting.
#[derive(Debug, Clone)]
pub struct GatewayMeter {
    client: Client,
    checks: CheckClient,
    gates: Arc<Mutex<HashMap<(RolloutId, StepIndex), Reading>>>,
}

/// The end of the previous sample of a gate.
#[derive(Debug, Clone)]
struct Reading {
    watch: Stopwatch,
    /// The wall clock at the gate's first reading, and from then on what the monotonic clock added: a
    /// wall clock that is set passes no gate early and keeps none open.
    at_ms: u64,
    gateway: Option<GatewayStatus>,
    /// Failures in a row, by the check's position.
    failures: Vec<u32>,
}

impl GatewayMeter {
    /// A meter of the gateway whose admin API `client` speaks to; `checks` asks the candidate.
    pub fn new(client: Client, checks: CheckClient) -> GatewayMeter {
        GatewayMeter {
            client,
            checks,
            gates: Arc::default(),
        }
    }

    async fn read(&self) -> Option<GatewayStatus> {
        match self.client.get("/v1/gateway").await {
            Ok(status) => Some(status),
            Err(error) => {
                tracing::warn!(
                    "the gateway's counters could not be read: {}",
                    with_causes(&error)
                );
                None
            }
        }
    }

    async fn previous(&self, query: &Query) -> Reading {
        let known = self.gates().get(&key(query)).cloned();
        match known {
            Some(reading) => reading,
            None => {
                let gateway = self.read().await;
                let failures = vec![0; query.gate.checks.len()];
                Reading {
                    watch: Stopwatch::start(),
                    at_ms: wall_ms(),
                    gateway,
                    failures,
                }
            }
        }
    }

    /// All checks once. Counts each check's failures in a row on its own: one that always fails is not
    /// hidden by others that pass.
    async fn health(&self, gate: &GateOrder, failures: &mut Vec<u32>) -> Option<HealthSample> {
        if gate.checks.is_empty() {
            return None;
        }
        failures.resize(gate.checks.len(), 0);
        let address = &gate.canary.address;
        let answers = join_all(
            gate.checks
                .iter()
                .map(|check| self.checks.run(check, address)),
        );
        let mut health = HealthSample::default();
        for (answer, run) in answers.await.into_iter().zip(failures) {
            match answer {
                Ok(_) => {
                    health.passed += 1;
                    *run = 0;
                }
                Err(failed) => {
                    health.failed += 1;
                    *run += 1;
                    health.last_failure = Some(failed.message);
                }
            }
            health.consecutive_failures = health.consecutive_failures.max(*run);
        }
        Some(health)
    }

    async fn figures(&self, gate: &GateOrder) -> Vec<(String, f64)> {
        let Some(source) = &gate.metrics else {
            return Vec::new();
        };
        match self.checks.figures(source, &gate.canary.address).await {
            Ok(figures) => figures,
            Err(failed) => {
                tracing::warn!("the candidate's figures could not be read: {failed}");
                Vec::new()
            }
        }
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<(RolloutId, StepIndex), Reading>> {
        // The map is only ever changed by whole entries, so a panic elsewhere cannot have bent it.
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, query: &Query, reading: Reading) {
        let mut gates = self.gates();
        if gates.len() >= GATES_REMEMBERED && !gates.contains_key(&key(query)) {
            let oldest = gates.iter().min_by_key(|(_, reading)| reading.at_ms);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                gates.remove(&oldest);
            }
        }
        gates.insert(key(query), reading);
    }
}

impl Meter for GatewayMeter {
    async fn sample(&self, query: &Query) -> Sample {
        let gate = &query.gate;
        let before = self.previous(query).await;
        let interval = Duration::from_millis(gate.analysis.interval_ms);
        let mut failures = before.failures.clone();
        let wait = tokio::time::sleep(before.watch.left_of(interval));
        let (health, figures, ()) =
            tokio::join!(self.health(gate, &mut failures), self.figures(gate), wait);
        let gateway = self.read().await;
        let after = Reading {
            at_ms: before.at_ms.saturating_add(before.watch.elapsed_ms()),
            watch: Stopwatch::start(),
            gateway,
            failures,
        };
        let arm = |wanted: &SplitArm| {
            let service = gate.service.as_str();
            difference(
                before.gateway.as_ref()?,
                after.gateway.as_ref()?,
                service,
                wanted,
            )
        };
        let readings = [before.gateway.as_ref(), after.gateway.as_ref()];
        let unmeasured = readings.into_iter().flatten().find_map(|status| {
            let route = route_of(status, gate.service.as_str())?;
            bypassed(route, &gate.canary).or_else(|| left_out(route, &gate.canary))
        });
        let measured = unmeasured.is_none();
        let sample = Sample {
            from_ms: if measured { before.at_ms } else { after.at_ms },
            to_ms: after.at_ms,
            canary: Some(&gate.canary).filter(|_| measured).and_then(arm),
            baseline: gate.baseline.as_ref().filter(|_| measured).and_then(arm),
            health,
            metrics: figures.into_iter().collect(),
            unmeasured,
            ..Sample::default()
        };
        self.remember(query, after);
        sample
    }
}

fn key(query: &Query) -> (RolloutId, StepIndex) {
    (query.rollout.clone(), query.step)
}

/// What an arm answered between two readings; `None` when they do not subtract.
fn difference(
    before: &GatewayStatus,
    after: &GatewayStatus,
    service: &str,
    wanted: &SplitArm,
) -> Option<ArmSample> {
    if before.instance != after.instance {
        return None;
    }
    let (all_before, all_after) = (&before.followers, &after.followers);
    let before = find(before, service, wanted)?;
    let after = find(after, service, wanted)?;
    let own = ArmSample {
        // An arm that was forgotten and came back counts from zero again: no difference either.
        requests: after.requests.checked_sub(before.requests)?,
        errors: after.errors.checked_sub(before.errors)?,
        latency: after.latency.since(&before.latency),
        ..ArmSample::default()
    };
    with_followers(own, (all_before, all_after), service, wanted)
}

/// Adds what followers have counted. One that is not there at the second reading any more, or was started anew, may
/// have counted what nobody knows: then there is no sample. One that is new counts from its second reading on.
fn with_followers(
    mut sum: ArmSample,
    (before, after): (&[Follower], &[Follower]),
    service: &str,
    wanted: &SplitArm,
) -> Option<ArmSample> {
    for follower in before {
        let instance = &follower.report.status.instance;
        let mut later = after.iter();
        let later = later.find(|later| later.report.status.instance == *instance);
        let earlier = find(&follower.report.status, service, wanted);
        let later = later.map(|later| find(&later.report.status, service, wanted));
        match (earlier, later) {
            (None, None | Some(None)) => {}
            (Some(_), None | Some(None)) => return None,
            // The arm came to it in between: all that it counted is of this time.
            (None, Some(Some(later))) => {
                sum.requests += later.requests;
                sum.errors += later.errors;
                sum.latency.merge(&later.latency);
            }
            (Some(earlier), Some(Some(later))) => {
                sum.requests += later.requests.checked_sub(earlier.requests)?;
                sum.errors += later.errors.checked_sub(earlier.errors)?;
                sum.latency.merge(&later.latency.since(&earlier.latency));
            }
        }
    }
    Some(sum)
}

fn find<'a>(status: &'a GatewayStatus, service: &str, wanted: &SplitArm) -> Option<&'a ArmStatus> {
    let route = route_of(status, service)?;
    route.arms.iter().find(|status| is(&status.arm, wanted))
}

fn route_of<'a>(status: &'a GatewayStatus, service: &str) -> Option<&'a RouteStatus> {
    let mut routes = status.routes.iter();
    routes.find(|route| route.service == service)
}

fn is(arm: &Arm, wanted: &SplitArm) -> bool {
    arm.release == wanted.release.as_str() && arm.address == wanted.address
}

/// Why the candidate gets nothing, if it is not in the split: then the split is not the one that this gate is
/// about, for example because the gateway has lost it.
fn left_out(route: &RouteStatus, candidate: &SplitArm) -> Option<String> {
    let split = route.split.as_ref();
    let is_in = split.is_some_and(|split| {
        let canary = split.canary.as_ref();
        is(&split.stable, candidate) || canary.is_some_and(|canary| is(canary, candidate))
    });
    (!is_in).then(|| {
        let release = &candidate.release;
        match split {
            None => format!(
                "the gateway has no split, so {release} gets no traffic; the gate goes on when it has one"
            ),
            Some(split) => format!(
                "{release} is not in the gateway's split ({split}); the gate goes on when it is"
            ),
        }
    })
}

/// Why the candidate gets nothing, if a bypass keeps it from it. One that was promoted gets everything.
fn bypassed(route: &RouteStatus, candidate: &SplitArm) -> Option<String> {
    let bypass = route.bypass.as_ref()?;
    let canary = route.split.as_ref()?.canary.as_ref()?;
    is(canary, candidate).then(|| {
        format!(
            "the split is bypassed by {} ({}), so {} gets no traffic; the gate goes on when the bypass \
             ends",
            bypass.by, bypass.reason, candidate.release
        )
    })
}
