//! The file as it was written: every value read into its type, with its place, and nothing compared
//! with anything else yet. Unknown keys, wrong types and values that no file could have are reported
//! while it is read.

use portcullis_rollout::Timeouts;

use crate::keys::ENVIRONMENTS;
use crate::report::At;
use crate::table::Table;

mod bucket;
mod check;
mod copies;
mod gate;
mod gateway;
mod hook;
mod metric;
mod operation;
mod release;
mod secret_url;
mod service;
mod synthetic;
mod variables;

pub(crate) use bucket::RawBucket;
pub(crate) use check::RawCheck;
pub(crate) use copies::{RawCopy, RawEncryption};
pub(crate) use gate::{RawCadence, RawGate, RawRule};
pub(crate) use gateway::{
    RawAccess, RawAcme, RawCertificate, RawClients, RawClues, RawConversations, RawCors,
    RawDictionary, RawEject, RawGateway, RawHealth, RawJwt, RawKeys, RawLimit, RawLog, RawMask,
    RawRecognizer, RawRoute, RawServerWeight, RawShared, RawTls, RawUpload, RawUpstream,
    RawUpstreamTls,
};
pub(crate) use hook::RawHook;
pub(crate) use metric::RawMetric;
pub(crate) use operation::{RawBackup, RawDrill, RawSchedule, RawServer, RawState};
pub(crate) use release::{RawMigration, RawProof, RawRelease};
pub(crate) use secret_url::{has_password, secret_url};
pub(crate) use service::{RawContinuous, RawData, RawMetrics, RawService, RawStore};
pub(crate) use synthetic::{RawSynthetic, RawSyntheticRequest};
pub(crate) use variables::{literal, reference, variables};

/// The file as it was written. What is `None` was either wrong, which is reported, or not given.
#[derive(Debug)]
pub(crate) struct RawConfig {
    pub(crate) service: RawService,
    pub(crate) stores: Vec<RawStore>,
    pub(crate) data: RawData,
    pub(crate) gate: RawGate,
    pub(crate) gateway: RawGateway,
    pub(crate) server: RawServer,
    pub(crate) state: RawState,
    pub(crate) backup: RawBackup,
    pub(crate) drill: RawDrill,
    pub(crate) timeouts: Timeouts,
    pub(crate) releases: Vec<RawRelease>,
    pub(crate) hooks: Vec<RawHook>,
}

impl RawConfig {
    /// Reads a whole document: the file as it stands, or with an environment laid over it.
    pub(crate) fn read(root: &Table<'_>) -> RawConfig {
        // The environments were taken out before.
        root.leave(ENVIRONMENTS);
        let releases = root.tables("release", RawRelease::read);
        RawConfig {
            service: root.table("service", RawService::read).unwrap_or_default(),
            stores: root.tables("store", RawStore::read),
            data: root.table("data", RawData::read).unwrap_or_default(),
            gate: root.table("gate", RawGate::read).unwrap_or_default(),
            gateway: root.table("gateway", RawGateway::read).unwrap_or_default(),
            server: root.table("server", RawServer::read).unwrap_or_default(),
            state: root.table("state", RawState::read).unwrap_or_default(),
            timeouts: root.table("timeouts", timeouts).unwrap_or(NO_TIME),
            backup: root.table("backup", RawBackup::read).unwrap_or_default(),
            drill: root.table("drill", RawDrill::read).unwrap_or_default(),
            hooks: root.tables("hook", RawHook::read),
            releases,
        }
    }
}

/// What stands in for timeouts that could not be read; a configuration with it is never handed out.
const NO_TIME: Timeouts = Timeouts {
    ready_ms: 0,
    stop_ms: 0,
    drain_ms: 0,
    backup_ms: 0,
    migrate_ms: 0,
    short_ms: 0,
};

fn timeouts(table: Table<'_>) -> Timeouts {
    Timeouts {
        ready_ms: value_or_default(table.duration_ms("ready")),
        stop_ms: value_or_default(table.duration_ms("stop")),
        drain_ms: value_or_default(table.duration_ms("drain")),
        backup_ms: value_or_default(table.duration_ms("backup")),
        migrate_ms: value_or_default(table.duration_ms("migrate")),
        short_ms: value_or_default(table.duration_ms("short")),
    }
}

/// The value, or what stands in for one that could not be read. That it could not is reported, so the
/// stand-in is never handed out.
pub(crate) fn value_or_default<T: Default>(at: Option<At<T>>) -> T {
    at.map(|at| at.value).unwrap_or_default()
}
