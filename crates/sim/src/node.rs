//! One point of the explored space: the real runner, what it wants done, and the world.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use portcullis_engine::{History, Runner, RunnerError};
use portcullis_journal::{Journal, MemoryJournal, Scope};
use portcullis_rollout::{Actor, Effect, Event, EventKind, Plan, Rollout, State, Timeline};

use crate::invariant::{Violation, check_end, check_step, violation};
use crate::world::World;

/// How much may go wrong on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budgets {
    /// Faults of drivers, probes and gates.
    pub faults: u8,
    /// Crashes of the engine.
    pub crashes: u8,
    /// Aborts by a person.
    pub aborts: u8,
    /// Pauses by a person.
    pub pauses: u8,
}

/// One point of the explored space.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) runner: Runner<MemoryJournal>,
    pub(crate) pending: Vec<Effect>,
    pub(crate) world: World,
    pub(crate) budgets: Budgets,
}

impl Node {
    pub(crate) fn start(plan: &Arc<Plan>, budgets: Budgets) -> Result<Node, RunnerError> {
        let scope = scope();
        let journal = MemoryJournal::new();
        let mut runner = ready(Runner::open(journal, scope, "sim", 0, 1))?;
        ready(runner.begin(plan.clone(), 0, &Actor::Engine))?;
        Ok(Node {
            runner,
            pending: Vec::new(),
            world: World::new(plan),
            budgets,
        })
    }

    /// The rollout, live or over.
    pub(crate) fn rollout(&self) -> &Rollout {
        match self.runner.history().last() {
            Some(past) => past.rollout(),
            // `start` records the plan before a node exists.
            None => unreachable!("a node without a rollout"),
        }
    }

    /// What this point is, as far as the future depends on it. Two nodes with equal keys behave alike.
    pub(crate) fn key(&self) -> u128 {
        let rollout = self.rollout();
        let pending: Vec<String> = self.pending.iter().map(describe).collect();
        let (state, pause) = (rollout.state(), rollout.pause());
        let state = without_times(&format!("{state:?}"));
        let text = format!(
            "{state} {} {:?} {:?} {pause:?} {pending:?}",
            rollout.exposed(),
            rollout.given_up(),
            rollout.agreed()
        );
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, &text, &self.world, self.budgets).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    /// Feeds an event through the real runner and checks the invariants. `None` when it was refused.
    pub(crate) fn feed(
        &self,
        kind: EventKind,
        by: Actor,
        found: &mut Vec<Violation>,
    ) -> Option<Node> {
        let mut next = self.clone();
        let before = self.rollout().clone();
        let event = Event {
            at_ms: 0,
            by,
            kind: kind.clone(),
        };
        match ready(next.runner.feed(event)) {
            Ok(step) => {
                check_step(&before, &kind, &step.effects, &next.world, found);
                next.want(step.effects);
                next.stop_measuring();
                next.check(found);
                Some(next)
            }
            Err(error) if error.is_refusal() => None,
            Err(error) => {
                found.push(violation(2, format!("the runner stopped: {error}")));
                None
            }
        }
    }

    /// The engine dies and comes back: a new runner on the same journal, the real recovery.
    pub(crate) fn recover(&self, found: &mut Vec<Violation>) -> Option<Node> {
        let mut next = self.clone();
        next.pending.clear();
        let before = self.rollout().clone();
        let journal = self.runner.journal().clone();
        let reopened = ready(Runner::open(journal, scope(), "sim", 0, 1));
        let recovered = reopened.and_then(|mut runner| {
            let steps = ready(runner.recover(0))?;
            Ok((runner, steps))
        });
        match recovered {
            Ok((runner, steps)) => {
                next.runner = runner;
                for step in steps {
                    check_step(
                        &before,
                        &EventKind::Recovered,
                        &step.effects,
                        &next.world,
                        found,
                    );
                    next.pending.extend(step.effects.into_iter().filter(wants));
                }
                next.check(found);
                Some(next)
            }
            Err(error) => {
                found.push(violation(3, format!("recovery failed: {error}")));
                None
            }
        }
    }

    /// Takes up what is wanted. As in the engine, a new measurement takes the place of one that waits.
    fn want(&mut self, effects: Vec<Effect>) {
        if effects
            .iter()
            .any(|effect| matches!(effect, Effect::Measure { .. }))
        {
            self.pending
                .retain(|effect| !matches!(effect, Effect::Measure { .. }));
        }
        self.pending.extend(effects.into_iter().filter(wants));
    }

    /// The runner stops measuring a gate that the rollout has left.
    fn stop_measuring(&mut self) {
        let open = match self.rollout().state() {
            State::Watching { at, .. } | State::Paused { at, .. } => Some(*at),
            _ => None,
        };
        self.pending.retain(|effect| match effect {
            Effect::Measure { step, .. } => Some(*step) == open,
            _ => true,
        });
    }

    /// What must hold at every point: the state is the fold of the journal, and the chain is whole.
    fn check(&self, found: &mut Vec<Violation>) {
        check_end(self, found);
        let over = self.rollout().state().is_done();
        if over && !self.pending.is_empty() {
            found.push(violation(2, "the rollout is over but wants something done"));
        }
    }

    /// The slower checks, made once for each new point: invariants 3 and 16.
    pub(crate) fn check_journal(&self, found: &mut Vec<Violation>) {
        let scope = scope();
        let journal = self.runner.journal();
        let entries = ready(journal.read(&scope, 1)).unwrap_or_default();
        match History::read(&entries) {
            Ok(history) => {
                let refolded = history.last().map(|past| past.rollout());
                if refolded != Some(self.rollout()) {
                    found.push(violation(3, "the state is not the fold of the journal"));
                }
                if let Some(past) = history.last() {
                    let mut timeline = Timeline::new(past.rollout().plan().clone());
                    let told = past
                        .events()
                        .iter()
                        .all(|event| timeline.push(event).is_ok());
                    if !told || timeline.rollout().sentence() != self.rollout().sentence() {
                        found.push(violation(16, "the timeline tells another story"));
                    }
                }
            }
            Err(error) => found.push(violation(3, format!("the journal does not fold: {error}"))),
        }
        if ready(journal.verify(&scope)).is_err() {
            found.push(violation(3, "the journal's chain is broken"));
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.rollout().state(), State::Done { .. })
    }
}

/// A state without the time of its last measurement. Nothing depends on that time here, where every measurement
/// begins at zero; with it, a gate that is measured again and again would be a new point each time, for ever.
fn without_times(state: &str) -> String {
    let mut parts = state.split("to_ms: ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    text
}

/// Runs a future of the in-memory journal, which never waits.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

fn scope() -> Scope {
    Scope::new("sim").unwrap_or_else(|_| unreachable!("the name is a valid scope"))
}

/// Effects that somebody must act on for the rollout to go on.
fn wants(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Perform(_) | Effect::Probe(_) | Effect::Wake { .. } | Effect::Measure { .. }
    )
}

fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Perform(op) => format!("perform {}", op.key),
        Effect::Probe(op) => format!("probe {}", op.key),
        Effect::Wake { key, .. } => format!("wake {key}"),
        Effect::Measure { step, .. } => format!("measure {step}"),
        Effect::Cancel(_) | Effect::Suspend(_) | Effect::Notify(_) | Effect::ReleaseLease => {
            String::new()
        }
    }
}
