//! Long random walks from a seed: deeper than the explorer can go, and repeatable.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use portcullis_engine::RunnerError;

use crate::invariant::Violation;
use crate::moves::Moves;
use crate::node::{Budgets, Node};
use crate::scenario::Scenario;

/// After this many events a walk that has not ended counts as stuck.
const STEPS_MAX: usize = 5_000;

/// What a walk found.
#[derive(Debug, Clone)]
pub struct Wandered {
    /// The seed, to walk the same way again.
    pub seed: u64,
    /// Events applied.
    pub events: usize,
    /// The word of the state it ended in.
    pub end: &'static str,
    /// Broken invariants.
    pub violations: Vec<Violation>,
}

/// Walks from the start of a scenario to an end, each time choosing one of all that can happen next.
///
/// # Errors
/// When the rollout cannot be begun at all.
pub fn wander(scenario: Scenario, budgets: Budgets, seed: u64) -> Result<Wandered, RunnerError> {
    let plan = scenario
        .plan()
        .unwrap_or_else(|problems| unreachable!("the builder refuses {scenario:?}: {problems:?}"));
    let mut random = StdRng::seed_from_u64(seed);
    let mut node = Node::start(&plan, budgets)?;
    let mut violations = Vec::new();
    let mut events = 0;
    while !node.is_done() && events < STEPS_MAX {
        let mut next = Moves::of(&node, None, &mut violations);
        if next.is_empty() {
            break;
        }
        node = next.swap_remove(random.random_range(0..next.len()));
        events += 1;
    }
    node.check_journal(&mut violations);
    Ok(Wandered {
        seed,
        events,
        end: node.rollout().state().word(),
        violations,
    })
}
