//! Journals and backups whose bytes are not what was written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::rig::Rig;

/// Changes one byte in the middle of a text that a file has in it.
fn flip_within(file: &Path, text: &[u8]) {
    let mut bytes = std::fs::read(file).unwrap();
    let places = bytes.windows(text.len()).enumerate();
    let all: Vec<usize> = places
        .filter(|(_, found)| *found == text)
        .map(|(at, _)| at)
        .collect();
    assert!(!all.is_empty(), "the text is not in {}", file.display());
    for at in all {
        bytes[at + text.len() / 2] ^= 0x01;
    }
    std::fs::write(file, bytes).unwrap();
}

/// Writes the journal's log back into its file, so that the file is all there is.
fn settle_journal(rig: &Rig) -> PathBuf {
    let path = rig.path(".portcullis/journal.db");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}", path.display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;
    });
    path
}

/// Starts a server that may not act, and checks that it serves and that nothing can be done with it.
fn serves_and_does_not_act(rig: &mut Rig, why: &str) {
    rig.launch();
    rig.until("the gateway serves", |rig| {
        rig.get("/health", "me").contains("\"version\":\"1.0\"")
    });
    rig.until("it says so", |rig| {
        rig.log().contains("the engine does not act")
    });
    assert!(rig.log().contains(why), "{}", rig.log());
    assert_eq!(rig.exit(&["deploy", "--release", "1.1"]), 8);
    assert_ne!(rig.exit(&["status"]), 0);
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    rig.stop_what_runs();
}

#[test]
fn a_journal_with_a_flipped_byte_is_not_acted_on() {
    let mut rig = Rig::serving("none");
    rig.kill();
    let path = settle_journal(&rig);
    flip_within(&path, b"\"event\":\"succeeded\"");
    assert_eq!(rig.exit(&["journal", "verify"]), 1);
    serves_and_does_not_act(&mut rig, "entry 3");
}

#[test]
fn a_journal_whose_file_was_cut_is_not_acted_on() {
    let mut rig = Rig::serving("none");
    rig.kill();
    let path = settle_journal(&rig);
    let length = std::fs::metadata(&path).unwrap().len();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(length / 2).unwrap();
    assert_eq!(rig.exit(&["journal", "verify"]), 1);
    serves_and_does_not_act(&mut rig, "malformed");
}

#[test]
fn a_journal_that_lost_its_last_entries_is_not_acted_on() {
    let mut rig = Rig::serving("none");
    rig.kill();
    let path = settle_journal(&rig);
    let older = std::fs::read(&path).unwrap();
    rig.start();
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    rig.ok(&["rollback", "--wait"]);
    users.stop();
    rig.kill();
    settle_journal(&rig);
    // What a file system brings back after a power cut, or a person from a copy: whole, but older.
    std::fs::write(&path, older).unwrap();
    assert_eq!(rig.exit(&["journal", "verify"]), 1);
    serves_and_does_not_act(&mut rig, "was acknowledged, but the journal has");
}

#[test]
fn a_journal_that_is_removed_while_it_is_in_use_stops_the_engine() {
    let mut rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let kept = rig.path("kept");
    std::fs::create_dir(&kept).unwrap();
    for end in ["", "-wal", "-shm"] {
        let name = format!("journal.db{end}");
        std::fs::rename(rig.path(&format!(".portcullis/{name}")), kept.join(&name)).unwrap();
    }
    rig.until("the engine stops", |rig| {
        rig.log()
            .contains("was removed or replaced while it was in use")
    });
    assert!(!rig.log().contains("action=\"promote\" op=dhash-2"));
    assert!(rig.get("/health", "me").contains("\"version\":\"1."));
    assert_ne!(rig.exit(&["deploy", "--release", "1.2"]), 0);
    // With the journal back where it was, the rollout goes on.
    rig.kill();
    for name in std::fs::read_dir(&kept).unwrap().flatten() {
        let to = rig.path(".portcullis").join(name.file_name());
        std::fs::rename(name.path(), to).unwrap();
    }
    rig.start();
    rig.until("it ends", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
}

/// The archives of all backups, finished or not.
fn archives(vault: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![vault.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(".tar") {
                found.push(path);
            }
        }
    }
    found
}

/// Flips one byte in the middle of an archive, in place.
fn flip_in_place(archive: &Path, at: u64) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(archive)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 0x10], at)
}

#[test]
fn a_backup_that_went_bad_is_not_restored_and_the_rollout_is_held() {
    let rig = Rig::serving("none");
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        ["watching", "paused"].contains(&rig.state_of("dhash-2").as_str())
    });
    let newest = archives(&rig.path(".portcullis/vault"));
    let migrated = rig.library_sha256();
    let good: Vec<Vec<u8>> = newest.iter().map(|a| std::fs::read(a).unwrap()).collect();
    for archive in &newest {
        let length = std::fs::metadata(archive).unwrap().len();
        flip_in_place(archive, length / 2).unwrap();
    }
    assert_eq!(rig.exit(&["backup", "verify"]), 1);
    assert_eq!(rig.exit(&["abort", "--wait"]), 4);
    assert_eq!(rig.state_of("dhash-2"), "held");
    assert_eq!(rig.library_sha256(), migrated, "live data was touched");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(
        shown.contains("damaged") || shown.contains("SHA-256"),
        "{shown}"
    );
    // Traffic went back first: the old release serves on the migrated data, which it can read.
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
    // With a good copy of the backup, a person lets it look again, and it goes on.
    for (archive, bytes) in newest.iter().zip(good) {
        std::fs::write(archive, bytes).unwrap();
    }
    rig.ok(&["retry"]);
    rig.until("it went back", |rig| {
        rig.state_of("dhash-2") == "rolled back"
    });
    assert_ne!(rig.library_sha256(), migrated);
}

#[test]
fn a_vault_that_spoils_what_is_written_to_it_stops_the_rollout_before_anything_is_touched() {
    let rig = Rig::serving("none");
    // A second store, large enough to be spoilt while it is still being written.
    let noise: Vec<u8> = (0..40_000_000u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect();
    std::fs::write(rig.path("data/large"), noise).unwrap();
    rig.edit(
        "[data]",
        "[[store]]\nname = \"large\"\nkind = \"file\"\npath = \"data/large\"\n\n[data]",
    );
    let before = rig.library_sha256();
    let stop = Arc::new(AtomicBool::new(false));
    let spoilt = Arc::new(AtomicUsize::new(0));
    let spoiler = {
        let (vault, stop, spoilt) = (rig.path(".portcullis/vault"), stop.clone(), spoilt.clone());
        let old = archives(&vault);
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                for archive in archives(&vault) {
                    if !old.contains(&archive) && flip_in_place(&archive, 4_000).is_ok() {
                        spoilt.fetch_add(1, Ordering::SeqCst);
                        // An even number of flips would mend it again.
                        while archive.exists() && !stop.load(Ordering::SeqCst) {
                            std::thread::yield_now();
                        }
                    }
                }
            }
        })
    };
    let users = rig.users();
    let exit = rig.exit(&["deploy", "--release", "1.1", "--wait"]);
    stop.store(true, Ordering::SeqCst);
    spoiler.join().unwrap();
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(spoilt.load(Ordering::SeqCst) > 0, "nothing was spoilt");
    assert_eq!(exit, 1, "{shown}");
    assert_eq!(rig.state_of("dhash-2"), "rolled back", "{shown}");
    let sentence = shown.lines().next().unwrap_or_default();
    assert!(sentence.contains("is damaged"), "{sentence}");
    assert_eq!(rig.library_sha256(), before, "live data was touched");
    assert!(!shown.contains("migrate    done"), "{shown}");
    assert_eq!(users.stop(), 0, "requests were dropped");
}
