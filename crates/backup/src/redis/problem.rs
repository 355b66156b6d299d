//! What keeps a database of a Redis server from being backed up or put back.

/// What keeps a database of a Redis or Valkey server from being backed up or put back. No text has a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisProblem {
    /// The URL cannot be used.
    #[error(
        "its url cannot be used: {why}; expected redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss:// with TLS"
    )]
    AddressRefused {
        /// What is wrong with it.
        why: String,
    },
    /// Nothing answers there, or not in time.
    #[error(
        "the server of {place} cannot be reached: {why}; see that it runs, and that host and port are right"
    )]
    Unreachable {
        /// Host, port and number.
        place: String,
        /// What happened.
        why: String,
    },
    /// The server does not let the user in.
    #[error(
        "the server of {place} does not let the user in: {why}; see that user and password of its url are right"
    )]
    AccessRefused {
        /// Host, port and number.
        place: String,
        /// What the server said.
        why: String,
    },
    /// The server is for something else, or has the wrong role for what was asked.
    #[error("the server of {place} {what}; {hint}")]
    Unfit {
        /// Host, port and number.
        place: String,
        /// What it is.
        what: String,
        /// What would help.
        hint: &'static str,
    },
    /// A right is missing.
    #[error(
        "the user may not {doing} at {place}: {why}; see docs/guide/redis-stores.md for the rights that it needs"
    )]
    NoRight {
        /// What was to be done.
        doing: String,
        /// Host, port and number.
        place: String,
        /// What the server said.
        why: String,
    },
    /// The server is loading, saving or busy otherwise.
    #[error("the server of {place} is busy: {why}; try again when it is done")]
    Busy {
        /// Host, port and number.
        place: String,
        /// What it said.
        why: String,
    },
    /// Something in the database cannot be backed up.
    #[error("the data at {place} cannot be backed up: {why}")]
    NotBackedUp {
        /// Host, port and number.
        place: String,
        /// What.
        why: String,
    },
    /// The RDB that the server sent, or that is in a backup, cannot be read.
    #[error("the RDB from {from} cannot be read: {why}")]
    RdbDamaged {
        /// The server, or the file.
        from: String,
        /// What is wrong.
        why: String,
    },
    /// The backup is of a newer server.
    #[error(
        "the backup has RDB version {wanted} (from {server}), and the server of {place} takes at most {found}; upgrade \
         the server, or restore to one of that version"
    )]
    ServerTooOld {
        /// Host, port and number.
        place: String,
        /// The version of the backup.
        wanted: u16,
        /// The server of the backup.
        server: String,
        /// What it takes.
        found: u16,
    },
    /// The server has too little memory for two of them.
    #[error(
        "the server of {place} has no room for the restored data beside the present: about {needed} bytes are needed, \
         {free} are free ({what}); {hint}"
    )]
    NoMemory {
        /// Host, port and number, or this machine.
        place: String,
        /// How much is needed.
        needed: u64,
        /// How much there is.
        free: u64,
        /// What sets the limit.
        what: &'static str,
        /// What would help.
        hint: &'static str,
    },
    /// Every database of the server has something in it.
    #[error(
        "the server of {place} has no empty database left to restore into{}; empty one that is not needed any more \
         (redis-cli -n NUMBER FLUSHDB), or raise `databases` in its configuration",
        kept_words(kept)
    )]
    NoNumber {
        /// Host, port and number.
        place: String,
        /// Those that have what earlier restores replaced.
        kept: Vec<u64>,
    },
    /// A program that runs a server is not installed, or is too old.
    #[error(
        "a copy needs a server of its own that reads RDB version {wanted}: {why}; install redis-server or \
         valkey-server (Debian: apt-get install redis-server)"
    )]
    ToolMissing {
        /// The version of the RDB.
        wanted: u16,
        /// What was found and where.
        why: String,
    },
    /// The server of a copy does not start.
    #[error("the server for the copy {folder} does not start: {why}")]
    CopyFailed {
        /// Where its data is.
        folder: String,
        /// The end of what it said.
        why: String,
    },
    /// There is no copy there.
    #[error("there is no copy in {folder}")]
    CopyMissing {
        /// Where it was looked for.
        folder: String,
    },
    /// There is something where a copy should go, or what should be a copy is none.
    #[error("{folder} {what}, so it is left alone")]
    NotOurs {
        /// Where.
        folder: String,
        /// What was found.
        what: &'static str,
    },
    /// What was restored is not what the backup holds. It was not put in place.
    #[error(
        "the restored data differs from the backup in {what}: expected {expected}, found {found}; it was not put in place"
    )]
    Differs {
        /// Where.
        what: String,
        /// What the manifest says.
        expected: String,
        /// What was read.
        found: String,
    },
    /// The server refused or failed.
    #[error("cannot {doing} at {place}: {why}")]
    Failed {
        /// What was attempted.
        doing: String,
        /// Host, port and number.
        place: String,
        /// What was said.
        why: String,
    },
}

impl RedisProblem {
    /// Whether the same may go well at another time without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Busy { .. })
    }
}

fn kept_words(kept: &[u64]) -> String {
    if kept.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = kept.iter().map(ToString::to_string).collect();
    format!(
        "; the databases {} have what earlier restores replaced",
        numbers.join(", ")
    )
}
