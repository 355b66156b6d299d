//! `portcullis gate run`: measures what runs now as a gate would, and judges it.

use std::collections::BTreeSet;

use portcullis_analysis::{Analysis, Judgement, Rule, Sample, Tally, Verdict};
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
    for rule in left_out(&gate, stable.is_some()) {
        output::talk(&format!(
            "left out, because no release serves beside {canary}: {}",
            render::rule(rule)
        ));
    }
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
    let fitting = u32::try_from(analysis.window_ms / analysis.interval_ms.max(1));
    let fitting = fitting.unwrap_or(u32::MAX).max(1);
    analysis.samples_min = analysis.samples_min.min(fitting);
    analysis
}

/// The gate's rules that cannot be judged while nothing serves beside the release that is measured.
fn left_out(gate: &NamedGate, compares: bool) -> impl Iterator<Item = &Rule> {
    let rules = gate.analysis.rules.iter();
    rules.filter(move |rule| !compares && rule.test.needs_baseline())
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

/// Measures until the gate fails or its time is over, on the clock if something could not be measured. The last
/// measurement is as long as what is left.
async fn measured(meter: &GatewayMeter, order: GateOrder, length_ms: u64) -> Judgement {
    let analysis = order.analysis.clone();
    let mut query = Query {
        rollout: RolloutId::new("gate-run"),
        step: StepIndex(0),
        gate: order,
    };
    let mut tally = Tally::new(&analysis);
    let begun_us = clock::monotonic_us();
    let mut gaps = Gaps::default();
    // Whether there was time that could not be measured: then the clock ends it.
    let mut lost = false;
    let mut passed_ms = 0;
    loop {
        let done_ms = if lost { passed_ms } else { tally.measured_ms() };
        let left_ms = length_ms.saturating_sub(done_ms).max(1);
        let interval_ms = analysis.interval_ms_after(tally.measured_ms());
        query.gate.analysis.interval_ms = interval_ms.min(left_ms);
        let sample = meter.sample(&query).await;
        gaps.tell(&sample);
        lost |= sample.unmeasured.is_some();
        tally.observe(&analysis, &sample);
        let judgement = tally.judge(&analysis);
        passed_ms = clock::monotonic_us().saturating_sub(begun_us) / 1000;
        if judgement.verdict != Verdict::Undecided || (lost && passed_ms >= length_ms) {
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

/// What could not be measured the last time, so that each is told once and not at each measurement.
#[derive(Default)]
struct Gaps {
    told: BTreeSet<String>,
}

impl Gaps {
    /// Tells what is new, and what can be measured again.
    fn tell(&mut self, sample: &Sample) {
        let unmeasured = sample.unmeasured.iter();
        let unmeasured = unmeasured.map(|why| format!("not measuring: {why}"));
        let missing = sample.missing.iter();
        let missing = missing.map(|(name, why)| format!("{name}: no data: {why}"));
        let lines: Vec<String> = unmeasured.chain(missing).collect();
        // A reason may say how old a reading is, and that alone is no news.
        let kind = |line: &String| line.replace(|c: char| c.is_ascii_digit(), "");
        let now: BTreeSet<String> = lines.iter().map(kind).collect();
        for line in lines.iter().filter(|line| !self.told.contains(&kind(line))) {
            output::talk(line);
        }
        if now.is_empty() && !self.told.is_empty() {
            output::talk("everything is measured again");
        }
        self.told = now;
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
