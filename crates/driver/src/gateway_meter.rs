//! Measuring gates: the gateway's counters, subtracted, and questions put to the candidate directly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use portcullis_analysis::{ArmSample, HealthSample, Sample, SyntheticSample};
use portcullis_api::Client;
use portcullis_api::gateway::{Arm, ArmStatus, Follower, GatewayStatus, RouteStatus, StreamStatus};
use portcullis_rollout::{GateOrder, RolloutId, SplitArm, StepIndex};

use crate::CheckClient;
use crate::bounds::{COUNTS_TIMEOUT, GATES_REMEMBERED};
use crate::causes::with_causes;
use crate::clock::{Stopwatch, wall_ms};
use crate::meter::{Meter, Query};
use crate::synthetic;

mod figures;

use figures::sorted_out;

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
    gateway: Result<GatewayStatus, String>,
    /// Failures in a row, by the check's position.
    failures: Vec<u32>,
    /// For how long synthetic requests were sent so far, in milliseconds.
    synthetic_ms: u64,
    /// Requests of users a second that the candidate got in the previous interval; `None` when it is not known.
    users_per_second: Option<f64>,
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

    async fn read(&self) -> Result<GatewayStatus, String> {
        let answer = self.client.get("/v1/gateway");
        let answer = match tokio::time::timeout(COUNTS_TIMEOUT, answer).await {
            Ok(answer) => answer.map_err(|error| with_causes(&error)),
            Err(_) => Err(format!("no answer within {} s", COUNTS_TIMEOUT.as_secs())),
        };
        answer.map_err(|why| {
            tracing::warn!("the gateway's counters could not be read: {why}");
            format!("the gateway's counters could not be read: {why}")
        })
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
                    synthetic_ms: 0,
                    users_per_second: None,
                }
            }
        }
    }

    /// Synthetic requests, where the gate has some and the candidate got too few of users in the previous interval. The
    /// interval itself must not decide it: what is sent would depend on what is seen. `None` where none were sent;
    /// `Some(None)` where none were due, or could be put.
    async fn synthetic(&self, query: &Query, before: &Reading) -> Option<Option<SyntheticSample>> {
        let gate = &query.gate;
        let (order, users) = gate.synthetic.as_ref().zip(before.users_per_second)?;
        if users >= order.below.per_second() {
            return None;
        }
        let sent_ms = before.synthetic_ms;
        Some(synthetic::ask(&self.checks, gate, order, &query.rollout, sent_ms).await)
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

    /// What the release that is kept warm does not answer as it should, if so.
    async fn kept_fault(&self, gate: &GateOrder) -> Option<String> {
        let kept = gate.kept.as_ref()?;
        let checks = kept.checks.iter();
        let answers = join_all(checks.map(|check| self.checks.run(check, &kept.arm.address))).await;
        let mut failed = answers.into_iter().filter_map(Result::err);
        failed.next().map(|failed| failed.message)
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
        let (health, figures, stable_figures, kept_fault, synthetic, ()) = tokio::join!(
            self.health(gate, &mut failures),
            self.figures(gate),
            self.stable_figures(gate),
            self.kept_fault(gate),
            self.synthetic(query, &before),
            wait
        );
        let gateway = self.read().await;
        let mut after = Reading {
            at_ms: before.at_ms.saturating_add(before.watch.elapsed_ms()),
            watch: Stopwatch::start(),
            gateway,
            failures,
            synthetic_ms: before.synthetic_ms
                + synthetic.as_ref().map_or(0, |_| gate.analysis.interval_ms),
            users_per_second: None,
        };
        let arm = |wanted: &SplitArm| {
            let service = gate.service.as_str();
            let earlier = before.gateway.as_ref().map_err(String::as_str)?;
            let later = after.gateway.as_ref().map_err(String::as_str)?;
            difference(earlier, later, service, wanted)
        };
        let readings = [before.gateway.as_ref().ok(), after.gateway.as_ref().ok()];
        let unmeasured = unmeasured(&readings, gate);
        let measured = unmeasured.is_none();
        let (metrics, mut missing) = sorted_out(figures, str::to_owned);
        let (stable_metrics, absent) = sorted_out(stable_figures, Sample::stable_figure);
        missing.extend(absent);
        let mut counted = |name: &str, wanted: &SplitArm| {
            let why = match arm(wanted) {
                Ok(arm) => return Some(arm),
                Err(why) => why.to_owned(),
            };
            missing.insert(name.to_owned(), why);
            None
        };
        let canary = Some(&gate.canary).filter(|_| measured);
        let canary = canary.and_then(|wanted| counted(Sample::CANARY_COUNTS, wanted));
        let baseline = gate.baseline.as_ref().filter(|_| measured);
        let baseline = baseline.and_then(|wanted| counted(Sample::STABLE_COUNTS, wanted));
        let length_s = after.at_ms.saturating_sub(before.at_ms) as f64 / 1000.0;
        let counted = canary.as_ref().filter(|_| length_s > 0.0);
        after.users_per_second = counted.map(|arm| arm.requests as f64 / length_s);
        let sample = Sample {
            from_ms: if measured { before.at_ms } else { after.at_ms },
            to_ms: after.at_ms,
            canary,
            baseline,
            health,
            metrics,
            stable_metrics,
            missing,
            synthetic: synthetic.flatten().filter(|_| measured),
            key_share: key_share(&readings, gate),
            unmeasured,
            kept_fault,
        };
        self.remember(query, after);
        sample
    }
}

fn key(query: &Query) -> (RolloutId, StepIndex) {
    (query.rollout.clone(), query.step)
}

/// Why the canary was not measured at one of the readings, in words: the split was bypassed or without it.
fn unmeasured(readings: &[Option<&GatewayStatus>; 2], gate: &GateOrder) -> Option<String> {
    readings.iter().flatten().find_map(|status| {
        let route = route_of(status, gate.service.as_str())?;
        bypassed(route, &gate.canary).or_else(|| left_out(route, &gate.canary))
    })
}

/// The canary's share of the routing keys, if it was the same at both readings and neither nothing nor all.
fn key_share(readings: &[Option<&GatewayStatus>; 2], gate: &GateOrder) -> Option<f64> {
    let share = |status: Option<&GatewayStatus>| {
        let split = route_of(status?, gate.service.as_str())?.split.as_ref()?;
        let canary = split.canary.as_ref()?;
        is(canary, &gate.canary).then_some(split.weight_percent)
    };
    let percent = share(readings[0])?;
    let is_same = share(readings[1]) == Some(percent);
    (is_same && (1..100).contains(&percent)).then(|| f64::from(percent) / 100.0)
}

/// What an arm answered between two readings; the error says in words why they do not subtract.
fn difference(
    before: &GatewayStatus,
    after: &GatewayStatus,
    service: &str,
    wanted: &SplitArm,
) -> Result<ArmSample, &'static str> {
    if before.instance != after.instance {
        return Err(
            "the gateway was started anew in this interval, so its counters do not subtract",
        );
    }
    let (all_before, all_after) = (&before.followers, &after.followers);
    let absent = "the gateway does not know the arm, or came to know it in this interval";
    let before = find(before, service, wanted).ok_or(absent)?;
    let after = find(after, service, wanted).ok_or(absent)?;
    let own = grown(before, after);
    // An arm that was forgotten and came back counts from zero again.
    let own = own.ok_or("the gateway's counters of the arm began anew in this interval")?;
    with_followers(own, (all_before, all_after), service, wanted).ok_or(
        "a gateway that follows was started anew or went away in this interval, so its counters do not \
         subtract",
    )
}

/// What was counted between two readings of one arm; `None` when a counter went back.
fn grown(before: &ArmStatus, after: &ArmStatus) -> Option<ArmSample> {
    let none = StreamStatus::default();
    let of = |status: &'_ ArmStatus| status.streams.clone().unwrap_or_else(|| none.clone());
    let (streams_before, streams) = (of(before), of(after));
    Some(ArmSample {
        requests: after.requests.checked_sub(before.requests)?,
        errors: after.errors.checked_sub(before.errors)?,
        latency: after.latency.since(&before.latency),
        refused: after.refused.checked_sub(before.refused)?,
        first_errors: Some(after.first_errors.checked_sub(before.first_errors)?),
        first_token: streams.first_token.since(&streams_before.first_token),
        token_gap: streams.token_gap.since(&streams_before.token_gap),
        token_time: streams.token_time.since(&streams_before.token_time),
    })
}

/// All that was counted of an arm so far.
fn all_of(status: &ArmStatus) -> ArmSample {
    let streams = status.streams.clone().unwrap_or_default();
    ArmSample {
        requests: status.requests,
        errors: status.errors,
        latency: status.latency.clone(),
        refused: status.refused,
        first_errors: Some(status.first_errors),
        first_token: streams.first_token,
        token_gap: streams.token_gap,
        token_time: streams.token_time,
    }
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
            (None, Some(Some(later))) => sum.merge(&all_of(later)),
            (Some(earlier), Some(Some(later))) => sum.merge(&grown(earlier, later)?),
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
