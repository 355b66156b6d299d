//! The suite that every driver passes, whatever it acts on.
//!
//! A test gives an op, its inverse and a witness that looks at the world by itself; the suite applies,
//! repeats, undoes and interrupts them and asks the driver what it sees. A driver may answer
//! [`Presence::Unknown`] only while something is still under way.

use std::time::Duration;

use portcullis_rollout::{Failure, Op, Presence};

use crate::{Driver, Probed};

/// How often a driver that cannot tell yet is asked again.
const ASKED_MAX: u32 = 100;
/// The pause between these questions.
const ASK_PAUSE: Duration = Duration::from_millis(50);

/// What the suite is run on. Before it begins, `op` must not be in effect and `inverse` must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What is done.
    pub op: Op,
    /// What undoes it.
    pub inverse: Op,
    /// After how long an apply is interrupted, in milliseconds; one interruption for each.
    pub cut_after_ms: Vec<u64>,
}

/// A rule that a driver broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {seen}")]
pub struct Broken {
    /// The rule, in one sentence.
    pub rule: String,
    /// What was seen instead.
    pub seen: String,
}

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// How many applies were interrupted before they were done.
    pub interrupted: usize,
}

/// Runs the whole suite and leaves `op` undone.
///
/// `in_effect` looks at the world without the driver: whether `op` is in effect.
///
/// # Errors
/// The first rule that the driver breaks.
pub async fn check<D: Driver>(
    driver: &D,
    scenario: &Scenario,
    in_effect: impl AsyncFn() -> bool,
) -> Result<Shown, Broken> {
    let suite = Suite {
        driver,
        scenario,
        in_effect,
    };
    suite.undo_of_nothing().await?;
    suite.apply_once_and_twice().await?;
    suite.undo_once_and_twice().await?;
    let interrupted = suite.interrupt_applies().await?;
    suite.interrupt_undo().await?;
    Ok(Shown { interrupted })
}

struct Suite<'a, D, W> {
    driver: &'a D,
    scenario: &'a Scenario,
    in_effect: W,
}

impl<D: Driver, W: AsyncFn() -> bool> Suite<'_, D, W> {
    async fn undo_of_nothing(&self) -> Result<(), Broken> {
        let Scenario { op, inverse, .. } = self.scenario;
        self.expect("before anything, the op is absent", op, Presence::Absent)
            .await?;
        self.expect("undo of nothing is in effect", inverse, Presence::Applied)
            .await?;
        self.apply("undoing nothing succeeds", inverse).await?;
        self.expect("undoing nothing changes nothing", op, Presence::Absent)
            .await
    }

    async fn apply_once_and_twice(&self) -> Result<(), Broken> {
        let Scenario { op, inverse, .. } = self.scenario;
        for rule in [
            "after an apply the op is in effect",
            "applying twice is applying once",
        ] {
            self.apply(rule, op).await?;
            self.expect(rule, op, Presence::Applied).await?;
            self.witness(rule, true).await?;
            self.expect(
                "while the op is in effect its inverse is not",
                inverse,
                Presence::Absent,
            )
            .await?;
        }
        Ok(())
    }

    async fn undo_once_and_twice(&self) -> Result<(), Broken> {
        let Scenario { op, inverse, .. } = self.scenario;
        for rule in [
            "after its inverse the op is absent",
            "undoing twice is undoing once",
        ] {
            self.apply(rule, inverse).await?;
            self.expect(rule, op, Presence::Absent).await?;
            self.expect(rule, inverse, Presence::Applied).await?;
            self.witness(rule, false).await?;
        }
        Ok(())
    }

    async fn interrupt_applies(&self) -> Result<usize, Broken> {
        let Scenario {
            op,
            inverse,
            cut_after_ms,
        } = self.scenario;
        let mut interrupted = 0;
        for ms in cut_after_ms {
            let rule = format!("an apply that is interrupted after {ms} ms probes truthfully");
            interrupted += usize::from(self.cut(op, *ms).await);
            if self.settled(op).await.presence == Presence::Applied {
                self.witness(&rule, true).await?;
            }
            let rule = format!("after an interruption at {ms} ms another apply succeeds");
            self.apply(&rule, op).await?;
            self.expect(&rule, op, Presence::Applied).await?;
            self.witness(&rule, true).await?;
            let rule = format!("after an interruption at {ms} ms the inverse undoes everything");
            self.apply(&rule, inverse).await?;
            self.expect(&rule, op, Presence::Absent).await?;
            self.witness(&rule, false).await?;
            // Undone at once after an interruption, without another apply in between.
            interrupted += usize::from(self.cut(op, *ms).await);
            self.apply(&rule, inverse).await?;
            self.expect(&rule, inverse, Presence::Applied).await?;
            self.witness(&rule, false).await?;
        }
        Ok(interrupted)
    }

    async fn interrupt_undo(&self) -> Result<(), Broken> {
        let Scenario {
            op,
            inverse,
            cut_after_ms,
        } = self.scenario;
        for ms in cut_after_ms {
            let rule = format!("an inverse that is interrupted after {ms} ms probes truthfully");
            self.apply(&rule, op).await?;
            self.cut(inverse, *ms).await;
            if self.settled(inverse).await.presence == Presence::Applied {
                self.witness(&rule, false).await?;
            }
            let rule = format!("after an interruption at {ms} ms another inverse succeeds");
            self.apply(&rule, inverse).await?;
            self.expect(&rule, inverse, Presence::Applied).await?;
            self.witness(&rule, false).await?;
        }
        Ok(())
    }

    /// Applies `op` and drops the attempt after `ms`; whether it was cut short.
    async fn cut(&self, op: &Op, ms: u64) -> bool {
        let whole = self.driver.apply(op);
        tokio::time::timeout(Duration::from_millis(ms), whole)
            .await
            .is_err()
    }

    async fn apply(&self, rule: &str, op: &Op) -> Result<(), Broken> {
        let applied = self.driver.apply(op).await;
        applied.map(drop).map_err(|failure: Failure| Broken {
            rule: rule.to_owned(),
            seen: format!(
                "{} failed: {} {:?}",
                op.action.word(),
                failure.message,
                failure.facts
            ),
        })
    }

    async fn expect(&self, rule: &str, op: &Op, wanted: Presence) -> Result<(), Broken> {
        let probed = self.settled(op).await;
        if probed.presence == wanted {
            return Ok(());
        }
        let (word, found, facts) = (op.action.word(), probed.presence, probed.facts);
        let seen = format!("the probe of {word} said {found:?}, not {wanted:?}: {facts:?}");
        Err(Broken {
            rule: rule.to_owned(),
            seen,
        })
    }

    async fn witness(&self, rule: &str, wanted: bool) -> Result<(), Broken> {
        if (self.in_effect)().await == wanted {
            return Ok(());
        }
        let is = if wanted { "is not" } else { "still is" };
        let seen = format!("the driver is wrong: the op {is} in effect");
        Err(Broken {
            rule: rule.to_owned(),
            seen,
        })
    }

    /// What a probe says once nothing is under way any more.
    async fn settled(&self, op: &Op) -> Probed {
        let mut probed = self.driver.probe(op).await;
        for _ in 0..ASKED_MAX {
            if probed.presence != Presence::Unknown {
                break;
            }
            tokio::time::sleep(ASK_PAUSE).await;
            probed = self.driver.probe(op).await;
        }
        probed
    }
}
