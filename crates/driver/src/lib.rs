//! Drivers: how the engine's ops reach the world, and how the world is measured.
//!
//! [`ProcessDriver`] starts and stops releases as processes of this machine and keeps them running,
//! [`GatewayDriver`] moves traffic, [`HookDriver`] runs the operator's commands, [`CommandDriver`] migrates data, [`apply_migrations`] applies plain SQL files, [`SmokeDriver`] asks questions and
//! [`GatewayMeter`] measures gates. Drivers decide nothing: whether an attempt took effect is answered
//! by looking at the world, and everything else is the engine's. [`conformance`] is the suite that
//! every driver passes.

mod addresses;
mod bounds;
mod causes;
mod check;
mod clock;
mod command;
pub mod conformance;
mod course;
mod digest;
mod driver;
mod environment;
mod evidence;
mod figures;
mod gateway;
mod gateway_meter;
mod hook;
mod instance;
mod lock_watch;
mod meter;
mod migration;
mod process;
mod process_table;
mod prometheus_history;
mod record;
mod release_log;
mod secret_reference;
mod session;
mod smoke;
mod sql_migrations;
mod synthetic;
mod web_client;

pub use check::{CheckClient, CheckFailed, CheckPassed, CheckProtocol, CheckSetupError};
pub use command::{CommandEnd, CommandOutcome, run_command};
pub use course::{Carried, Course, CourseHandle};
pub use driver::{Driver, Probed};
pub use gateway::{Drained, GatewayDriver, Recorded, Restored};
pub use gateway_meter::GatewayMeter;
pub use hook::{HookDriver, run_notice};
pub use instance::{Instance, InstanceState};
pub use lock_watch::{HeldLock, LockMode, LockReport, LockWatch};
pub use meter::{Meter, Query};
pub use migration::{CommandDriver, prove};
pub use process::{AddressError, LOG_FACT, LogKeeper, ProcessDriver, ProcessDriverError};
pub use prometheus_history::{HistoryUnreadable, PrometheusHistory, Series};
pub use release_log::{LogReader, OnLine, ReleaseLog, release_logs};
pub use secret_reference::{SecretError, SecretErrorWhy, resolve_secret};
pub use smoke::SmokeDriver;
pub use sql_migrations::{
    Applied, ApplyOrder, DatabaseRefused, Doubt, FailedStatement, Ledger, MigrationDatabase,
    MigrationError, MigrationEvent, MigrationFiles, MigrationFilesError, MigrationStanding, RunBy,
    SqlMigrationDriver, Standing, apply_migrations, migration_status, read_migration_files,
    server_of, server_version,
};
