//! Making a base backup, reading one back, and removing what no base backup needs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::base::{BASE_ARCHIVE, BASE_DAMAGED, BASE_NOTE, BASE_SUMS, BASES};
use super::base_content::{self, BaseContent, BaseUnread};
use super::inventory::Inventory;
use super::segment_file;
use super::{ArchiveIdentity, BaseBackup, ContinuousArchive, ContinuousProblem, ContinuousSource};
use crate::BackupError;
use crate::bounds::COMPRESSION_LEVEL;
use crate::durable::{PrivateFolder, TEMPORARY_PREFIX, forget_cached, replace, sync_folder};
use crate::hashing::{HashingReader, HashingWriter};
use crate::postgres::session::Session;
use crate::postgres::tools::Tools;
use crate::vault::failed_to;

/// What is asked of a server for a base backup: the superuser's name, the clock, and a setting that a recovery needs.
type Asked = (String, i64, String);
const ASK: &str = "SELECT (SELECT rolname::text FROM pg_roles WHERE oid = 10), \
     (extract(epoch FROM clock_timestamp()) * 1000000)::int8, current_setting('max_prepared_transactions')";

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContinuousPruned {
    /// The names of the base backups.
    pub bases: Vec<String>,
    /// How many segments.
    pub segments: u64,
    /// How many bytes were freed.
    pub bytes: u64,
}

/// What a server says before and after it is copied.
struct Surroundings {
    identity: ArchiveIdentity,
    server: String,
    superuser: String,
    prepared_max: u32,
    started_at: Timestamp,
    stopped_at: Timestamp,
}

impl ContinuousArchive {
    /// Copies the whole cluster and reads the copy back. `now` names it. It can be recovered from as soon as the archive
    /// has the write-ahead log of the time in which it was made.
    ///
    /// # Errors
    /// [`BackupError::Continuous`] with what is in the way or what was read back wrongly, [`BackupError::Vault`]. Nothing
    /// is left behind then.
    pub fn take_base(
        &self,
        source: &ContinuousSource,
        now: Timestamp,
        stop: &AtomicBool,
    ) -> Result<BaseBackup, BackupError> {
        let bases = self.root().join(BASES);
        let id = BaseBackup::id_at(now);
        let target = BaseBackup::folder(self.root(), &id);
        if target.exists() {
            return Err(failed_to(
                "make another base backup within a second at",
                &target,
                io::Error::from(io::ErrorKind::AlreadyExists),
            ));
        }
        let _copying = self.lock_copying()?;
        self.clear_bases(&bases)?;
        let unfinished = PrivateFolder::new(&bases, TEMPORARY_PREFIX)
            .map_err(|error| failed_to("create a folder in", &bases, error))?;
        let lost = |problem| self.failed(ContinuousProblem::Postgres(problem));
        let path = unfinished.path().join(BASE_ARCHIVE);
        let copying = self.copy_cluster(source, &path, stop);
        let (around, written) = crate::postgres::blocking_with(copying, lost)?;
        let content = self.read_back(&path, Some(&written.1), None)?;
        let base = BaseBackup {
            id,
            system_identifier: around.identity.system_identifier,
            server: around.server,
            major: around.identity.major,
            segment_bytes: around.identity.segment_bytes,
            timeline: content.timeline,
            start_lsn: content.start_lsn,
            stop_lsn: content.stop_lsn,
            started_at: around.started_at,
            stopped_at: around.stopped_at,
            superuser: around.superuser,
            prepared_max: around.prepared_max,
            files: content.files,
            data_bytes: content.data_bytes,
            bytes: written.0,
            sha256: written.1,
            damaged: None,
        };
        self.place(&base, unfinished.path(), &target)?;
        // It has another name now.
        drop(unfinished);
        Ok(base)
    }

    /// Writes what is known of it, and gives its folder the name by which it counts.
    fn place(&self, base: &BaseBackup, from: &Path, to: &Path) -> Result<(), BackupError> {
        let failed = |doing, path: &Path, error| failed_to(doing, path, error);
        let note = serde_json::to_vec_pretty(base)
            .map_err(|error| failed("write", to, io::Error::from(error)))?;
        let note_path = from.join(BASE_NOTE);
        replace(&note_path, &note).map_err(|error| failed("write", &note_path, error))?;
        let sums = base.sums(&note);
        let sums_path = from.join(BASE_SUMS);
        replace(&sums_path, sums.as_bytes()).map_err(|error| failed("write", &sums_path, error))?;
        sync_folder(from).map_err(|error| failed("sync", from, error))?;
        fs::rename(from, to).map_err(|error| failed("rename", to, error))?;
        let bases = self.root().join(BASES);
        sync_folder(&bases).map_err(|error| failed("sync", &bases, error))
    }

    async fn copy_cluster(
        &self,
        source: &ContinuousSource,
        path: &Path,
        stop: &AtomicBool,
    ) -> Result<(Surroundings, (u64, String)), BackupError> {
        let told = |problem: ContinuousProblem| self.failed(problem);
        let mut session = Session::open(&source.address)
            .await
            .map_err(|problem| told(problem.into()))?;
        let identity = source.identify(&mut session).await.map_err(told)?;
        let known = self.identity()?;
        if known.system_identifier != identity.system_identifier {
            return Err(told(ContinuousProblem::OtherCluster {
                folder: self.root().display().to_string(),
                expected: known.system_identifier,
                found: identity.system_identifier,
            }));
        }
        let (superuser, started_at, prepared_max) = ask(&mut session).await.map_err(told)?;
        let written = self.stream_base(source, session.major, path, stop).await?;
        let (_, stopped_at, _) = ask(&mut session).await.map_err(told)?;
        let server = session.version.clone();
        session.close().await;
        let around = Surroundings {
            identity,
            server,
            superuser,
            prepared_max,
            started_at,
            stopped_at,
        };
        Ok((around, written))
    }

    /// Writes what `pg_basebackup` sends to a compressed file; returns its length and SHA-256.
    async fn stream_base(
        &self,
        source: &ContinuousSource,
        major: u32,
        path: &Path,
        stop: &AtomicBool,
    ) -> Result<(u64, String), BackupError> {
        let told = |problem: ContinuousProblem| self.failed(problem);
        let tool = Tools::installed()
            .find("pg_basebackup", major, "the server")
            .await
            .map_err(|problem| told(problem.into()))?;
        // The log comes by the stream, which has a slot.
        let arguments: Vec<OsString> = [
            "--pgdata=-",
            "--format=tar",
            "--wal-method=none",
            "--checkpoint=fast",
            "--manifest-checksums=SHA256",
            "--label=portcullis",
            "--no-password",
        ]
        .map(OsString::from)
        .to_vec();
        let writing = |error| failed_to("write", path, error);
        let file = File::create_new(path).map_err(writing)?;
        let hashing = HashingWriter::new(file);
        let mut encoder = zstd::Encoder::new(hashing, COMPRESSION_LEVEL).map_err(writing)?;
        encoder.include_checksum(true).map_err(writing)?;
        let mut failure = None;
        let streamed = tool
            .stream(&arguments, &source.address, |chunk| {
                if stop.load(Ordering::Relaxed) {
                    failure = Some(told(ContinuousProblem::Stopped));
                } else if let Err(error) = encoder.write_all(chunk) {
                    failure = Some(writing(error));
                }
                failure.is_none()
            })
            .await;
        if let Some(failure) = failure {
            return Err(failure);
        }
        streamed.map_err(|problem| told(problem.into()))?;
        let hashing = encoder.finish().map_err(writing)?;
        hashing.inner.sync_all().map_err(writing)?;
        Ok((hashing.bytes, hashing.sha256()))
    }

    /// Reads the copy of a base backup to its end and compares each file with PostgreSQL's own manifest.
    pub(crate) fn read_back(
        &self,
        path: &Path,
        sha256: Option<&str>,
        to: Option<&Path>,
    ) -> Result<BaseContent, BackupError> {
        let reading = |error| failed_to("read", path, error);
        let damaged = |why: String| {
            self.failed(ContinuousProblem::Damaged {
                file: self.below(path),
                why,
            })
        };
        let file = File::open(path).map_err(reading)?;
        forget_cached(&file);
        let mut hashing = HashingReader::new(file);
        let content = {
            let decoder = zstd::Decoder::new(&mut hashing).map_err(reading)?;
            let mut decoder = io::BufReader::new(decoder);
            let content = base_content::read(&mut decoder, to);
            // What tar leaves over, and what follows.
            let rest = io::copy(&mut decoder.by_ref(), &mut io::sink());
            content.and_then(|content| match rest {
                Ok(_) => Ok(content),
                Err(error) => Err(BaseUnread::Wrong(error.to_string())),
            })
        };
        if let Err(BaseUnread::Write(target, error)) = content {
            return Err(BackupError::Target {
                doing: "write",
                path: target,
                source: error,
            });
        }
        crate::hashing::drain(&mut hashing).map_err(reading)?;
        let found = hashing.sha256();
        if let Some(wanted) = sha256.filter(|wanted| *wanted != found) {
            return Err(damaged(format!(
                "its SHA-256 is {found}, and it was {wanted}"
            )));
        }
        content.map_err(|unread| match unread {
            BaseUnread::Read(error) => reading(error),
            BaseUnread::Wrong(why) => damaged(why),
            BaseUnread::Write(target, error) => failed_to("write", &target, error),
        })
    }

    /// A path of the archive, for people.
    pub(crate) fn below(&self, path: &Path) -> String {
        let below = path.strip_prefix(self.root()).unwrap_or(path);
        below.display().to_string()
    }

    /// Notes that a base backup is damaged, so that nobody recovers from it.
    pub(crate) fn note_damage(&self, base: &BaseBackup, why: &str) -> Result<(), BackupError> {
        let path = BaseBackup::folder(self.root(), &base.id).join(BASE_DAMAGED);
        replace(&path, why.as_bytes()).map_err(|error| failed_to("write", &path, error))
    }

    /// Removes base backups but the `keep` newest that can be recovered from, and the log that none of the rest needs.
    /// If none can be recovered from, nothing is removed. While somebody reads the archive, nothing is either.
    ///
    /// # Errors
    /// [`BackupError::Vault`], and [`ContinuousProblem::Busy`] while somebody reads.
    pub fn prune(&self, keep: u32) -> Result<ContinuousPruned, BackupError> {
        let _alone = self.lock_removing()?;
        let all = self.bases()?;
        let survey = self.survey()?;
        let chain = survey.chain();
        let bases = survey.bases.iter();
        let supported: Vec<&BaseBackup> = bases.filter(|base| chain.supports(base)).collect();
        let first_kept = supported.len().saturating_sub(keep.max(1) as usize);
        let Some(oldest) = supported.get(first_kept) else {
            return Ok(ContinuousPruned::default());
        };
        let mut pruned = ContinuousPruned::default();
        for base in all.iter().filter(|base| base.start_lsn < oldest.start_lsn) {
            self.remove_base(base)?;
            pruned.bytes += base.bytes;
            pruned.bases.push(base.id.clone());
        }
        let first = oldest.first_segment().number;
        // With what was found damaged.
        let bytes = survey.identity.segment_bytes;
        let inventory = Inventory::read(self.root(), bytes, &BTreeMap::new())?;
        let old = inventory
            .segments
            .iter()
            .filter(|(segment, file)| segment.number < first && file.sealed);
        for (_, file) in old {
            segment_file::remove(&file.path)?;
            pruned.segments += 1;
            pruned.bytes += file.bytes;
        }
        Ok(pruned)
    }

    fn remove_base(&self, base: &BaseBackup) -> Result<(), BackupError> {
        let folder = BaseBackup::folder(self.root(), &base.id);
        let failed = |error| failed_to("remove", &folder, error);
        // With that name it counts as none, and is cleared away with what was not finished if this is killed.
        let bases = self.root().join(BASES);
        let going = bases.join(format!("{TEMPORARY_PREFIX}{}", base.id));
        fs::rename(&folder, &going).map_err(failed)?;
        sync_folder(&bases).map_err(failed)?;
        remove_folder(&going)
    }

    /// Removes what killed processes left unfinished. The caller has the right to receive alone.
    pub(crate) fn clear_unfinished(&self, segment_bytes: u64) -> Result<(), BackupError> {
        let log = self.root().join(segment_file::LOG);
        for path in files_in(&log)? {
            if segment_file::file_name(&path).starts_with(TEMPORARY_PREFIX) {
                segment_file::remove(&path)?;
            }
        }
        // `pg_receivewal` makes a file as long as a segment before it writes to it, and refuses one that is shorter.
        for path in files_in(&self.root().join(segment_file::INCOMING))? {
            let is_partial = segment_file::file_name(&path).ends_with(".partial");
            let length = fs::metadata(&path).map(|metadata| metadata.len());
            if is_partial && length.is_ok_and(|length| length != segment_bytes) {
                segment_file::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes copies of the cluster that killed processes left unfinished.
    fn clear_bases(&self, bases: &Path) -> Result<(), BackupError> {
        for path in files_in(bases)? {
            if segment_file::file_name(&path).starts_with(TEMPORARY_PREFIX) {
                remove_folder(&path)?;
            }
        }
        Ok(())
    }
}

/// Removes a folder. That somebody else does is no failure.
fn remove_folder(folder: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to("remove", folder, error))
        }
        _ => Ok(()),
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let failed = |error| failed_to("list", folder, error);
    let listing = fs::read_dir(folder).map_err(failed)?;
    listing
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

async fn ask(session: &mut Session) -> Result<(String, Timestamp, u32), ContinuousProblem> {
    let rows: Vec<Asked> = session.rows("look at the server", ASK, &[]).await?;
    let (superuser, clock, prepared) = rows.into_iter().next().unwrap_or_default();
    let clock = Timestamp::from_microsecond(clock).unwrap_or_default();
    Ok((superuser, clock, prepared.parse().unwrap_or(0)))
}
