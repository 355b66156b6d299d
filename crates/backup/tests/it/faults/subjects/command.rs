//! A database that a tool dumps as text and reads again. Who uses the tool sees the old data or the new.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use portcullis_backup::{CommandVariables, Kept, Store, StoreCommands};

use super::{Subject, around, remove};
use crate::names;

const BACKUP: &str = "sqlite3 -readonly notes.db .dump";
const RESTORE: &str =
    "set -e; rm -f notes.db.new; sqlite3 -bail notes.db.new; mv notes.db.new notes.db";

pub(in crate::faults) struct Tool(pub(super) PathBuf);

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

impl Subject for Tool {
    fn store(&self) -> Store {
        let commands = StoreCommands {
            backup: shell(BACKUP),
            restore: shell(RESTORE),
            check: None,
            size: None,
            digest: None,
            repeats: true,
            env: CommandVariables::default(),
            folder: self.0.clone(),
            timeout: Duration::from_secs(60),
            memory: self.0.join("state/notes.json"),
            path: None,
            copy: None,
        };
        Store::command("dumped", commands)
    }

    fn fill(&self, number: u32) {
        let statements = format!(
            "DROP TABLE IF EXISTS note; CREATE TABLE note (text TEXT);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 4000)
             INSERT INTO note SELECT 'content {number} ' || n || hex(zeroblob(20)) FROM n;"
        );
        let filled = Command::new("sqlite3")
            .arg("-bail")
            .arg(self.0.join("notes.db"))
            .arg(statements)
            .status();
        assert!(filled.unwrap().success());
    }

    fn forget(&self, kept: &Kept) {
        remove(kept);
    }

    /// The tool's own files are its own affair; in the folder of the note are the note, and what was kept whole.
    fn around(&self) -> Vec<String> {
        let mut all = around(&self.0, "notes.db");
        all.retain(|name| name != "state");
        let state = self.0.join("state");
        if state.exists() {
            let kept = |name: &String| name.starts_with("notes.replaced-") && name.ends_with('Z');
            let beside = names(&state).into_iter();
            all.extend(beside.filter(|name| name != "notes.json" && !kept(name)));
        }
        fs::metadata(self.0.join("notes.db")).unwrap();
        all
    }

    fn round_ms(&self) -> usize {
        400
    }

    fn removable(&self) -> i64 {
        10
    }
}
