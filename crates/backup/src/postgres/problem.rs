//! What keeps a PostgreSQL database from being backed up or put back.

use crate::bounds::{NAMED_MAX, POSTGRES_LOCK_S, POSTGRES_MAJOR_MIN};

/// What keeps a PostgreSQL database from being backed up or put back. No text has a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresProblem {
    /// The URL cannot be used.
    #[error("its url cannot be used: {why}; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    AddressRefused {
        /// What is wrong with it.
        why: String,
    },
    /// Nothing answers there, or not in time, or not who it should be.
    #[error(
        "the server of {place} cannot be reached: {why}; see that it runs, and that host and port are right"
    )]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// What happened.
        why: String,
    },
    /// The server does not let the user in.
    #[error(
        "the server of {place} does not let the user in: {why}; see that user and password of its url are right, \
         and that pg_hba.conf allows it"
    )]
    AccessRefused {
        /// Host, port and database.
        place: String,
        /// What the server said.
        why: String,
    },
    /// There is no such database.
    #[error("there is no database at {place}; correct its url, or create the database")]
    DatabaseMissing {
        /// Host, port and database.
        place: String,
    },
    /// The server is too old.
    #[error(
        "the server of {place} is PostgreSQL {found}, and {POSTGRES_MAJOR_MIN} is the oldest that is backed up; \
         upgrade it"
    )]
    ServerTooOld {
        /// Host, port and database.
        place: String,
        /// Its version.
        found: String,
    },
    /// A program of PostgreSQL's is not installed.
    #[error(
        "the program {tool} was not found in {looked}; install PostgreSQL's client programs, at least version \
         {wanted} (Debian: postgresql-client-{wanted})"
    )]
    ToolMissing {
        /// Which one.
        tool: &'static str,
        /// The version that is needed at least.
        wanted: u32,
        /// Where it was looked for.
        looked: String,
    },
    /// The installed programs are older than what they shall read.
    #[error(
        "{tool} is too old: {of} is PostgreSQL {wanted}, and there is only {}; it was looked for in {looked}; \
         install postgresql-client-{wanted}",
        listed(found)
    )]
    ToolTooOld {
        /// Which one.
        tool: &'static str,
        /// What it shall read: the server, or the dump.
        of: &'static str,
        /// The version that is needed at least.
        wanted: u32,
        /// What was found, with version and place.
        found: Vec<String>,
        /// Where it was looked for.
        looked: String,
    },
    /// A program of PostgreSQL's failed, or took too long and was killed.
    #[error("{tool} failed: {why}")]
    ToolFailed {
        /// Which one.
        tool: &'static str,
        /// The end of what it said.
        why: String,
    },
    /// `pg_amcheck` found tables or indexes that are not in order.
    #[error("the database of {place} is damaged: {why}")]
    Damaged {
        /// Host, port and database.
        place: String,
        /// What was found first.
        why: String,
    },
    /// A right is missing.
    #[error("the user may not {doing}: {why}")]
    NoRight {
        /// What was to be done.
        doing: String,
        /// What would give the right, or what the server said.
        why: String,
    },
    /// Roles that own something in the backup are not on the server.
    #[error(
        "the server of {place} lacks roles that the backup needs: {}; create them (`roles.sql` of the backup does; \
         they have no password then)",
        listed(names)
    )]
    RolesMissing {
        /// Host, port and database.
        place: String,
        /// Their names.
        names: Vec<String>,
    },
    /// Extensions of the backup are not on the server.
    #[error(
        "the server of {place} lacks extensions that the backup needs: {}; install their packages there \
         (Debian: postgresql-contrib, or a package of the extension's own)",
        listed(names)
    )]
    ExtensionsMissing {
        /// Host, port and database.
        place: String,
        /// Their names.
        names: Vec<String>,
    },
    /// A lock was held for too long.
    #[error(
        "cannot {doing} at {place}: another session holds a lock for more than {POSTGRES_LOCK_S} s; try again when \
         it is over (pg_stat_activity shows who)"
    )]
    Busy {
        /// What was attempted.
        doing: &'static str,
        /// Host, port and database.
        place: String,
    },
    /// Sessions of the database that is to be replaced do not end.
    #[error(
        "the database {database} cannot be replaced while it is used: {by}; nothing was changed; stop that, or give \
         the user the role pg_signal_backend"
    )]
    InUse {
        /// Its name.
        database: String,
        /// Who uses it, as far as that can be known.
        by: String,
    },
    /// There is something where a copy should go.
    #[error("the database {database} exists; a copy goes to a name that nothing has")]
    TargetExists {
        /// Its name.
        database: String,
    },
    /// A database that is to be dropped was not made by this program.
    #[error(
        "the database {database} was not made by Portcullis for a copy, so it is not dropped; drop or rename it by \
         hand"
    )]
    NotOurs {
        /// Its name.
        database: String,
    },
    /// What was restored is not what the backup holds. It was not put in place.
    #[error(
        "the restored database differs from the backup in {what}: expected {expected}, found {found}; it was not put \
         in place"
    )]
    Differs {
        /// Where.
        what: String,
        /// What the manifest says.
        expected: String,
        /// What was read.
        found: String,
    },
    /// There is no room.
    #[error("there is no room in {place}: {needed} bytes are needed, {free} are free")]
    NoRoom {
        /// Where.
        place: String,
        /// How much is needed.
        needed: u64,
        /// How much there is.
        free: u64,
    },
    /// The server refused or failed.
    #[error("cannot {doing} at {place}: {why}")]
    Failed {
        /// What was attempted.
        doing: &'static str,
        /// Host, port and database.
        place: String,
        /// What the server said.
        why: String,
    },
}

impl PostgresProblem {
    /// Whether the same may go well at another time without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Busy { .. } | Self::InUse { .. }
        )
    }

    /// Whether a program found no room for its sessions. The server says that in no other way to programs, and in English
    /// (`src/backend/utils/init/postinit.c`, `miscinit.c`).
    pub(super) fn lacks_room_for_sessions(&self) -> bool {
        const WORDS: [&str; 3] = [
            "too many connections",
            "too many clients",
            "remaining connection slots",
        ];
        matches!(self, Self::ToolFailed { why, .. } if WORDS.iter().any(|words| why.contains(words)))
    }
}

/// Names one after the other, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    let (named, more) = names.split_at(names.len().min(NAMED_MAX));
    match more.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
