//! The steps: done, running, failed, undone, to come; with durations, undo points and the pivot.

use portcullis_rollout::{Action, Step, StepIndex, Undo};
use unicode_width::UnicodeWidthStr;

use super::line::{Line, Tone, grouped, padded, seconds};
use super::standing::{Standing, Standings, cause, current_since_ms, standings};
use super::{Room, Scene};
use crate::render::plan;
use crate::render::timeline::duration;

/// The columns of the word that says how a step stands.
const WORD_WIDTH: usize = 9;
/// The columns of a duration.
const TIME_WIDTH: usize = 12;
/// From this width on the undo is written out behind each step.
const UNDO_FROM: usize = 66;

/// Below this width the tree is not indented and says less.
const NARROW: usize = 50;

/// The lines of the tree.
pub(super) fn lines(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let detail = scene.detail;
    let all = standings(detail);
    let pivot = detail.plan.plan.pivot;
    // On the way back, and when it is over, nobody will pass it any more.
    let ahead = cause(&detail.state_detail).is_none() && !detail.summary.over;
    let name_width = detail.plan.plan.steps.iter().map(|step| step.name.width());
    let name_width = name_width.max().unwrap_or(0);
    let mut lines = Vec::new();
    let mut index = 0;
    while index < all.len() {
        let run = folded_run(&all, index, room);
        let has_pivot = index <= pivot.0 && pivot.0 < index + run;
        if has_pivot && (run == 1 || pivot.0 == index) && room.pivot && ahead {
            lines.push(pivot_line(scene, room.width));
        }
        if run == 1 {
            let step = &detail.plan.plan.steps[index];
            lines.push(step_line(scene, room, step, index, all[index], name_width));
        } else {
            let inside = (has_pivot && pivot.0 != index && ahead).then_some(pivot);
            lines.push(folded(scene, room, &all[index..index + run], index, inside));
        }
        index += run;
    }
    lines
}

/// How many steps from `index` on go into one line.
fn folded_run(all: &[Standings], index: usize, room: &Room) -> usize {
    let standing = all[index].standing;
    let same = all[index..]
        .iter()
        .take_while(|other| other.standing == standing)
        .count();
    let first_to_come = all.iter().position(|s| s.standing == Standing::ToCome);
    match standing {
        Standing::ToCome => {
            let kept = first_to_come.unwrap_or(0) + room.to_come_kept;
            if index >= kept { same } else { 1 }
        }
        _ if standing.is_settled() && room.fold_settled => same,
        _ => 1,
    }
}

fn folded(
    scene: &Scene<'_>,
    room: &Room,
    run: &[Standings],
    index: usize,
    pivot: Option<StepIndex>,
) -> Line {
    let standing = run[0].standing;
    let (mark, tone) = scene.marks().step(standing);
    let steps = &scene.detail.plan.plan.steps;
    let (first, last) = (&steps[index].name, &steps[index + run.len() - 1].name);
    let took: u64 = run.iter().filter_map(|step| step.took_ms).sum();
    let indent = indent(room);
    if room.width < NARROW {
        return Line::of(tone, format!("{indent}{mark} "))
            .with(tone, padded(standing.word(), WORD_WIDTH))
            .with(Tone::Plain, format!(" {first} to {last}"));
    }
    let mut text = format!("{} steps, {first} to {last}", run.len());
    if standing == Standing::Done && took > 0 {
        text.push_str(&format!(", {}", duration(took)));
    }
    if let Some(pivot) = pivot {
        text.push_str(&format!("; pivot at {}", steps[pivot.0].name));
    }
    Line::of(tone, format!("{indent}{mark} "))
        .with(tone, padded(standing.word(), WORD_WIDTH))
        .with(Tone::Plain, format!(" {text}"))
}

fn step_line(
    scene: &Scene<'_>,
    room: &Room,
    step: &Step,
    index: usize,
    known: Standings,
    name_width: usize,
) -> Line {
    let (mark, tone) = scene.marks().step(known.standing);
    let name_tone = match known.standing {
        standing if standing.is_current() => Tone::Strong,
        Standing::ToCome | Standing::NotReached => Tone::Dim,
        _ => Tone::Plain,
    };
    let indent = indent(room);
    let mut line = Line::of(tone, format!("{indent}{mark} "))
        .with(tone, padded(known.standing.word(), WORD_WIDTH))
        .with(Tone::Dim, format!(" {:>2} ", index + 1))
        .with(name_tone, padded(&step.name, name_width))
        .with(
            Tone::Plain,
            format!(" {:>TIME_WIDTH$}", time(scene, step, index, known)),
        );
    let undone = known.standing == Standing::Undone || known.undo_took_ms.is_some();
    if known.standing == Standing::Failed && undone {
        line = line.with(Tone::Plain, "  undone");
    }
    // Behind the pivot nothing can be undone; the line above it says so. When it is over, neither.
    let possible = step.undo != Undo::Impossible
        && known.standing != Standing::NotReached
        && !scene.detail.summary.over;
    if let Some(undo) = plan::undo(step).filter(|_| possible && !undone) {
        line = line.with(Tone::Dim, format!("  {}", scene.marks().undo()));
        if room.width >= UNDO_FROM {
            line = line.with(Tone::Dim, format!(" undo: {undo}"));
        }
    }
    line
}

fn indent(room: &Room) -> &'static str {
    if room.width < NARROW { "" } else { "  " }
}

/// The real duration, the one so far, or the planned bound.
fn time(scene: &Scene<'_>, step: &Step, index: usize, known: Standings) -> String {
    match known.standing {
        Standing::Undone => known.undo_took_ms.map(duration).unwrap_or_default(),
        Standing::Done | Standing::Failed => known.took_ms.map(duration).unwrap_or_default(),
        Standing::NotReached => String::new(),
        Standing::ToCome => match (
            scene.expected_ms.get(index).copied().flatten(),
            &step.action,
        ) {
            (Some((from, to)), _) => format!("{}-{} s", grouped(from / 1000), to.div_ceil(1000)),
            (None, Action::Gate(gate)) => format!("for {}", seconds(gate.analysis.window_ms)),
            (None, Action::Approve(_)) => "asks you".to_owned(),
            (None, _) => bound(step.deadline_ms),
        },
        _ => seconds(scene.now_ms.saturating_sub(current_since_ms(scene.detail))),
    }
}

/// A planned bound, in whole minutes where it is long.
fn bound(ms: u64) -> String {
    match ms.div_ceil(1000) {
        short @ 0..120 => format!("max {short} s"),
        long => format!("max {} min", long.div_ceil(60)),
    }
}

fn pivot_line(scene: &Scene<'_>, width: usize) -> Line {
    let rule = scene.marks().rule();
    let words = if width < NARROW {
        " pivot: no undo from here "
    } else {
        " pivot: from here on nothing is undone "
    };
    let rest = width.saturating_sub(words.width() + 6).min(24);
    Line::of(
        Tone::Warn,
        format!("  {}{words}{}", rule.repeat(2), rule.repeat(rest)),
    )
}
