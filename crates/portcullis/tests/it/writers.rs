//! Users who write through the gateway, and what was acknowledged to them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::rig::Rig;

/// Users who write until they are told to stop, and note what was acknowledged.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    /// Requests without an answer, or with another one than 200 and 503.
    lost: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Three of them, each with many names.
    pub(crate) fn start(rig: &Rig) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let lost = Arc::new(AtomicU64::new(0));
        let threads = (0..3).map(|thread| {
            let (stop, acknowledged, lost) = (stop.clone(), acknowledged.clone(), lost.clone());
            let gateway = rig.gateway().to_owned();
            std::thread::spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let text = format!("written {thread} {number}");
                    let user = format!("writer-{}", (number * 7919 + thread) % 400);
                    match write(&gateway, &user, &text) {
                        Some(200) => acknowledged.lock().unwrap().push(text),
                        Some(503) => {}
                        _ => {
                            lost.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    std::thread::sleep(Duration::from_millis(15));
                }
            })
        });
        Writers {
            threads: threads.collect(),
            stop,
            acknowledged,
            lost,
        }
    }

    /// How many entries were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Stops them; what was acknowledged, and how many requests came to nothing.
    pub(crate) fn stop(self) -> (Vec<String>, u64) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let acknowledged = std::mem::take(&mut *self.acknowledged.lock().unwrap());
        (acknowledged, self.lost.load(Ordering::Relaxed))
    }
}

/// Adds an entry; the status of the answer.
pub(crate) fn write(gateway: &str, user: &str, text: &str) -> Option<u16> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(gateway)?;
        stream.set_read_timeout(Some(Duration::from_secs(90)))?;
        write!(
            stream,
            "POST /entries HTTP/1.1\r\nHost: ledger\r\nX-User: {user}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{text}",
            text.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().ok()?;
    answer.split_ascii_whitespace().nth(1)?.parse().ok()
}
