//! Notices to the hooks of a plan: told in the order in which they happened, waited for by nobody
//! (invariant 14).
//!
//! Each hook has a queue and at most one task that empties it, so two runs of one command never overlap.
//! The queue is bounded. When it is full the oldest notice that waits is dropped, not the new one: the
//! newest says how the rollout stands now, and what is older than it has been overtaken anyway.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_driver::run_notice;
use portcullis_rollout::{Notice, NoticeHook, Plan};
use tokio::task::JoinSet;

use crate::bounds::NOTICES_WAITING_MAX;

/// The notices that are still to be told, by hook.
#[derive(Clone, Default)]
pub(super) struct Notices {
    /// A hook has an entry as long as a task tells it something.
    queues: Arc<Mutex<HashMap<String, Queue>>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Letter>,
    /// How many were dropped since one was told last.
    dropped: usize,
}

struct Letter {
    hook: NoticeHook,
    notice: Notice,
    plan: Arc<Plan>,
}

impl Notices {
    /// Has every hook of the plan told, in `running`. Returns at once.
    pub(super) fn post(&self, notice: &Notice, plan: &Arc<Plan>, running: &mut JoinSet<()>) {
        for hook in &plan.notices {
            let letter = Letter {
                hook: hook.clone(),
                notice: notice.clone(),
                plan: plan.clone(),
            };
            let mut queues = self.locked();
            let idle = !queues.contains_key(&hook.name);
            let queue = queues.entry(hook.name.clone()).or_default();
            if queue.waiting.len() == NOTICES_WAITING_MAX {
                queue.waiting.pop_front();
                queue.dropped += 1;
            }
            queue.waiting.push_back(letter);
            if idle {
                running.spawn(self.clone().tell(hook.name.clone()));
            }
        }
    }

    /// Forgets what was not told, and says how much that is: the engine stops.
    pub(super) fn give_up(&self) {
        for (hook, queue) in self.locked().drain() {
            // One more was under way.
            let lost = queue.waiting.len() + queue.dropped + 1;
            tracing::warn!(
                hook,
                notices = lost,
                "the engine stops; notices were not delivered"
            );
        }
    }

    /// Tells a hook everything that waits for it.
    async fn tell(self, name: String) {
        while let Some(letter) = self.next(&name) {
            let outcome = run_notice(&letter.hook, &letter.text()).await;
            if !outcome.succeeded() {
                tracing::warn!(hook = name, end = %outcome.end, "a notice was not delivered");
            }
        }
    }

    /// What a hook is to be told next; without anything its queue is given up.
    fn next(&self, name: &str) -> Option<Letter> {
        let mut queues = self.locked();
        let queue = queues.get_mut(name)?;
        let dropped = std::mem::take(&mut queue.dropped);
        if dropped > 0 {
            tracing::warn!(
                hook = name,
                notices = dropped,
                "the hook is slow; its oldest notices were dropped"
            );
        }
        let letter = queue.waiting.pop_front();
        if letter.is_none() {
            queues.remove(name);
        }
        letter
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        // Nothing that holds the lock can leave a queue half changed.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Letter {
    /// The document that the hook reads.
    fn text(&self) -> String {
        let plan = &self.plan;
        serde_json::json!({
            "schema": "portcullis.notice/1",
            "hook": self.hook.name,
            "kind": self.notice.kind,
            "sentence": self.notice.sentence,
            "rollout": plan.id,
            "service": plan.service,
            "environment": plan.environment,
            "plan": **plan,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests;
