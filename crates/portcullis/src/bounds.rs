//! Every bound of the binary, by name.

use std::time::Duration;

/// How long a lease on a service lasts without being renewed, in milliseconds.
pub(crate) const LEASE_TTL_MS: u64 = 15_000;
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
/// `backup.keep_last` when the configuration does not say: how many of the newest backups are kept.
pub(crate) const BACKUP_KEEP_LAST: u32 = 5;
/// `backup.keep_days` when the configuration does not say: backups younger than this are kept.
pub(crate) const BACKUP_KEEP_DAYS: u32 = 14;
/// How far apart the two looks are from which `gateway routes` tells what each arm gets now.
pub(crate) const ROUTES_LOOK: Duration = Duration::from_secs(1);
/// How often `logs --follow` looks for new lines and new releases.
pub(crate) const LOGS_PAUSE: Duration = Duration::from_millis(250);
