//! Every bound of the server, by name.

use std::time::Duration;

/// The largest request body, in bytes. Requests are a few words.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest report of a gateway that follows this engine's splits, in bytes: its counters.
pub(crate) const GATEWAY_BYTES_MAX: usize = 1024 * 1024;
/// The longest text of a refusal by the HTTP library that is passed on, in bytes.
pub(crate) const REFUSAL_BYTES_MAX: usize = 4 * 1024;
/// How often an idle event stream sends a comment, so that both ends see that it lives.
pub(crate) const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long requests may take to end when the server stops.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(2);
