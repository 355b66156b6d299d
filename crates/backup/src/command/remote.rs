//! A tool's store in the vault: what its commands write is packed, checked and put back.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::memory::RestoredNote;
use super::run::Run;
use super::{COPY_VARIABLE, CommandContent, CommandProblem, Commands, DATA, digest_of_word};
use crate::archive::ArchiveWriter;
use crate::bounds::COMMAND_ATTEMPTS;
use crate::capture::Unsettled;
use crate::durable::{
    PrivateFolder, TEMPORARY_PREFIX, folder_of, place, sync_folder, temporary_file,
};
use crate::manifest::StoreManifest;
use crate::on_disk::{OnDisk, Shape};
use crate::remote::{InBackup, Remote, RemoteExamined};
use crate::since::Since;
use crate::vault::{Turn, exists, failed_to};
use crate::{BackupError, Kept, Replaced, StoreKind, StoreSize};

/// Part of the name of replaced data: to the millisecond.
const KEPT_TIME_FORMAT: &str = "%Y%m%dT%H%M%S.%3fZ";

impl Remote for Commands<'_> {
    /// The same program may back up many stores; each has a note of its own.
    fn turn(&self) -> String {
        self.commands.memory.display().to_string()
    }

    fn size(&self) -> Result<StoreSize, BackupError> {
        self.bytes()
    }

    fn examine(&self) -> Result<(), BackupError> {
        self.programs()
    }

    fn can_be_replaced(&self, _backup: &InBackup<'_>) -> Result<(), BackupError> {
        self.can_restore()
    }

    fn live_digest(&self) -> Result<String, BackupError> {
        if let Some(word) = self.word()? {
            return Ok(digest_of_word(&word));
        }
        if self.commands.repeats {
            return self.output_digest();
        }
        let known = self.memory().read()?.restored;
        let why = match known {
            Some(RestoredNote {
                digest,
                ended: true,
                ..
            }) => return Ok(digest),
            Some(RestoredNote { backup, at, .. }) => {
                format!("its restore command did not end when {backup} was put back at {at}")
            }
            None => "nothing was put back since the last backup".to_owned(),
        };
        Err(self.failed(CommandProblem::NothingKnown { why }))
    }

    fn capture(
        &self,
        archive: &mut ArchiveWriter,
        vault: &Path,
    ) -> Result<StoreManifest, Unsettled> {
        // What is being put back is half of each, and only the tool could tell.
        let turn = Turn::to_read(vault, &self.turn());
        let _turn = turn.map_err(|source| failed_to("lock", vault, source))?;
        let private = PrivateFolder::new(vault, TEMPORARY_PREFIX)
            .map_err(|source| failed_to("create a folder in", vault, source))?;
        let folder = private.path().join(self.store);
        fs::create_dir(&folder).map_err(|source| failed_to("create", &folder, source))?;
        let (bytes, word) = self.steady(&folder.join(DATA))?;
        let on_disk = OnDisk {
            name: self.store.to_owned(),
            shape: Shape::Directory,
            path: folder,
        };
        let mut manifest = crate::capture::capture(&on_disk, Some(archive))?;
        manifest.kind = StoreKind::Command;
        manifest.command = Some(CommandContent {
            program: self.commands.backup.first().cloned().unwrap_or_default(),
            word,
        });
        manifest.digest = manifest.content_digest();
        if self.commands.copy.is_none() {
            self.memory().backed_up(bytes)?;
        }
        Ok(manifest)
    }

    fn since(&self, _wanted: &StoreManifest) -> Result<Since, BackupError> {
        Err(self.failed(CommandProblem::CannotCount))
    }

    fn leftovers(&self) -> Result<Vec<String>, BackupError> {
        // A copy is a folder, which goes with the folder that it is in.
        self.memory().left()
    }

    fn drop_copy(&self) -> Result<(), BackupError> {
        Ok(())
    }

    fn restore_copy(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        let Some(copy) = &self.commands.copy else {
            return Err(self.failed(CommandProblem::NoCopies));
        };
        if exists(copy)? {
            return Err(BackupError::TargetExists { path: copy.clone() });
        }
        let staged = backup.unpack()?;
        let made = fs::create_dir_all(copy);
        made.map_err(|source| failed_to("create", copy, source))?;
        let restored = self.restore_from(&staged.data().join(DATA), backup.turn);
        let restored = restored.and_then(|()| match self.is_empty(copy)? {
                true => Err(self.failed(CommandProblem::Failed {
                    what: "restore",
                    end: "exited with code 0".to_owned(),
                    said: format!(
                        " and put nothing into {}: it must heed {COPY_VARIABLE}, or it worked on live data",
                        copy.display()
                    ),
                })),
                false => Ok(()),
        });
        if restored.is_err() {
            // What stays is cleared away with the folder that it is in.
            let _ = fs::remove_dir_all(copy);
        }
        restored
    }

    fn replace(&self, backup: &InBackup<'_>, now: Timestamp) -> Result<Replaced, BackupError> {
        let digest = &backup.wanted.digest;
        let replaced = |kept| Replaced {
            kept: Some(kept),
            digest: digest.clone(),
            owners_not_set: 0,
            attributes_not_set: 0,
            folders_made: Vec::new(),
        };
        let mut note = RestoredNote {
            backup: backup.name.clone(),
            digest: digest.clone(),
            at: now,
            ended: false,
        };
        let memory = self.memory();
        memory.clear();
        let noted = memory.read()?;
        let path = self.kept_path(now);
        let kept = match self.before(&note, noted.restored.as_ref(), &path)? {
            Before::Done => return Ok(replaced(Kept::Output(path))),
            Before::Taken => return Err(BackupError::KeptNameTaken { path }),
            Before::CutOff => Some(Kept::Output(path.clone())),
            Before::Nothing => None,
        };
        self.can_restore()?;
        let staged = backup.unpack()?;
        // Before anything is touched: a restore that is cut off must not pass for one that was done, nor for none.
        memory.restored(note.clone())?;
        let kept = kept.map_or_else(|| self.keep(path), Ok);
        let kept = kept.inspect_err(|_| {
            // Nothing was touched. If even this fails, it passes for one that was cut off, which is no harm.
            let _ = memory.write(&noted);
        })?;
        if let Err(error) = self.restore_from(&staged.data().join(DATA), backup.turn) {
            return Err(self.failed(CommandProblem::HalfRestored {
                why: why(error),
                kept: kept.to_string(),
            }));
        }
        let after = |error| self.failed_after(error, &kept);
        let found = self.found_after(backup.wanted).map_err(after)?;
        if let Some(found) = found.filter(|found| found != digest) {
            return Err(self.failed(CommandProblem::NotRestored {
                expected: digest.clone(),
                found,
                kept: kept.to_string(),
            }));
        }
        note.ended = true;
        memory.restored(note).map_err(after)?;
        Ok(replaced(kept))
    }

    fn examine_copy(&self, wanted: &StoreManifest) -> Result<RemoteExamined, BackupError> {
        let (digest, check) = match (&self.commands.digest, self.commands.repeats) {
            (None, false) => (
                wanted.digest.clone(),
                "the restore command ended with code 0; nobody can tell what is in the copy",
            ),
            (Some(_), _) => (self.live_digest()?, "the word of the digest command"),
            (None, true) => (
                self.live_digest()?,
                "what the backup command writes: SHA-256",
            ),
        };
        Ok(RemoteExamined {
            digest,
            rows: None,
            checks: vec![check.to_owned()],
        })
    }
}

/// What earlier calls with the same time have left.
enum Before {
    /// Nothing.
    Nothing,
    /// What was there is kept, and what is there now may be half restored.
    CutOff,
    /// Everything is done.
    Done,
    /// What another restore of the same time replaced, or this one, and something was written since.
    Taken,
}

impl Commands<'_> {
    /// Has the data written to `path`, again if the content changed meanwhile, as far as that can be told. Gives its
    /// size, and the word for its content.
    fn steady(&self, path: &Path) -> Result<(u64, Option<String>), BackupError> {
        let mut changed = None;
        for _ in 0..COMMAND_ATTEMPTS {
            let before = self.word()?;
            let (bytes, _) = self.write_to(path)?;
            let after = self.word()?;
            match (before, after) {
                (before, after) if before == after => return Ok((bytes, after)),
                words => changed = Some(words),
            }
            fs::remove_file(path).map_err(|source| failed_to("remove", path, source))?;
        }
        let (before, after) = changed.unwrap_or_default();
        Err(self.failed(CommandProblem::Changing {
            before: before.unwrap_or_default(),
            after: after.unwrap_or_default(),
        }))
    }

    fn restore_from(&self, data: &Path, turn: Option<&Turn>) -> Result<(), BackupError> {
        let opened = fs::File::open(data);
        let input = opened.map_err(|source| failed_to("read", data, source))?;
        let restore = &self.commands.restore;
        let run = Run {
            what: "restore",
            argv: restore,
            commands: self.commands,
            turn,
        };
        let ended = run.to_end(Some(input), super::Output::Nothing);
        ended.map_err(|problem| self.failed(problem))
    }

    /// The digest of what was put back; None if nobody can tell it, or not by what the backup has.
    fn found_after(&self, wanted: &StoreManifest) -> Result<Option<String>, BackupError> {
        let has_word = wanted
            .command
            .as_ref()
            .is_some_and(|content| content.word.is_some());
        if has_word && self.commands.digest.is_some() {
            return self.live_digest().map(Some);
        }
        if !self.commands.repeats {
            return Ok(None);
        }
        let found = self.output_digest()?;
        let is_equal = wanted
            .files
            .first()
            .is_some_and(|data| data.sha256 == found);
        Ok(Some(match is_equal {
            true => wanted.digest.clone(),
            false => found,
        }))
    }

    /// An error after the data was replaced: whoever reads it must know that, and where the old data is.
    fn failed_after(&self, error: BackupError, kept: &Kept) -> BackupError {
        self.failed(CommandProblem::FailedAfter {
            why: why(error),
            kept: kept.to_string(),
        })
    }

    fn kept_path(&self, now: Timestamp) -> PathBuf {
        let mut path = OsString::from(self.commands.memory.with_extension(""));
        path.push(format!(".replaced-{}", now.strftime(KEPT_TIME_FORMAT)));
        path.into()
    }

    /// What earlier calls with the same time have left: the note of one that was cut off is there until another one
    /// begins.
    fn before(
        &self,
        wanted: &RestoredNote,
        noted: Option<&RestoredNote>,
        kept: &Path,
    ) -> Result<Before, BackupError> {
        if !exists(kept)? {
            return Ok(Before::Nothing);
        }
        let same = noted.filter(|note| note.at == wanted.at && note.backup == wanted.backup);
        if same.is_some_and(|note| !note.ended) {
            return Ok(Before::CutOff);
        }
        // Nobody knows better than the note; else what is there now may have been written since.
        let is_done = match self.tell_content() {
            true => self.live_digest().is_ok_and(|found| found == wanted.digest),
            false => same.is_some(),
        };
        Ok(match is_done {
            true => Before::Done,
            false => Before::Taken,
        })
    }

    /// Keeps what the backup command says of the state before at `path`. A store that its tool cannot read any more must be
    /// put back all the same: then nothing is kept, and that is said.
    fn keep(&self, path: PathBuf) -> Result<Kept, BackupError> {
        let memory = self.memory();
        let failed = |error: io::Error| memory.failed("written", error.to_string());
        memory.make_folder().map_err(failed)?;
        // Whatever becomes of it, it goes when this ends, or when the next one finds that nobody holds it any more.
        let mut unfinished = temporary_file(folder_of(&path)).map_err(failed)?;
        let at = unfinished.path().to_owned();
        match self.write_into(unfinished.as_file_mut(), &at) {
            Ok(_) => {}
            Err(BackupError::Command { problem, .. })
                if !matches!(
                    *problem,
                    CommandProblem::NoRoom { .. } | CommandProblem::NotWritten { .. }
                ) =>
            {
                return Ok(Kept::Nothing(problem.to_string()));
            }
            Err(error) => return Err(error),
        }
        let kept = place(unfinished, &path).and_then(|()| sync_folder(folder_of(&path)));
        kept.map_err(failed)?;
        Ok(Kept::Output(path))
    }

    fn is_empty(&self, folder: &Path) -> Result<bool, BackupError> {
        let listed = fs::read_dir(folder);
        let mut listed = listed.map_err(|source| failed_to("list", folder, source))?;
        Ok(listed.next().is_none())
    }
}

/// An error without the name of the store, which stands before it already.
fn why(error: BackupError) -> String {
    match error {
        BackupError::Command { problem, .. } => problem.to_string(),
        other => other.to_string(),
    }
}
