//! `portcullis gate run`: measures what runs now as a gate would, and judges it.

use portcullis_analysis::{Analysis, Judgement, Sample, Tally, Verdict};
use portcullis_api::gateway::{Arm, RouteStatus};
use portcullis_config::Config;
use portcullis_driver::{GatewayMeter, Meter, Query};
use portcullis_engine::{History, Planner};
use portcullis_rollout::{GateOrder, Release, ReleaseId, RolloutId, SplitArm, StepIndex, Weight};
use serde_json::json;

use super::named::{self, NamedGate};
use crate::cli::GateRun;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::{clock, connect, offline, output, render};

pub(super) async fn run(config: &Config, args: &GateRun, json: bool) -> Result<Exit, CommandError> {
    let gate = named::find(config, &args.gate)?;
    let length_ms = u64::try_from(args.time.as_millis()).unwrap_or(u64::MAX);
    let client = connect::gateway(config)?.looking_for(crate::bounds::LOOK_PATIENCE);
    let path = format!("/v1/routes/{}", config.service.name);
    let route: RouteStatus = client.get(&path).await?;
    let order = order(config, &gate, &route, length_ms).await?;
    let (canary, stable) = (order.canary.release.clone(), order.baseline.clone());
    output::talk(&match &stable {
        Some(stable) => format!(
            "measuring {canary} with {} % of the traffic against {} for {}; nothing is changed",
            order.weight.percent(),
            stable.release,
            render::span(length_ms)
        ),
        None => format!(
            "measuring {canary}, which has all the traffic, for {}; nothing is changed",
            render::span(length_ms)
        ),
    });
    let meter = GatewayMeter::new(connect::gateway(config)?, connect::checks(config)?);
    let judgement = measured(&meter, order.clone(), length_ms).await;
    let verdict = match judgement.verdict {
        Verdict::Undecided => Verdict::Inconclusive,
        verdict => verdict,
    };
    if json {
        output::json(&json!({
            "schema": "portcullis.gate-run/1",
            "gate": gate.name,
            "canary": canary,
            "stable": stable.map(|stable| stable.release),
            "verdict": verdict,
            "judgement": judgement,
        }));
    } else {
        output::result(&told(&gate, verdict, &judgement));
        if verdict == Verdict::Inconclusive
            && let Some(offer) = order.offer(&gate.name, &settled(&judgement))
        {
            output::talk(&format!("hint: {offer}"));
        }
    }
    Ok(super::exit(verdict))
}

/// What is measured: the canary beside the stable release if both are there, else the one that serves.
async fn order(
    config: &Config,
    gate: &NamedGate,
    route: &RouteStatus,
    length_ms: u64,
) -> Result<GateOrder, CommandError> {
    let split = route.split.as_ref().ok_or_else(|| {
        CommandError::new(
            Exit::Failed,
            format!(
                "no release of {} serves, so there is nothing to measure",
                route.service
            ),
        )
        .hint("`portcullis deploy` brings out the first one")
    })?;
    let (canary, stable, percent) = match &split.canary {
        Some(canary) if split.weight_percent < 100 => {
            (canary, Some(&split.stable), split.weight_percent)
        }
        Some(canary) => (canary, None, 100),
        None => (&split.stable, None, 100),
    };
    let analysis = analysis(gate, config, stable.is_some(), length_ms);
    if analysis.rules.is_empty() {
        let what = format!(
            "every rule of {} compares with the stable release, and {} serves alone",
            gate.name, canary.release
        );
        return Err(CommandError::new(Exit::Failed, what)
            .hint("add a rule with a fixed limit, or run it while a canary serves too"));
    }
    let history = offline::history(config).await?;
    let release = release(&history, canary).ok_or_else(|| {
        let what = format!(
            "the journal knows of no release {} that runs",
            canary.release
        );
        CommandError::coded(ErrorCode::UnknownRelease, what)
            .hint("run this where the engine runs that has started it")
    })?;
    let weight = Weight::new(percent).map_err(|error| CommandError::of(Exit::Internal, &error))?;
    let arms = (arm(canary), stable.map(arm));
    Planner::standing_gate(config, &history, release, arms, weight, analysis)
        .map_err(|error| CommandError::of(Exit::Failed, &error).code(ErrorCode::PlanRefused))
}

/// The gate's rules for so long and no longer.
fn analysis(gate: &NamedGate, config: &Config, compares: bool, length_ms: u64) -> Analysis {
    let mut analysis = match compares {
        true => gate.analysis.clone(),
        false => gate.alone(config),
    };
    analysis.window_ms = length_ms.max(1);
    analysis.extend_ms = 0;
    analysis.early = false;
    analysis.interval_ms = analysis.interval_ms.min(analysis.window_ms);
    analysis.cadence.retain(|later| later.after_ms < length_ms);
    analysis
}

fn arm(arm: &Arm) -> SplitArm {
    SplitArm {
        release: ReleaseId::new(arm.release.clone()),
        address: arm.address.clone(),
    }
}

/// The release of an arm: of the rollout that is live, or of one that was promoted.
fn release(history: &History, arm: &Arm) -> Option<Release> {
    let live = history.live().map(|past| &past.rollout().plan().release);
    let live = live.filter(|release| release.id.as_str() == arm.release);
    live.cloned().or_else(|| {
        let id = ReleaseId::new(arm.release.clone());
        Some(history.promoted(&id)?.release)
    })
}

/// Measures until the gate fails or its time is over, on the clock if nothing can be measured.
async fn measured(meter: &GatewayMeter, order: GateOrder, length_ms: u64) -> Judgement {
    let analysis = order.analysis.clone();
    let mut query = Query {
        rollout: RolloutId::new("gate-run"),
        step: StepIndex(0),
        gate: order,
    };
    let mut tally = Tally::new(&analysis);
    let begun_us = clock::monotonic_us();
    loop {
        query.gate.analysis.interval_ms = analysis.interval_ms_after(tally.measured_ms());
        let sample = meter.sample(&query).await;
        tell_gap(&sample);
        tally.observe(&analysis, &sample);
        let judgement = tally.judge(&analysis);
        let passed_ms = clock::monotonic_us().saturating_sub(begun_us) / 1000;
        if judgement.verdict != Verdict::Undecided
            || passed_ms >= length_ms.saturating_add(analysis.interval_ms)
        {
            return judgement;
        }
    }
}

/// What was seen as if the gate had to decide now: one that ran out of time is still open.
fn settled(judgement: &Judgement) -> Judgement {
    let mut settled = judgement.clone();
    let open = settled.evidence.iter_mut();
    open.filter(|evidence| evidence.verdict == Verdict::Undecided)
        .for_each(|evidence| evidence.verdict = Verdict::Inconclusive);
    settled
}

fn tell_gap(sample: &Sample) {
    if let Some(why) = &sample.unmeasured {
        output::talk(&format!("not measuring: {why}"));
    }
    for (name, why) in &sample.missing {
        output::talk(&format!("{name}: no data: {why}"));
    }
}

fn told(gate: &NamedGate, verdict: Verdict, judgement: &Judgement) -> String {
    let what = match verdict {
        Verdict::Pass => "would pass",
        Verdict::Fail => "would fail; in a rollout it would be rolled back",
        Verdict::Inconclusive | Verdict::Undecided => "could not decide",
    };
    let mut lines = vec![format!(
        "{} {what}, after {}",
        gate.name,
        render::span(judgement.measured_ms)
    )];
    lines.extend(super::evidence(judgement));
    lines.join("\n")
}
