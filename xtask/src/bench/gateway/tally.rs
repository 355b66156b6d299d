//! What users of the gateway saw.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::http1::Failure;
use crate::bench::clock;

/// Failures that are kept with their words; of the others only the number is known.
const KEPT: usize = 1_000_000;
/// How long the load may take to go on.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at it.
const LOOK: Duration = Duration::from_millis(5);

/// How a user asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// HTTP/1.1 over a connection that is kept alive.
    KeepAlive,
    /// HTTP/1.1 over a new connection for each request.
    New,
    /// HTTP/2 over TLS, several streams on a connection.
    Http2,
    /// A stream of events over a connection that is kept alive.
    Events,
}

impl Manner {
    /// All.
    pub const ALL: [Manner; 4] = [
        Manner::KeepAlive,
        Manner::New,
        Manner::Http2,
        Manner::Events,
    ];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Manner::KeepAlive => "kept alive",
            Manner::New => "new connections",
            Manner::Http2 => "HTTP/2",
            Manner::Events => "streams",
        }
    }
}

/// A request that was not answered as it should be.
#[derive(Debug, Clone)]
pub struct Failed {
    /// How it was asked.
    pub manner: Manner,
    /// When it was sent, milliseconds since the users came.
    pub begun_ms: f64,
    /// When it had failed.
    pub ended_ms: f64,
    /// In words.
    pub what: String,
    /// Whether an upstream that is killed may be the reason: the gateway said so, or could not end an answer
    /// that it had begun.
    pub may_be_upstream: bool,
}

/// Counts of all users together.
#[derive(Debug)]
pub struct Tally {
    begun: Instant,
    stop: AtomicBool,
    answered: [AtomicU64; Manner::ALL.len()],
    failed: AtomicU64,
    kept: Mutex<Vec<Failed>>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Tally {
        Tally {
            begun: clock::now(),
            stop: AtomicBool::new(false),
            answered: Default::default(),
            failed: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }

    /// Milliseconds since the users came.
    pub fn now_ms(&self) -> f64 {
        clock::ms_since(self.begun)
    }

    /// Whether the users are to go.
    pub fn is_over(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Lets the users go after their present request.
    pub fn end(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Counts an answer, or keeps a failure.
    pub fn note(&self, manner: Manner, begun_ms: f64, outcome: Result<(), Failure>) {
        let Err(failure) = outcome else {
            self.answered[manner as usize].fetch_add(1, Relaxed);
            return;
        };
        self.failed.fetch_add(1, Relaxed);
        let may_be_upstream = matches!(failure, Failure::Status(502..=504) | Failure::Cut(_));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(Failed {
                manner,
                begun_ms,
                ended_ms: self.now_ms(),
                what: failure.to_string(),
                may_be_upstream,
            });
        }
    }

    /// Requests that were answered, of one manner.
    pub fn answered_by(&self, manner: Manner) -> u64 {
        self.answered[manner as usize].load(Relaxed)
    }

    /// Requests that were answered, of all.
    pub fn answered(&self) -> u64 {
        Manner::ALL
            .iter()
            .map(|manner| self.answered_by(*manner))
            .sum()
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// The failures that were kept.
    pub fn failures(&self) -> Vec<Failed> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    /// Waits until so many requests were answered in all.
    ///
    /// # Errors
    /// When for a long time none is answered.
    pub fn until_answered(&self, mark: u64) -> Result<()> {
        let (mut last, mut seen) = (clock::now(), self.answered());
        while self.answered() < mark {
            std::thread::sleep(LOOK);
            let now = self.answered();
            if now > seen {
                (last, seen) = (clock::now(), now);
            }
            if last.elapsed() > PATIENCE {
                bail!("no request was answered for {} s", PATIENCE.as_secs());
            }
        }
        Ok(())
    }

    /// Prints what was counted, with the first failures.
    pub fn print(&self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let each: Vec<String> = Manner::ALL
            .iter()
            .map(|manner| format!("{} {}", self.answered_by(*manner), manner.name()))
            .collect();
        println!(
            "  {} answered in {seconds:.0} s ({:.0}/s): {}; {} failed",
            self.answered(),
            self.answered() as f64 / seconds,
            each.join(", "),
            self.failed()
        );
        for failed in self.failures().iter().take(10) {
            println!(
                "    after {:.1} s, {}: {}",
                failed.begun_ms / 1000.0,
                failed.manner.name(),
                failed.what
            );
        }
    }
}
