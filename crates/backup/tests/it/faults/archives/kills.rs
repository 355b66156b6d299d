//! `kill -9` at random moments of whoever receives into an archive, copies the cluster into it, and removes old copies.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{BackupError, Received};

use super::worker::{Worker, say};
use super::{Bank, UNFINISHED, content, rows, small};
use crate::faults::{Chance, rounds};
use crate::killed::say_round;
use crate::names;

pub(super) const RECEIVE: &str = "receive";
pub(super) const COPY: &str = "copy";
/// What a child says before the moment up to which everything was received, as it was told.
const TOLD: &str = "told ";

/// In the child: receives as `serve` does, and tells how far it came.
pub(super) fn receives(bank: &Bank) {
    let stop = AtomicBool::new(false);
    let tell = |received: &Received| {
        if let Some(until) = received.until {
            say(&format!("{TOLD}{}", until.as_microsecond()));
        }
    };
    loop {
        match bank.archive.receive(&bank.source, &stop, &tell) {
            // What the one before it left is still being ended.
            Err(BackupError::Continuous { problem, .. }) if problem.is_passing() => {
                thread::sleep(Duration::from_millis(50));
            }
            ended => panic!("{ended:?}"),
        }
    }
}

/// In the child: copies the cluster as `serve` does, which removes the copy before.
pub(super) fn copies(bank: &Bank, from: i64) {
    say_round(from);
    for second in from + 1.. {
        bank.base(second);
        bank.archive.prune(1).unwrap();
        say_round(second);
    }
}

fn told(line: &str) -> Option<Timestamp> {
    let micros = line.split_once(TOLD)?.1.trim().parse().unwrap();
    Some(Timestamp::from_microsecond(micros).unwrap())
}

/// What was written to the server, row by row, and when that was acknowledged.
struct Stand {
    bank: Bank,
    chance: Chance,
    rows: Vec<Timestamp>,
}

impl Stand {
    fn pause(&mut self, ms: usize) {
        // The one pause that is meant: the moment is what is random.
        thread::sleep(Duration::from_micros(self.chance.below(ms * 1_000) as u64));
    }

    fn receiver_killed(&mut self, folder: &Path, when: &str) {
        let mut worker = Worker::start(folder, RECEIVE, 0);
        let mut said = Vec::new();
        // Now and then before it has said anything.
        if self.chance.below(4) > 0 {
            said.push(worker.wait_for(TOLD));
        }
        let more = self.chance.below(12);
        self.bank.write_more(&mut self.rows, more);
        self.pause(1_500);
        // What it started goes on for a while without it, or ends in the middle of a write.
        let all = self.chance.below(2) == 0;
        said.extend(worker.kill(all));
        let told = said.iter().filter_map(|line| told(line)).max();
        let announced = told.max(self.bank.archive.standing().received_until);
        self.bank.assert_whole(when);
        let found = rows(&self.bank.recovered(when), when);
        let acknowledged = self.rows.iter().filter(|at| Some(**at) <= announced);
        let bounds = acknowledged.count()..=self.rows.len();
        assert!(
            bounds.contains(&found),
            "{when}: {found} of {bounds:?}, announced {announced:?}"
        );
        // The next one goes on where it was.
        let bank = &self.bank;
        bank.while_receiving(|stream| bank.catch_up(stream));
        bank.assert_whole(when);
    }

    fn copy_killed(&mut self, folder: &Path, from: i64, when: &str) {
        let more = self.chance.below(6);
        let all = self.chance.below(2) == 0;
        let after = Duration::from_micros(self.chance.below(2_500_000) as u64);
        let (bank, written) = (&self.bank, &mut self.rows);
        bank.while_receiving(|stream| {
            let mut worker = Worker::start(folder, COPY, from);
            worker.wait_for("round ");
            bank.write_more(written, more);
            thread::sleep(after);
            worker.kill(all);
            bank.assert_whole(when);
            let counted = bank.counted();
            assert!(!counted.is_empty(), "{when}");
            for name in bank.copies() {
                assert!(
                    counted.contains(&name) || name.starts_with(UNFINISHED),
                    "{when}: nobody knows {name}"
                );
            }
            let next = bank.base(from + 9_000);
            assert_eq!(bank.copies(), bank.counted(), "{when}");
            bank.write_more(written, 1);
            bank.catch_up(stream);
            let cluster = bank.recover(None);
            let cluster = cluster.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            assert_eq!(content(&cluster), bank.content(), "{when}");
            drop(cluster);
            // The new copy alone is enough as well.
            bank.archive.prune(1).unwrap();
            assert_eq!(bank.copies(), std::slice::from_ref(&next.id), "{when}");
            let cluster = bank.recover(None);
            let cluster = cluster.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            assert_eq!(cluster.base.id, next.id, "{when}");
            assert_eq!(content(&cluster), bank.content(), "{when}");
        });
    }
}

/// Rows are written and acknowledged all the while. What was announced as received before the kill can be recovered from what
/// the killed ones left, and everything from what the next ones make of it.
#[test]
fn killed_at_random_moments_whoever_receives_and_copies_loses_nothing_that_was_announced() {
    let archived = small();
    let folder = archived.place.folder.path();
    let mut stand = Stand {
        bank: Bank::of(&archived),
        chance: Chance::new(),
        rows: Vec::new(),
    };
    let (bank, written) = (&stand.bank, &mut stand.rows);
    bank.while_receiving(|stream| {
        bank.base(0);
        bank.write_more(written, 2);
        bank.catch_up(stream);
    });
    let first = stand.chance.below(2);
    let kills = rounds(2, 64);
    for kill in 0..kills {
        let doing = [RECEIVE, COPY][(first + kill) % 2];
        let when = format!("{doing}, kill {kill}");
        match doing {
            RECEIVE => stand.receiver_killed(folder, &when),
            _ => {
                let from = 10_000 * (1 + i64::try_from(kill).unwrap());
                stand.copy_killed(folder, from, &when);
            }
        }
        let root = stand.bank.archive.root();
        for file in names(&root.join("wal")) {
            assert!(!file.starts_with(UNFINISHED), "{when}: {file} is left");
        }
    }
    let found = rows(&stand.bank.recovered("at the end"), "at the end");
    assert_eq!(found, stand.rows.len());
    println!("{kills} kills, {found} rows");
}
