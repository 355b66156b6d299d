//! How strong a lock is, and whom it keeps waiting.

use std::fmt;

/// How strong a lock is, the weakest first. PostgreSQL's table-level modes are those of its documentation, section
/// "Explicit Locking"; SQLite has one lock for the whole database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Of a SELECT.
    AccessShare,
    /// Of a SELECT ... FOR UPDATE, and of rows that are referred to.
    RowShare,
    /// Of INSERT, UPDATE, DELETE.
    RowExclusive,
    /// Of CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT, VACUUM.
    ShareUpdateExclusive,
    /// Of CREATE INDEX.
    Share,
    /// Of ADD FOREIGN KEY, CREATE TRIGGER.
    ShareRowExclusive,
    /// Of REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// SQLite's right to write.
    SqliteWrite,
    /// Of most of ALTER TABLE, of DROP, TRUNCATE, LOCK.
    AccessExclusive,
    /// SQLite's lock that readers of a database without a write-ahead log wait for.
    SqliteExclusive,
}

impl LockMode {
    /// The mode that `pg_locks` calls so.
    pub(super) fn of_catalogue(word: &str) -> Option<LockMode> {
        Some(match word {
            "AccessShareLock" => LockMode::AccessShare,
            "RowShareLock" => LockMode::RowShare,
            "RowExclusiveLock" => LockMode::RowExclusive,
            "ShareUpdateExclusiveLock" => LockMode::ShareUpdateExclusive,
            "ShareLock" => LockMode::Share,
            "ShareRowExclusiveLock" => LockMode::ShareRowExclusive,
            "ExclusiveLock" => LockMode::Exclusive,
            "AccessExclusiveLock" => LockMode::AccessExclusive,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            LockMode::AccessShare => "ACCESS SHARE",
            LockMode::RowShare => "ROW SHARE",
            LockMode::RowExclusive => "ROW EXCLUSIVE",
            LockMode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            LockMode::Share => "SHARE",
            LockMode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            LockMode::Exclusive => "EXCLUSIVE",
            LockMode::SqliteWrite => "write lock",
            LockMode::AccessExclusive => "ACCESS EXCLUSIVE",
            LockMode::SqliteExclusive => "exclusive lock",
        }
    }

    /// Who waits while it is held; nothing where only what takes a whole table away does.
    #[must_use]
    pub fn keeps_waiting(self) -> Option<&'static str> {
        Some(match self {
            LockMode::AccessShare | LockMode::RowShare => return None,
            LockMode::RowExclusive => "writes to the same rows and changes of its structure wait",
            LockMode::ShareUpdateExclusive => "VACUUM and changes of its structure wait",
            LockMode::Share | LockMode::ShareRowExclusive | LockMode::Exclusive => {
                "writes and changes of its structure wait"
            }
            LockMode::SqliteWrite => "all writes wait",
            LockMode::AccessExclusive | LockMode::SqliteExclusive => "reads and writes wait",
        })
    }

    /// Whether users' reads wait.
    #[must_use]
    pub fn stops_reads(self) -> bool {
        matches!(self, LockMode::AccessExclusive | LockMode::SqliteExclusive)
    }

    /// Whether all users' writes of the table wait.
    #[must_use]
    pub fn stops_writes(self) -> bool {
        match self {
            LockMode::AccessShare
            | LockMode::RowShare
            | LockMode::RowExclusive
            | LockMode::ShareUpdateExclusive => false,
            LockMode::Share
            | LockMode::ShareRowExclusive
            | LockMode::Exclusive
            | LockMode::SqliteWrite
            | LockMode::AccessExclusive
            | LockMode::SqliteExclusive => true,
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
