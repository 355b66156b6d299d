//! The one verdict sentence (invariant 16): the command line, the page, the notices and the API all
//! show this text.

use portcullis_analysis::{Evidence, Judgement, Tally, Verdict};

use crate::{
    Action, Attempt, Cause, Direction, End, GateRole, Halt, HeldWhy, PausedWhy, Plan, Purpose,
    Rollout, Run, State, StepIndex,
};

impl Rollout {
    /// Where the rollout is and why, with the numbers, in one sentence without a full stop.
    pub fn sentence(&self) -> String {
        let plan = self.plan();
        match self.state() {
            State::Planned => format!("Planned: {}; nothing was touched yet", plan.title()),
            State::Advancing {
                at,
                attempt,
                run,
                halt,
            } => self.advancing(*at, *attempt, *run, halt.is_some()),
            State::Watching { at, tally } if plan.keeps_warm(*at) => self.warm(*at, tally),
            State::Watching { at, tally } => self.watching(*at, tally),
            State::Paused { at, why, .. } => match why {
                PausedWhy::Approval { question } => format!("Waiting for approval: {question}"),
                PausedWhy::Asked(halt) => {
                    format!("{} at {}", halt.asked("Paused"), plan.place(*at))
                }
                PausedWhy::Within { asked, .. } => {
                    let place = plan.place(*at);
                    format!(
                        "{} in {place}; `resume` goes on with it",
                        asked.asked("Paused")
                    )
                }
                PausedWhy::Inconclusive { judgement } => {
                    let (weight, seen) = (plan.weight_at(*at), judgement.phrase());
                    let offer = plan.offer(*at, judgement);
                    let offer = offer.map_or_else(String::new, |offer| format!("; {offer}"));
                    format!("Paused at {weight}, cannot decide: {seen}{offer}")
                }
            },
            State::Unwinding { at, cause, .. } => format!(
                "Going back{}: undoing {}, because {}{}",
                plan.back_to(),
                plan.place(*at),
                cause.words(),
                self.put_back_instead()
            ),
            State::Held {
                direction, at, why, ..
            } => {
                let doing = match direction {
                    Direction::Do => "at",
                    Direction::Undo => "undoing",
                };
                format!("Held {doing} {}: {}", plan.place(*at), why.words())
            }
            State::Done { end, cause } => {
                let because = cause
                    .as_ref()
                    .map(|c| format!(": {}", c.words()))
                    .unwrap_or_default();
                match end {
                    End::Promoted => format!("{}: done, {} serves", plan.title(), plan.release.id),
                    End::RolledBack => {
                        let instead = self.put_back_instead();
                        format!("Rolled back{}{because}{instead}", plan.back_to())
                    }
                    End::Aborted => format!("Aborted before anything was touched{because}"),
                }
            }
        }
    }

    /// That a reverse has failed, and what took its place.
    fn put_back_instead(&self) -> String {
        let backup = self.given_up().and(self.plan().reverses());
        backup.map_or_else(String::new, |(backup, _)| {
            format!("; reversing the migration failed, so {backup} is put back")
        })
    }

    /// The old release is kept warm.
    fn warm(&self, at: StepIndex, tally: &Tally) -> String {
        let plan = self.plan();
        let mut words = format!(
            "{} serves, {} is kept warm",
            plan.release.id,
            plan.came_from()
        );
        if let Some(why) = tally.unmeasured() {
            words.push_str(&format!(", not measuring: {why}"));
            return words;
        }
        let seen = self.judgement();
        let Some(seen) = seen.filter(|judgement| judgement.measured_ms > 0) else {
            return words;
        };
        words.push_str(&format!(": {}", self.phrase(at, &seen)));
        let warns = |e: &Evidence| e.approaching && e.rule.test.only_warns();
        if seen.evidence.iter().any(warns) {
            words.push_str("; this does not go back by itself, `portcullis rollback` does");
        }
        if let Some(why) = tally.kept_fault() {
            words.push_str(&format!(
                "; {} does not answer as it should, so nothing goes back to it by itself: {why}",
                plan.came_from()
            ));
        }
        words
    }

    /// A gate that is open.
    fn watching(&self, at: StepIndex, tally: &Tally) -> String {
        let weight = self.plan().weight_at(at);
        if let Some(why) = tally.unmeasured() {
            return format!("Holding at {weight}, not measuring: {why}");
        }
        match self.judgement() {
            Some(judgement) if judgement.measured_ms > 0 => {
                format!("Holding at {weight}: {}", self.phrase(at, &judgement))
            }
            _ => format!("Holding at {weight}: measuring"),
        }
    }

    /// What an open gate has seen: of which people were warned last, if that goes on.
    fn phrase(&self, at: StepIndex, seen: &Judgement) -> String {
        let newest = self.newest.iter();
        let newest = newest.filter(|warned| warned.gate == at && warned.of.is_of_a_rule());
        let rules: Vec<usize> = newest.map(|warned| warned.rule).collect();
        seen.phrase_about(&rules)
    }

    /// A step that is being done.
    fn advancing(&self, at: StepIndex, attempt: Attempt, run: Run, halted: bool) -> String {
        let plan = self.plan();
        let mut words = format!("{}: {}", plan.title(), plan.place(at));
        match run {
            Run::InFlight if attempt.number > 1 => {
                words.push_str(&format!(", attempt {}", attempt.number));
            }
            Run::InFlight => {}
            Run::InDoubt => words.push_str(", looking whether it took effect"),
            Run::Resting { .. } => words.push_str(", failed once, waiting to try again"),
        }
        if let Some(progress) = self.progress() {
            words.push_str(&format!(", {progress}"));
        }
        if halted {
            words.push_str("; going back as soon as this settles");
        } else if self.pause().is_some() && self.is_in_parts(at) {
            words.push_str("; pausing behind this batch");
        } else if self.pause().is_some() {
            words.push_str("; pausing as soon as this settles");
        }
        words
    }
}

impl Cause {
    /// Why the rollout goes back, in words.
    pub fn words(&self) -> String {
        match self {
            Cause::StepFailed { message, .. } => message.clone(),
            Cause::GateFailed { judgement, .. } if judgement.verdict == Verdict::Inconclusive => {
                format!(
                    "the gate could not decide, and rolls back then (inconclusive = \"roll-back\"): {}",
                    judgement.phrase()
                )
            }
            Cause::GateFailed { judgement, .. } => judgement.headline(),
            Cause::Aborted(halt) => halt.asked("aborted"),
            Cause::LossAccepted { message, halt } => {
                let asked = halt
                    .asked("going back, with the loss of what was written since, was agreed to");
                format!("{message}; {asked}")
            }
        }
    }

    /// Whether a person has agreed to lose writes by going back.
    pub(crate) fn accepts_loss(&self) -> bool {
        matches!(self, Cause::LossAccepted { .. })
    }
}

impl Halt {
    /// Who asked for it and why, in words that begin with what they asked for.
    fn asked(&self, done: &str) -> String {
        if self.reason.is_empty() {
            format!("{done} by {}", self.by)
        } else {
            format!("{done} by {} ({})", self.by, self.reason)
        }
    }
}

impl HeldWhy {
    /// Why a person is needed, in words.
    pub fn words(&self) -> String {
        match self {
            HeldWhy::Unknown { message } => message.clone(),
            HeldWhy::UndoFailed { message } => format!("undoing it failed: {message}"),
            HeldWhy::ReverseFailed { message } => format!(
                "reversing the migration failed: {message}; `retry` tries again, `abort` puts the backup back and loses the \
                 writes taken since, `skip` keeps the data as it is"
            ),
            HeldWhy::PastPivot { message } => {
                format!("{message}; this is past the pivot and is not undone")
            }
            HeldWhy::WouldLoseWrites => {
                "putting the backup back would lose the writes taken since; `retry` does it, `skip` \
                 keeps the data as it is, with what the migration has changed"
                    .to_owned()
            }
            HeldWhy::GoingBackLoses { message } => format!(
                "{message}; going back would close the service and lose what users wrote since it was opened, so \
                 nothing was undone: `abort` goes back all the same, `retry` tries this step again, `skip` goes on"
            ),
        }
    }
}

impl Plan {
    /// What the plan does, for example `Releasing dhash 1.0 -> 1.1`.
    pub fn title(&self) -> String {
        let verb = match self.purpose {
            Purpose::Deploy => "Releasing",
            Purpose::Rollback => "Returning",
        };
        match &self.previous {
            Some(previous) => {
                format!(
                    "{verb} {} {} -> {}",
                    self.service, previous.release.id, self.release.id
                )
            }
            None => format!("{verb} {} {}", self.service, self.release.id),
        }
    }

    /// A step in words, for example `step 4 of 14, migrate`.
    pub fn place(&self, at: StepIndex) -> String {
        match self.step(at) {
            Some(step) => format!("step {at} of {}, {}", self.steps.len(), step.name),
            None => format!("step {at}"),
        }
    }

    /// The release that served before, or words for that there was none.
    fn came_from(&self) -> String {
        self.previous.as_ref().map_or_else(
            || "the old release".to_owned(),
            |previous| previous.release.id.to_string(),
        )
    }

    /// Where going back leads, to be put behind a verb.
    fn back_to(&self) -> String {
        self.previous.as_ref().map_or_else(
            || " (nothing served before)".to_owned(),
            |previous| format!(" to {}", previous.release.id),
        )
    }

    /// What is said when the release is promoted and the old one is kept warm at the step `at`.
    pub(crate) fn promoted_sentence(&self, at: StepIndex) -> String {
        let kept = match self.step(at).map(|step| &step.action) {
            Some(Action::Gate(gate)) => span(gate.analysis.window_ms),
            _ => "a while".to_owned(),
        };
        format!(
            "Promoted: {} serves; {} is kept warm for {kept}",
            self.release.id,
            self.came_from()
        )
    }

    /// Whether a step is the time for which the old release is kept warm.
    pub fn keeps_warm(&self, at: StepIndex) -> bool {
        match self.step(at).map(|step| &step.action) {
            Some(Action::Gate(gate)) => gate.role == GateRole::KeepWarm,
            _ => false,
        }
    }

    /// What to do about a gate that could not decide for want of requests.
    fn offer(&self, at: StepIndex, judgement: &Judgement) -> Option<String> {
        let step = self.step(at)?;
        match &step.action {
            Action::Gate(gate) => gate.offer(&step.name, judgement),
            _ => None,
        }
    }

    fn weight_at(&self, at: StepIndex) -> String {
        match self.step(at).map(|step| &step.action) {
            Some(Action::Gate(gate)) => gate.weight.to_string(),
            _ => "0 %".to_owned(),
        }
    }
}

/// A time as people say it: `45 s`, `10 min`, `2 h`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        _ if ms > 0 && ms.is_multiple_of(3_600_000) => format!("{} h", ms / 3_600_000),
        _ if ms > 0 && ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ => format!("{} s", ms as f64 / 1000.0),
    }
}
