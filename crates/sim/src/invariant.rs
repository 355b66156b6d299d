//! What must hold after every event; the numbers are those of ARCHITECTURE.md.

use portcullis_rollout::{Direction, Effect, End, EventKind, Op, Plan, Rollout, State};

use crate::node::Node;
use crate::world::{Effected, World, mutates, undoable};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Violation {
    /// Which invariant, by number.
    pub invariant: u8,
    /// What was seen.
    pub what: String,
}

pub(crate) fn violation(invariant: u8, what: impl Into<String>) -> Violation {
    Violation {
        invariant,
        what: what.into(),
    }
}

/// Checks one transition: `world` is the world when the effects were handed out.
pub(crate) fn check_step(
    before: &Rollout,
    event: &EventKind,
    effects: &[Effect],
    world: &World,
    found: &mut Vec<Violation>,
) {
    let plan = before.plan();
    for effect in effects {
        if let Effect::Perform(op) = effect {
            match op.key.direction {
                Direction::Do => check_do(plan, op, event, world, found),
                Direction::Undo => check_undo(plan, op, world, found),
            }
        }
    }
    let goes_on = |effect: &Effect| match effect {
        Effect::Perform(op) => {
            op.key.direction == Direction::Do && Some(op.key.step) != before.state().step()
        }
        Effect::Measure { step, .. } => Some(*step) != before.state().step(),
        _ => false,
    };
    if before.pause().is_some() && effects.iter().any(goes_on) {
        found.push(violation(
            7,
            "a pause was accepted, then the next step began",
        ));
    }
    let begins_again =
        |effect: &Effect| matches!(effect, Effect::Perform(op) if crate::moves::in_parts(op));
    if before.pause().is_some() && effects.iter().any(begins_again) {
        found.push(violation(
            7,
            "a pause was accepted, then a step in batches was tried again",
        ));
    }
    let waiting = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Perform(_) | Effect::Probe(_)))
        .count();
    if waiting > 1 {
        found.push(violation(4, "two attempts at once"));
    }
}

fn check_do(plan: &Plan, op: &Op, event: &EventKind, world: &World, found: &mut Vec<Violation>) {
    let at = op.key.step.0;
    let missing = |step: &usize| {
        mutates(plan, *step) && world.at(portcullis_rollout::StepIndex(*step)) != Effected::Whole
    };
    if let Some(step) = (0..at).find(missing)
        && !world.vouched
    {
        let what = format!(
            "{} done before {}",
            plan.steps[at].name, plan.steps[step].name
        );
        found.push(violation(15, what));
    }
    let blind = matches!(event, EventKind::Recovered | EventKind::Probed { .. });
    if blind && world.at(op.key.step) == Effected::Whole {
        found.push(violation(
            4,
            format!("{} run a second time blindly", plan.steps[at].name),
        ));
    }
}

fn check_undo(plan: &Plan, op: &Op, world: &World, found: &mut Vec<Violation>) {
    let name = &plan.steps[op.key.step.0].name;
    if world.past_pivot {
        found.push(violation(
            6,
            format!("{name} undone after the pivot was performed"),
        ));
    }
    let exposed = plan.steps.iter().enumerate().any(|(index, step)| {
        let exposes = |split: &portcullis_rollout::Split| split.exposes_canary();
        matches!(&step.action, portcullis_rollout::Action::Shift(split) if exposes(split))
            && world.took_effect(index)
    });
    // A backup that is put back where a reverse has failed asks too, except where nobody could have written.
    let closed = plan.policy.read_only
        || matches!(plan.strategy, portcullis_rollout::Strategy::CutOver { .. });
    let instead = plan.steps[op.key.step.0].undo.otherwise();
    if let Some((action, true)) = instead
        && op.action == action
        && (exposed || !closed)
        && !world.consented
    {
        let what = format!("{name}: a backup put back after a failed reverse without consent");
        found.push(violation(17, what));
    }
    // Of a first release nobody else takes writes.
    let others_write = !closed && plan.previous.is_some();
    let asks = plan.steps[op.key.step.0].undo.needs_consent() && (exposed || others_write);
    if asks && !world.consented {
        found.push(violation(
            17,
            format!("{name} undone, losing writes without consent"),
        ));
    }
}

/// Checks where a rollout ended.
pub(crate) fn check_end(node: &Node, found: &mut Vec<Violation>) {
    let rollout = node.rollout();
    let State::Done { end, .. } = rollout.state() else {
        return;
    };
    let (plan, world) = (rollout.plan(), &node.world);
    let at = |step: usize| world.at(portcullis_rollout::StepIndex(step));
    let steps = 0..plan.steps.len();
    match end {
        End::RolledBack => {
            // What a backup undoes is what comes after it.
            let begun = |step: usize| {
                let is_backup = matches!(
                    plan.steps[step].action,
                    portcullis_rollout::Action::Backup(_)
                );
                !is_backup || (step + 1..plan.steps.len()).any(|later| world.took_effect(later))
            };
            let undone = steps.filter(|s| undoable(plan, *s) && begun(*s));
            for step in undone.filter(|s| at(*s) != Effected::Clean) {
                let name = &plan.steps[step].name;
                found.push(violation(
                    15,
                    format!("rolled back, but {name} is in effect"),
                ));
            }
        }
        End::Promoted => {
            for step in steps.filter(|s| mutates(plan, *s) && at(*s) != Effected::Whole) {
                if !world.vouched {
                    let name = &plan.steps[step].name;
                    found.push(violation(
                        15,
                        format!("promoted, but {name} is not in effect"),
                    ));
                }
            }
            if world.abort_accepted {
                found.push(violation(
                    7,
                    "an abort was accepted, then the release was promoted",
                ));
            }
        }
        End::Aborted => {
            if steps.clone().any(|step| at(step) != Effected::Clean) {
                found.push(violation(
                    7,
                    "aborted as untouched, but something is in effect",
                ));
            }
        }
    }
}

/// Checks the undo of a step that a broken runner would perform.
pub(crate) fn check_undo_op(
    plan: &Plan,
    step: portcullis_rollout::StepIndex,
    world: &World,
    found: &mut Vec<Violation>,
) {
    if let Some(action) = plan.steps[step.0].undo.action() {
        let key = portcullis_rollout::OpKey {
            rollout: plan.id.clone(),
            direction: Direction::Undo,
            step,
            attempt: 1,
        };
        check_undo(
            plan,
            &Op {
                key,
                action,
                deadline_ms: 1,
            },
            world,
            found,
        );
    }
}
