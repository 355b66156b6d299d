//! The live screen of a rollout, as a pure function: the same scene always gives the same lines.
//!
//! The verdict sentence comes first and what a person may do comes last; both stay whatever the size. When
//! there is too little room, what is in between gives way in a fixed order, finished steps first.

use portcullis_api::engine::Detail;
use portcullis_api::gateway::RouteStatus;

mod actions;
mod gates;
mod line;
mod marks;
mod standing;
mod traffic;
mod tree;

pub(crate) use line::{Line, Tone};

use super::timeline;
use line::{padded, seconds, wrap};
use marks::Marks;
use portcullis_rollout::{Moment, MomentKind, State};

/// The narrowest screen that is drawn; a narrower terminal shows its left part.
const WIDTH_MIN: usize = 20;
/// Wider lines are hard to read.
const WIDTH_MAX: usize = 132;

/// All that a screen shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The rollout.
    pub(crate) detail: &'a Detail,
    /// The gateway's route of its service, where it is known.
    pub(crate) traffic: Option<&'a RouteStatus>,
    /// The last lines that the candidate wrote, oldest first.
    pub(crate) log: &'a [String],
    /// How long each step took lately, shortest and longest in milliseconds, where it is known.
    pub(crate) expected_ms: &'a [Option<(u64, u64)>],
    /// Why what is shown may be old, for example that no server answers.
    pub(crate) trouble: Option<&'a str>,
    /// Now, milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
    /// Whether characters outside ASCII may be used for icons and bars.
    pub(crate) unicode: bool,
}

/// The lines of a screen; no line is wider, and there are not more, than was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Screen {
    pub(crate) lines: Vec<Line>,
}

/// How much is shown.
#[derive(Debug, Clone)]
struct Room {
    width: usize,
    log_lines: usize,
    fold_settled: bool,
    to_come_kept: usize,
    blank_lines: bool,
    traffic_rows: bool,
    traffic: bool,
    gate_rules: Rules,
    tree: bool,
    pivot: bool,
    consequences: bool,
    next: bool,
}

/// Which rules of a gate are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    All,
    Deciding,
    None,
}

/// What gives way when there is too little room, in this order.
const GIVING_WAY: [fn(&mut Room); 14] = [
    |room| room.log_lines = 3,
    |room| room.fold_settled = true,
    |room| room.to_come_kept = 3,
    |room| room.log_lines = 0,
    |room| room.to_come_kept = 1,
    |room| room.blank_lines = false,
    |room| room.gate_rules = Rules::Deciding,
    |room| room.traffic_rows = false,
    |room| room.pivot = false,
    |room| room.consequences = false,
    |room| room.gate_rules = Rules::None,
    |room| room.next = false,
    |room| room.tree = false,
    |room| room.traffic = false,
];

/// The screen of a scene, at most `width` columns wide and `height` lines high.
pub(crate) fn screen(scene: &Scene<'_>, width: usize, height: usize) -> Screen {
    let width = width.clamp(WIDTH_MIN, WIDTH_MAX);
    let built = |given: &[bool]| build(scene, &Room::after(width, given));
    let mut given = [false; GIVING_WAY.len()];
    let mut lines = built(&given);
    for index in 0..given.len() {
        if lines.len() > height {
            given[index] = true;
            lines = built(&given);
        }
    }
    // What gave way in vain, because what followed made more room than was needed, comes back.
    for index in (0..given.len()).rev() {
        if lines.len() < height && std::mem::replace(&mut given[index], false) {
            let more = built(&given);
            if more.len() <= height {
                lines = more;
            } else {
                given[index] = true;
            }
        }
    }
    // Where not even the sentence and the commands have room, the sentence wins.
    lines.truncate(height);
    let ellipsis = scene.marks().ellipsis();
    let clip = |line: Line| line.clip(width, ellipsis).trimmed();
    Screen {
        lines: lines.into_iter().map(clip).collect(),
    }
}

impl Room {
    /// All there is, on a screen of `width` columns.
    fn ample(width: usize) -> Room {
        Room {
            width,
            log_lines: 6,
            fold_settled: false,
            to_come_kept: usize::MAX / 2,
            blank_lines: true,
            traffic_rows: true,
            traffic: true,
            gate_rules: Rules::All,
            tree: true,
            pivot: true,
            consequences: true,
            next: true,
        }
    }

    /// What is left of it after that which is marked in `given` has given way.
    fn after(width: usize, given: &[bool]) -> Room {
        let mut room = Room::ample(width);
        let giving = GIVING_WAY.iter().zip(given).filter(|(_, given)| **given);
        giving.for_each(|(give_way, _)| give_way(&mut room));
        room
    }
}

impl Scene<'_> {
    fn marks(&self) -> Marks {
        Marks {
            unicode: self.unicode,
        }
    }
}

impl Screen {
    /// The text alone.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(Line::text).collect();
        lines.join("\n")
    }
}

fn build(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let mut sections = vec![head(scene, room)];
    if room.tree {
        sections.push(tree::lines(scene, room));
    }
    if room.traffic {
        sections.push(traffic::lines(scene, room));
    }
    sections.push(gates::lines(scene, room));
    sections.push(evidence(scene, room));
    sections.push(log(scene, room));
    sections.push(foot(scene, room));
    sections.retain(|section| !section.is_empty());
    let mut lines = Vec::new();
    for section in sections {
        if room.blank_lines && !lines.is_empty() {
            lines.push(Line::new());
        }
        lines.extend(section);
    }
    lines
}

/// The verdict sentence as it was made, and whose it is.
fn head(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let summary = &scene.detail.summary;
    let tone = match &scene.detail.state_detail {
        State::Held { .. } | State::Paused { .. } | State::Unwinding { .. } => Tone::Warn,
        _ => Tone::Strong,
    };
    let mut lines: Vec<Line> = wrap(&summary.sentence, room.width)
        .into_iter()
        .map(|text| Line::of(tone, text))
        .collect();
    if let Some(trouble) = scene.trouble {
        let mark = scene.marks().warning();
        let words = wrap(&format!("{mark} {trouble}"), room.width);
        lines.extend(words.into_iter().map(|text| Line::of(Tone::Bad, text)));
    }
    let until_ms = if summary.over {
        summary.changed_at_ms
    } else {
        scene.now_ms
    };
    let took = until_ms.saturating_sub(summary.planned_at_ms);
    let took = if summary.over {
        format!("took {}", timeline::duration(took))
    } else {
        format!("running for {}", seconds(took))
    };
    let plan = &scene.detail.plan.plan;
    let words = format!("rollout {}, {}, {took}", summary.rollout, plan.environment);
    if room.tree {
        lines.push(Line::of(Tone::Dim, words));
    }
    lines
}

/// What the step that failed left behind: the failed check's body, the last lines.
fn evidence(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let moments = &scene.detail.moments;
    let failed = |m: &&Moment| matches!(m.kind, MomentKind::Failed { .. });
    let Some(position) = moments.iter().rposition(|m| failed(&m)) else {
        return Vec::new();
    };
    let moment = &moments[position];
    let MomentKind::Failed { message, facts, .. } = &moment.kind else {
        return Vec::new();
    };
    // A failed attempt that was made good by the next one explains nothing.
    let forward = standing::cause(&scene.detail.state_detail).is_none();
    let made_good = moments[position..]
        .iter()
        .any(|m| m.step == moment.step && matches!(m.kind, MomentKind::Settled { .. }));
    if room.log_lines == 0 || forward && made_good {
        return Vec::new();
    }
    let name = moment.name.clone().unwrap_or_default();
    let mut lines =
        vec![Line::of(Tone::Strong, format!("{name} failed  ")).with(Tone::Bad, message)];
    let facts = facts.iter().flat_map(|fact| {
        let value: Vec<&str> = fact.value.lines().collect();
        let skipped = value.len().saturating_sub(room.log_lines);
        let quote = scene.marks().quote();
        let told = value.into_iter().skip(skipped);
        told.map(move |line| format!("  {quote} {}: {line}", fact.name))
            .collect::<Vec<_>>()
    });
    lines.extend(facts.map(|text| Line::of(Tone::Dim, text)));
    lines
}

/// The last lines that the candidate wrote.
fn log(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let skipped = scene.log.len().saturating_sub(room.log_lines);
    let told = &scene.log[skipped..];
    if told.is_empty() {
        return Vec::new();
    }
    let quote = scene.marks().quote();
    let head = format!("last lines of {}", scene.detail.summary.to);
    let mut lines = vec![Line::of(Tone::Strong, head)];
    lines.extend(
        told.iter()
            .map(|text| Line::of(Tone::Dim, format!("  {quote} ")).with(Tone::Plain, text)),
    );
    lines
}

/// What happens next, and what a person may do.
fn foot(scene: &Scene<'_>, room: &Room) -> Vec<Line> {
    let mut lines = Vec::new();
    let over = scene.detail.summary.over;
    if room.next && !over {
        lines.extend(labelled("next", &actions::next(scene), room));
    }
    let choices = actions::choices(scene);
    if choices.is_empty() {
        let words = "nothing to decide: it is going back by itself";
        lines.extend(labelled("you may", words, room));
    }
    let widest = choices.iter().map(|choice| choice.command.len()).max();
    let label = |index: usize| if index == 0 { "you may  " } else { "         " };
    for (index, choice) in choices.iter().enumerate() {
        let command = format!("portcullis {}", choice.command);
        let line = Line::of(Tone::Strong, label(index));
        let used = 9 + 11 + widest.unwrap_or(0) + 2;
        if !room.consequences {
            lines.push(line.with(Tone::Active, command));
        } else if room.width >= used + 24 {
            let told = wrap(&choice.consequence, room.width - used);
            let command = padded(&command, used - 9);
            let mut told = told.into_iter();
            let first = told.next().unwrap_or_default();
            lines.push(line.with(Tone::Active, command).with(Tone::Plain, first));
            let indent = " ".repeat(used);
            lines.extend(told.map(|text| Line::of(Tone::Plain, format!("{indent}{text}"))));
        } else {
            lines.push(line.with(Tone::Active, command));
            let told = wrap(&choice.consequence, room.width.saturating_sub(11));
            lines.extend(
                told.into_iter()
                    .map(|text| Line::of(Tone::Plain, format!("           {text}"))),
            );
        }
    }
    if !over && room.consequences {
        lines.push(Line::of(Tone::Dim, "Ctrl-C leaves; the rollout goes on"));
    }
    lines
}

fn labelled(label: &str, text: &str, room: &Room) -> Vec<Line> {
    let told = wrap(text, room.width.saturating_sub(9));
    let labels = [padded(label, 9)]
        .into_iter()
        .chain(std::iter::repeat(" ".repeat(9)));
    labels
        .zip(told)
        .map(|(label, text)| Line::of(Tone::Strong, label).with(Tone::Plain, text))
        .collect()
}

#[cfg(test)]
mod tests;
