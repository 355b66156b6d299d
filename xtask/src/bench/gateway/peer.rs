//! A proxy that is compared: the gateway, nginx or HAProxy; or none.

use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::process::Family;
use super::stand::Stand;
use crate::bench::clock;

/// How long a proxy may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// nginx, the one that the others are compared with.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// Ours.
    Gateway,
    /// None: the upstream itself.
    Direct,
}

impl Kind {
    /// The proxies.
    pub const PROXIES: [Kind; 3] = [Kind::Nginx, Kind::Haproxy, Kind::Gateway];
    /// The proxies, and the way without one.
    pub const ALL: [Kind; 4] = [Kind::Direct, Kind::Nginx, Kind::Haproxy, Kind::Gateway];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Nginx => "nginx",
            Kind::Haproxy => "HAProxy",
            Kind::Gateway => "gateway",
            Kind::Direct => "no proxy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A running proxy. Dropping it stops what this process has started.
pub struct Peer {
    /// Which one.
    pub kind: Kind,
    /// Where it speaks plain text.
    pub plain: SocketAddr,
    /// Where it speaks TLS.
    pub secure: SocketAddr,
    /// Its processes; none without a proxy.
    pub family: Option<Family>,
    child: Option<Child>,
}

impl Peer {
    /// Starts a proxy in front of the stand's upstream; the gateway runs there already.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub fn start(kind: Kind, stand: &Stand) -> Result<Peer> {
        match kind {
            Kind::Direct => Ok(Peer::running(kind, [stand.upstream; 2], None)),
            Kind::Gateway => {
                let listen = [stand.plain, stand.secure];
                Ok(Peer::running(kind, listen, Some(stand.gateway()?)))
            }
            Kind::Nginx => {
                let (text, listen) = (include_str!("nginx.conf"), free_addresses()?);
                let path = stand.write_configuration("nginx.conf", text, listen)?;
                let mut nginx = pinned("nginx", stand);
                nginx
                    .arg("-p")
                    .arg(stand.folder())
                    .args(["-e", "stderr", "-c"]);
                nginx.arg(path).args(["-g", "daemon off;"]);
                Peer::spawn(kind, listen, nginx)
            }
            Kind::Haproxy => {
                let (text, listen) = (include_str!("haproxy.cfg"), free_addresses()?);
                let path = stand.write_configuration("haproxy.cfg", text, listen)?;
                let mut haproxy = pinned("haproxy", stand);
                haproxy.args(["-q", "-db", "-f"]).arg(path);
                Peer::spawn(kind, listen, haproxy)
            }
        }
    }

    fn running(kind: Kind, [plain, secure]: [SocketAddr; 2], family: Option<Family>) -> Peer {
        Peer {
            kind,
            plain,
            secure,
            family,
            child: None,
        }
    }

    fn spawn(kind: Kind, listen: [SocketAddr; 2], mut command: Command) -> Result<Peer> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{kind} could not be started"))?;
        let pid = child.id();
        let mut peer = Peer::running(kind, listen, None);
        peer.child = Some(child);
        for address in listen {
            let begun = clock::now();
            while TcpStream::connect(address).is_err() {
                if begun.elapsed() > START_TIMEOUT {
                    bail!("{kind} does not listen on {address}");
                }
                std::thread::sleep(LOOK);
            }
        }
        peer.family = Some(Family::of(pid)?);
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // nginx ends its workers when it is asked to terminate.
            let pid = child.id().to_string();
            let _ = Command::new("kill").arg(pid).status();
            let _ = child.wait();
        }
    }
}

/// A program on the proxy's cores.
fn pinned(program: &str, stand: &Stand) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &stand.cores.proxy, program]);
    command
}

fn free_addresses() -> Result<[SocketAddr; 2]> {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (plain, secure) = (bind()?, bind()?);
    Ok([plain.local_addr()?, secure.local_addr()?])
}
