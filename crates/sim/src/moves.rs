//! What can happen next: every outcome, fault, crash, abort and answer that a point allows.

use portcullis_analysis::{ArmSample, Sample};
use portcullis_driver::Probed;
use portcullis_engine::outcome;
use portcullis_rollout::{
    Action, Actor, Direction, Effect, EventKind, Failure, HeldWhy, Op, Presence, Run, State,
    StepIndex,
};

use crate::invariant::{Violation, check_undo_op, violation};
use crate::mutation::Mutation;
use crate::node::Node;
use crate::world::{Effected, mutates};

/// Everything that can happen next at one point.
pub(crate) struct Moves<'a> {
    node: &'a Node,
    mutation: Option<Mutation>,
    found: &'a mut Vec<Violation>,
    next: Vec<Node>,
}

impl<'a> Moves<'a> {
    /// All successors of a point. Broken invariants are added to `found`.
    pub(crate) fn of(
        node: &'a Node,
        mutation: Option<Mutation>,
        found: &'a mut Vec<Violation>,
    ) -> Vec<Node> {
        let mut moves = Moves {
            node,
            mutation,
            found,
            next: Vec::new(),
        };
        moves.straggler();
        if matches!(node.rollout().state(), State::Planned) {
            moves.feed(node.clone(), EventKind::Start);
        }
        for (index, effect) in node.pending.iter().enumerate() {
            let mut rest = node.clone();
            rest.pending.remove(index);
            match effect {
                Effect::Perform(op) => moves.perform(&rest, op),
                Effect::Probe(op) => moves.probe(&rest, op),
                Effect::Wake { key, .. } => {
                    moves.feed(rest, EventKind::Woke { key: key.clone() });
                }
                Effect::Measure { step, .. } => moves.measure(&rest, *step),
                Effect::Cancel(_)
                | Effect::Suspend(_)
                | Effect::Notify(_)
                | Effect::ReleaseLease => {}
            }
        }
        moves.person();
        moves.crash();
        moves.next
    }

    fn feed(&mut self, node: Node, kind: EventKind) {
        self.feed_by(node, kind, Actor::Engine);
    }

    fn feed_by(&mut self, node: Node, kind: EventKind, by: Actor) {
        self.next.extend(node.feed(kind, by, self.found));
    }

    /// A copy of `node` with one fault less, if one is left.
    fn fault(node: &Node) -> Option<Node> {
        let mut node = node.clone();
        node.budgets.faults = node.budgets.faults.checked_sub(1)?;
        Some(node)
    }

    fn landed(node: &Node, op: &Op, what: Effected) -> Node {
        let mut node = node.clone();
        let plan = node.rollout().plan().clone();
        node.world
            .land(&plan, op.key.direction, op.key.step.0, what);
        node
    }

    /// Every way in which an attempt can end, through the real judgement of outcomes.
    fn perform(&mut self, rest: &Node, op: &Op) {
        let ok = || Ok(Vec::new());
        let honest = |node: &Node| Probed::new(node.world.presence(op));
        if self.skips_undo(rest, op) {
            let kind = EventKind::Succeeded {
                key: op.key.clone(),
                facts: Vec::new(),
            };
            return self.feed(rest.clone(), kind);
        }
        if rest.rollout().pause().is_some() && in_parts(op) {
            for what in [Effected::Clean, Effected::Half] {
                let kind = EventKind::Suspended {
                    key: op.key.clone(),
                    facts: Vec::new(),
                };
                self.feed(Self::landed(rest, op, what), kind);
            }
        }
        let whole = Self::landed(rest, op, Effected::Whole);
        let probed = honest(&whole);
        self.feed(whole, outcome(op, ok(), probed));
        let Some(faulty) = Self::fault(rest) else {
            return;
        };
        for what in [Effected::Clean, Effected::Half, Effected::Whole] {
            let node = Self::landed(&faulty, op, what);
            let probed = honest(&node);
            for retryable in [true, false] {
                let failed = Err(Failure {
                    message: "it failed".to_owned(),
                    retryable,
                    facts: Vec::new(),
                });
                self.feed(node.clone(), outcome(op, failed, probed.clone()));
            }
            self.feed(
                node.clone(),
                EventKind::TimedOut {
                    key: op.key.clone(),
                },
            );
            if what != Effected::Whole {
                // It claims success; only the probe knows better.
                let kind = if self.mutation == Some(Mutation::BelieveTheExitCode) {
                    EventKind::Succeeded {
                        key: op.key.clone(),
                        facts: Vec::new(),
                    }
                } else {
                    outcome(op, ok(), probed)
                };
                self.feed(node, kind);
            }
        }
    }

    fn skips_undo(&self, node: &Node, op: &Op) -> bool {
        let failed_here = matches!(
            node.rollout().state(),
            State::Unwinding { at, cause: portcullis_rollout::Cause::StepFailed { step, .. }, .. }
                if at == step
        );
        self.mutation == Some(Mutation::UndoStartsOneBelow)
            && op.key.direction == Direction::Undo
            && failed_here
    }

    fn probe(&mut self, rest: &Node, op: &Op) {
        let about_step = |presence: Presence| match op.key.direction {
            Direction::Do => presence,
            Direction::Undo => presence.inverted(),
        };
        let answer = |presence| EventKind::Probed {
            key: op.key.clone(),
            presence: about_step(presence),
            facts: Vec::new(),
        };
        if self.mutation == Some(Mutation::RetryWithoutProbe) && op.key.direction == Direction::Do {
            if rest.world.at(op.key.step) == Effected::Whole {
                self.found.push(violation(4, "run a second time blindly"));
            }
            let again = Self::landed(rest, op, Effected::Whole);
            return self.feed(again, answer(Presence::Applied));
        }
        self.feed(rest.clone(), answer(rest.world.presence(op)));
        if let Some(faulty) = Self::fault(rest) {
            self.feed(faulty, answer(Presence::Unknown));
        }
    }

    fn measure(&mut self, rest: &Node, step: StepIndex) {
        let sample = |requests, errors| Sample {
            from_ms: 0,
            to_ms: 1000,
            canary: Some(ArmSample {
                requests,
                errors,
                ..ArmSample::default()
            }),
            ..Sample::default()
        };
        let measured = |sample| EventKind::measured(step, sample);
        self.feed(rest.clone(), measured(sample(100, 0)));
        if let Some(faulty) = Self::fault(rest) {
            self.feed(faulty.clone(), measured(sample(100, 50)));
            self.feed(faulty.clone(), measured(sample(0, 0)));
            self.feed(
                faulty,
                measured(Sample {
                    to_ms: 500,
                    ..Sample::default()
                }),
            );
        }
    }

    /// What a person can do now: abort, pause, resume, approve, ask for a retry, vouch, and consent to a loss.
    fn person(&mut self) {
        let node = self.node;
        let by = || Actor::Person("operator".to_owned());
        if node.budgets.aborts > 0 && !node.is_done() {
            self.abort(by());
        }
        if node.budgets.pauses > 0 && !node.is_done() {
            let mut asked = node.clone();
            asked.budgets.pauses -= 1;
            let reason = "let me look".to_owned();
            self.feed_by(asked, EventKind::Pause { reason }, by());
        }
        match node.rollout().state() {
            State::Paused { .. } => {
                self.feed_by(node.clone(), EventKind::Resume, by());
                self.feed_by(node.clone(), EventKind::Approve, by());
            }
            // Refused, unless the old release is only kept warm.
            State::Watching { .. } => self.feed_by(node.clone(), EventKind::Resume, by()),
            State::Held {
                direction, at, why, ..
            } => {
                let asks = matches!(why, HeldWhy::GoingBackLoses { .. });
                let mut base = node.clone();
                // An abort may have been answered with a question, and what follows is another answer than going back.
                base.world.abort_accepted &= !asks;
                let mut asked = base.clone();
                if *why == HeldWhy::WouldLoseWrites {
                    asked.world.consented = self.mutation != Some(Mutation::RestoreWithoutConsent);
                }
                self.feed_by(asked, EventKind::Retry, by());
                let is_gate = !mutates(node.rollout().plan(), at.0);
                let wanted = match direction {
                    Direction::Do => Effected::Whole,
                    Direction::Undo => Effected::Clean,
                };
                if node.world.at(*at) == wanted || asks && is_gate {
                    self.feed_by(base, EventKind::Skip, by());
                }
                let past = matches!(why, HeldWhy::PastPivot { .. });
                if past && self.mutation == Some(Mutation::UnwindPastPivot) {
                    self.unwind_past_pivot(*at);
                }
            }
            State::Planned
            | State::Advancing { .. }
            | State::Unwinding { .. }
            | State::Done { .. } => {}
        }
    }

    fn abort(&mut self, by: Actor) {
        let mut node = self.node.clone();
        node.budgets.aborts -= 1;
        node.world.abort_accepted = true;
        if let State::Held {
            why: HeldWhy::GoingBackLoses { .. },
            ..
        }
        | State::Held {
            direction: Direction::Undo,
            ..
        } = node.rollout().state()
        {
            node.world.consented = self.mutation != Some(Mutation::RestoreWithoutConsent);
        }
        let in_flight = matches!(
            node.rollout().state(),
            State::Advancing {
                run: Run::InFlight | Run::InDoubt,
                ..
            }
        );
        let kind = EventKind::Abort {
            reason: "changed my mind".to_owned(),
        };
        if self.mutation == Some(Mutation::DropHalt) && in_flight {
            // The person is told "accepted"; nothing is recorded.
            if node.clone().feed(kind, by, self.found).is_some() {
                self.next.push(node);
            }
            return;
        }
        if !in_flight {
            // What waits belongs to a state that the abort leaves.
            node.pending.clear();
        }
        self.feed_by(node, kind, by);
    }

    fn unwind_past_pivot(&mut self, at: StepIndex) {
        let plan = self.node.rollout().plan();
        let undoable = plan.steps[..=at.0]
            .iter()
            .rposition(|step| step.undo.action().is_some());
        if let Some(step) = undoable {
            check_undo_op(plan, StepIndex(step), &self.node.world, self.found);
        }
    }

    /// The engine dies. What was under way may have landed, wholly, half or not.
    fn crash(&mut self) {
        if self.node.budgets.crashes == 0 || self.node.is_done() {
            return;
        }
        let mut node = self.node.clone();
        node.budgets.crashes -= 1;
        let mut worlds = vec![node.clone()];
        for effect in &self.node.pending {
            if let Effect::Perform(op) = effect {
                for what in [Effected::Half, Effected::Whole] {
                    worlds.push(Self::landed(&node, op, what));
                }
                if self.mutation == Some(Mutation::LateLanding) {
                    let mut late = node.clone();
                    late.world.straggler = Some((op.key.direction, op.key.step.0));
                    worlds.push(late);
                }
            }
        }
        for world in worlds {
            self.next.extend(world.recover(self.found));
        }
    }

    /// A broken driver lets an attempt land after it was asked about.
    fn straggler(&mut self) {
        if let Some((direction, step)) = self.node.world.straggler {
            let mut node = self.node.clone();
            node.world.straggler = None;
            let plan = node.rollout().plan().clone();
            node.world.land(&plan, direction, step, Effected::Whole);
            crate::invariant::check_end(&node, self.found);
            self.next.push(node);
        }
    }
}

/// Whether an attempt can be left between two parts.
pub(crate) fn in_parts(op: &Op) -> bool {
    op.key.direction == Direction::Do
        && matches!(&op.action, Action::Migrate(order) if order.has_batches())
}
