//! The course of a drill: each part timed, its outcome noted, and the end said when one does not pass.

use portcullis_backup::{BackupError, ContinuousProblem, PostgresProblem};
use portcullis_rollout::{Fact, Failure};
use tokio_util::sync::CancellationToken;

use super::report::{DrillPart, DrillReport, PartName, PartOutcome};
use crate::clock::Stopwatch;
use crate::hands::chain;

/// A drill under way.
pub(super) struct Course {
    pub(super) report: DrillReport,
    /// What a release said before it failed.
    pub(super) said: Vec<Fact>,
    cancelled: CancellationToken,
}

/// Why a part did not pass.
pub(super) struct Short {
    outcome: PartOutcome,
    why: String,
    said: Vec<Fact>,
    evidence: Vec<Fact>,
}

impl Short {
    /// The words for it.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// It shows nothing.
    pub(super) fn could_not(why: impl Into<String>) -> Short {
        Short {
            outcome: PartOutcome::CouldNotRun,
            why: why.into(),
            said: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// It shows that something does not do.
    pub(super) fn failed(why: impl Into<String>) -> Short {
        Short {
            outcome: PartOutcome::Failed,
            ..Short::could_not(why)
        }
    }

    /// With what was found until then.
    pub(super) fn with(self, evidence: Vec<Fact>) -> Short {
        Short { evidence, ..self }
    }

    /// A release did not do. What it said is not for the record: it may have data of people in it.
    pub(super) fn of_release(failure: Failure) -> Short {
        Short {
            said: failure.facts,
            ..Short::failed(failure.message)
        }
    }

    /// The backup does not do, or this machine does not.
    pub(super) fn of_backup(error: &BackupError) -> Short {
        let shows = match error {
            BackupError::Continuous { problem, .. } => matches!(
                **problem,
                ContinuousProblem::Damaged { .. }
                    | ContinuousProblem::RecoveryFailed { .. }
                    | ContinuousProblem::Postgres(PostgresProblem::Damaged { .. })
            ),
            BackupError::Postgres { problem, .. } => {
                matches!(problem, PostgresProblem::Damaged { .. })
            }
            BackupError::Damaged { .. }
            | BackupError::Incomplete { .. }
            | BackupError::UnknownBackup { .. }
            | BackupError::UnknownStore { .. }
            | BackupError::RestoredDiffers { .. }
            | BackupError::DatabaseDamaged { .. }
            | BackupError::IndexDamaged { .. }
            | BackupError::KindDiffers { .. } => true,
            _ => false,
        };
        match shows {
            true => Short::failed(chain(error)),
            false => Short::could_not(chain(error)),
        }
    }
}

impl Course {
    pub(super) fn new(report: DrillReport, cancelled: CancellationToken) -> Course {
        Course {
            report,
            said: Vec::new(),
            cancelled,
        }
    }

    /// Holds a part. `None` ends the drill.
    pub(super) async fn part<T>(
        &mut self,
        name: PartName,
        work: impl Future<Output = Result<(T, Vec<Fact>), Short>>,
    ) -> Option<T> {
        let watch = Stopwatch::start();
        let went = match self.cancelled.is_cancelled() {
            true => Err(Short::could_not("it was interrupted")),
            false => work.await,
        };
        // What was under way when it was interrupted says nothing about the backup.
        let went = match went {
            Err(_) if self.cancelled.is_cancelled() => Err(Short::could_not("it was interrupted")),
            went => went,
        };
        let took_ms = watch.elapsed_ms();
        let (value, outcome, why, evidence) = match went {
            Ok((value, evidence)) => (Some(value), PartOutcome::Passed, None, evidence),
            Err(short) => {
                self.said.extend(short.said);
                (None, short.outcome, Some(short.why), short.evidence)
            }
        };
        self.report.parts.push(DrillPart {
            name,
            outcome,
            took_ms,
            why,
            evidence,
        });
        value
    }

    /// What a part needs and must be there by now.
    pub(super) fn need<T>(&mut self, name: PartName, value: Option<T>, why: &str) -> Option<T> {
        if value.is_none() {
            self.report.parts.push(DrillPart {
                name,
                outcome: PartOutcome::CouldNotRun,
                took_ms: 0,
                why: Some(why.to_owned()),
                evidence: Vec::new(),
            });
        }
        value
    }

    pub(super) fn cancelled(&self) -> CancellationToken {
        self.cancelled.clone()
    }
}
