//! The gate that is open, or the one that failed: each rule with its numbers and what it still needs.

use portcullis_analysis::{Evidence, Judgement, Verdict};
use portcullis_rollout::{Action, Cause, GateOrder, PausedWhy, State, StepIndex};
use unicode_width::UnicodeWidthStr;

use super::line::{Line, Tone, grouped, padded, seconds, wrap};
use super::standing::cause;
use super::{Room, Scene};
use crate::render::timeline::duration;

/// From this width on a rule is one line.
const ONE_LINE_FROM: usize = 76;

/// The gate that matters now.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    pub(super) order: &'a GateOrder,
    pub(super) name: &'a str,
    pub(super) judgement: Judgement,
    /// Requests of the candidate so far.
    pub(super) requests: u64,
    /// Whether it still measures and may still decide by itself.
    pub(super) open: bool,
}

/// The open gate, or the one that could not decide, or the one because of which the rollout goes back.
pub(super) fn watched<'a>(scene: &Scene<'a>) -> Option<Watched<'a>> {
    let detail = scene.detail;
    let gate_at = |at: StepIndex| {
        let step = detail.plan.plan.step(at)?;
        match &step.action {
            Action::Gate(order) => Some((order, step.name.as_str())),
            _ => None,
        }
    };
    match &detail.state_detail {
        State::Watching { at, tally } => {
            let (order, name) = gate_at(*at)?;
            let judgement = tally.judge(&order.analysis);
            Some(Watched {
                order,
                name,
                judgement,
                requests: tally.counted().0.0,
                open: true,
            })
        }
        State::Paused { at, tally, why } => {
            let (order, name) = gate_at(*at)?;
            let judgement = match why {
                PausedWhy::Inconclusive { judgement } if tally.is_empty() => judgement.clone(),
                _ => tally.judge(&order.analysis),
            };
            Some(Watched {
                order,
                name,
                judgement,
                requests: tally.counted().0.0,
                open: false,
            })
        }
        other => match cause(other)? {
            Cause::GateFailed { step, judgement } => {
                let (order, name) = gate_at(*step)?;
                Some(Watched {
                    order,
                    name,
                    judgement: judgement.clone(),
                    requests: 0,
                    open: false,
                })
            }
            Cause::StepFailed { .. } | Cause::Aborted(_) | Cause::LossAccepted { .. } => None,
        },
    }
}

impl Watched<'_> {
    /// How much of the window is left, in milliseconds.
    pub(super) fn window_left_ms(&self) -> u64 {
        let window = self.order.analysis.window_ms;
        window.saturating_sub(self.judgement.measured_ms)
    }

    /// The most requests that any rule still needs.
    pub(super) fn requests_missing(&self) -> u64 {
        let of_requests = |e: &&Evidence| e.rule.signal.is_of_traffic();
        let missing = self.judgement.evidence.iter().filter(of_requests);
        missing.map(Evidence::requests_missing).max().unwrap_or(0)
    }

    /// How long the missing requests take at the pace so far, in milliseconds; `None` without any so far.
    pub(super) fn requests_missing_ms(&self) -> Option<u64> {
        let seen = self.requests;
        let missing = self.requests_missing();
        (seen > 0).then(|| missing * self.judgement.measured_ms / seen)
    }
}

/// The lines of the gate; none when none matters now.
pub(super) fn lines(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let Some(gate) = watched(scene) else {
        return Vec::new();
    };
    let mut lines = vec![head(scene, room, &gate)];
    let decided = |e: &&Evidence| e.verdict == gate.judgement.verdict;
    let rules: Vec<&Evidence> = match room.gate_rules {
        super::Rules::All => gate.judgement.evidence.iter().collect(),
        super::Rules::Deciding => {
            let deciding = gate.judgement.evidence.iter().find(decided);
            deciding
                .or(gate.judgement.evidence.first())
                .into_iter()
                .collect()
        }
        super::Rules::None => Vec::new(),
    };
    let width = rules.iter().map(|e| e.rule.signal.words().width());
    let width = width.max().unwrap_or(0);
    for evidence in rules {
        lines.extend(rule(scene, room, evidence, width));
    }
    lines
}

fn head(scene: &Scene<'_>, room: &Room, gate: &Watched<'_>) -> Line {
    let window = gate.order.analysis.window_ms;
    let measured = gate.judgement.measured_ms;
    let line = Line::of(Tone::Strong, format!("{}  ", gate.name));
    if !gate.open {
        let (word, tone) = match gate.judgement.verdict {
            Verdict::Fail => ("failed", Tone::Bad),
            Verdict::Inconclusive => ("cannot decide", Tone::Warn),
            Verdict::Pass => ("passes", Tone::Good),
            Verdict::Undecided => ("undecided", Tone::Warn),
        };
        let words = format!(" after {}", duration(measured));
        return line.with(tone, word).with(Tone::Plain, words);
    }
    let width = room.width.saturating_sub(44).clamp(6, 24);
    scene
        .marks()
        .bar(line, measured.min(window), window, width, Tone::Active)
        .with(
            Tone::Plain,
            format!(" {} of {} measured", seconds(measured), seconds(window)),
        )
}

fn rule(scene: &Scene<'_>, room: &Room, evidence: &Evidence, width: usize) -> Vec<Line> {
    let (mark, word, tone) = conclusion(scene, evidence);
    let signal = &evidence.rule.signal;
    let value = evidence
        .observed
        .map_or("no data".to_owned(), |v| signal.format(v));
    let limit = evidence
        .limit
        .map(|v| format!("limit {}", signal.format(v)));
    let stable = evidence
        .baseline
        .map(|v| format!("stable {}", signal.format(v)));
    let (seen, least) = (evidence.requests, evidence.rule.requests_min);
    let amount = if seen < least {
        format!("{} of {}", grouped(seen), signal.counted(least))
    } else {
        signal.counted(seen)
    };
    let head = Line::of(tone, format!("  {mark} "))
        .with(tone, padded(word, 10))
        .with(Tone::Plain, format!(" {}", padded(&signal.words(), width)));
    let joined = |numbers: [Option<&String>; 4]| {
        let numbers: Vec<&str> = numbers.into_iter().flatten().map(String::as_str).collect();
        numbers.join(", ")
    };
    let numbers = joined([Some(&value), limit.as_ref(), stable.as_ref(), Some(&amount)]);
    let mut lines = if room.width >= ONE_LINE_FROM {
        // "  * word       signal  numbers": where that is too long, how much is missing matters more than the stable
        // release's value, which the limit has in it already.
        let taken = 4 + 10 + 1 + width + 2;
        let numbers = match taken + numbers.chars().count() > room.width {
            true => joined([Some(&value), limit.as_ref(), None, Some(&amount)]),
            false => numbers,
        };
        vec![head.with(Tone::Strong, format!("  {numbers}"))]
    } else {
        let numbers = wrap(&numbers, room.width.saturating_sub(4));
        let numbers = numbers.into_iter();
        let below = numbers.map(|text| Line::of(Tone::Strong, format!("    {text}")));
        [head].into_iter().chain(below).collect()
    };
    let failed = evidence.detail.as_deref();
    let failed = failed.filter(|_| evidence.verdict == Verdict::Fail);
    if let Some(why) = failed.or(evidence.no_data()) {
        let width = room.width.saturating_sub(4);
        let why = wrap(why, width).into_iter();
        lines.extend(why.map(|text| Line::of(Tone::Dim, format!("    {text}"))));
    }
    lines
}

/// What a rule says so far, in an icon and a word.
fn conclusion(scene: &Scene<'_>, evidence: &Evidence) -> (&'static str, &'static str, Tone) {
    let marks = scene.marks();
    match evidence.verdict {
        Verdict::Pass => (marks.good(), "passes", Tone::Good),
        Verdict::Fail => (marks.bad(), "fails", Tone::Bad),
        Verdict::Inconclusive => (marks.warning(), "too little", Tone::Warn),
        Verdict::Undecided if evidence.observed.is_none() || evidence.no_data().is_some() => {
            (marks.open(), "no data", Tone::Warn)
        }
        Verdict::Undecided if evidence.approaching => (marks.warning(), "near", Tone::Warn),
        Verdict::Undecided if evidence.requests_missing() > 0 => {
            let over = evidence.observed > evidence.limit;
            let tone = if over { Tone::Warn } else { Tone::Plain };
            (marks.open(), "too few", tone)
        }
        Verdict::Undecided => (marks.open(), "holds", Tone::Good),
    }
}
