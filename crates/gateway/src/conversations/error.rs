//! What goes wrong with conversations.

/// Keys cannot be used. No message has a part of a key in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There is no key.
    #[error(
        "there is no key; give one of 32 random bytes as 64 hexadecimal digits, such as `openssl rand -hex 32` makes"
    )]
    None,
    /// A line is no key.
    #[error(
        "line {line} is no key: expected 64 hexadecimal digits (32 bytes), such as `openssl rand -hex 32` makes"
    )]
    Malformed {
        /// Which line, from 1 on.
        line: usize,
    },
    /// A key was given twice.
    #[error("line {line} repeats a key; give each once, the newest first")]
    Twice {
        /// Which line, from 1 on.
        line: usize,
    },
    /// There are more keys than are tried.
    #[error(
        "there are more than {most} keys; take away those with which nothing is sealed any more"
    )]
    TooMany {
        /// How many there may be.
        most: usize,
    },
}

/// A conversation could not be read or kept. No message has anything of its content in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file does not do what is asked.
    #[error("the conversations in {path} cannot be {doing}")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// `read`, `kept`, `opened`.
        doing: &'static str,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not do what is asked.
    #[error("the conversations in {address} cannot be {doing}: {why}")]
    Server {
        /// Which server.
        address: String,
        /// `read`, `kept`.
        doing: &'static str,
        /// What the server or the connection says.
        why: String,
    },
    /// A record was not sealed with one of the keys, or was changed.
    #[error(
        "a conversation was sealed with a key that this gateway does not have, or was changed; add the key to those that are given"
    )]
    Sealed,
    /// The file was made by a newer program.
    #[error(
        "{path} was made by a newer version of portcullis (layout {found}; this one knows {known})"
    )]
    TooNew {
        /// Which file.
        path: std::path::PathBuf,
        /// What it says.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// What SQLite says of a file that is no database, or no longer one: `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
const DAMAGED: [u32; 2] = [11, 26];

impl StoreError {
    /// What a person can do about it; `None` where the message says all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            StoreError::File { path, source, .. } if is_damaged(source) => Some(format!(
                "{0} is damaged: what was hidden in its conversations cannot be restored from it. Stop, put a copy of \
                 it back, or move it aside with {0}-wal and {0}-shm to start anew; conversations that go on then get new \
                 placeholders",
                path.display()
            )),
            StoreError::File { path, .. } => Some(format!(
                "see that {} and its folder can be written by this user, and that the disk is not full",
                path.display()
            )),
            StoreError::TooNew { path, .. } => Some(format!(
                "start the newer version, or move {} aside to start anew; what was hidden in its conversations is not \
                 restored then",
                path.display()
            )),
            StoreError::Server { .. } | StoreError::Sealed | StoreError::Random => None,
        }
    }
}

fn is_damaged(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // Extended codes have the plain one in their last byte.
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| DAMAGED.contains(&(code & 0xff)))
}
