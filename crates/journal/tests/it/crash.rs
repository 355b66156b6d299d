//! A process is killed while it appends: whatever it was told to be written is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use portcullis_journal::{Hash, Journal, SqliteJournal};

use crate::{record, scope};

const PATH_VARIABLE: &str = "PORTCULLIS_TEST_JOURNAL";
const MARK: &str = "acknowledged ";
const KILLS: u64 = 3;
const ACKNOWLEDGED_BEFORE_KILL: usize = 40;

/// The body of the child process. Run by itself, without the variable, there is nothing to do.
#[test]
#[ignore = "the child process of kill_keeps_every_acknowledged_entry"]
fn child_that_appends_until_it_is_killed() {
    let Ok(path) = std::env::var(PATH_VARIABLE) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = SqliteJournal::open(Path::new(&path)).await.unwrap();
        let dhash = scope("dhash");
        let lease = journal.acquire(&dhash, "child", 0, 10).await.unwrap();
        let mut out = std::io::stdout();
        for number in 0.. {
            let entry = journal
                .append(&dhash, lease.epoch, record(number))
                .await
                .unwrap();
            writeln!(out, "{MARK}{} {}", entry.seq, entry.hash).unwrap();
            out.flush().unwrap();
        }
    });
}

fn start_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::child_that_appends_until_it_is_killed",
            "--ignored",
        ])
        .args(["--nocapture", "--test-threads=1"])
        .env(PATH_VARIABLE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn kill_keeps_every_acknowledged_entry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let dhash = scope("dhash");
    let mut acknowledged: Vec<(u64, Hash)> = Vec::new();
    for kill in 1..=KILLS {
        let mut child = start_child(&path);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut from_this_child = 0;
        for line in lines {
            let line = line.unwrap();
            // The first line may begin with what the test harness prints.
            let Some((_, rest)) = line.split_once(MARK) else {
                continue;
            };
            let Some((seq, hash)) = rest.split_once(' ') else {
                continue;
            };
            // The last line may be cut short by the kill.
            let (Ok(seq), Ok(hash)) = (seq.parse(), hash.parse()) else {
                continue;
            };
            acknowledged.push((seq, hash));
            from_this_child += 1;
            if from_this_child == ACKNOWLEDGED_BEFORE_KILL {
                child.kill().unwrap(); // SIGKILL, in the middle of the next appends
            }
        }
        child.wait().unwrap();
        assert!(from_this_child >= ACKNOWLEDGED_BEFORE_KILL);

        let journal = SqliteJournal::open(&path).await.unwrap();
        let entries = journal.read(&dhash, 0).await.unwrap();
        for (seq, hash) in &acknowledged {
            let entry = &entries[usize::try_from(*seq).unwrap() - 1];
            assert_eq!((entry.seq, entry.hash), (*seq, *hash));
        }
        let head = acknowledged.last().unwrap().1;
        let verified = journal.verify_against(&dhash, head).await.unwrap();
        assert_eq!(verified.entries, entries.len() as u64);
        assert_eq!(entries.last().unwrap().epoch.0, kill);
        journal.close().await;
    }
}
