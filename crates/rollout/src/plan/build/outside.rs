//! What is made from a request outside of any rollout.

use super::Builder;
use crate::{NoticeHook, PlanProblem, PlanRequest, Trial};

impl PlanRequest {
    /// The hooks that are told something outside of any rollout. One whose command has places that do not exist is left
    /// out.
    pub fn notice_hooks(&self) -> Vec<NoticeHook> {
        let mut builder = Builder {
            request: self,
            later: Vec::new(),
            steps: Vec::new(),
            problems: Vec::new(),
        };
        let mut told = Vec::new();
        for notice in builder.notices() {
            if builder.problems.is_empty() {
                told.push(notice);
            }
        }
        told
    }

    /// The release started for a try-out at the request's target on the request's stores, outside of any rollout:
    /// for a drill, on restored copies.
    ///
    /// # Errors
    /// What is wrong with its command or a check: places that do not exist.
    pub fn trial(&self) -> Result<Trial, Vec<PlanProblem>> {
        let mut builder = Builder {
            request: self,
            later: Vec::new(),
            steps: Vec::new(),
            problems: Vec::new(),
        };
        let trial = Trial {
            launch: builder.launch(&self.release, &self.target, &self.stores),
            smoke: builder.smoke(&self.release, &self.target.address),
        };
        if builder.problems.is_empty() {
            Ok(trial)
        } else {
            Err(builder.problems)
        }
    }
}
