//! The driver of smoke steps.

use portcullis_rollout::{Action, Fact, Failure, Op, Presence, SmokeOrder};

use crate::driver::{Driver, Probed, not_mine};
use crate::{CheckClient, CheckFailed};

/// Carries out [`Action::Smoke`]: all questions are put, and the first wrong answer is the failure. It
/// changes nothing, so being in effect means that all questions are answered as expected now.
#[derive(Debug, Clone)]
pub struct SmokeDriver {
    checks: CheckClient,
}

impl SmokeDriver {
    /// A driver that asks through `checks`.
    pub fn new(checks: CheckClient) -> SmokeDriver {
        SmokeDriver { checks }
    }

    async fn run(&self, order: &SmokeOrder) -> Result<Vec<Fact>, CheckFailed> {
        let mut facts = Vec::with_capacity(order.checks.len());
        for check in &order.checks {
            let passed = self.checks.run(check, &order.address).await?;
            let name = format!("{} {}", check.method, check.path);
            facts.push(Fact::new(
                name,
                format!("as expected in {} ms", passed.took_ms),
            ));
        }
        Ok(facts)
    }
}

impl Driver for SmokeDriver {
    async fn probe(&self, op: &Op) -> Probed {
        let Action::Smoke(order) = &op.action else {
            return Probed::new(Presence::Unknown);
        };
        match self.run(order).await {
            Ok(facts) => Probed {
                presence: Presence::Applied,
                facts,
            },
            Err(failed) => Probed {
                presence: Presence::Absent,
                facts: failed.facts(),
            },
        }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        let Action::Smoke(order) = &op.action else {
            return Err(not_mine(op, "smoke driver"));
        };
        self.run(order).await.map_err(|failed| Failure {
            message: format!(
                "release {} at {}: {}",
                order.release, order.address, failed.message
            ),
            retryable: true,
            facts: failed.facts(),
        })
    }
}
