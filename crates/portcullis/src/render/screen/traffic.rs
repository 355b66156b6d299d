//! How users are divided between the old and the new release, and what each answers.

use portcullis_analysis::Signal;
use portcullis_api::gateway::RouteStatus;
use portcullis_rollout::{Action, End, MomentKind, State};
use unicode_width::UnicodeWidthStr;

use super::line::{Line, Tone, grouped, padded};
use super::{Room, Scene};

/// Below this width a release's answers are told in short.
const NARROW: usize = 60;
/// From this width on there is room to say since when the gateway has counted.
const SINCE_FROM: usize = 104;

/// What is known of one release's answers.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    p95_us: Option<u64>,
    healthy: Option<bool>,
}

/// The division as it is in force.
#[derive(Debug)]
struct Division {
    old: Option<(String, Counts)>,
    new: (String, Counts),
    new_percent: u8,
    /// By whom or since when the requests were counted, where that needs a word.
    counted: Option<&'static str>,
}

/// The lines of the bar and the two releases; none before anything is known.
pub(super) fn lines(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let Some(division) = division(scene) else {
        return Vec::new();
    };
    let percent = division.new_percent;
    let width = room.width.saturating_sub(30).clamp(8, 50);
    let head = Line::of(Tone::Strong, "traffic  ");
    let mut bar = scene
        .marks()
        .bar(head, u64::from(percent), 100, width, Tone::Active)
        .with(Tone::Strong, format!(" {percent} % to {}", division.new.0));
    let by = division.counted.filter(|_| room.traffic_rows);
    if let Some(by) = by.filter(|_| room.width >= SINCE_FROM) {
        bar = bar.with(Tone::Dim, format!("  ({by})"));
    }
    let mut lines = vec![bar];
    if room.traffic_rows {
        let width = division
            .old
            .as_ref()
            .map_or(0, |(name, _)| name.width())
            .max(division.new.0.width());
        if let Some((name, counts)) = &division.old {
            lines.push(row(
                room,
                ["old", &padded(name, width)],
                100 - percent,
                *counts,
            ));
        }
        let (name, counts) = &division.new;
        lines.push(row(room, ["new", &padded(name, width)], percent, *counts));
        if let Some(by) = by.filter(|_| room.width < SINCE_FROM) {
            lines.push(Line::of(Tone::Dim, format!("  {by}")));
        }
    }
    lines
}

fn row(room: &Room, [word, name]: [&str; 2], percent: u8, counts: Counts) -> Line {
    let Counts {
        requests, errors, ..
    } = counts;
    let share = match requests {
        0 => String::new(),
        _ => format!("({:.1} %)", errors as f64 / requests as f64 * 100.0),
    };
    let tone = if errors == 0 { Tone::Plain } else { Tone::Bad };
    if room.width < NARROW {
        let failed = format!("  {} of {} failed", grouped(errors), grouped(requests));
        return Line::of(Tone::Plain, format!("  {word} {name} {percent:>3} %")).with(tone, failed);
    }
    let mut line = Line::of(Tone::Plain, format!("  {word} {name} {percent:>3} %"))
        .with(Tone::Plain, format!("  {:>7} requests", grouped(requests)))
        .with(tone, format!("  {:>5} errors {share:<8}", grouped(errors)));
    if let Some(p95) = counts.p95_us {
        line = line.with(Tone::Dim, format!("  p95 {:.1} ms", p95 as f64 / 1000.0));
    }
    if counts.healthy == Some(false) && percent > 0 {
        line = line.with(Tone::Warn, "  not healthy");
    }
    line
}

fn division(scene: &Scene<'_>) -> Option<Division> {
    if scene.detail.summary.over {
        return Some(from_verdicts(scene));
    }
    match scene.traffic {
        Some(route) => from_route(scene, route),
        None => from_samples(scene),
    }
}

fn from_route(scene: &Scene<'_>, route: &RouteStatus) -> Option<Division> {
    let plan = &scene.detail.plan.plan;
    let split = route.split.as_ref()?;
    let counts = |release: &str, address: &str| {
        let arm = route
            .arms
            .iter()
            .rev()
            .find(|known| known.arm.release == release && known.arm.address == address);
        arm.map_or(Counts::default(), |arm| Counts {
            requests: arm.requests,
            errors: arm.errors,
            p95_us: arm.latency.quantile_us(0.95),
            healthy: Some(arm.health.healthy),
        })
    };
    let new_at = plan.target.address.as_str();
    let new = plan.release.id.to_string();
    let new_percent = match &split.canary {
        Some(canary) if canary.address == new_at => split.weight_percent,
        _ if split.stable.address == new_at => 100,
        _ => 0,
    };
    let old = plan.previous.as_ref().map(|previous| {
        let name = previous.release.id.to_string();
        let seen = counts(&name, &previous.target.address);
        (name, seen)
    });
    let seen = counts(&new, new_at);
    Some(Division {
        old,
        new: (new, seen),
        new_percent,
        counted: Some("counted since the gateway started"),
    })
}

/// What the gates of a rollout that is over have counted. The gateway's own counts go on after it, and those
/// of a release are the same for all rollouts that bring it out.
fn from_verdicts(scene: &Scene<'_>) -> Division {
    let plan = &scene.detail.plan.plan;
    let mut counts = Counts::default();
    for moment in &scene.detail.moments {
        let MomentKind::Decided { judgement } = &moment.kind else {
            continue;
        };
        let by_requests = judgement.evidence.iter().filter(|evidence| {
            let signal = &evidence.rule.signal;
            matches!(
                signal,
                Signal::ErrorRate | Signal::Latency { .. } | Signal::Latencies
            )
        });
        counts.requests += by_requests
            .map(|evidence| evidence.requests)
            .max()
            .unwrap_or(0);
        let errors = judgement.evidence.iter().find_map(|evidence| {
            let rate = evidence.observed?;
            let is_rate = matches!(evidence.rule.signal, Signal::ErrorRate);
            is_rate.then(|| (rate * evidence.requests as f64).round() as u64)
        });
        counts.errors += errors.unwrap_or(0);
    }
    let promoted = matches!(
        scene.detail.state_detail,
        State::Done {
            end: End::Promoted,
            ..
        }
    );
    Division {
        old: None,
        new: (plan.release.id.to_string(), counts),
        new_percent: if promoted { 100 } else { 0 },
        counted: Some("counted by its gates"),
    }
}

/// Without the gateway's own word: what the open gate has measured.
fn from_samples(scene: &Scene<'_>) -> Option<Division> {
    let plan = &scene.detail.plan.plan;
    let (State::Watching { at, tally } | State::Paused { at, tally, .. }) =
        &scene.detail.state_detail
    else {
        return None;
    };
    let Action::Gate(gate) = &plan.step(*at)?.action else {
        return None;
    };
    let counted = |(requests, errors)| Counts {
        requests,
        errors,
        ..Counts::default()
    };
    let (canary, baseline) = tally.counted();
    let baseline = counted(baseline);
    let old = plan.previous.as_ref();
    Some(Division {
        old: old.map(|previous| (previous.release.id.to_string(), baseline)),
        new: (plan.release.id.to_string(), counted(canary)),
        new_percent: gate.weight.percent(),
        counted: None,
    })
}
