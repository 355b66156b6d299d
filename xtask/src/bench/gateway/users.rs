//! Users who ask as fast as they are answered, and count everything that is not a whole answer: over
//! connections that are kept alive, over new ones, and over HTTP/2 with TLS.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use rustls::ClientConfig;

use super::case::get;
use super::handshakes::trusting;
use super::http1::{Connection, Failure};
use super::stand::{Stand, small};
use super::tally::{Manner, Tally};
use super::{events, http2};

/// An answer that takes longer is none.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Requests on a connection that is kept alive, after which the user comes on a new one.
const REQUESTS_EACH: u32 = 1_000;
/// After a failure: else a user without a gateway would do nothing but fail.
const PAUSE: Duration = Duration::from_millis(10);

/// How many users there are of each manner.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// Over connections that are kept alive.
    pub keep_alive: usize,
    /// Over new connections.
    pub new: usize,
    /// Connections of HTTP/2.
    pub http2: usize,
    /// Readers of events.
    pub events: usize,
}

/// A running load.
pub struct Users {
    /// What they see.
    pub tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    /// Lets users ask the gateway until they are told to stop.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn start(stand: &Stand, crowd: Crowd) -> Result<Users> {
        let tally = Arc::new(Tally::new());
        let mut threads = Vec::new();
        let plain = stand.plain;
        for (manner, count) in [
            (Manner::KeepAlive, crowd.keep_alive),
            (Manner::New, crowd.new),
            (Manner::Events, crowd.events),
        ] {
            for _ in 0..count {
                let tally = Arc::clone(&tally);
                threads.push(std::thread::spawn(move || ask(plain, manner, &tally)));
            }
        }
        if crowd.http2 > 0 {
            let config: Arc<ClientConfig> = Arc::new(trusting(stand.folder(), &[b"h2"])?);
            let (secure, shared) = (stand.secure, Arc::clone(&tally));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            threads.push(std::thread::spawn(move || {
                runtime.block_on(http2::ask(secure, config, crowd.http2, shared));
            }));
        }
        Ok(Users { tally, threads })
    }

    /// Stops them.
    pub fn stop(self) -> Arc<Tally> {
        self.tally.end();
        for thread in self.threads {
            let _ = thread.join();
        }
        self.tally
    }
}

fn ask(address: SocketAddr, manner: Manner, tally: &Tally) {
    let (request, expected, each) = match manner {
        Manner::New => {
            let request = "GET /small HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
            (request.to_owned(), small(), 1)
        }
        Manner::Events => (get("/events"), events::body(), REQUESTS_EACH),
        Manner::KeepAlive | Manner::Http2 => (get("/small"), small(), REQUESTS_EACH),
    };
    while !tally.is_over() {
        let begun_ms = tally.now_ms();
        let mut connection = match connect(address) {
            Ok(stream) => Connection::new(stream),
            Err(error) => {
                let failure = Failure::Unconnected(error.to_string());
                tally.note(manner, begun_ms, Err(failure));
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        for _ in 0..each {
            let begun_ms = tally.now_ms();
            let outcome = connection.expect(request.as_bytes(), expected.as_bytes());
            let failed = outcome.is_err();
            tally.note(manner, begun_ms, outcome);
            if failed {
                std::thread::sleep(PAUSE);
            }
            if failed || connection.closes() || tally.is_over() {
                break;
            }
        }
    }
}

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
