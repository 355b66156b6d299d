//! Users who ask through the gateway and see which release answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::clock;

/// Users who ask at the same time, each over one kept-alive connection after the other.
const USERS: u64 = 4;
/// The pause between two questions of a user.
const PAUSE: Duration = Duration::from_millis(1);
/// After how many questions a user comes back as somebody else.
const QUESTIONS_EACH: u64 = 20;
/// After this long without an answer a request counts as dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running load.
pub struct Users {
    begun: Instant,
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    answered: AtomicU64,
    dropped: AtomicU64,
    /// When release 1.1 answered last, microseconds since the users came.
    last_new_us: AtomicU64,
}

impl Users {
    /// Lets users ask `gateway`, `host:port`, until they are told to stop.
    pub fn start(gateway: &str) -> Users {
        let (seen, begun) = (Arc::new(Seen::default()), clock::now());
        let user = |number| {
            let (seen, gateway) = (seen.clone(), gateway.to_owned());
            std::thread::spawn(move || ask(&gateway, number, begun, &seen))
        };
        let threads = (0..USERS).map(user).collect();
        Users {
            begun,
            seen,
            threads,
        }
    }

    /// Milliseconds since the users came.
    pub fn now_ms(&self) -> f64 {
        clock::ms_since(self.begun)
    }

    /// When release 1.1 answered last, milliseconds since the users came.
    pub fn last_new_ms(&self) -> f64 {
        self.seen.last_new_us.load(Relaxed) as f64 / 1000.0
    }

    /// Stops them. Returns how many requests were answered, and how many were not.
    pub fn stop(self) -> (u64, u64) {
        self.seen.stop.store(true, Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        (
            self.seen.answered.load(Relaxed),
            self.seen.dropped.load(Relaxed),
        )
    }
}

fn ask(gateway: &str, user: u64, begun: Instant, seen: &Seen) {
    let mut number = user;
    while !seen.stop.load(Relaxed) {
        number += USERS;
        let mut connection = TcpStream::connect(gateway).ok();
        for _ in 0..QUESTIONS_EACH {
            let answer = match connection.as_mut() {
                Some(stream) => exchange(stream, number),
                None => Err(anyhow::anyhow!("no connection")),
            };
            match answer {
                Ok(head) => {
                    seen.answered.fetch_add(1, Relaxed);
                    if head.contains("x-portcullis-release: 1.1") {
                        let now_us = begun.elapsed().as_micros() as u64;
                        seen.last_new_us.fetch_max(now_us, Relaxed);
                    }
                    if head.contains("connection: close") {
                        break;
                    }
                }
                Err(_) => {
                    seen.dropped.fetch_add(1, Relaxed);
                    break;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Asks once and reads the whole answer; returns its head in small letters.
fn exchange(stream: &mut TcpStream, user: u64) -> Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let question = format!(
        "GET /lookup/0123456789abcdef?radius=4 HTTP/1.1\r\nHost: dhash\r\nX-User: user-{user}\r\n\r\n"
    );
    stream.write_all(question.as_bytes())?;
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .context("no length")?;
            if body.len() >= length.trim().parse::<usize>()? {
                anyhow::ensure!(head.starts_with("http/1.1 200"), "{head}");
                return Ok(head);
            }
        }
        let count = stream.read(&mut chunk)?;
        anyhow::ensure!(count > 0, "the connection was closed");
        read.extend_from_slice(&chunk[..count]);
    }
}
