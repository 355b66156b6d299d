//! The transition function.
//!
//! One match over state and event, with no wildcard: adding a state or an event does not compile
//! until each combination is a transition or a typed refusal (invariant 8). The table it implements is
//! docs/reference/states.md. Undoing starts *at* the step that failed, because a failure may have
//! half-applied it.

use std::collections::BTreeSet;

use portcullis_analysis::{Judgement, Tally, Verdict, WhenInconclusive};

use crate::rollout::Warned;
use crate::{
    Action, Attempt, Cause, Direction, Effect, End, Event, EventKind, Fact, GateOrder, GateRole,
    Halt, HeldWhy, Notice, NoticeKind, OpKey, PausedWhy, Presence, Rollout, Run, State, StepIndex,
    Strategy,
};

/// The first waiting time between two attempts, in milliseconds; it doubles with each attempt.
const BACKOFF_FIRST_MS: u64 = 500;
/// The longest waiting time between two attempts, in milliseconds.
const BACKOFF_MAX_MS: u64 = 30_000;
/// A paused gate is measured at most this often, in milliseconds: a pause may last for days.
const PAUSED_INTERVAL_MIN_MS: u64 = 30_000;

/// An event that is not possible now. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The event does not apply in this state.
    #[error("`{event}` is not possible while the rollout is {state}")]
    NotNow {
        /// The event's word.
        event: &'static str,
        /// The state's word.
        state: &'static str,
    },
    /// The outcome belongs to an attempt that is not the one under way.
    #[error("the outcome of attempt {0} comes too late: another attempt took its place")]
    StaleKey(OpKey),
    /// Going back is no longer possible.
    #[error("step {0} is past the pivot: what was done can no longer be undone")]
    PastPivot(StepIndex),
    /// The rollout is already going back.
    #[error("the rollout is already going back")]
    AlreadyGoingBack,
    /// The rollout is already paused, or will be when its step has settled.
    #[error("the rollout is already paused, or will be at the end of its step")]
    AlreadyPaused,
    /// No planned question is open.
    #[error("no question is waiting for an answer; `resume` lets a paused rollout go on")]
    NoQuestion,
    /// The measurement is of another gate.
    #[error("the measurement is of step {0}, which is not being watched")]
    OtherGate(StepIndex),
}

impl Rollout {
    /// What becomes of this rollout when `event` happens, and what is then wanted.
    ///
    /// # Errors
    /// When the event is not possible now. The rollout is unchanged.
    pub fn apply(&self, event: &Event) -> Result<(Rollout, Vec<Effect>), Refused> {
        use EventKind as E;
        let mut turn = Turn {
            rollout: self,
            now_ms: event.at_ms,
            effects: Vec::new(),
            pause: self.pause.clone(),
            given_up: self.given_up,
            agreed: self.agreed,
            progress: None,
            passed: None,
            warned: self.warned.clone(),
            newest: self.newest.clone(),
        };
        let kind = &event.kind;
        let not_now = || Refused::NotNow {
            event: kind.word(),
            state: self.state.word(),
        };
        let halt_by = |reason: &String| Halt {
            by: event.by.to_string(),
            reason: reason.clone(),
        };
        turn.check_key(kind)?;
        let state = match &self.state {
            State::Planned => match kind {
                E::Start => turn.enter(StepIndex(0)),
                E::Abort { reason } => {
                    turn.done(End::Aborted, Some(Cause::Aborted(halt_by(reason))))
                }
                E::Recovered => State::Planned,
                E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Pause { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },

            State::Advancing {
                at,
                attempt,
                run: Run::InFlight,
                halt,
            } => match kind {
                E::Succeeded { .. } => turn.went_well(*at, halt.as_ref()),
                E::Failed { failure, .. } => match (halt, attempt.next()) {
                    (None, Some(_)) if failure.retryable => {
                        turn.rest(Direction::Do, *at, *attempt, None)
                    }
                    _ => turn.went_badly(*at, halt.as_ref(), failure.message.clone(), *attempt),
                },
                E::TimedOut { .. } | E::Unclear { .. } | E::Recovered => {
                    turn.doubt(Direction::Do, *at, *attempt, halt.clone(), None)
                }
                E::Suspended { .. } => match halt {
                    Some(halt) => turn.go_back(*at, Cause::Aborted(halt.clone())),
                    None if turn.pause.is_none() => return Err(not_now()),
                    None => turn.suspend(*at, *attempt),
                },
                E::Progress { message, .. } => {
                    turn.progress = Some(message.clone());
                    self.state.clone()
                }
                E::Abort { reason } => {
                    turn.may_abort(*at, halt.as_ref())?;
                    turn.cancel(*at, *attempt);
                    State::Advancing {
                        at: *at,
                        attempt: *attempt,
                        run: Run::InFlight,
                        halt: Some(halt_by(reason)),
                    }
                }
                E::Pause { reason } => {
                    turn.may_pause(halt.as_ref())?;
                    turn.pause = Some(halt_by(reason));
                    turn.ask_to_suspend(*at, *attempt);
                    self.state.clone()
                }
                E::Start
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },
            State::Advancing {
                at,
                attempt,
                run: Run::InDoubt,
                halt,
            } => match kind {
                E::Probed {
                    presence: Presence::Applied,
                    ..
                } => turn.went_well(*at, halt.as_ref()),
                E::Probed {
                    presence: Presence::Absent,
                    facts,
                    ..
                } => match (halt, attempt.next()) {
                    (None, Some(next)) => turn.again(*at, *attempt, next),
                    _ => {
                        let sentence = turn.interrupted(*at);
                        let message = words_of(&sentence, facts);
                        turn.went_badly(*at, halt.as_ref(), message, *attempt)
                    }
                },
                E::Probed {
                    presence: Presence::Unknown,
                    facts,
                    ..
                } => {
                    let message =
                        words_of("the probe could not tell whether it took effect", facts);
                    let why = HeldWhy::Unknown { message };
                    turn.hold(
                        Tried::new(Direction::Do, *at, *attempt),
                        halt.clone(),
                        None,
                        why,
                    )
                }
                E::Recovered => turn.doubt(Direction::Do, *at, *attempt, halt.clone(), None),
                E::Abort { reason } => {
                    turn.may_abort(*at, halt.as_ref())?;
                    State::Advancing {
                        at: *at,
                        attempt: *attempt,
                        run: Run::InDoubt,
                        halt: Some(halt_by(reason)),
                    }
                }
                E::Pause { reason } => {
                    turn.may_pause(halt.as_ref())?;
                    turn.pause = Some(halt_by(reason));
                    self.state.clone()
                }
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },
            State::Advancing {
                at,
                attempt,
                run: Run::Resting { until_ms },
                halt,
            } => match kind {
                E::Woke { .. } => match attempt.next() {
                    Some(next) => turn.again(*at, *attempt, next),
                    None => return Err(not_now()),
                },
                E::Recovered => {
                    turn.wake(Direction::Do, *at, *attempt, *until_ms);
                    self.state.clone()
                }
                E::Abort { reason } => {
                    turn.may_abort(*at, halt.as_ref())?;
                    turn.go_back(*at, Cause::Aborted(halt_by(reason)))
                }
                E::Pause { reason } => {
                    turn.may_pause(halt.as_ref())?;
                    turn.pause = Some(halt_by(reason));
                    self.state.clone()
                }
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Probed { .. }
                | E::Measured { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },

            State::Watching { at, tally } => match kind {
                E::Measured { .. } => turn.measured(*at, kind),
                E::Abort { reason } => {
                    turn.may_abort(*at, None)?;
                    turn.go_back(*at, Cause::Aborted(halt_by(reason)))
                }
                E::Recovered => {
                    turn.measure_next(*at, tally);
                    self.state.clone()
                }
                // The measurement that is under way reports to the paused gate.
                E::Pause { reason } => {
                    turn.notify(NoticeKind::Paused);
                    let mut tally = tally.clone();
                    tally.pause();
                    State::Paused {
                        at: *at,
                        tally,
                        why: PausedWhy::Asked(halt_by(reason)),
                    }
                }
                E::Resume if turn.keeps_warm(*at) => turn.enter(at.next()),
                E::Resume => return Err(not_now()),
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },

            State::Paused { at, tally, why } => match kind {
                E::Measured { .. } => turn.measured_paused(*at, kind, why),
                E::Resume => match why {
                    // The gate goes on where it was; what was measured while it waited counts.
                    PausedWhy::Asked(_) if turn.is_gate(*at) => {
                        turn.measure_next(*at, tally);
                        State::Watching {
                            at: *at,
                            tally: tally.clone(),
                        }
                    }
                    PausedWhy::Within { attempt, .. } => {
                        let renewed = attempt.renewed(turn.attempts_max(*at));
                        let next = renewed.next().unwrap_or(renewed);
                        turn.perform(Direction::Do, *at, next, None)
                    }
                    PausedWhy::Asked(_)
                    | PausedWhy::Approval { .. }
                    | PausedWhy::Inconclusive { .. } => turn.enter(at.next()),
                },
                E::Approve => match why {
                    PausedWhy::Approval { .. } => turn.enter(at.next()),
                    PausedWhy::Asked(_)
                    | PausedWhy::Within { .. }
                    | PausedWhy::Inconclusive { .. } => {
                        return Err(Refused::NoQuestion);
                    }
                },
                E::Pause { .. } => return Err(Refused::AlreadyPaused),
                E::Abort { reason } => {
                    turn.may_abort(*at, None)?;
                    turn.go_back(*at, Cause::Aborted(halt_by(reason)))
                }
                E::Recovered => {
                    turn.measure_after(*at, PAUSED_INTERVAL_MIN_MS);
                    self.state.clone()
                }
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Retry
                | E::Skip => return Err(not_now()),
            },

            State::Unwinding {
                at,
                attempt,
                run: Run::InFlight,
                cause,
            } => match kind {
                E::Succeeded { .. } => turn.unwind(at.previous(), cause.clone()),
                E::Failed { failure, .. } => match attempt.next() {
                    Some(_) => turn.rest(Direction::Undo, *at, *attempt, Some(cause.clone())),
                    None => turn.undo_failed(*at, *attempt, cause, failure.message.clone()),
                },
                E::TimedOut { .. } | E::Unclear { .. } | E::Recovered => {
                    turn.doubt(Direction::Undo, *at, *attempt, None, Some(cause.clone()))
                }
                E::Abort { .. } => return Err(Refused::AlreadyGoingBack),
                E::Start
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Pause { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },
            State::Unwinding {
                at,
                attempt,
                run: Run::InDoubt,
                cause,
            } => match kind {
                E::Probed {
                    presence: Presence::Absent,
                    ..
                } => turn.unwind(at.previous(), cause.clone()),
                E::Probed {
                    presence: Presence::Applied,
                    ..
                } if self.asks_before_undoing(*at, cause) => {
                    turn.would_lose_writes(*at, *attempt, cause.clone())
                }
                E::Probed {
                    presence: Presence::Applied,
                    facts,
                    ..
                } => match attempt.next() {
                    Some(next) => turn.perform(Direction::Undo, *at, next, Some(cause.clone())),
                    None => {
                        let message = words_of("it is still in effect", facts);
                        turn.undo_failed(*at, *attempt, cause, message)
                    }
                },
                // What cannot be compared with the backup may be half migrated: a person decides that too, and is not asked
                // twice while attempts are left, but hears why they did not work. Putting a backup back compares first.
                E::Probed {
                    presence: Presence::Unknown,
                    ..
                } if self.loses_only_others_writes(*at)
                    && (self.agreed != Some(*at) || attempt.next().is_some()) =>
                {
                    match attempt.next().filter(|_| self.agreed == Some(*at)) {
                        Some(next) => turn.perform(Direction::Undo, *at, next, Some(cause.clone())),
                        None => turn.would_lose_writes(*at, *attempt, cause.clone()),
                    }
                }
                E::Probed {
                    presence: Presence::Unknown,
                    facts,
                    ..
                } => {
                    // What was agreed to was what would have been lost then: by the time that this is mended it is more.
                    turn.agreed = None;
                    let message = words_of("the probe could not tell whether it is undone", facts);
                    let why = HeldWhy::Unknown { message };
                    turn.hold(
                        Tried::new(Direction::Undo, *at, *attempt),
                        None,
                        Some(cause.clone()),
                        why,
                    )
                }
                E::Recovered => {
                    turn.doubt(Direction::Undo, *at, *attempt, None, Some(cause.clone()))
                }
                E::Abort { .. } => return Err(Refused::AlreadyGoingBack),
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Pause { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },
            State::Unwinding {
                at,
                attempt,
                run: Run::Resting { until_ms },
                cause,
            } => match kind {
                E::Woke { .. } => match attempt.next() {
                    Some(next) => turn.perform(Direction::Undo, *at, next, Some(cause.clone())),
                    None => return Err(not_now()),
                },
                E::Recovered => {
                    turn.wake(Direction::Undo, *at, *attempt, *until_ms);
                    self.state.clone()
                }
                E::Abort { .. } => return Err(Refused::AlreadyGoingBack),
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Probed { .. }
                | E::Measured { .. }
                | E::Pause { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },

            State::Held {
                direction,
                at,
                attempt,
                halt,
                cause,
                why,
            } => match kind {
                // A gate has nothing to probe: it is opened anew.
                E::Retry if turn.is_gate(*at) => turn.enter(*at),
                E::Retry => {
                    if *why == HeldWhy::WouldLoseWrites {
                        turn.agreed = Some(*at);
                    }
                    let renewed = attempt.renewed(turn.attempts_max(*at));
                    turn.doubt(*direction, *at, renewed, halt.clone(), cause.clone())
                }
                E::Skip => match (direction, halt, cause) {
                    (Direction::Do, None, _) => turn.enter(at.next()),
                    (Direction::Do, Some(halt), _) => {
                        turn.go_back(*at, Cause::Aborted(halt.clone()))
                    }
                    (Direction::Undo, _, cause) => {
                        turn.unwind(at.previous(), cause.clone().unwrap_or_else(|| held(*at)))
                    }
                },
                // That is the answer to the question what is to be done where a reverse has failed.
                E::Abort { .. } if *direction == Direction::Undo => {
                    let Some(_) = self.other_way(*at) else {
                        return Err(Refused::AlreadyGoingBack);
                    };
                    let cause = cause.clone().unwrap_or_else(|| held(*at));
                    turn.give_up(*at, *attempt, cause)
                }
                E::Abort { reason } => {
                    turn.may_abort(*at, None)?;
                    let halt = halt_by(reason);
                    let cause = match why {
                        // That is the question to which this is the answer.
                        HeldWhy::GoingBackLoses { message } => Cause::LossAccepted {
                            message: message.clone(),
                            halt,
                        },
                        HeldWhy::Unknown { .. }
                        | HeldWhy::UndoFailed { .. }
                        | HeldWhy::ReverseFailed { .. }
                        | HeldWhy::PastPivot { .. }
                        | HeldWhy::WouldLoseWrites => Cause::Aborted(halt),
                    };
                    turn.go_back(*at, cause)
                }
                E::Recovered => {
                    turn.notify(NoticeKind::Held);
                    self.state.clone()
                }
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Pause { .. }
                | E::Resume
                | E::Approve => return Err(not_now()),
            },

            State::Done { .. } => match kind {
                E::Recovered => self.state.clone(),
                E::Start
                | E::Unclear { .. }
                | E::Suspended { .. }
                | E::Progress { .. }
                | E::Succeeded { .. }
                | E::Failed { .. }
                | E::TimedOut { .. }
                | E::Probed { .. }
                | E::Woke { .. }
                | E::Measured { .. }
                | E::Abort { .. }
                | E::Pause { .. }
                | E::Resume
                | E::Approve
                | E::Retry
                | E::Skip => return Err(not_now()),
            },
        };
        Ok(turn.finish(state))
    }
}

/// One application of an event: what it reads, and the effects it collects.
struct Turn<'a> {
    rollout: &'a Rollout,
    now_ms: u64,
    effects: Vec<Effect>,
    /// The step whose reverse is given up.
    given_up: Option<StepIndex>,
    /// The step at which a person agreed to losing writes.
    agreed: Option<StepIndex>,
    /// The pause that is asked for; it is kept only while the rollout advances.
    pause: Option<Halt>,
    /// How far the attempt says that it is.
    progress: Option<String>,
    /// The gate that passes in this turn, with all that it saw.
    passed: Option<(StepIndex, Box<Tally>)>,
    /// What people were warned of.
    warned: BTreeSet<Warned>,
    /// What people are warned of by this event, or were by the last one that warned.
    newest: Vec<Warned>,
}

impl Turn<'_> {
    /// Refuses an outcome of an attempt that is not the current one, and a sample of another gate.
    fn check_key(&self, kind: &EventKind) -> Result<(), Refused> {
        match kind {
            EventKind::Succeeded { key, .. }
            | EventKind::Failed { key, .. }
            | EventKind::TimedOut { key }
            | EventKind::Unclear { key, .. }
            | EventKind::Suspended { key, .. }
            | EventKind::Progress { key, .. }
            | EventKind::Probed { key, .. }
            | EventKind::Woke { key } => match self.rollout.op() {
                Some(op) if op.key == *key => Ok(()),
                _ => Err(Refused::StaleKey(key.clone())),
            },
            EventKind::Measured { step, .. } => match self.rollout.state {
                State::Watching { at, .. } | State::Paused { at, .. } if at == *step => Ok(()),
                _ => Err(Refused::OtherGate(*step)),
            },
            EventKind::Start
            | EventKind::Recovered
            | EventKind::Abort { .. }
            | EventKind::Pause { .. }
            | EventKind::Resume
            | EventKind::Approve
            | EventKind::Retry
            | EventKind::Skip => Ok(()),
        }
    }

    fn may_abort(&self, at: StepIndex, halt: Option<&Halt>) -> Result<(), Refused> {
        if halt.is_some() {
            Err(Refused::AlreadyGoingBack)
        } else if at >= self.rollout.plan().pivot {
            Err(Refused::PastPivot(at))
        } else {
            Ok(())
        }
    }

    fn may_pause(&self, halt: Option<&Halt>) -> Result<(), Refused> {
        if halt.is_some() {
            Err(Refused::AlreadyGoingBack)
        } else if self.pause.is_some() {
            Err(Refused::AlreadyPaused)
        } else {
            Ok(())
        }
    }

    fn is_gate(&self, at: StepIndex) -> bool {
        self.rollout.gate(at).is_some()
    }

    fn keeps_warm(&self, at: StepIndex) -> bool {
        self.rollout.plan().keeps_warm(at)
    }

    fn attempts_max(&self, at: StepIndex) -> u32 {
        self.rollout
            .plan()
            .step(at)
            .map_or(1, |step| step.attempts_max)
    }

    /// What is said of an attempt whose outcome was not reported and that a probe did not find in effect.
    fn interrupted(&self, at: StepIndex) -> String {
        let step = self.rollout.plan().step(at);
        let name = step.map_or("the step", |step| step.name.as_str());
        format!("{name} was interrupted and did not take effect")
    }

    /// Goes to a step: performs it, opens its gate, asks its question, or ends the rollout.
    fn enter(&mut self, at: StepIndex) -> State {
        let Some(step) = self.rollout.plan().step(at) else {
            return self.done(End::Promoted, None);
        };
        match &step.action {
            Action::Gate(gate) => {
                self.measure(at);
                State::Watching {
                    at,
                    tally: self.rollout.opened(self.last_gate(), gate),
                }
            }
            Action::Approve(approval) => {
                self.notify(NoticeKind::Paused);
                let why = PausedWhy::Approval {
                    question: approval.question.clone(),
                };
                State::Paused {
                    at,
                    tally: Box::default(),
                    why,
                }
            }
            _ => self.perform(Direction::Do, at, Attempt::first(step.attempts_max), None),
        }
    }

    /// Starts an attempt. `cause` is given when going back.
    fn perform(
        &mut self,
        direction: Direction,
        at: StepIndex,
        attempt: Attempt,
        cause: Option<Cause>,
    ) -> State {
        if let Some(op) = self.rollout.op_at(direction, at, attempt.number) {
            self.effects.push(Effect::Perform(op));
        }
        running(direction, at, attempt, Run::InFlight, None, cause)
    }

    /// Asks what became of an attempt.
    fn doubt(
        &mut self,
        direction: Direction,
        at: StepIndex,
        attempt: Attempt,
        halt: Option<Halt>,
        cause: Option<Cause>,
    ) -> State {
        if let Some(op) = self.rollout.op_at(direction, at, attempt.number) {
            self.effects.push(Effect::Probe(op));
        }
        running(direction, at, attempt, Run::InDoubt, halt, cause)
    }

    /// Waits before the next attempt.
    fn rest(
        &mut self,
        direction: Direction,
        at: StepIndex,
        attempt: Attempt,
        cause: Option<Cause>,
    ) -> State {
        let until_ms = self.now_ms + backoff_ms(attempt);
        self.wake(direction, at, attempt, until_ms);
        running(
            direction,
            at,
            attempt,
            Run::Resting { until_ms },
            None,
            cause,
        )
    }

    /// Wakes at a moment of the wall clock, but never later than the whole pause from now: the clock may
    /// have been set back since that moment was chosen.
    fn wake(&mut self, direction: Direction, at: StepIndex, attempt: Attempt, until_ms: u64) {
        let at_ms = until_ms.min(self.now_ms + backoff_ms(attempt));
        if let Some(op) = self.rollout.op_at(direction, at, attempt.number) {
            self.effects.push(Effect::Wake { key: op.key, at_ms });
        }
    }

    /// Asks an attempt at a step in parts to stop between two of them.
    fn ask_to_suspend(&mut self, at: StepIndex, attempt: Attempt) {
        if self.rollout.is_in_parts(at)
            && let Some(op) = self.rollout.op_at(Direction::Do, at, attempt.number)
        {
            self.effects.push(Effect::Suspend(op.key));
        }
    }

    /// Goes on with the next attempt at a step, unless it is in parts and a pause was asked for.
    fn again(&mut self, at: StepIndex, attempt: Attempt, next: Attempt) -> State {
        match self.pause.is_some() && self.rollout.is_in_parts(at) {
            true => self.suspend(at, attempt),
            false => self.perform(Direction::Do, at, next, None),
        }
    }

    /// Waits in the middle of a step, as a person asked.
    fn suspend(&mut self, at: StepIndex, attempt: Attempt) -> State {
        let asked = self.pause.take().unwrap_or_else(|| Halt {
            by: String::new(),
            reason: String::new(),
        });
        self.notify(NoticeKind::Paused);
        State::Paused {
            at,
            tally: Box::default(),
            why: PausedWhy::Within { asked, attempt },
        }
    }

    fn cancel(&mut self, at: StepIndex, attempt: Attempt) {
        if let Some(op) = self.rollout.op_at(Direction::Do, at, attempt.number) {
            self.effects.push(Effect::Cancel(op.key));
        }
    }

    fn went_well(&mut self, at: StepIndex, halt: Option<&Halt>) -> State {
        match halt {
            Some(halt) => self.go_back(at, Cause::Aborted(halt.clone())),
            None => self.enter_unless_paused(at),
        }
    }

    /// Goes to the step after `at`, or waits there if a pause was asked for. After the last step there
    /// is nothing to wait for.
    fn enter_unless_paused(&mut self, at: StepIndex) -> State {
        let more = self.rollout.plan().step(at.next()).is_some();
        match self.pause.take().filter(|_| more) {
            None => self.enter(at.next()),
            Some(asked) => {
                self.notify(NoticeKind::Paused);
                State::Paused {
                    at,
                    tally: Box::default(),
                    why: PausedWhy::Asked(asked),
                }
            }
        }
    }

    fn went_badly(
        &mut self,
        at: StepIndex,
        halt: Option<&Halt>,
        message: String,
        attempt: Attempt,
    ) -> State {
        match halt {
            Some(halt) => self.go_back(at, Cause::Aborted(halt.clone())),
            None => self.fail(at, Cause::StepFailed { step: at, message }, Some(attempt)),
        }
    }

    /// Goes back from a step while that is possible, else holds.
    fn fail(&mut self, at: StepIndex, cause: Cause, attempt: Option<Attempt>) -> State {
        if at < self.rollout.plan().pivot {
            return self.go_back(at, cause);
        }
        let why = HeldWhy::PastPivot {
            message: cause.words(),
        };
        let attempt = attempt.unwrap_or(Attempt::first(self.attempts_max(at)));
        self.hold(Tried::new(Direction::Do, at, attempt), None, None, why)
    }

    fn go_back(&mut self, at: StepIndex, cause: Cause) -> State {
        if self.asks_first(at, &cause) {
            let why = HeldWhy::GoingBackLoses {
                message: cause.words(),
            };
            let attempt = Attempt::first(self.attempts_max(at));
            let tried = Tried::new(Direction::Do, at, attempt);
            return self.hold(tried, None, Some(cause), why);
        }
        self.notify(NoticeKind::GoingBack);
        // What a backup undoes is what comes after it, and nothing of that has begun. Whether it was made does not matter.
        let is_backup = |at: &StepIndex| {
            let step = self.rollout.plan().step(*at);
            step.is_some_and(|step| matches!(step.action, Action::Backup(_)))
        };
        let from = Some(at).filter(|at| !is_backup(at)).or(at.previous());
        self.unwind(from, cause)
    }

    /// Whether a person is asked before anything is undone. Where two releases run beside each other, traffic is taken
    /// back first, which loses nothing, and the question comes when data is to be restored. In a cut-over there is no
    /// other release to take it: going back would close the service to everybody and leave it closed until somebody
    /// answers.
    fn asks_first(&self, at: StepIndex, cause: &Cause) -> bool {
        let plan = self.rollout.plan();
        let cuts_over = matches!(plan.strategy, Strategy::CutOver { .. });
        let done = plan.steps.iter().take(at.0 + 1);
        cuts_over
            && self.rollout.exposed
            && !cause.accepts_loss()
            && done.into_iter().any(|step| step.undo.needs_consent())
    }

    /// Undoes the nearest step at or before `from` that has an inverse; ends when there is none.
    fn unwind(&mut self, from: Option<StepIndex>, cause: Cause) -> State {
        let mut from = from;
        while let Some(at) = from {
            if let Some(step) = self.rollout.plan().step(at)
                && step.undo.action().is_some()
            {
                let attempt = Attempt::first(step.attempts_max);
                if self.rollout.asks_before_undoing(at, &cause) {
                    // Data that is as in the backup, because the migration failed before it changed any, needs no answer.
                    return match self.rollout.exposed {
                        true => self.would_lose_writes(at, attempt, cause),
                        false => self.doubt(Direction::Undo, at, attempt, None, Some(cause)),
                    };
                }
                return self.perform(Direction::Undo, at, attempt, Some(cause));
            }
            from = at.previous();
        }
        self.done(End::RolledBack, Some(cause))
    }

    /// Asks a person before a backup is put back that lacks what users wrote since.
    fn would_lose_writes(&mut self, at: StepIndex, attempt: Attempt, cause: Cause) -> State {
        let tried = Tried::new(Direction::Undo, at, attempt);
        self.hold(tried, None, Some(cause), HeldWhy::WouldLoseWrites)
    }

    /// After the last attempt at undoing a step: where there is another way that needs no consent it is taken, and people are
    /// told; else a person is asked.
    fn undo_failed(
        &mut self,
        at: StepIndex,
        attempt: Attempt,
        cause: &Cause,
        message: String,
    ) -> State {
        let why = match self.rollout.other_way(at) {
            Some((_, false)) => {
                self.notify(NoticeKind::GoingBack);
                return self.give_up(at, attempt, cause.clone());
            }
            Some((_, true)) => HeldWhy::ReverseFailed { message },
            None => HeldWhy::UndoFailed { message },
        };
        let tried = Tried::new(Direction::Undo, at, attempt);
        self.hold(tried, None, Some(cause.clone()), why)
    }

    /// Puts the backup back in place of a reverse that did not work. Attempts are counted on, so that no key comes again.
    fn give_up(&mut self, at: StepIndex, attempt: Attempt, cause: Cause) -> State {
        self.given_up = Some(at);
        let renewed = attempt.renewed(self.attempts_max(at));
        let next = renewed.next().unwrap_or(renewed);
        if let (Some(mut op), Some((action, _))) = (
            self.rollout.op_at(Direction::Undo, at, next.number),
            self.rollout.other_way(at),
        ) {
            op.action = action;
            self.effects.push(Effect::Perform(op));
        }
        running(Direction::Undo, at, next, Run::InFlight, None, Some(cause))
    }

    fn hold(
        &mut self,
        tried: Tried,
        halt: Option<Halt>,
        cause: Option<Cause>,
        why: HeldWhy,
    ) -> State {
        self.notify(NoticeKind::Held);
        let Tried {
            direction,
            at,
            attempt,
        } = tried;
        State::Held {
            direction,
            at,
            attempt,
            halt,
            cause,
            why,
        }
    }

    fn done(&mut self, end: End, cause: Option<Cause>) -> State {
        self.notify(NoticeKind::Done);
        self.effects.push(Effect::ReleaseLease);
        State::Done { end, cause }
    }

    fn measure(&mut self, at: StepIndex) {
        self.measure_after(at, 0);
    }

    fn measure_after(&mut self, at: StepIndex, interval_min_ms: u64) {
        if let Some(Action::Gate(gate)) = self.rollout.plan().step(at).map(|step| &step.action) {
            let interval_ms = gate.analysis.interval_ms.max(interval_min_ms);
            self.effects.push(Effect::Measure {
                step: at,
                interval_ms,
            });
        }
    }

    /// What the gate has seen with the sample of this event, and what was concluded from it: what the
    /// event says, or, in journals of before, what follows now.
    fn judged(&self, kind: &EventKind) -> Option<(Box<Tally>, Option<Judgement>)> {
        let EventKind::Measured {
            sample,
            decided,
            formula,
            ..
        } = kind
        else {
            return None;
        };
        let (tally, judgement) = self.rollout.judged_with(sample)?;
        let judgement = match (decided, formula) {
            (Some(decided), _) => Some(decided.as_ref().clone()),
            (None, 0) => Some(judgement).filter(|j| j.verdict != Verdict::Undecided),
            (None, _) => None,
        };
        Some((tally, judgement))
    }

    fn measured(&mut self, at: StepIndex, kind: &EventKind) -> State {
        let (Some(gate), Some((mut tally, judgement))) = (self.rollout.gate(at), self.judged(kind))
        else {
            return self.rollout.state.clone();
        };
        let judgement = judgement.filter(|judged| judged.verdict != Verdict::Undecided);
        let Some(judgement) = judgement else {
            self.warn(at, &tally, &tally.judge(&gate.analysis));
            match self.keeps_warm(at) && failing(gate, kind) {
                // Measurements may be minutes apart there, and a few more failed checks decide.
                true => self.measure(at),
                false => self.measure_next(at, &tally),
            }
            return State::Watching { at, tally };
        };
        match judgement.verdict {
            Verdict::Undecided => State::Watching { at, tally },
            Verdict::Pass => self.passed(at, tally),
            // Nobody would be helped by a release that does not answer. It goes back as soon as that one does.
            Verdict::Fail if tally.kept_fault().is_some() => {
                self.warn(at, &tally, &judgement);
                self.measure(at);
                State::Watching { at, tally }
            }
            Verdict::Fail => self.fail(
                at,
                Cause::GateFailed {
                    step: at,
                    judgement,
                },
                None,
            ),
            Verdict::Inconclusive if gate.role == GateRole::KeepWarm => self.passed(at, tally),
            Verdict::Inconclusive if gate.analysis.inconclusive == WhenInconclusive::RollBack => {
                let cause = Cause::GateFailed {
                    step: at,
                    judgement,
                };
                self.fail(at, cause, None)
            }
            Verdict::Inconclusive => {
                self.notify(NoticeKind::Paused);
                self.measure_paused(at, kind);
                tally.pause();
                State::Paused {
                    at,
                    tally,
                    why: PausedWhy::Inconclusive { judgement },
                }
            }
        }
    }

    /// The gate that was left last: in this turn, passed or by a person's word, or before it.
    fn last_gate(&self) -> Option<(StepIndex, &Tally)> {
        let left = match &self.rollout.state {
            State::Watching { at, tally } | State::Paused { at, tally, .. }
                if self.is_gate(*at) =>
            {
                Some((*at, tally))
            }
            _ => None,
        };
        let known = self.passed.as_ref().map(|(at, tally)| (*at, tally));
        let before = || self.rollout.last_gate.as_ref();
        let before = || before().map(|(at, tally)| (*at, tally));
        let (at, tally) = known.or(left).or_else(before)?;
        Some((at, tally.as_ref()))
    }

    /// A gate has passed; the next one goes on from what it saw.
    fn passed(&mut self, at: StepIndex, tally: Box<Tally>) -> State {
        self.passed = Some((at, tally));
        self.enter(at.next())
    }

    /// A paused gate looks at its latest windows, and only a failure moves it, or, where it holds until
    /// there is enough evidence, that.
    fn measured_paused(&mut self, at: StepIndex, kind: &EventKind, why: &PausedWhy) -> State {
        let Some((tally, judgement)) = self.judged(kind) else {
            return self.rollout.state.clone();
        };
        let holds = matches!(why, PausedWhy::Inconclusive { .. })
            && self
                .rollout
                .gate(at)
                .is_some_and(|gate| gate.analysis.inconclusive == WhenInconclusive::Hold);
        match judgement {
            Some(judgement)
                if judgement.verdict == Verdict::Fail && tally.kept_fault().is_none() =>
            {
                let cause = Cause::GateFailed {
                    step: at,
                    judgement,
                };
                return self.fail(at, cause, None);
            }
            Some(judgement) if judgement.verdict == Verdict::Pass && holds => {
                return self.passed(at, tally);
            }
            _ => {}
        }
        self.measure_paused(at, kind);
        State::Paused {
            at,
            tally,
            why: why.clone(),
        }
    }

    /// Measures an open gate again, as far from now as its cadence says.
    fn measure_next(&mut self, at: StepIndex, tally: &Tally) {
        if let Some(gate) = self.rollout.gate(at) {
            self.effects.push(Effect::Measure {
                step: at,
                interval_ms: gate.analysis.interval_ms_after(tally.measured_ms()),
            });
        }
    }

    /// Measures a paused gate again: seldom, but at its own pace while checks fail, for a few more of
    /// them decide.
    fn measure_paused(&mut self, at: StepIndex, kind: &EventKind) {
        let gate = self.rollout.gate(at);
        let failing = gate.is_some_and(|gate| failing(gate, kind));
        let interval_min_ms = if failing { 0 } else { PAUSED_INTERVAL_MIN_MS };
        self.measure_after(at, interval_min_ms);
    }

    /// Warns of what nobody was warned of at this gate.
    fn warn(&mut self, at: StepIndex, tally: &Tally, judgement: &Judgement) {
        let mut now = Warned::all(at, tally, judgement);
        now.retain(|warned| !self.warned.contains(warned));
        if !now.is_empty() {
            self.notify(NoticeKind::Warning);
            self.newest = now.iter().copied().collect();
            self.warned.append(&mut now);
        }
    }

    fn notify(&mut self, kind: NoticeKind) {
        self.effects.push(Effect::Notify(Notice {
            kind,
            sentence: String::new(),
        }));
    }

    /// The next rollout; notices get the sentence that it makes (invariant 16).
    fn finish(self, state: State) -> (Rollout, Vec<Effect>) {
        let mut next = self.rollout.clone();
        if self.rollout.state.step() != state.step() {
            let last_gate = self.last_gate();
            next.last_gate = last_gate.map(|(at, tally)| (at, Box::new(tally.clone())));
        }
        next.seq += 1;
        next.warned = self.warned;
        next.newest = self.newest;
        next.given_up = self.given_up;
        next.agreed = self.agreed;
        next.exposed |= self.effects.iter().any(exposes);
        next.progress = match (&state, self.progress) {
            (
                State::Advancing {
                    run: Run::InFlight, ..
                },
                None,
            ) if state == self.rollout.state => self.rollout.progress.clone(),
            (_, said) => said,
        };
        next.pause = match state {
            State::Advancing { .. } => self.pause,
            _ => None,
        };
        next.state = state;
        let mut effects = self.effects;
        for effect in &mut effects {
            if let Effect::Notify(notice) = effect {
                notice.sentence = next.sentence();
            }
        }
        (next, effects)
    }
}

/// The last attempt that was made when a rollout is held.
struct Tried {
    direction: Direction,
    at: StepIndex,
    attempt: Attempt,
}

impl Tried {
    fn new(direction: Direction, at: StepIndex, attempt: Attempt) -> Tried {
        Tried {
            direction,
            at,
            attempt,
        }
    }
}

fn running(
    direction: Direction,
    at: StepIndex,
    attempt: Attempt,
    run: Run,
    halt: Option<Halt>,
    cause: Option<Cause>,
) -> State {
    match direction {
        Direction::Do => State::Advancing {
            at,
            attempt,
            run,
            halt,
        },
        Direction::Undo => {
            let cause = cause.unwrap_or_else(|| held(at));
            State::Unwinding {
                at,
                attempt,
                run,
                cause,
            }
        }
    }
}

/// The cause of going back when a held rollout did not keep a better one.
fn held(at: StepIndex) -> Cause {
    Cause::StepFailed {
        step: at,
        message: "the rollout was held".to_owned(),
    }
}

/// Whether an effect lets the new release take writes of users.
fn exposes(effect: &Effect) -> bool {
    match effect {
        Effect::Perform(op) if op.key.direction == Direction::Do => match &op.action {
            Action::Shift(split) => split.exposes_canary(),
            Action::Promote(promotion) => !promotion.split.keeps_all_writes_out(),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a measurement ended with failed checks in a row, where a rule of its gate is about that.
fn failing(gate: &GateOrder, kind: &EventKind) -> bool {
    match kind {
        EventKind::Measured { sample, .. } => gate.failures_in_a_row(sample) > 0,
        _ => false,
    }
}

/// The waiting time after an attempt.
fn backoff_ms(attempt: Attempt) -> u64 {
    let doublings = attempt.number.saturating_sub(1).min(16);
    (BACKOFF_FIRST_MS << doublings).min(BACKOFF_MAX_MS)
}

fn words_of(sentence: &str, facts: &[Fact]) -> String {
    // A sentence is one line; longer evidence is listed below it.
    let details: Vec<String> = facts
        .iter()
        .filter(|fact| !fact.value.contains('\n'))
        .map(|fact| format!("{}: {}", fact.name, fact.value))
        .collect();
    if details.is_empty() {
        sentence.to_owned()
    } else {
        format!("{sentence} ({})", details.join(", "))
    }
}
