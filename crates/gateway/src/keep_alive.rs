//! TCP keep-alive on every connection of the data path: the system asks now and then whether the other side is
//! there, so that one that is gone without a word (its machine lost power, a firewall forgot the connection) does
//! not keep a tunnel or a stream for as long as that may be silent.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// How often the system asks whether the other side of a TCP connection is there.
pub(crate) struct Probes {
    /// For how many seconds it is silent before.
    pub(crate) after_s: u64,
    /// For how many seconds each question waits for its answer.
    pub(crate) pause_s: u64,
    /// After so many questions without an answer the connection is given up.
    pub(crate) most: u32,
}

/// Lets the system look after a connection. On a listener it does so for all that are accepted, because Linux
/// hands these settings down.
pub(crate) fn keep_alive(socket: &impl AsFd, probes: &Probes) -> io::Result<()> {
    let keep_alive = TcpKeepalive::new()
        .with_time(Duration::from_secs(probes.after_s))
        .with_interval(Duration::from_secs(probes.pause_s))
        .with_retries(probes.most);
    SockRef::from(socket).set_tcp_keepalive(&keep_alive)
}
