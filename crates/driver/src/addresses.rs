//! Which addresses are free, and who has those that are not.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use socket2::{Domain, Socket, Type};

use crate::process_table::name_of;

/// The state of a listening socket in `/proc/net/tcp`: proc_net_tcp.txt of the kernel's documentation.
const LISTENING: &str = "0A";

/// Tries to listen at `address`, and stops at once. As services do, it takes over an address whose last
/// connections have just been closed: only another listener is in the way.
pub(crate) fn try_listen(address: &str) -> io::Result<()> {
    let found = address.to_socket_addrs()?.next();
    let Some(address) = found else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the host has no address",
        ));
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

/// Who listens at an address, as far as it can be told: name and number of the process.
pub(crate) fn listener_of(address: &str) -> Option<String> {
    let address = address.to_socket_addrs().ok()?.next()?;
    let inode = listening_inode(address)?;
    let link = format!("socket:[{inode}]");
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        // The open files of other users' processes cannot be read.
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let holds = |file: fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == link.as_str())
        };
        if files.flatten().any(holds) {
            return Some(format!("{} (process {pid})", name_of(pid)));
        }
    }
    None
}

fn listening_inode(address: SocketAddr) -> Option<String> {
    let port = format!("{:04X}", address.port());
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .find_map(|table| {
            let text = fs::read_to_string(table).ok()?;
            text.lines().skip(1).find_map(|line| {
                let fields: Vec<&str> = line.split_ascii_whitespace().collect();
                // Fields: number, local address, remote address, state, ..., inode.
                let local = fields.get(1)?.rsplit_once(':')?.1;
                let matches = local == port && fields.get(3) == Some(&LISTENING);
                matches
                    .then(|| fields.get(9).map(|inode| (*inode).to_owned()))
                    .flatten()
            })
        })
}
