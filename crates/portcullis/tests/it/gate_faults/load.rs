//! Users at a steady rate, however long answers take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::rig::get;

/// How long an answer may take without the rate becoming lower.
const ANSWER_MAX_S: f64 = 0.25;
/// Whoever is later than this does not catch up: the rate stays steady when the machine hung.
const LATE_MAX: Duration = Duration::from_secs(1);
/// The pause between two looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    /// Somebody else each time.
    Strangers,
    /// So many users, some of whom ask far more often than others.
    Regulars(u64),
}

/// A running load.
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    gateway: String,
    who: Who,
    per_second: f64,
    begun: Instant,
    stop: AtomicBool,
    next: AtomicU64,
    unanswered: AtomicU64,
}

impl Load {
    /// Asks so many times a second, one connection a request.
    pub(super) fn start(gateway: &str, per_second: f64, who: Who) -> Load {
        let shared = Arc::new(Shared {
            gateway: gateway.to_owned(),
            who,
            per_second,
            begun: Instant::now(),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        });
        let threads = (per_second * ANSWER_MAX_S).ceil().max(1.0) as usize;
        let threads = (0..threads).map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.ask())
        });
        Load {
            threads: threads.collect(),
            shared,
        }
    }

    /// Stops it. Returns how many requests got no answer at all.
    pub(super) fn stop(self) -> u64 {
        self.shared.stop.store(true, Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.shared.unanswered.load(Relaxed)
    }
}

impl Shared {
    fn ask(&self) {
        loop {
            let number = self.next.fetch_add(1, Relaxed);
            let due = Duration::from_secs_f64(number as f64 / self.per_second);
            while let Some(left) = due.checked_sub(self.begun.elapsed()) {
                if self.stop.load(Relaxed) {
                    return;
                }
                std::thread::sleep(left.min(LOOK));
            }
            if self.stop.load(Relaxed) {
                return;
            }
            if self.begun.elapsed().saturating_sub(due) > LATE_MAX {
                continue;
            }
            let answer = get(&self.gateway, "/", &self.who.user(number));
            if answer.is_empty() {
                self.unanswered.fetch_add(1, Relaxed);
            }
        }
    }
}

impl Who {
    fn user(self, number: u64) -> String {
        match self {
            Who::Strangers => format!("user-{number}"),
            Who::Regulars(count) => {
                // SplitMix64's last steps: evenly over 0..1.
                let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed ^= mixed >> 27;
                let even = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
                format!("user-{}", (count as f64 * even * even) as u64)
            }
        }
    }
}
