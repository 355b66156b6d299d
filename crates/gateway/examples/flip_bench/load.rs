//! Users who ask one question after the other over kept-alive connections, as fast as they are answered.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::upstream::{BODY, LOAD_PATH};

/// What the users saw.
pub(crate) struct Load {
    address: SocketAddr,
    pub(crate) stop: AtomicBool,
    /// Requests that were answered in full with 200.
    pub(crate) served: AtomicU64,
    /// Requests that got something else: another status, or half an answer.
    pub(crate) failed: AtomicU64,
    /// Requests on a kept-alive connection that was closed without a byte of an answer, and without a
    /// warning in the answer before. Most clients repeat these by themselves when they are idempotent.
    pub(crate) closed_unanswered: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

enum Answer {
    Good { closes: bool },
    ClosedUnanswered,
    Bad(String),
}

impl Load {
    pub(crate) fn new(address: SocketAddr) -> Load {
        Load {
            address,
            stop: AtomicBool::new(false),
            served: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            closed_unanswered: AtomicU64::new(0),
            first_failure: Mutex::new(None),
        }
    }

    pub(crate) fn start(self: &Arc<Self>, connections: usize) -> Vec<JoinHandle<()>> {
        let user = |_| tokio::spawn(ask(self.clone()));
        (0..connections).map(user).collect()
    }

    pub(crate) fn first_failure(&self) -> Option<String> {
        let first = self.first_failure.lock();
        first.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, failure: String) {
        self.failed.fetch_add(1, Relaxed);
        let first = self.first_failure.lock();
        first
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(failure);
    }
}

async fn ask(load: Arc<Load>) {
    let mut buffer = Vec::with_capacity(4096);
    while !load.stop.load(Relaxed) {
        let mut stream = match TcpStream::connect(load.address).await {
            Ok(stream) => stream,
            Err(error) => {
                load.note(format!("no connection: {error}"));
                tokio::task::yield_now().await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        while !load.stop.load(Relaxed) {
            match exchange(&mut stream, &mut buffer).await {
                Answer::Good { closes } => {
                    load.served.fetch_add(1, Relaxed);
                    if closes {
                        break;
                    }
                }
                Answer::ClosedUnanswered => {
                    load.closed_unanswered.fetch_add(1, Relaxed);
                    break;
                }
                Answer::Bad(what) => {
                    load.note(what);
                    break;
                }
            }
        }
    }
}

async fn exchange(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Answer {
    let request = format!("GET {LOAD_PATH} HTTP/1.1\r\nHost: bench\r\n\r\n");
    buffer.clear();
    if stream.write_all(request.as_bytes()).await.is_err() {
        return Answer::ClosedUnanswered;
    }
    while !buffer.ends_with(BODY.as_bytes()) {
        match stream.read_buf(buffer).await {
            Ok(0) | Err(_) if buffer.is_empty() => return Answer::ClosedUnanswered,
            Ok(0) | Err(_) => return Answer::Bad(first_line(buffer)),
            Ok(_) if !buffer.starts_with(b"HTTP/1.1 200") && buffer.len() > 16 => {
                return Answer::Bad(first_line(buffer));
            }
            Ok(_) => {}
        }
    }
    let text = String::from_utf8_lossy(buffer).to_ascii_lowercase();
    Answer::Good {
        closes: text.contains("connection: close"),
    }
}

fn first_line(buffer: &[u8]) -> String {
    let text = String::from_utf8_lossy(buffer);
    text.lines().next().unwrap_or_default().to_owned()
}
