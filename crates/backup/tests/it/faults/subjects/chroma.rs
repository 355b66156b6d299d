//! The folder of a real Chroma database.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_backup::{Kept, Store};

use super::{Subject, around, remove};
use crate::cloud::environment;

/// How many contents are made.
const COUNT: u32 = 8;
const SCRIPT: &str = include_str!("../../chroma/contents.py");
const PACKAGES: &str = include_str!("../../chroma/requirements.txt");

pub(in crate::faults) struct Chroma(pub(super) PathBuf);

/// The folders with the contents. A real Chroma makes them once, for all tests that come after.
fn contents() -> PathBuf {
    let mut made_by = DefaultHasher::new();
    (SCRIPT, PACKAGES, COUNT).hash(&mut made_by);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = target.join(format!("chroma-contents-{:016x}", made_by.finish()));
    if made.exists() {
        return made;
    }
    fs::create_dir_all(target).unwrap();
    let folder = tempfile::tempdir_in(target).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/chroma/contents.py");
    let output = Command::new(environment("python-chroma").join("bin/python"))
        .arg(script)
        .arg(folder.path())
        .arg(COUNT.to_string())
        .env("ANONYMIZED_TELEMETRY", "False")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Chroma: `cargo xtask setup` installs it");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Another test may have been faster.
    if fs::rename(folder.path(), &made).is_ok() {
        let _ = folder.keep();
    }
    made
}

impl Subject for Chroma {
    fn store(&self) -> Store {
        Store::chroma("vectors", self.0.join("vectors"))
    }

    fn fill(&self, number: u32) {
        assert!(number < COUNT, "there is no content {number}");
        let folder = self.0.join("vectors");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        // With the times: an index of which the last file is not the youngest is one that is being written.
        let copied = Command::new("cp")
            .arg("-a")
            .arg(contents().join(number.to_string()))
            .arg(&folder)
            .status();
        assert!(copied.unwrap().success());
    }

    fn forget(&self, kept: &Kept) {
        remove(kept);
    }

    fn around(&self) -> Vec<String> {
        around(&self.0, "vectors")
    }

    fn round_ms(&self) -> usize {
        400
    }

    fn removable(&self) -> i64 {
        10
    }
}
