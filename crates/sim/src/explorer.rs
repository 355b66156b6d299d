//! Every interleaving within the budgets, each point visited once.

use std::collections::{BTreeMap, HashMap};

use portcullis_engine::RunnerError;
use portcullis_rollout::{End, State};

use crate::invariant::Violation;
use crate::moves::Moves;
use crate::mutation::Mutation;
use crate::node::{Budgets, Node};
use crate::scenario::Scenario;

/// What an exploration found.
#[derive(Debug, Clone)]
pub struct Explored {
    /// Points visited.
    pub states: usize,
    /// Transitions between them.
    pub transitions: usize,
    /// How often each end was reached, by number of distinct points.
    pub ends: BTreeMap<&'static str, usize>,
    /// Points from which no end can be reached: dead ends.
    pub stuck: usize,
    /// Broken invariants and how often each was seen.
    pub violations: BTreeMap<Violation, usize>,
}

/// Visits everything that can happen to a scenario within the budgets.
///
/// # Errors
/// When the rollout cannot be begun at all.
pub fn explore(
    scenario: Scenario,
    budgets: Budgets,
    mutation: Option<Mutation>,
) -> Result<Explored, RunnerError> {
    let plan = scenario.plan().unwrap_or_else(|problems| {
        // The scenarios are fixed: a refusal is a mistake in this crate, and its tests show it.
        unreachable!("the builder refuses {scenario:?}: {problems:?}")
    });
    let start = Node::start(&plan, budgets)?;
    let mut ids = HashMap::from([(start.key(), 0usize)]);
    let mut ended = vec![end_of(&start)];
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut found = Vec::new();
    let mut waiting = vec![(0usize, start)];
    while let Some((id, node)) = waiting.pop() {
        for next in Moves::of(&node, mutation, &mut found) {
            let fresh = ids.len();
            let next_id = *ids.entry(next.key()).or_insert(fresh);
            edges.push((id as u32, next_id as u32));
            if next_id == fresh {
                ended.push(end_of(&next));
                next.check_journal(&mut found);
                waiting.push((next_id, next));
            }
        }
    }
    let mut ends = BTreeMap::new();
    for end in ended.iter().flatten() {
        *ends.entry(*end).or_insert(0) += 1;
    }
    let mut violations = BTreeMap::new();
    for violation in found {
        *violations.entry(violation).or_insert(0) += 1;
    }
    let stuck = stuck(&ended, &edges);
    Ok(Explored {
        states: ids.len(),
        transitions: edges.len(),
        ends,
        stuck,
        violations,
    })
}

fn end_of(node: &Node) -> Option<&'static str> {
    match node.rollout().state() {
        State::Done {
            end: End::Promoted, ..
        } => Some("promoted"),
        State::Done {
            end: End::RolledBack,
            ..
        } => Some("rolled back"),
        State::Done {
            end: End::Aborted, ..
        } => Some("aborted"),
        State::Planned
        | State::Advancing { .. }
        | State::Watching { .. }
        | State::Paused { .. }
        | State::Unwinding { .. }
        | State::Held { .. } => None,
    }
}

/// How many points cannot reach an end.
fn stuck(ended: &[Option<&'static str>], edges: &[(u32, u32)]) -> usize {
    let mut before = vec![Vec::new(); ended.len()];
    for (from, to) in edges {
        before[*to as usize].push(*from);
    }
    let mut reaches: Vec<bool> = ended.iter().map(Option::is_some).collect();
    let mut waiting: Vec<u32> = (0..ended.len() as u32)
        .filter(|point| reaches[*point as usize])
        .collect();
    while let Some(point) = waiting.pop() {
        for earlier in &before[point as usize] {
            if !std::mem::replace(&mut reaches[*earlier as usize], true) {
                waiting.push(*earlier);
            }
        }
    }
    reaches.iter().filter(|reaches| !**reaches).count()
}
