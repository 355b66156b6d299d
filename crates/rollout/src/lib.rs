//! The rollout: a pure fold over a journal.
//!
//! A [`Plan`] is immutable and leaves no choices for run time. A [`Rollout`] is what the events so far
//! make of it: [`Rollout::apply`] takes one [`Event`] and returns the next rollout and the [`Effect`]s
//! that are wanted, as data. Nothing here reads a clock, touches a file, draws a random number or waits
//! (invariant 1); plan, dry run, live run, recovery, simulation and every screen use these same
//! functions.

mod action;
mod apply;
mod bucket_ref;
mod closure;
mod effect;
mod event;
mod figure;
mod ids;
mod migration;
mod op;
mod plan;
mod release;
mod replay;
mod rollout;
mod sentence;
mod state;
mod step;
mod store;
mod synthetic;
mod timeline;
mod value_source;

pub use action::{
    Action, Approval, ArchiveAge, BackupAge, BackupOrder, BesideStores, Check, Command, CutOff,
    GateOrder, GateRole, HookOrder, HookTime, Kept, Launch, LockLimit, MetricsSource,
    PreflightOrder, Promotion, Rehearsal, RestoreOrder, RoomNeed, SecretNeed, SmokeOrder, Split,
    SplitArm, Trial, WayBack,
};
pub use apply::Refused;
pub use bucket_ref::BucketRef;
pub use closure::{ClosedFor, ClosedTo, Closure, ReadRequest, ReadRequestRefused};
pub use effect::{Effect, Notice, NoticeKind};
pub use event::{Actor, Event, EventKind, Fact, Failure};
pub use figure::{
    Authorization, CommandReading, FigureOrder, FigureSource, Freshness, names_a_release,
};
pub use ids::{ReleaseId, RolloutId, ServiceName, StepIndex, Weight, WeightOutOfRange};
pub use migration::{
    CommandMigration, LedgerCheck, Migration, MigrationOrder, MigrationPhase, Proof, ReverseOrder,
    SqlFile, SqlMigration, SqlOrder, SqlReverse,
};
pub use op::{Direction, Op, OpKey, Presence};
pub use plan::{
    Closing, DataPolicy, Hook, HookPoint, KeepWarm, NoticeHook, Plan, PlanProblem, PlanRequest,
    Purpose, Running, Strategy, Timeouts,
};
pub use release::{Artifact, Release, Target};
pub use replay::{Comparison, Replay, ReplayError, Replayed};
pub use rollout::{DataOf, Rollout, alone};
pub use state::{Attempt, Cause, End, Halt, HeldWhy, PausedWhy, Run, State};
pub use step::{Step, Undo};
pub use store::{REDIS_COPY_URL, StoreCommands, StoreKind, StoreLocation, StoreRef};
pub use synthetic::{
    Pace, SYNTHETIC_HEADER, SyntheticOrder, SyntheticQuestion, SyntheticRequest, SyntheticTraffic,
};
pub use timeline::{Moment, MomentKind, Timeline};
pub use value_source::ValueSource;
