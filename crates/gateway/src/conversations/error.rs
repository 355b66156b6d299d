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
