//! The simulated world: what of each step is in effect.

use portcullis_rollout::{Action, Direction, Op, Plan, Presence, StepIndex, Undo};

/// What of one step is in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effected {
    /// Nothing.
    Clean,
    /// Something, but not what was wanted: a migration that stopped half way.
    Half,
    /// All of it.
    Whole,
}

/// What is in effect, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    steps: Vec<Effected>,
    /// Whether the first step that cannot be undone was ever performed.
    pub(crate) past_pivot: bool,
    /// Whether an abort was accepted.
    pub(crate) abort_accepted: bool,
    /// Whether a person agreed to lose writes.
    pub(crate) consented: bool,
    /// Whether a person vouched for a step: ordering is then theirs.
    pub(crate) vouched: bool,
    /// Steps that ever took effect, at least partly.
    tried: Vec<bool>,
    /// An attempt that a crash left under way, which a broken driver lets land later.
    pub(crate) straggler: Option<(Direction, usize)>,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> World {
        World {
            steps: vec![Effected::Clean; plan.steps.len()],
            past_pivot: false,
            abort_accepted: false,
            consented: false,
            vouched: false,
            tried: vec![false; plan.steps.len()],
            straggler: None,
        }
    }

    pub(crate) fn at(&self, step: StepIndex) -> Effected {
        self.steps[step.0]
    }

    /// An attempt takes effect to an extent.
    pub(crate) fn land(&mut self, plan: &Plan, direction: Direction, step: usize, what: Effected) {
        self.steps[step] = match (direction, what) {
            (Direction::Do, what) => what,
            (Direction::Undo, Effected::Whole) => Effected::Clean,
            (Direction::Undo, Effected::Half) => Effected::Half,
            (Direction::Undo, Effected::Clean) => self.steps[step],
        };
        self.tried[step] |= direction == Direction::Do && what != Effected::Clean;
        if direction == Direction::Do && step >= plan.pivot.0 && what != Effected::Clean {
            self.past_pivot = true;
        }
    }

    /// Whether a step ever took effect, at least partly.
    pub(crate) fn took_effect(&self, step: usize) -> bool {
        self.tried[step]
    }

    /// What an honest driver answers about an op's own action.
    pub(crate) fn presence(&self, op: &Op) -> Presence {
        let wanted = match op.key.direction {
            Direction::Do => Effected::Whole,
            Direction::Undo => Effected::Clean,
        };
        if self.at(op.key.step) == wanted {
            Presence::Applied
        } else {
            Presence::Absent
        }
    }
}

/// Whether a step leaves something in the world.
pub(crate) fn mutates(plan: &Plan, step: usize) -> bool {
    !matches!(
        plan.steps[step].action,
        Action::Gate(_) | Action::Approve(_)
    )
}

/// Whether a step has an inverse.
pub(crate) fn undoable(plan: &Plan, step: usize) -> bool {
    !matches!(plan.steps[step].undo, Undo::Nothing | Undo::Impossible)
}
