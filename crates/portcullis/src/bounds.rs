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
/// The largest file that `init` reads to learn how a service is started, in bytes.
pub(crate) const GUESSED_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How long one check of `doctor` may take.
pub(crate) const DOCTOR_CHECK_MAX: Duration = Duration::from_secs(5);
/// The largest file that is read as a saved plan, in bytes.
pub(crate) const SAVED_PLAN_BYTES_MAX: u64 = 8 << 20;
