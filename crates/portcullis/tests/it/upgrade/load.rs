//! Users at full speed, on connections that stay open and on new ones.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Threads that ask without a pause.
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What they saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) requests: u64,
    pub(super) failed: Vec<String>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    requests: AtomicU64,
    failed: Mutex<Vec<String>>,
}

impl Load {
    /// Two threads with connections that stay open, two with a new one for each request.
    pub(super) fn start(gateway: &str) -> Load {
        let shared = Arc::new(Shared::default());
        let threads = [true, true, false, false].into_iter().enumerate();
        let threads = threads.map(|(thread, keep)| {
            let (shared, gateway) = (Arc::clone(&shared), gateway.to_owned());
            std::thread::spawn(move || {
                let mut user = thread;
                while !shared.stop.load(Ordering::Relaxed) {
                    if let Err(error) = session(&gateway, keep, &mut user, &shared) {
                        let kind = if keep { "kept open" } else { "new" };
                        shared
                            .failed
                            .lock()
                            .unwrap()
                            .push(format!("{kind}: {error}"));
                    }
                }
            })
        });
        let threads = threads.collect();
        Load { shared, threads }
    }

    /// How many requests were answered.
    pub(super) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    pub(super) fn stop(self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let failed = std::mem::take(&mut *self.shared.failed.lock().unwrap());
        let requests = self.shared.requests.load(Ordering::Relaxed);
        Seen { requests, failed }
    }
}

/// Asks on one connection until it is closed by agreement.
fn session(gateway: &str, keep: bool, user: &mut usize, shared: &Shared) -> std::io::Result<()> {
    let mut writer = TcpStream::connect(gateway)?;
    writer.set_read_timeout(Some(PATIENCE))?;
    writer.set_nodelay(true)?;
    let mut reader = BufReader::new(writer.try_clone()?);
    loop {
        *user += 4;
        let closing = !keep || shared.stop.load(Ordering::Relaxed);
        let connection = if closing { "close" } else { "keep-alive" };
        write!(
            writer,
            "GET /lookup/0123456789abcdef?radius=4 HTTP/1.1\r\nHost: dhash\r\nX-User: user-{}\r\n\
             Connection: {connection}\r\n\r\n",
            *user % 400
        )?;
        let closes = answer(&mut reader)?;
        shared.requests.fetch_add(1, Ordering::Relaxed);
        if closing || closes {
            return Ok(());
        }
    }
}

/// Reads a whole answer, which must be a good one; says whether it closes the connection.
fn answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<bool> {
    let (mut first, mut length, mut closes) = (String::new(), None, false);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            let what = format!("the answer ended after `{}`", first.trim());
            return Err(std::io::Error::other(what));
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
        closes |= line == "connection: close";
    }
    let length: usize = length.ok_or_else(|| std::io::Error::other("no length"))?;
    reader.read_exact(&mut vec![0; length])?;
    match first.starts_with("HTTP/1.1 200 ") {
        true => Ok(closes),
        false => Err(std::io::Error::other(first.trim().to_owned())),
    }
}

/// A picture that is sent piece by piece.
pub(super) struct Upload {
    stream: TcpStream,
    rest: Mutex<Vec<u8>>,
}

impl Upload {
    /// Sends the head and the first piece.
    pub(super) fn start(gateway: &str, picture: &[u8]) -> Upload {
        let mut stream = TcpStream::connect(gateway).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "POST /hash HTTP/1.1\r\nHost: dhash\r\nTransfer-Encoding: chunked\r\n\
                    Content-Type: image/png\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let upload = Upload {
            stream,
            rest: Mutex::new(picture.to_vec()),
        };
        upload.send(1);
        upload
    }

    /// Sends some pieces of a hundred bytes.
    pub(super) fn send(&self, pieces: usize) {
        let mut rest = self.rest.lock().unwrap();
        for _ in 0..pieces {
            let length = rest.len().min(100);
            let piece: Vec<u8> = rest.drain(..length).collect();
            self.chunk(&piece);
        }
    }

    /// Sends the rest and returns the answer.
    pub(super) fn finish(mut self) -> String {
        let rest = std::mem::take(&mut *self.rest.lock().unwrap());
        self.chunk(&rest);
        self.stream.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn chunk(&self, piece: &[u8]) {
        let mut stream = &self.stream;
        write!(stream, "{:x}\r\n", piece.len()).unwrap();
        stream.write_all(piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
}
