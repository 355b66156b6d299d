//! The driver of hooks: commands of the operator's that are run beside a rollout.
//!
//! A hook leaves nothing behind that could be looked at, so its exit code is all there is: the driver
//! remembers it for the probe. After a crash nobody remembers. What the hook left running is waited for,
//! the attempt counts as absent, and the hook is run once more; its documentation says so.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_rollout::{Action, Fact, Failure, HookOrder, NoticeHook, Op, OpKey, Presence};

use crate::bounds::{HOOK_OUTCOMES_MAX, LEFTOVER_PAUSE};
use crate::clock::Stopwatch;
use crate::command::{CommandEnd, CommandOutcome, random_marker, run_marked};
use crate::driver::{Driver, Probed, not_mine};
use crate::process_table::with_variable;

/// Names a hook's step in the environment of its processes, so that they are found again after a crash.
const HOOK_VARIABLE: &str = "PORTCULLIS_HOOK";

/// Carries out [`Action::Hook`]. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct HookDriver {
    /// Whether an attempt succeeded, or may count as if it had.
    outcomes: Arc<Mutex<HashMap<OpKey, bool>>>,
}

impl HookDriver {
    /// A driver that remembers nothing yet.
    pub fn new() -> HookDriver {
        HookDriver::default()
    }

    fn outcomes(&self) -> MutexGuard<'_, HashMap<OpKey, bool>> {
        // Entries are only ever added or removed whole, so a panic elsewhere cannot have bent the map.
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: &OpKey, good: bool) {
        let mut outcomes = self.outcomes();
        if outcomes.len() >= HOOK_OUTCOMES_MAX {
            outcomes.retain(|known, _| known.rollout == key.rollout);
        }
        outcomes.insert(key.clone(), good);
    }
}

impl Driver for HookDriver {
    async fn probe(&self, op: &Op) -> Probed {
        let known = self.outcomes().get(&op.key).copied();
        match known {
            Some(true) => return Probed::new(Presence::Applied),
            Some(false) => return Probed::new(Presence::Absent),
            None => {}
        }
        let watch = Stopwatch::start();
        let patience = Duration::from_millis(op.deadline_ms);
        loop {
            match still_running(op) {
                Ok(None) => break,
                Ok(Some(pid)) if watch.left_of(patience).is_zero() => {
                    let text = format!("process {pid} of an earlier attempt has not ended");
                    return Probed::new(Presence::Unknown).with("still running", text);
                }
                Ok(Some(_)) => tokio::time::sleep(LEFTOVER_PAUSE).await,
                Err(error) => return Probed::new(Presence::Unknown).with("processes", error),
            }
        }
        Probed::new(Presence::Absent).with("hook", "no attempt at it is known to have ended")
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        let Action::Hook(order) = &op.action else {
            return Err(not_mine(op, "hook driver"));
        };
        let failed = |message: String, facts| Failure {
            message,
            retryable: false,
            facts,
        };
        let marker = random_marker().map_err(|error| failed(error.to_string(), Vec::new()))?;
        let name = name_of(op);
        let named = [(HOOK_VARIABLE, name.as_str())];
        let deadline = Duration::from_millis(order.timeout_ms);
        let input = order.input.as_bytes();
        let outcome = run_marked(&order.command, deadline, &marker, &named, input).await;
        let good = outcome.succeeded();
        self.remember(&op.key, good || !order.must_succeed);
        let mut facts = outcome.facts();
        match (good, order.must_succeed) {
            (true, _) => Ok(facts),
            (false, false) => {
                facts.insert(0, Fact::new("noted", words(order, &outcome)));
                Ok(facts)
            }
            (false, true) => Err(failed(words(order, &outcome), facts)),
        }
    }
}

/// Runs a hook that tells people something, with `input` on its standard input. The caller does not act
/// on how it went, it only says it (invariant 14).
pub async fn run_notice(hook: &NoticeHook, input: &str) -> CommandOutcome {
    let deadline = Duration::from_millis(hook.timeout_ms);
    match random_marker() {
        Ok(marker) => run_marked(&hook.command, deadline, &marker, &[], input.as_bytes()).await,
        Err(error) => CommandOutcome::not_started(error.to_string()),
    }
}

/// How a hook failed, with its limit where that was passed, and with the last that it said.
fn words(order: &HookOrder, outcome: &CommandOutcome) -> String {
    let mut words = format!("hook {} {} {} ", order.name, order.when.word(), order.step);
    match &outcome.end {
        CommandEnd::TimedOut => words.push_str(&format!(
            "took longer than its limit of {} s and was killed",
            order.timeout_ms as f64 / 1000.0
        )),
        end => words.push_str(&end.to_string()),
    }
    let said = outcome.last_lines.lines().rev();
    if let Some(last) = said.map(str::trim).find(|line| !line.is_empty()) {
        words.push_str(&format!("; its last line: {last}"));
    }
    words
}

/// A process of any attempt at the same step.
fn still_running(op: &Op) -> io::Result<Option<i32>> {
    let name = name_of(op);
    let found = with_variable(HOOK_VARIABLE, |value| value == name)?;
    Ok(found.first().map(|process| process.id.pid))
}

fn name_of(op: &Op) -> String {
    format!("{}/{}", op.key.rollout, op.key.step)
}
