//! Witnesses: users behind the gateway, and a neighbour who asks the releases themselves.
//!
//! Gateway and engine are one process, so while that process is dead nobody answers at the gateway's
//! address. A request counts as failed when the server was up from its beginning to its end. The
//! releases never may fail to answer at their own addresses, dead Portcullis or not.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Rig, get};

const USERS: u64 = 3;
const PAUSE: Duration = Duration::from_millis(6);

/// The threads that ask, and what went wrong.
pub(super) struct Witness {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    gateway: String,
    routes: PathBuf,
    stop: AtomicBool,
    /// Even while the server is up; grows by one whenever it goes down or comes up.
    phase: AtomicU64,
    answered: AtomicU64,
    asked_directly: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Witness {
    pub(super) fn of(rig: &Rig) -> Witness {
        let shared = Arc::new(Shared {
            gateway: rig.gateway().to_owned(),
            routes: rig.path(".portcullis/gateway.json"),
            stop: AtomicBool::new(false),
            phase: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            asked_directly: AtomicU64::new(0),
            wrong: Mutex::default(),
        });
        let users = (0..USERS).map(|user| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.ask_through_the_gateway(user))
        });
        let mut threads: Vec<_> = users.collect();
        let neighbour = shared.clone();
        threads.push(std::thread::spawn(move || neighbour.ask_directly()));
        Witness { shared, threads }
    }

    /// The server is about to die.
    pub(super) fn down(&self) {
        assert_eq!(self.shared.phase.fetch_add(1, Ordering::SeqCst) % 2, 0);
    }

    /// The server answers again.
    pub(super) fn up(&self) {
        assert_eq!(self.shared.phase.fetch_add(1, Ordering::SeqCst) % 2, 1);
    }

    /// Ends the asking; panics with everything that went wrong.
    pub(super) fn testify(self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let wrong = self.shared.wrong.lock().unwrap();
        assert!(
            wrong.is_empty(),
            "{} wrong answers, the first: {}",
            wrong.len(),
            wrong[0]
        );
        for (count, who) in [
            (&self.shared.answered, "users"),
            (&self.shared.asked_directly, "the neighbour"),
        ] {
            let count = count.load(Ordering::SeqCst);
            assert!(count > 20, "{who} got only {count} answers");
        }
    }
}

impl Shared {
    fn ask_through_the_gateway(&self, user: u64) {
        let mut number = user;
        while !self.stop.load(Ordering::SeqCst) {
            number += USERS;
            let phase = self.phase.load(Ordering::SeqCst);
            let name = format!("user-{}", number * 7919 % 400);
            let answer = get(&self.gateway, "/lookup/0123456789abcdef?radius=4", &name);
            let was_up = phase.is_multiple_of(2) && phase == self.phase.load(Ordering::SeqCst);
            // A candidate may answer 500 when the test tells it to; the gateway itself never may fail.
            let good = ["HTTP/1.1 200", "HTTP/1.1 500"]
                .iter()
                .any(|good| answer.starts_with(good));
            if good {
                self.answered.fetch_add(1, Ordering::SeqCst);
            } else if was_up {
                self.note(format!(
                    "{name} got {:?} in phase {phase}",
                    first_line(&answer)
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn ask_directly(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            for (release, address) in serving(&self.routes) {
                let answer = get(&address, "/health", "neighbour");
                let good = answer.starts_with("HTTP/1.1 200");
                let still = || serving(&self.routes).contains(&(release.clone(), address.clone()));
                if good {
                    self.asked_directly.fetch_add(1, Ordering::SeqCst);
                } else if still() {
                    self.note(format!(
                        "{release} at {address} answered {:?}",
                        first_line(&answer)
                    ));
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn note(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }
}

/// The releases that have a share of the traffic, with their addresses, as the gateway saved them.
fn serving(routes: &Path) -> Vec<(String, String)> {
    let text = std::fs::read(routes).unwrap_or_default();
    let saved: Value = serde_json::from_slice(&text).unwrap_or_default();
    let split = &saved["services"]["dhash"]["split"];
    let canary = (split["weight_percent"].as_u64() > Some(0)).then_some(&split["canary"]);
    let arms = std::iter::once(&split["stable"]).chain(canary);
    arms.filter_map(|arm| {
        let text = |name: &str| Some(arm[name].as_str()?.to_owned());
        Some((text("release")?, text("address")?))
    })
    .collect()
}

fn first_line(answer: &str) -> &str {
    answer.lines().next().unwrap_or("nothing")
}
