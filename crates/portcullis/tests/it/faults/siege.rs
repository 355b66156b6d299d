//! A service whose Portcullis is killed again and again, and what must hold each time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::diary::Diary;
use super::witness::Witness;
use crate::rig::Rig;

/// Counts the runs of the live migration, outside the store.
const COUNTED: &str = "case \"$*\" in migrate*/rehearsals/*) ;; migrate*) \
    echo ran >> migrations.txt; sleep 0.2; echo half way;; esac\nexec \"$0.real\" \"$@\"\n";
/// A rollout that is over neither after this time nor after this many answers is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
const ANSWERS_MAX: usize = 6;
/// How often the journal is looked at: often enough to kill before the next entry, and not so often that
/// nothing else gets to run.
const LOOK_PAUSE: Duration = Duration::from_micros(300);

/// The rig, its witnesses and its journal.
pub(super) struct Siege {
    pub(super) rig: Rig,
    pub(super) diary: Diary,
    witness: Option<Witness>,
    original: Vec<u8>,
    kills: usize,
}

impl Siege {
    /// Release 1.0 serves and has users; gates are short. 1.2 answers with errors.
    pub(super) fn begin() -> Siege {
        let mut rig = Rig::new("errors:0.5");
        rig.edit("window = \"2s\"", "window = \"600ms\"");
        rig.edit("interval = \"250ms\"", "interval = \"150ms\"");
        rig.edit("requests_min = 20", "requests_min = 5");
        for version in ["1.1", "1.2"] {
            rig.replace_program(version, COUNTED);
        }
        rig.ok(&["init"]);
        rig.start();
        rig.ok(&["deploy", "--release", "1.0", "--wait"]);
        let diary = Diary::open(&rig.path(".portcullis/journal.db"));
        let witness = Some(Witness::of(&rig));
        let original = std::fs::read(rig.path("data/library.json")).unwrap();
        Siege {
            rig,
            diary,
            witness,
            original,
            kills: 0,
        }
    }

    /// Begins a rollout; returns when its first entry is there.
    pub(super) fn deploy(&mut self, args: &[&str]) {
        self.diary.catch_up();
        let begun = Instant::now();
        self.rig.spawn(args);
        while !self.diary.catch_up() {
            assert!(begun.elapsed() < PATIENCE, "{}", self.rig.log());
            std::thread::sleep(LOOK_PAUSE);
        }
    }

    /// Kills the server, starts it again, and checks what must hold across that.
    pub(super) fn strike(&mut self) {
        self.kills += 1;
        self.diary.catch_up();
        self.witness.as_ref().unwrap().down();
        self.rig.kill();
        self.diary.check_nothing_is_lost();
        let saved = self.saved_route();
        self.rig.launch();
        let route = self.first_route();
        self.witness.as_ref().unwrap().up();
        // The engine may have changed the split already, but then it says so.
        if route["changes"] == saved["changes"] {
            assert_eq!(route["split"], saved["split"], "another split than before");
        } else {
            assert!(route["changes"].as_u64() > saved["changes"].as_u64());
        }
        self.rig.until("the engine acts", |rig| {
            let status = rig.run(&["status", "--json"]);
            let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            status["engine"]["standing"] == "acting"
        });
        self.diary.check_nothing_is_lost();
    }

    /// Waits until the journal grows. Returns whether it did before the rollout had ended.
    pub(super) fn next_entry(&mut self) -> bool {
        let begun = Instant::now();
        while !self.diary.catch_up() {
            if self.is_over() || self.diary.question().is_some() {
                return false;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "the rollout is stuck at {}\n{}",
                self.diary.place(),
                self.rig.log()
            );
            std::thread::sleep(LOOK_PAUSE);
        }
        true
    }

    pub(super) fn is_over(&self) -> bool {
        ["Promoted", "RolledBack", "Aborted"].contains(&self.diary.place().as_str())
    }

    /// Answers what the rollout asks, until it is over. Returns how it ended.
    pub(super) fn settle(&mut self) -> String {
        let mut answers = 0;
        while !self.is_over() {
            if let Some(question) = self.diary.question() {
                answers += 1;
                assert!(answers < ANSWERS_MAX, "it asks and asks: {question}");
                let answer = if question.contains("hold") || question.contains("Held") {
                    "retry"
                } else {
                    "resume"
                };
                println!("answering {answer:?} to {question:?}");
                self.rig.run(&[answer]);
            }
            self.next_entry();
        }
        println!("{}", self.diary.sentence());
        self.diary.place()
    }

    /// What holds when a rollout is over: the data fits its end, and no migration ran twice.
    pub(super) fn check_end(&mut self, release: &str, before: &[u8]) {
        let end = self.diary.place();
        let runs = std::fs::read_to_string(self.rig.path("migrations.txt")).unwrap_or_default();
        assert!(
            runs.lines().count() <= 1,
            "the migration ran {} times\n{}",
            runs.lines().count(),
            self.rig.log()
        );
        let now = std::fs::read(self.rig.path("data/library.json")).unwrap();
        match end.as_str() {
            "Promoted" => assert_eq!(self.rig.serving_release(), release),
            _ => assert!(
                now == before,
                "the data is not as it was\n{}",
                self.rig.log()
            ),
        }
        self.rig.ok(&["journal", "verify"]);
    }

    /// Brings the service back to 1.0 and the data to what it was at the beginning.
    pub(super) fn reset(&mut self) {
        while self.rig.serving_release() != "1.0" {
            self.rig.ok(&["rollback", "--wait"]);
        }
        std::fs::write(self.rig.path("data/library.json"), &self.original).unwrap();
        let _ = std::fs::remove_file(self.rig.path("migrations.txt"));
        self.diary.catch_up();
    }

    pub(super) fn library(&self) -> Vec<u8> {
        std::fs::read(self.rig.path("data/library.json")).unwrap()
    }

    /// Ends the siege; panics if anybody was not served.
    pub(super) fn end(mut self) -> usize {
        self.witness.take().unwrap().testify();
        assert_eq!(self.rig.stop(), Some(0), "{}", self.rig.log());
        self.kills
    }

    fn saved_route(&self) -> Value {
        let text = std::fs::read(self.rig.path(".portcullis/gateway.json")).unwrap();
        let saved: Value = serde_json::from_slice(&text).unwrap();
        saved["services"]["dhash"].clone()
    }

    /// The first thing that the gateway says about its split after a start.
    fn first_route(&self) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(route) = route(&self.rig) {
                return route;
            }
            assert!(begun.elapsed() < PATIENCE, "no gateway\n{}", self.rig.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// What the gateway's admin API says about the service's route.
pub(super) fn route(rig: &Rig) -> Option<Value> {
    let mut stream = UnixStream::connect(rig.path(".portcullis/gateway.sock")).ok()?;
    write!(
        stream,
        "GET /v1/routes/dhash HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}
