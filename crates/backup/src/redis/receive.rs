//! Receiving the RDB of a server, as a replica does.
//!
//! The server forks and writes down what it holds at that moment; clients go on meanwhile. It is `SYNC` and not
//! `redis-cli --rdb`, which does the same: so no program has to be installed, no password leaves this process, and what
//! comes is filtered and counted on its way.
//!
//! A server that is writing an RDB for another replica may hand out that one, which is of a moment before we asked.
//! What was acknowledged between would be missing. So one that is under way is waited for first.

use std::io::{self, BufReader, Read, Write};
use std::thread::sleep;
use std::time::Duration;

use super::connection::{Connection, Stream, refused};
use super::server::Server;
use super::{RedisAddress, RedisProblem};
use crate::bounds::{CHUNK_BYTES, REDIS_BUSY_PAUSE_MS, REDIS_SAVE_S};
use crate::clock::Stopwatch;

/// How long a line of an answer may be.
const LINE_BYTES_MAX: usize = 4096;

/// An RDB that is on its way.
pub(super) type Incoming = io::Take<BufReader<Box<dyn Stream>>>;

/// Has the server make an RDB of this moment, and begins to receive it.
pub(super) fn receive(address: &RedisAddress) -> Result<(Incoming, Server), RedisProblem> {
    let mut connection = Connection::open(address)?;
    let server = Server::read(&mut connection)?;
    server.can_be_read()?;
    settled(&mut connection)?;
    let place = connection.place.clone();
    // An older server does not know it, and then goes on with what comes after: it is not read.
    let only = redis::cmd("REPLCONF").arg("rdb-only").arg(1).clone();
    match connection.ask("ask for its data", &only) {
        Ok(_) | Err(RedisProblem::Failed { .. }) => {}
        Err(problem) => return Err(problem),
    }
    let lost = |error: &io::Error| {
        RedisProblem::Unreachable {
        place: place.clone(),
        why: match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "it ended the connection instead of sending its data; its log says why (often too little memory \
                 for a fork, or a full disk)"
                    .to_owned()
            }
            _ => format!("its data did not come: {error}"),
        },
    }
    };
    let mut stream = BufReader::with_capacity(CHUNK_BYTES, connection.into_stream());
    let asked = stream.get_mut().write_all(b"SYNC\r\n");
    asked
        .and_then(|()| stream.get_mut().flush())
        .map_err(|error| lost(&error))?;
    let line = loop {
        // Empty lines say that it is still at it.
        let line = line(&mut stream).map_err(|error| lost(&error))?;
        if !line.is_empty() {
            break line;
        }
    };
    if let Some(length) = line
        .strip_prefix('$')
        .and_then(|length| length.parse().ok())
    {
        return Ok((stream.take(length), server));
    }
    let words = line.strip_prefix('-').unwrap_or(&line);
    let (code, words) = words.split_once(' ').unwrap_or((words, ""));
    Err(refused("copy all data (SYNC)", &place, code, words))
}

/// Waits until the server writes no RDB.
fn settled(connection: &mut Connection) -> Result<(), RedisProblem> {
    let since = Stopwatch::start();
    loop {
        let facts = connection.info("persistence")?;
        if facts
            .get("rdb_bgsave_in_progress")
            .is_none_or(|it| it == "0")
        {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(REDIS_SAVE_S) {
            return Err(RedisProblem::Busy {
                place: connection.place.clone(),
                why: format!("it has been writing an RDB for more than {REDIS_SAVE_S} s"),
            });
        }
        sleep(Duration::from_millis(REDIS_BUSY_PAUSE_MS));
    }
}

fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => break,
            _ if line.len() > LINE_BYTES_MAX => return Err(io::Error::other("a line is too long")),
            [byte] => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}
