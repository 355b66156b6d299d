//! How long backups are kept.

/// How long backups are kept. One that either rule keeps stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// How many of the newest are kept, however old; at least 1.
    pub keep_last: u32,
    /// For how many days each is kept.
    pub keep_days: u32,
}
