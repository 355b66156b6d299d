//! The engine: plans rollouts, runs them, and survives whatever happens to it.
//!
//! The runner is the only thing that changes a rollout; the performer turns effects into outcomes; the
//! hands touch the world. Deciding is done in `portcullis-rollout`, never here.

mod bounds;
mod clock;
mod data_log;
mod drill;
mod due;
mod engine;
mod hands;
mod history;
mod live_data;
mod loss;
mod performer;
mod planner;
mod record;
mod recovery_point;
mod rehearsals;
mod runner;
mod service;
mod twins;
mod vaults;

pub use clock::{Clock, WallClock};
pub use data_log::{DataEntry, DataLog, DataLogError, DataRecord, Job, recorded_sums, seen_ms};
pub use drill::{
    DrillFrom, DrillOrder, DrillPart, DrillReport, DrillVerdict, Drilled, DrilledArchive,
    DrilledCopy, Drills, DrillsRefused, PartName, PartOutcome, Pick, Rpo, Rto, span_words,
};
pub use due::{Due, due};
pub use engine::{Command, Engine, EngineError, Standing};
pub use hands::{DataHand, Hands, Recorder, RehearsalHand, file_sha256, size_words, stores_of};
pub use history::{History, HistoryError, InBetween, Outline, Past, ReadingError};
pub use live_data::astray_in_config;
pub use loss::{StoreLoss, asked_restore, loss, store_loss};
pub use performer::{outcome, perform, probe};
pub use planner::{Planner, PlanningError};
pub use portcullis_journal::Entry as JournalEntry;
pub use record::{Body, BodyUnreadable};
pub use recovery_point::{PointOf, RecoveredBy, RecoveryPoint, RecoveryPoints};
pub use rehearsals::{Rehearsals, RehearsalsRefused};
pub use runner::{Runner, RunnerError, Step};
pub use service::{Begun, GoneBack, Service, ServiceError, Wanted};
pub use twins::{Twin, Twins, TwinsRefused};
pub use vaults::{CopyPlace, VaultRefused, absent_vault_of, copies_of, encryption_of, vault_of};
