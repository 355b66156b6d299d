//! Every bound of the binary, by name.

use std::time::Duration;

/// How long requests through the gateway may take to end when `serve` stops.
pub(crate) const GATEWAY_DRAIN: Duration = Duration::from_secs(10);
/// How long to wait for an event before looking at the rollout again.
pub(crate) const FOLLOW_PAUSE: Duration = Duration::from_secs(2);
/// How long a service may take to stop when `serve --stop-services` stops, in milliseconds.
pub(crate) const STOP_TIMEOUT_MS: u64 = 10_000;
/// How long to wait for the state folder's lock, which a process that was just killed may still hold.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two tries to lock it.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The largest file that is read as a saved plan, in bytes.
pub(crate) const SAVED_PLAN_BYTES_MAX: u64 = 8 << 20;
/// How many of a journal's last entries `status` reads first when no server runs: more than most rollouts
/// have.
pub(crate) const LAST_ENTRIES: u64 = 256;
/// How many times as many it reads each time the last plan was not among them.
pub(crate) const LAST_ENTRIES_FACTOR: u64 = 4;
/// How far apart the two looks are from which `gateway routes` tells what each arm gets now.
pub(crate) const ROUTES_LOOK: Duration = Duration::from_secs(1);
/// How often `logs --follow` looks for new lines and new releases.
pub(crate) const LOGS_PAUSE: Duration = Duration::from_millis(250);
