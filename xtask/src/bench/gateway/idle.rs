//! Memory of idle connections: each is opened, asks once, and is left alone. In the end all are asked again.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use super::case::get;
use super::http1::Connection;
use super::process::Family;
use super::stand::small;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the proxy is left alone before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Debug, Clone)]
pub struct Idle {
    /// Resident memory for each connection, in bytes.
    pub bytes_each: f64,
    /// Connections that answered again.
    pub answered: usize,
}

/// Opens so many connections to a fresh proxy.
///
/// # Errors
/// When one cannot be opened, or gets no answer at first.
pub fn run(address: SocketAddr, family: &Family, connections: usize) -> Result<Idle> {
    let (request, expected) = (get("/small"), small());
    let ask = |connection: &mut Connection<TcpStream>| {
        connection.expect(request.as_bytes(), expected.as_bytes())
    };
    let open = || -> Result<Connection<TcpStream>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection = Connection::sized(stream, 0);
        ask(&mut connection)?;
        Ok(connection)
    };
    // What the first request needs is not the connections' memory.
    drop(open()?);
    std::thread::sleep(REST);
    let before_kib = family.resident_kib()?;
    let mut open_ones = Vec::with_capacity(connections);
    for number in 0..connections {
        let opened = open().with_context(|| format!("connection {number} of {connections}"));
        open_ones.push(opened?);
    }
    std::thread::sleep(REST);
    let grown_kib = family.resident_kib()? as f64 - before_kib as f64;
    let answered = open_ones
        .iter_mut()
        .map(|connection| ask(connection).is_ok());
    let answered = answered.filter(|answered| *answered).count();
    Ok(Idle {
        bytes_each: grown_kib * 1024.0 / connections as f64,
        answered,
    })
}
