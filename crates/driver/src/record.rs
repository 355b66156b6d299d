//! Instance records: what was started, written before and after it is, so that it is found again by
//! whoever comes after a crash.
//!
//! One JSON file per instance, `instances/<service>/<release>@<host>_<port>.json`. The address is part
//! of the name because a rehearsal runs the same release a second time beside the one that serves. A
//! file is written to a temporary name, flushed to the disk and renamed, and its folder is flushed: a
//! reader never sees half of it. Only its owner may read it: it holds the release's environment.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use portcullis_rollout::{CutOff, Launch};
use serde::{Deserialize, Serialize};

use crate::bounds::{RECORD_BYTES_MAX, STOPPED_RECORDS_KEPT};
use crate::instance::{Instance, InstanceState};
use crate::process_table::{ProcessId, boot_id, living, members};

/// The ending of the file of a live instance.
const LIVE: &str = ".json";
/// The ending of the file of an instance that was stopped.
const STOPPED: &str = ".stopped";

/// Names an instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct InstanceKey {
    pub(crate) service: String,
    pub(crate) release: String,
    pub(crate) address: String,
}

/// What is written down about an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The random text that its processes carry in their environment.
    pub(crate) marker: String,
    /// The run of the system in which it was started.
    pub(crate) boot_id: String,
    /// Its process; `None` before it is started.
    pub(crate) process: Option<ProcessId>,
    /// When its process was started last, milliseconds since the Unix epoch.
    pub(crate) started_at_ms: u64,
    /// How often it was restarted after it had exited by itself.
    pub(crate) restarts: u32,
    /// How its process ended last.
    pub(crate) last_end: Option<String>,
    pub(crate) state: InstanceState,
    /// Whether it is restarted when it exits by itself.
    pub(crate) supervised: bool,
    /// All that is needed to start it again.
    pub(crate) launch: Launch,
}

/// The folder of instance records.
#[derive(Debug)]
pub(crate) struct Records {
    folder: PathBuf,
}

/// A record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("{} could not be read or written", file.display())]
    File {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is damaged; see what runs at the address in its name, then remove it", file.display())]
    Damaged {
        file: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

impl Record {
    pub(crate) fn key(&self) -> InstanceKey {
        InstanceKey::of_launch(&self.launch)
    }

    /// The recorded process, if it lives; one of an earlier run of the system does not.
    pub(crate) fn living_process(&self) -> io::Result<Option<ProcessId>> {
        let Some(process) = self.process else {
            return Ok(None);
        };
        Ok((self.boot_id == boot_id()? && living(process).is_some()).then_some(process))
    }

    /// The recorded process if it lives, or else one that carries the marker: it was started but
    /// Portcullis was killed before it could write that down.
    pub(crate) fn any_process(&self) -> io::Result<Option<ProcessId>> {
        if let Some(process) = self.living_process()? {
            return Ok(Some(process));
        }
        let found = members(&self.marker, None)?;
        let leader = found.iter().find(|found| found.session == found.id.pid);
        Ok(leader.or(found.first()).map(|found| found.id))
    }

    pub(crate) fn instance(&self) -> Instance {
        let living = self.living_process().ok().flatten();
        Instance {
            service: self.launch.service.clone(),
            release: self.launch.release.clone(),
            address: self.launch.target.address.clone(),
            pid: living.and_then(|process| u32::try_from(process.pid).ok()),
            started_at_ms: self.started_at_ms,
            restarts: self.restarts,
            last_end: self.last_end.clone(),
            state: self.state,
        }
    }
}

impl InstanceKey {
    pub(crate) fn of_launch(launch: &Launch) -> InstanceKey {
        InstanceKey {
            service: launch.service.to_string(),
            release: launch.release.to_string(),
            address: launch.target.address.clone(),
        }
    }

    pub(crate) fn of_cut_off(order: &CutOff) -> InstanceKey {
        InstanceKey {
            service: order.service.to_string(),
            release: order.release.to_string(),
            address: order.target.address.clone(),
        }
    }

    /// The part of its files' names that tells it from other instances of the service.
    pub(crate) fn stem(&self) -> String {
        format!(
            "{}@{}",
            file_name(&self.release),
            file_name(&self.address).replace("%3A", "_")
        )
    }

    /// The name of its service's folder.
    pub(crate) fn service_folder(&self) -> String {
        file_name(&self.service)
    }
}

impl Records {
    /// The records in `folder`, which is made if need be.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Records> {
        make_private(&folder)?;
        Ok(Records { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn load(&self, key: &InstanceKey) -> Result<Option<Record>, RecordError> {
        read(&self.file(key, LIVE))
    }

    /// Writes a record so that it survives a power cut, or fails and leaves the old one.
    pub(crate) fn save(&self, record: &Record) -> Result<(), RecordError> {
        let file = self.file(&record.key(), LIVE);
        write(&file, record).map_err(|source| file_error(&file, source))
    }

    /// Sets the record of a stopped instance aside, where it shows what ran.
    pub(crate) fn set_aside(&self, key: &InstanceKey) -> Result<(), RecordError> {
        let (live, stopped) = (self.file(key, LIVE), self.file(key, STOPPED));
        match fs::rename(&live, &stopped).and_then(|()| flush_folder(&live)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(file_error(&live, source)),
        }
        if let Some(folder) = stopped.parent() {
            prune(folder);
        }
        Ok(())
    }

    /// Every record of a live instance; damaged ones are errors of their own.
    pub(crate) fn all(&self) -> Result<Vec<Result<Record, RecordError>>, RecordError> {
        let mut records = Vec::new();
        for service in entries(&self.folder)? {
            if !service.is_dir() {
                continue;
            }
            for file in entries(&service)? {
                if file.to_string_lossy().ends_with(LIVE) {
                    records.extend(read(&file).transpose());
                }
            }
        }
        Ok(records)
    }

    fn file(&self, key: &InstanceKey, ending: &str) -> PathBuf {
        self.folder
            .join(key.service_folder())
            .join(format!("{}{ending}", key.stem()))
    }
}

/// Makes a folder that only its owner may enter, with those above it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// A text as one part of a path: everything but ASCII letters, digits and `._-` is percent-encoded, and
/// so is a leading dot.
pub(crate) fn file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => name.push_str("%2E"),
            b'.' | b'-' | b'_' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

fn read(file: &Path) -> Result<Option<Record>, RecordError> {
    let opened = match fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error(file, source)),
    };
    let mut bytes = Vec::new();
    let read = opened.take(RECORD_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|source| file_error(file, source))?;
    match serde_json::from_slice(&bytes) {
        Ok(record) => Ok(Some(record)),
        Err(source) => Err(RecordError::Damaged {
            file: file.to_owned(),
            source,
        }),
    }
}

fn write(file: &Path, record: &Record) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    // The temporary file is made with mode 0600.
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(&serde_json::to_vec_pretty(record)?)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    flush_folder(file)
}

/// A rename is on the disk once its folder is.
fn flush_folder(file: &Path) -> io::Result<()> {
    fs::File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Removes the oldest records of stopped instances. What cannot be removed does no harm.
fn prune(folder: &Path) {
    let Ok(files) = entries(folder) else { return };
    let stopped = files
        .into_iter()
        .filter(|file| file.to_string_lossy().ends_with(STOPPED));
    let age = |file: PathBuf| Some((fs::metadata(&file).ok()?.modified().ok()?, file));
    let mut stopped: Vec<_> = stopped.filter_map(age).collect();
    stopped.sort();
    let surplus = stopped.len().saturating_sub(STOPPED_RECORDS_KEPT);
    for (_, file) in stopped.into_iter().take(surplus) {
        let _ = fs::remove_file(file);
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            files.push(entry?.path());
        }
        files.sort();
        Ok(files)
    };
    list().map_err(|source| file_error(folder, source))
}

fn file_error(file: &Path, source: io::Error) -> RecordError {
    RecordError::File {
        file: file.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
