//! Every bound of the engine, by name.

use std::time::Duration;

/// How long after an op's deadline a driver may still report how it ended the attempt.
pub(crate) const DEADLINE_GRACE: Duration = Duration::from_secs(3);
/// For how long a request to where copies of backups are kept is tried again.
pub(crate) const COPY_PATIENCE: Duration = Duration::from_secs(60);
/// The pause before a place is tried again to which something else is copied.
pub(crate) const COPY_BUSY_PAUSE: Duration = Duration::from_millis(500);
/// How long a rehearsal that took too long may be cleared away before that is said; shorter than the grace.
pub(crate) const REHEARSAL_CLEARING: Duration = Duration::from_secs(2);
/// How long a probe may take; verifying a large backup is the longest.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(600);
/// How often a probe is asked while it cannot tell.
pub(crate) const PROBE_ATTEMPTS: u32 = 3;
/// The pause between two such probes.
pub(crate) const PROBE_PAUSE: Duration = Duration::from_millis(300);
/// How often a lease is renewed within the time for which it is good.
pub(crate) const LEASE_RENEWALS: u64 = 3;
/// The shortest time between two renewals.
pub(crate) const LEASE_RENEWAL_MIN: Duration = Duration::from_millis(200);
/// Requests that may wait for the engine.
pub(crate) const REQUESTS_WAITING_MAX: usize = 64;
/// Outcomes that may wait for the engine.
pub(crate) const OUTCOMES_WAITING_MAX: usize = 256;
/// A fact of at most this many characters may stand in a sentence.
pub(crate) const SEEN_CHARS_MAX: usize = 160;
/// How many names are tried for data that a restore replaces.
pub(crate) const KEPT_NAMES_TRIED: u32 = 60;
/// Journal entries kept for a slow listener before it has to read them from the journal. The room is set
/// aside when the engine starts, so it is a cost of every service, listened to or not.
pub(crate) const LISTENER_BACKLOG: usize = 64;
/// Journal entries that are read at a time.
pub(crate) const PAGE_ENTRIES: u64 = 128;
/// Notices that may wait for one hook while it is told an earlier one.
pub(crate) const NOTICES_WAITING_MAX: usize = 32;
/// Rollouts that are kept with all of their events, the live one among them; of older ones only an outline
/// is kept, and the rest is read from the journal when somebody asks for it.
pub(crate) const ROLLOUTS_KEPT: usize = 20;
/// Events that these may have together before the oldest of them is forgotten earlier. The newest rollout
/// is always kept whole.
pub(crate) const EVENTS_KEPT: usize = 2_000;
/// How many rollouts are looked through for how long steps take.
pub(crate) const ROLLOUTS_LOOKED_AT: usize = 20;
/// How many durations of a step are looked at to say how long it will take.
pub(crate) const DURATIONS_MAX: usize = 5;
/// How many earlier rollouts are looked through for a release that is kept already.
pub(crate) const RUNNING_LOOKED_AT: usize = 8;
/// How long a request for a new rollout waits until a release that was kept warm is stopped; less than a
/// client of the API waits for an answer.
pub(crate) const WARM_END_TIMEOUT: Duration = Duration::from_secs(20);
/// How late a run of a schedule may begin without counting as missed, in milliseconds: machines are busy.
pub(crate) const PUNCTUAL_MS: u64 = 60_000;
/// How far the newest time of a schedule that was seen to may be ahead of the clock before it is taken for the fault
/// of a clock that was wrong then, in milliseconds: a day.
pub(crate) const SEEN_AHEAD_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// For how long a transaction of somebody else's must have been open in a store to be worth a warning before a migration, in
/// milliseconds: those of a service last for less.
pub(crate) const OPEN_TRANSACTION_MS: u64 = 10_000;
/// What drills and rehearsals want free on their disk besides the copies, as a part of them, in percent, and in bytes: the
/// release that is started on them writes as well.
pub(crate) const COPIES_SPARE_PERCENT: u64 = 10;
pub(crate) const COPIES_SPARE_BYTES: u64 = 16 * 1024 * 1024;
/// How many addresses are tried for the release that a drill starts.
pub(crate) const DRILL_ADDRESSES_TRIED: u32 = 20;
/// How long the right to record something about a service's data is good for, in milliseconds.
pub(crate) const DATA_LEASE_MS: u64 = 10_000;
/// How often it is asked for while somebody else has it.
pub(crate) const DATA_LEASE_ATTEMPTS: u32 = 120;
/// The pause between two such attempts.
pub(crate) const DATA_LEASE_PAUSE: Duration = Duration::from_millis(100);
/// How many backups of a schedule are looked at to find the longest pause between two.
pub(crate) const RUNS_LOOKED_AT: usize = 400;

/// How long an attempt goes on before its progress is recorded for the first time.
pub(crate) const PROGRESS_PAUSE_FIRST: Duration = Duration::from_secs(1);
/// How far apart records of an attempt's progress are at most.
pub(crate) const PROGRESS_PAUSE_MAX: Duration = Duration::from_secs(30);
