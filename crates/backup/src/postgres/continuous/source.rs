//! The server that is archived, and whether it can be.

use crate::PostgresAddress;
use crate::postgres::problem::listed;
use crate::postgres::session::Session;

use super::{ArchiveIdentity, ContinuousArchive, ContinuousProblem};

/// The server that is archived.
#[derive(Clone, Debug)]
pub struct ContinuousSource {
    /// Where it is, and a user that may replicate.
    pub address: PostgresAddress,
    /// The name of the replication slot.
    pub slot: String,
    /// Whether what is received is synced at once. Else a crash of this machine asks for it again.
    pub synchronous: bool,
    /// How many bytes of write-ahead log the slot may make the server keep.
    pub slot_bytes_max: u64,
}

/// What is asked of a server before anything is begun.
type Asked = (bool, String, bool, String, i64, Option<bool>);
const ASK: &str = "SELECT pg_is_in_recovery(), current_setting('wal_level'), \
     (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user), \
     (SELECT system_identifier::text FROM pg_control_system()), \
     (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_segment_size'), \
     (SELECT bool_or(spcname NOT IN ('pg_default', 'pg_global')) FROM pg_tablespace)";

impl ContinuousSource {
    /// Looks whether the server can be archived; says what its archive is.
    pub(in crate::postgres) async fn identify(
        &self,
        session: &mut Session,
    ) -> Result<ArchiveIdentity, ContinuousProblem> {
        let asked: Vec<Asked> = session.rows("look at the server", ASK, &[]).await?;
        let not_possible = |why: &str| ContinuousProblem::NotPossible {
            place: session.place.clone(),
            why: why.to_owned(),
        };
        let Some((standby, level, may, system, segment, tablespaces)) = asked.into_iter().next()
        else {
            return Err(not_possible("it says nothing of itself"));
        };
        if standby {
            return Err(not_possible("it is a standby; name the primary in the url"));
        }
        if level == "minimal" {
            return Err(not_possible(
                "its wal_level is minimal; set wal_level = replica and start it again",
            ));
        }
        if !may {
            return Err(not_possible(
                "the user may not replicate: ALTER ROLE ... REPLICATION, and a line `host replication USER ...` in \
                 pg_hba.conf; or name another user in store.continuous.url",
            ));
        }
        if tablespaces == Some(true) {
            return Err(not_possible(
                "it has tablespaces of its own, which a base backup in one file cannot hold; move what is in them \
                 to pg_default",
            ));
        }
        let segment = u64::try_from(segment).unwrap_or(0).max(1);
        Ok(ContinuousArchive::identity_of(
            (system, segment),
            session.major,
            (self.address.database(), &self.slot),
        ))
    }
}

/// What the server says of the slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) active_pid: Option<i32>,
    /// `reserved`, `extended`, `unreserved` or `lost`; nothing before anything was reserved.
    pub(crate) wal_status: Option<String>,
    /// How much log the server keeps for it, in bytes.
    pub(crate) kept_bytes: u64,
}

const LOOK: &str = "SELECT slot_type::text, active_pid, wal_status::text, \
     pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 FROM pg_replication_slots WHERE slot_name = $1";

impl Slot {
    pub(crate) async fn look(
        session: &mut Session,
        name: &str,
    ) -> Result<Option<Self>, ContinuousProblem> {
        type Row = (String, Option<i32>, Option<String>, Option<i64>);
        let rows: Vec<Row> = session.rows("look at the slot", LOOK, &[name]).await?;
        let Some((kind, active_pid, wal_status, kept)) = rows.into_iter().next() else {
            return Ok(None);
        };
        if kind != "physical" {
            return Err(ContinuousProblem::NotPossible {
                place: session.place.clone(),
                why: format!("the slot {name} is a logical one; name another in slot"),
            });
        }
        Ok(Some(Self {
            active_pid,
            wal_status,
            kept_bytes: kept.and_then(|kept| u64::try_from(kept).ok()).unwrap_or(0),
        }))
    }

    /// Makes the slot; from now on the server keeps what is not received.
    pub(crate) async fn create(session: &mut Session, name: &str) -> Result<(), ContinuousProblem> {
        const CREATE: &str =
            "SELECT slot_name::text FROM pg_create_physical_replication_slot($1::name, true)";
        let made: Vec<(String,)> = session
            .rows("create the replication slot", CREATE, &[name])
            .await?;
        debug_assert_eq!(made.len(), 1, "{}", listed(&[name.to_owned()]));
        Ok(())
    }

    /// Drops the slot; nothing happens if there is none.
    pub(crate) async fn drop(session: &mut Session, name: &str) -> Result<(), ContinuousProblem> {
        const END: &str = "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots \
             WHERE slot_name = $1 AND active_pid IS NOT NULL";
        const END_13: &str = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots \
             WHERE slot_name = $1 AND active_pid IS NOT NULL";
        const DROP: &str = "SELECT pg_drop_replication_slot(slot_name)::text FROM pg_replication_slots WHERE slot_name = $1";
        let end = if session.major >= 14 { END } else { END_13 };
        let _: Vec<(bool,)> = session
            .rows("end the use of the slot", end, &[name])
            .await?;
        let _: Vec<(Option<String>,)> = session
            .rows("drop the replication slot", DROP, &[name])
            .await?;
        Ok(())
    }

    /// Ends whoever receives by the slot: a process that was left by a killed one, or that is cut off and does not know
    /// it yet. The caller has the right to receive alone.
    pub(crate) async fn free(session: &mut Session, name: &str) -> Result<(), ContinuousProblem> {
        const END: &str = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots \
             WHERE slot_name = $1 AND active_pid IS NOT NULL";
        let _: Vec<(bool,)> = session
            .rows("end the use of the slot", END, &[name])
            .await?;
        Ok(())
    }
}
