//! Every bound of the binary, by name.

use std::time::Duration;

/// How often `serve` looks whether a backup is not copied yet.
pub(crate) const COPY_LOOK_PAUSE: Duration = Duration::from_secs(2);
/// How long the first and the longest pause is after a place for copies failed.
pub(crate) const COPY_FAILED_PAUSE: Duration = Duration::from_secs(10);
pub(crate) const COPY_FAILED_PAUSE_MAX: Duration = Duration::from_secs(600);
/// After how long a place is asked again although nothing was made here: somebody may have removed something there.
pub(crate) const COPY_ASK_PAUSE: Duration = Duration::from_secs(3600);
/// Lines of the log that wait for standard error; further ones are lost and counted.
pub(crate) const LOG_LINES_WAITING_MAX: usize = 8_192;
/// How much news of a gateway on its own waits to be told.
pub(crate) const NEWS_WAITING_MAX: usize = 4;
/// The pause between two questions of a gateway on its own to the engine that it follows.
pub(crate) const LEAD_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause while that engine does not answer.
pub(crate) const LEAD_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long that engine may take to answer.
pub(crate) const LEAD_PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer to whether a split can be put in force may take: an arm is asked for its health.
pub(crate) const LEAD_CHANGE_PATIENCE: Duration = Duration::from_secs(10);
/// How long requests through the gateway may take to end when `serve` stops.
pub(crate) const GATEWAY_DRAIN: Duration = Duration::from_secs(10);
/// How long a person waits for the count of what going back would lose, before the question is asked without it.
pub(crate) const LOSS_PATIENCE: Duration = Duration::from_secs(20);
/// How long a command waits for what it only wants to know from the server or the gateway.
pub(crate) const LOOK_PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait for an event before looking at the rollout again.
pub(crate) const FOLLOW_PAUSE: Duration = Duration::from_secs(2);
/// How long a service may take to stop when `serve --stop-services` stops, in milliseconds.
pub(crate) const STOP_TIMEOUT_MS: u64 = 10_000;
/// How long to wait for the state folder's lock, which a process that was just killed may still hold.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two tries to lock it.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How long the checks behind one sign of life to the service manager may take at most.
pub(crate) const ALIVE_CHECK_MAX: Duration = Duration::from_secs(5);
/// The pause between two looks at the verdict sentence, and so between two changes of the status that the
/// service manager shows.
pub(crate) const STATUS_PAUSE: Duration = Duration::from_secs(1);
/// The pause between two tries to become the engine that acts, where several share a journal.
pub(crate) const TAKE_OVER_PAUSE: Duration = Duration::from_secs(1);
/// How long the release that serves may take to start where an engine takes over, in milliseconds, besides
/// the time that it may take to be ready.
pub(crate) const TAKE_OVER_START_MS: u64 = 10_000;
/// The pause between two looks at the configuration file's time of change.
pub(crate) const CONFIGURATION_PAUSE: Duration = Duration::from_secs(2);
/// How long a new binary may take to check the configuration.
pub(crate) const UPGRADE_CHECK: Duration = Duration::from_secs(10);
/// How long an upgrade waits for a step that is under way; then it is put off.
pub(crate) const UPGRADE_SETTLE: Duration = Duration::from_secs(30);
/// The pause between two looks at whether it has settled.
pub(crate) const UPGRADE_SETTLE_PAUSE: Duration = Duration::from_millis(50);
/// How long a successor may take to be ready.
pub(crate) const UPGRADE_READY: Duration = Duration::from_secs(30);
/// How long the engine and the API may take to end.
pub(crate) const ACTING_STOP: Duration = Duration::from_secs(5);
/// How long a gateway that was succeeded answers on idle connections, telling their clients to come back
/// on a new one.
pub(crate) const RETIRE_LINGER: Duration = Duration::from_secs(5);
/// How long a gateway that was succeeded goes on with the streams and WebSockets that it has. Requests
/// without an answer end before, by the time-outs of their route.
pub(crate) const RETIRE_WITHIN: Duration = Duration::from_secs(600);
/// The pause between two reports of a gateway that was succeeded to its successor.
pub(crate) const RETIRE_REPORT_PAUSE: Duration = Duration::from_millis(100);
/// The longest line that two generations of `serve` send each other, in bytes.
pub(crate) const SUCCESSION_LINE_MAX: usize = 64 * 1024;
/// The largest file that `init` reads to learn how a service is started, in bytes.
pub(crate) const GUESSED_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How long one check of `doctor` may take.
pub(crate) const DOCTOR_CHECK_MAX: Duration = Duration::from_secs(5);
/// The largest file that is read as a saved plan, in bytes.
pub(crate) const SAVED_PLAN_BYTES_MAX: u64 = 8 << 20;
/// How often a command that only looks asks a server, and reads the journal's file, while the server seems to
/// be starting or ending.
pub(crate) const STARTING_ATTEMPTS: u32 = 8;
/// The pause between two such looks.
pub(crate) const STARTING_PAUSE: Duration = Duration::from_millis(150);
/// How many of a journal's last entries `status` reads first when no server runs: more than most rollouts
/// have.
pub(crate) const LAST_ENTRIES: u64 = 256;
/// How many times as many it reads each time the last plan was not among them.
pub(crate) const LAST_ENTRIES_FACTOR: u64 = 4;
/// After how many seconds a running gateway has read a file of keys that changed: it looks every second.
pub(crate) const KEYS_READ_WITHIN_S: u64 = 2;
/// How far apart the two looks are from which `gateway routes` tells what each arm gets now.
pub(crate) const ROUTES_LOOK: Duration = Duration::from_secs(1);
/// How often `logs --follow` looks for new lines and new releases.
pub(crate) const LOGS_PAUSE: Duration = Duration::from_millis(250);
/// How long the live screen waits for an event before it is drawn again, for the times on it.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// The least time from one frame of the live screen to the next.
pub(crate) const FRAME_PAUSE: Duration = Duration::from_millis(100);
/// How long a server may be gone while a rollout is followed.
pub(crate) const LOST_PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two tries to reach it.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long the live screen waits for something that it can do without.
pub(crate) const GLANCE_TIMEOUT: Duration = Duration::from_millis(500);
/// How much of the end of a log is read for the live screen, in bytes.
pub(crate) const LOG_TAIL_BYTES: u64 = 8 * 1024;
/// How many lines of it are kept.
pub(crate) const LOG_TAIL_LINES: usize = 12;
/// Columns and rows of a terminal that does not tell its size.
pub(crate) const SCREEN_FALLBACK: (usize, usize) = (80, 24);
/// How long its first frame waits for that.
pub(crate) const FIRST_GLANCE_TIMEOUT: Duration = Duration::from_millis(30);
/// Prose is broken at this many columns, however wide the terminal is.
pub(crate) const PROSE_WIDTH_MAX: usize = 100;
/// How much further in the rest of a broken line of talk stands, in columns.
pub(crate) const TALK_HANG: usize = 2;
/// Bytes of a key set that are read: one more than the gateway takes, so that a larger one is told.
pub(crate) const KEY_SET_BYTES_MAX: u64 = 1024 * 1024 + 1;
/// How often it is looked whether the gateway still has the split of the journal.
pub(crate) const SPLIT_LOOK_PAUSE: Duration = Duration::from_secs(2);
/// The pause between two looks at whether a run of a schedule is due.
pub(crate) const SCHEDULE_LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How long a drill of a schedule may take to be cleared away when the engine stops; less than [`ACTING_STOP`].
pub(crate) const SCHEDULE_STOP: Duration = Duration::from_secs(4);
/// How long the tasks of continuous archives may take to end; less than [`ACTING_STOP`].
pub(crate) const ARCHIVE_STOP: Duration = Duration::from_secs(4);
/// The first pause after a stream of write-ahead log ended, and the longest: it is doubled each time.
pub(crate) const ARCHIVE_PAUSE_MIN: Duration = Duration::from_secs(1);
pub(crate) const ARCHIVE_PAUSE_MAX: Duration = Duration::from_secs(30);
/// For how long nothing is received before it is told as a trouble, in milliseconds: a server may be started anew.
pub(crate) const ARCHIVE_TROUBLE_MS: u64 = 5_000;
/// For how long write-ahead log that is missing is told after the cluster was copied again: a day.
pub(crate) const ARCHIVE_GAP_TOLD_MS: u64 = 24 * 60 * 60 * 1000;
/// The pause between two looks at whether a cluster is to be copied.
pub(crate) const ARCHIVE_LOOK_PAUSE: Duration = Duration::from_secs(2);
/// How long after a copy no other one is made, so that the log that belongs to it can come.
pub(crate) const ARCHIVE_SETTLE: Duration = Duration::from_secs(120);
/// How long after a copy that failed it is tried again.
pub(crate) const ARCHIVE_COPY_AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked for what a killed drill left, in milliseconds.
pub(crate) const LEFTOVER_PAUSE_MS: u64 = 10_000;
/// How often a backup of a schedule looks for a name that is free, and the pause between: names have a time to the
/// second.
pub(crate) const NAME_ATTEMPTS: u32 = 4;
pub(crate) const NAME_PAUSE: Duration = Duration::from_millis(1_000);
/// How many runs of a schedule are looked at to find the longest pause between two.
pub(crate) const RUNS_LOOKED_AT: usize = 400;
/// How often it is looked whether a rollout asks whether to go back.
pub(crate) const LOSS_LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How long what would be lost is not counted again, at least.
pub(crate) const LOSS_REST: Duration = Duration::from_secs(15);
/// And at least so many times as long as counting took.
pub(crate) const LOSS_REST_FACTOR: u32 = 20;
/// How long a backup waits for a name, when another one was made within the same second.
pub(crate) const SAME_SECOND_PAUSE: Duration = Duration::from_millis(1_100);
/// How often a backup is made again because a rollout changed the data meanwhile.
pub(crate) const RELEASE_ATTEMPTS: u32 = 3;

/// How long is waited between two looks whether writes under way are over, when they are paused for a backup.
pub(crate) const PAUSE_LOOK: Duration = Duration::from_millis(20);

/// How long the gateway may take to answer whether a pause of writes held. It ends the pause without being asked, too.
pub(crate) const PAUSE_END_PATIENCE: Duration = Duration::from_secs(10);
