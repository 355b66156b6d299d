//! How long backups are kept.

/// How long backups are kept. One that any rule keeps stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// How many of the newest are kept, however old; at least 1.
    pub keep_last: u32,
    /// For how many days each is kept.
    pub keep_days: u32,
    /// For how many hours in which there are backups the newest of the hour is kept.
    pub keep_hourly: u32,
    /// The same with days (of UTC).
    pub keep_daily: u32,
    /// The same with weeks (of ISO 8601).
    pub keep_weekly: u32,
    /// The same with months.
    pub keep_monthly: u32,
    /// The same with years.
    pub keep_yearly: u32,
}
