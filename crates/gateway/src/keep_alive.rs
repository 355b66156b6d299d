//! TCP keep-alive on every connection of the data path: the system asks now and then whether the other side is
//! there, so that one that is gone without a word (its machine lost power, a firewall forgot the connection) does
//! not keep a tunnel or a stream for as long as that may be silent.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::bounds::{KEEP_ALIVE_AFTER_MS, KEEP_ALIVE_PAUSE_MS, KEEP_ALIVE_PROBES_MAX};

/// Lets the system look after a connection. On a listener it does so for all that are accepted, because Linux
/// hands these settings down.
pub(crate) fn keep_alive(socket: &impl AsFd) -> io::Result<()> {
    let keep_alive = TcpKeepalive::new()
        .with_time(Duration::from_millis(KEEP_ALIVE_AFTER_MS))
        .with_interval(Duration::from_millis(KEEP_ALIVE_PAUSE_MS))
        .with_retries(KEEP_ALIVE_PROBES_MAX);
    SockRef::from(socket).set_tcp_keepalive(&keep_alive)
}
