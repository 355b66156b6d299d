//! One `serve` succeeds another: how the two talk.
//!
//! The older one starts the newer one with a socket as its standard input. The newer one writes `ready`
//! when it could take over; from then on the older one writes a line of JSON now and then about what it
//! still has under way, until it ends and the socket is closed.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;

use portcullis_gateway::Traffic;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::bounds::SUCCESSION_LINE_MAX;
use crate::command_error::{CommandError, Exit};

/// Set for a successor: what its predecessor did, `acting` or `serving` without an engine.
pub(super) const SUCCESSOR: &str = "PORTCULLIS_SUCCESSOR";
/// Its value when the predecessor's engine acted: a successor whose engine cannot act must not take over.
pub(super) const ACTING: &str = "acting";
/// Its value when the predecessor served without an engine.
pub(super) const SERVING: &str = "serving";
/// What a successor says when it could take over.
const READY: &str = "ready\n";

/// The other end of the socket.
#[derive(Debug)]
pub(super) struct Peer {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

/// The `serve` that this one is to succeed.
#[derive(Debug)]
pub(super) struct Predecessor {
    /// Its end of the socket.
    pub(super) peer: Peer,
    /// Whether its engine acted.
    pub(super) acted: bool,
}

impl Predecessor {
    /// The predecessor, if this process was started as a successor.
    pub(super) fn find() -> Result<Option<Predecessor>, CommandError> {
        let Some(did) = std::env::var_os(SUCCESSOR) else {
            return Ok(None);
        };
        let connect = || {
            let socket = StdUnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
            Peer::new(socket)
        };
        let peer = connect().map_err(|error| {
            CommandError::of(Exit::Usage, &error).hint(format!(
                "{SUCCESSOR} is set by `portcullis serve` alone; unset it"
            ))
        })?;
        let acted = did == ACTING;
        Ok(Some(Predecessor { peer, acted }))
    }
}

impl Peer {
    /// Talks over `socket`.
    pub(super) fn new(socket: StdUnixStream) -> std::io::Result<Peer> {
        socket.set_nonblocking(true)?;
        Ok(Peer {
            stream: BufReader::new(UnixStream::from_std(socket)?),
            line: Vec::new(),
        })
    }

    /// Says that this process could take over.
    pub(super) async fn say_ready(&mut self) -> std::io::Result<()> {
        self.stream.get_mut().write_all(READY.as_bytes()).await
    }

    /// Waits until the other process says that it could take over; false when it ended instead.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.next_line().await.as_deref() == Some(READY)
    }

    /// Says what is still under way here.
    pub(super) async fn say_traffic(&mut self, traffic: &Traffic) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(traffic)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).await
    }

    /// What the other process still has under way; `None` once it is gone. Safe to be dropped and
    /// asked again.
    pub(super) async fn next_traffic(&mut self) -> Option<Traffic> {
        let line = self.next_line().await?;
        serde_json::from_str(&line).ok()
    }

    async fn next_line(&mut self) -> Option<String> {
        let room = SUCCESSION_LINE_MAX.saturating_sub(self.line.len()) as u64;
        let mut limited = (&mut self.stream).take(room);
        let read = limited.read_until(b'\n', &mut self.line).await;
        let line = std::mem::take(&mut self.line);
        match read {
            Ok(_) if line.ends_with(b"\n") => String::from_utf8(line).ok(),
            _ => None,
        }
    }
}
