//! Restores in place of large stores, while somebody reads them all the time.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::site::Site;
use super::{MEMORY_TARGET_MIB, SEED, Stand, corpus};
use crate::bench::clock;
use crate::bench::figures::{against, load_average};

/// How long nobody may be able to read the store.
const DOWN_TARGET_MS: f64 = 1000.0;
/// The pause between two looks at it.
const LOOK: Duration = Duration::from_micros(500);
/// What is repeated until the store is large enough. It compresses well, so that the archive needs little room.
const PIECE_BYTES: u64 = 16 * 1024 * 1024;
/// How large a file in the folder is.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

pub fn measure(stand: &Stand<'_>) -> Result<()> {
    // The store, its archive, and the copy that takes its place.
    let room = stand.free_bytes()? / 3;
    let bytes = (stand.args.swap_mib << 20).min(room);
    for of_folder in [true, false] {
        let root = stand.folder.join("swap");
        fs::create_dir_all(&root)?;
        let outcome = once(stand, &root, bytes, of_folder);
        fs::remove_dir_all(&root)?;
        outcome?;
    }
    Ok(())
}

fn once(stand: &Stand<'_>, root: &Path, bytes: u64, of_folder: bool) -> Result<()> {
    let piece = root.join("piece");
    corpus::file(&piece, PIECE_BYTES, SEED)?;
    let piece = fs::read(piece)?;
    let data = root.join("data");
    let mut left = bytes;
    if of_folder {
        fs::create_dir(&data)?;
    }
    let mut number = 0;
    while left > 0 {
        let length = if of_folder {
            left.min(FILE_BYTES)
        } else {
            left
        };
        let path = match of_folder {
            true => data.join(format!("{number:04}")),
            false => data.clone(),
        };
        write(&path, length, &piece)?;
        left -= length;
        number += 1;
    }
    let kind = if of_folder { "directory" } else { "file" };
    let store = format!("kind = \"{kind}\"\npath = \"{}\"", data.display());
    let site = Site::make(&root.join("site"), stand.binary, &store, "")?;
    println!(
        "restore in place of a {kind} of {} MiB, load average {}",
        bytes >> 20,
        load_average()
    );
    let (_, made, name) = site.back_up()?;
    println!("  create took {:.1} s", made.wall_s);
    let probe = if of_folder { data.join("0000") } else { data };
    let reader = Reader::start(probe);
    let replaced = site.run(&["backup", "restore", &name, "--in-place"]);
    let seen = reader.stop()?;
    let cost = replaced?.0;
    println!(
        "  took {:.1} s, CPU {:.1} s; {} looks at the store, {} of them failed; {} inodes seen",
        cost.wall_s, cost.cpu_s, seen.looks, seen.failed, seen.inodes
    );
    println!("  downtime {}", against(seen.down_ms, DOWN_TARGET_MS, "ms"));
    println!(
        "  memory {}",
        against(cost.peak_mib, MEMORY_TARGET_MIB, "MiB")
    );
    Ok(())
}

fn write(path: &Path, bytes: u64, piece: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    let mut left = bytes;
    while left > 0 {
        let length = left.min(piece.len() as u64);
        file.write_all(&piece[..length as usize])?;
        left -= length;
    }
    Ok(())
}

/// Opens and reads the store again and again.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Seen>,
}

#[derive(Default)]
struct Seen {
    looks: u64,
    failed: u64,
    /// The longest time from the last look that succeeded before failed ones to the next that did.
    down_ms: f64,
    /// How many different files had the name: two, when it was replaced.
    inodes: usize,
}

impl Reader {
    fn start(path: PathBuf) -> Reader {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut seen = Seen::default();
            let mut inodes = Vec::new();
            let (mut last, mut failing) = (clock::now(), false);
            while !asked.load(Ordering::Relaxed) {
                seen.looks += 1;
                match look(&path) {
                    Ok(inode) => {
                        if failing {
                            seen.down_ms = seen.down_ms.max(clock::ms_since(last));
                        }
                        if !inodes.contains(&inode) {
                            inodes.push(inode);
                        }
                        (last, failing) = (clock::now(), false);
                    }
                    Err(_) => {
                        seen.failed += 1;
                        failing = true;
                    }
                }
                thread::sleep(LOOK);
            }
            seen.inodes = inodes.len();
            seen
        });
        Reader { stop, thread }
    }

    fn stop(self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the reader was lost")
    }
}

fn look(path: &Path) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    file.read_exact(&mut [0; 4096])?;
    Ok(std::os::unix::fs::MetadataExt::ino(&file.metadata()?))
}
