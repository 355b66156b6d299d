//! Every timeout, size and count of this crate that an op does not carry itself.

use std::time::Duration;

/// How much of a file is read at a time while it is hashed.
pub(crate) const HASH_CHUNK_BYTES: usize = 256 * 1024;

/// The first pause between two readiness checks of a starting process.
pub(crate) const READY_PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause between two readiness checks of a starting process.
pub(crate) const READY_PAUSE_MAX: Duration = Duration::from_millis(250);

/// The pause before the first restart of a process that exited by itself; it doubles from there.
pub(crate) const RESTART_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause before a restart.
pub(crate) const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);
/// A process that lived this long starts with the shortest pause again.
pub(crate) const RESTART_RESET_AFTER: Duration = Duration::from_secs(30);

/// How often a freshly written program is tried while the system says that it is still being written.
pub(crate) const BUSY_ATTEMPTS_MAX: u32 = 20;
/// The pause between these attempts.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(25);

/// How often the processes of a session are looked up and killed before giving up: each round catches
/// what was forked since the previous one.
pub(crate) const KILL_ROUNDS_MAX: u32 = 10;
/// How long one round waits for killed processes to be gone.
pub(crate) const KILL_WAIT: Duration = Duration::from_secs(2);

/// How long a probe waits for a short operation on the same instance, such as a restart.
pub(crate) const PROBE_LOCK_WAIT: Duration = Duration::from_millis(500);
/// How long the state folder's owner is waited for: one that was just killed lets go at once.
pub(crate) const CLAIM_ATTEMPTS_MAX: u32 = 40;
/// The pause between these attempts.
pub(crate) const CLAIM_PAUSE: Duration = Duration::from_millis(25);

/// Records of stopped instances that are kept, per service.
pub(crate) const STOPPED_RECORDS_KEPT: usize = 50;
/// The largest instance record that is read.
pub(crate) const RECORD_BYTES_MAX: u64 = 1024 * 1024;
/// The front of a log longer than this is moved to `.log.1`, and the older `.log.1` is dropped.
pub(crate) const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Last lines of a log or of a command's output that are kept as evidence.
pub(crate) const EVIDENCE_LINES_MAX: usize = 20;
/// Characters of each of these lines.
pub(crate) const EVIDENCE_LINE_CHARS_MAX: usize = 300;
/// How far back from its end a log is read for evidence.
pub(crate) const EVIDENCE_READ_BYTES_MAX: u64 = 64 * 1024;
/// Characters of an answer's body that are kept as evidence.
pub(crate) const BODY_EXCERPT_CHARS_MAX: usize = 300;

/// How long a connection of a check may take.
pub(crate) const CHECK_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer of a check that is read.
pub(crate) const CHECK_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest file that is sent as a check's body.
pub(crate) const CHECK_BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long a service may take to report its figures.
pub(crate) const METRICS_TIMEOUT_MS: u64 = 5_000;

/// How long a proof's command may take.
pub(crate) const PROOF_TIMEOUT: Duration = Duration::from_secs(60);
/// A command's output is cut to its last part when it has grown to this many bytes.
pub(crate) const OUTPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How often the size of a running command's output is looked at.
pub(crate) const OUTPUT_LOOK_PAUSE: Duration = Duration::from_millis(100);
/// The largest JSON file that is read for a proof.
pub(crate) const PROOF_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How often a command left over from an interrupted attempt is looked for while it still runs.
pub(crate) const LEFTOVER_PAUSE: Duration = Duration::from_millis(100);

/// How long a probe waits for a change of the split that was sent and not answered yet: longer than the
/// client waits for the answer.
pub(crate) const CHANGE_WAIT: Duration = Duration::from_secs(40);
/// The first pause between two looks at the requests that are left on an arm.
pub(crate) const DRAIN_PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause between two such looks.
pub(crate) const DRAIN_PAUSE_MAX: Duration = Duration::from_millis(250);
/// Gates whose previous measurement a meter remembers; the one that was not used longest is forgotten.
pub(crate) const GATES_REMEMBERED: usize = 64;
/// How many outcomes of hooks are remembered; those of one rollout fit many times over.
pub(crate) const HOOK_OUTCOMES_MAX: usize = 1024;

/// The largest value of a secret that is read from a file or from a command's output.
pub(crate) const SECRET_BYTES_MAX: usize = 64 * 1024;
/// How long a command that prints a secret may take.
pub(crate) const SECRET_COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the logs of releases are looked at for their length.
pub(crate) const LOG_CHECK_PAUSE: Duration = Duration::from_secs(15);
/// Logs of stopped instances that are kept, per service.
pub(crate) const STOPPED_LOGS_KEPT: usize = 50;
/// How much of a log is read at a time.
pub(crate) const LOG_CHUNK_BYTES: usize = 64 * 1024;
/// A longer line of a log is given to its reader in pieces.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// How many pairs of synthetic requests one measurement sends at most.
pub(crate) const SYNTHETIC_PAIRS_MAX: u64 = 1_000;

/// The largest answer from which a figure is read.
pub(crate) const FIGURE_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the gateway may take to tell its counters.
pub(crate) const COUNTS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a Prometheus server may take to answer a query over a range.
pub(crate) const HISTORY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer to such a query: a day of a gate, every five seconds, with all edges of a histogram.
pub(crate) const HISTORY_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The largest migration file that is read, in bytes.
pub(crate) const MIGRATION_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How many migration files are read at most.
pub(crate) const MIGRATION_FILES_MAX: usize = 10_000;
/// How long a look at a ledger waits for a lock, and how long it may take, in milliseconds.
pub(crate) const LEDGER_LOOK_MS: (u64, u64) = (5_000, 30_000);
/// The pause between two looks at the locks that a rehearsed migration holds.
pub(crate) const LOCK_LOOK_PAUSE: Duration = Duration::from_millis(10);
/// How long a connection to a database that is to be migrated may take.
pub(crate) const MIGRATION_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
