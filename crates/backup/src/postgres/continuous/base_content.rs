//! Reading the tar archive of a base backup, with what `backup_manifest` says of each file.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::Lsn;
use crate::bounds::{BASE_DAMAGES_MAX, BASE_MANIFEST_BYTES_MAX};
use crate::hashing::{CopyFailed, HashingReader, copy};

/// PostgreSQL's own list of the files of a base backup.
const MANIFEST: &str = "backup_manifest";
/// Where a recovery begins.
const LABEL: &str = "backup_label";

/// What was found in a base backup.
#[derive(Debug)]
pub(crate) struct BaseContent {
    pub(crate) timeline: u32,
    pub(crate) start_lsn: Lsn,
    pub(crate) stop_lsn: Lsn,
    pub(crate) files: u64,
    pub(crate) data_bytes: u64,
}

/// Why a base backup cannot be read.
#[derive(Debug)]
pub(crate) enum BaseUnread {
    Read(io::Error),
    /// A copy could not be written there.
    Write(PathBuf, io::Error),
    /// It is not what it should be.
    Wrong(String),
}

/// A manifest of `pg_basebackup`: PostgreSQL manual, "Backup Manifest Format".
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PgManifest {
    files: Vec<PgFile>,
    #[serde(rename = "WAL-Ranges")]
    wal_ranges: Vec<PgRange>,
    #[serde(rename = "Manifest-Checksum")]
    checksum: String,
}

#[derive(Debug, Deserialize)]
struct PgFile {
    #[serde(rename = "Path")]
    path: Option<String>,
    /// For names that are no UTF-8.
    #[serde(rename = "Encoded-Path")]
    encoded: Option<String>,
    #[serde(rename = "Size")]
    size: u64,
    #[serde(rename = "Checksum-Algorithm")]
    algorithm: Option<String>,
    #[serde(rename = "Checksum")]
    checksum: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PgRange {
    #[serde(rename = "Timeline")]
    timeline: u32,
    #[serde(rename = "Start-LSN")]
    start: Lsn,
    #[serde(rename = "End-LSN")]
    end: Lsn,
}

/// Reads a tar archive to its end, compares each file with the manifest that is the last one in it, and unpacks it to a
/// folder that exists, if one is given.
pub(crate) fn read(from: &mut dyn Read, to: Option<&Path>) -> Result<BaseContent, BaseUnread> {
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let (mut manifest, mut label) = (None, false);
    let mut archive = Archive::new(from);
    let entries = archive.entries().map_err(wrong)?;
    for entry in entries {
        let mut entry = entry.map_err(wrong)?;
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8_lossy(&name).into_owned();
        let path = inner(&name).ok_or_else(|| {
            BaseUnread::Wrong(format!("{name:?} in it would lie outside of the folder"))
        })?;
        let target = to.map(|to| to.join(&path));
        match entry.header().entry_type() {
            EntryType::Directory => {
                if let Some(target) = target {
                    make_folder(&target).map_err(|error| BaseUnread::Write(target, error))?;
                }
            }
            EntryType::Regular | EntryType::Continuous if name == MANIFEST => {
                let mut bytes = Vec::new();
                let limited = (&mut entry).take(BASE_MANIFEST_BYTES_MAX);
                { limited }.read_to_end(&mut bytes).map_err(wrong)?;
                if let Some(target) = target {
                    let written = create(&target).and_then(|mut file| file.write_all(&bytes));
                    written.map_err(|error| BaseUnread::Write(target, error))?;
                }
                manifest = Some(bytes);
            }
            EntryType::Regular | EntryType::Continuous => {
                label |= name == LABEL;
                let mut hashing = HashingReader::new(&mut entry);
                take(&mut hashing, target)?;
                found.insert(name, (hashing.bytes, hashing.sha256()));
            }
            // Other tablespaces are links.
            _ => {
                let why = format!("{name:?} in it is neither a file nor a folder");
                return Err(BaseUnread::Wrong(why));
            }
        }
    }
    if !label {
        return Err(BaseUnread::Wrong(format!("it has no {LABEL}")));
    }
    let manifest = manifest.ok_or_else(|| BaseUnread::Wrong(format!("it has no {MANIFEST}")))?;
    compare(&manifest, &found).map_err(BaseUnread::Wrong)
}

fn take(from: &mut dyn Read, target: Option<PathBuf>) -> Result<(), BaseUnread> {
    let Some(target) = target else {
        return crate::hashing::drain(from).map_err(wrong);
    };
    let written = |error| BaseUnread::Write(target.clone(), error);
    let mut file = create(&target).map_err(written)?;
    copy(from, &mut file).map_err(|failed| match failed {
        CopyFailed::Read(error) => wrong(error),
        CopyFailed::Write(error) => BaseUnread::Write(target.clone(), error),
    })
}

fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// What reading says is wrong: the decoders below say so of damage, and the disk of itself.
fn wrong(error: io::Error) -> BaseUnread {
    match error.raw_os_error() {
        Some(_) => BaseUnread::Read(error),
        None => BaseUnread::Wrong(error.to_string()),
    }
}

/// A path that stays within.
fn inner(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let parts = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir));
    let mut all = PathBuf::new();
    for part in parts {
        match part {
            Component::Normal(part) => all.push(part),
            _ => return None,
        }
    }
    Some(all)
}

fn compare(
    manifest: &[u8],
    found: &BTreeMap<String, (u64, String)>,
) -> Result<BaseContent, String> {
    let read: PgManifest = serde_json::from_slice(manifest)
        .map_err(|error| format!("its {MANIFEST} cannot be read: {error}"))?;
    if own_checksum(manifest).as_deref() != Some(read.checksum.as_str()) {
        return Err(format!("its {MANIFEST} was changed"));
    }
    let mut damages = Vec::new();
    let mut listed = 0;
    for file in &read.files {
        let Some(path) = file.path.clone().or_else(|| decoded(file.encoded.as_ref())) else {
            return Err(format!("its {MANIFEST} lists a file without a name"));
        };
        listed += 1;
        let sha256 = file.algorithm.as_deref() == Some("SHA256");
        match found.get(&path) {
            None => damages.push(format!("{path} is missing")),
            Some((size, digest)) => {
                let same = !sha256 || file.checksum.as_ref() == Some(digest);
                if *size != file.size || !same {
                    damages.push(format!("{path} is not what was copied"));
                }
            }
        }
        if damages.len() >= BASE_DAMAGES_MAX {
            break;
        }
    }
    if !damages.is_empty() {
        return Err(damages.join("; "));
    }
    let [range] = read.wal_ranges.as_slice() else {
        return Err(format!(
            "its {MANIFEST} names no write-ahead log, or that of several timelines: make another one"
        ));
    };
    Ok(BaseContent {
        timeline: range.timeline,
        start_lsn: range.start,
        stop_lsn: range.end,
        files: listed,
        data_bytes: found.values().map(|(bytes, _)| bytes).sum(),
    })
}

/// The SHA-256 of everything before the line with the checksum.
fn own_checksum(manifest: &[u8]) -> Option<String> {
    const LINE: &[u8] = b"\"Manifest-Checksum\"";
    let at = manifest.windows(LINE.len()).rposition(|it| it == LINE)?;
    Some(hex::encode(Sha256::digest(&manifest[..at])))
}

fn decoded(encoded: Option<&String>) -> Option<String> {
    let bytes = hex::decode(encoded?).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
