//! Files of write-ahead log in an archive: as they are received, and sealed.
//!
//! A segment that the server has filled is compressed, and its file gets the SHA-256 of what it holds then into its
//! name: `000000010000000000000003-SHA256.zst`. So name, content and checksum come into being by one rename, no list
//! beside them can disagree, and `restore_command = 'zstd -qdf VAULT/wal/%f-*.zst -o %p'` finds them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{ContinuousProblem, Lsn, Segment};
use crate::BackupError;
use crate::bounds::{COMPRESSION_LEVEL, WAL_FILE_BYTES_MAX};
use crate::durable::{forget_cached, place, sync_folder, temporary_file};
use crate::hashing::{CopyFailed, HashingReader, HashingWriter, copy};
use crate::vault::failed_to;

/// The folder of what is being received, in the archive. It is that of `pg_receivewal`.
pub(crate) const INCOMING: &str = "incoming";
/// The folder of what is sealed.
pub(crate) const LOG: &str = "wal";

const SHA256_DIGITS: usize = 64;

/// The parts of the name of a sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SealedName<'a> {
    /// What the file is called in the server.
    pub(crate) plain: &'a str,
    /// The SHA-256 of the file.
    pub(crate) sha256: &'a str,
}

impl<'a> SealedName<'a> {
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (plain, sha256) = name.strip_suffix(".zst")?.rsplit_once('-')?;
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (sha256.len() == SHA256_DIGITS && sha256.bytes().all(digits)).then_some(())?;
        Some(Self { plain, sha256 })
    }
}

/// Compresses a received file into the folder of sealed ones, durably. The time of the last change is kept: it says
/// when the segment was filled.
pub(crate) fn seal(from: &Path, name: &str, to: &Path) -> Result<PathBuf, BackupError> {
    let reading = |source| failed_to("read", from, source);
    let writing = |source| failed_to("write a segment to", to, source);
    let mut source = File::open(from).map_err(reading)?;
    let filled = source.metadata().and_then(|it| it.modified()).ok();
    let unfinished = temporary_file(to).map_err(writing)?;
    let hashing = HashingWriter::new(unfinished.as_file());
    let mut encoder = zstd::Encoder::new(hashing, COMPRESSION_LEVEL).map_err(writing)?;
    encoder.include_checksum(true).map_err(writing)?;
    copy(&mut source, &mut encoder).map_err(|failed| match failed {
        CopyFailed::Read(error) => reading(error),
        CopyFailed::Write(error) => writing(error),
    })?;
    let hashing = encoder.finish().map_err(writing)?;
    let sealed = to.join(format!("{name}-{}.zst", hashing.sha256()));
    if let Some(filled) = filled {
        let kept = unfinished.as_file().set_modified(filled);
        kept.map_err(writing)?;
    }
    match place(unfinished, &sealed) {
        // Sealed before, by a process that was killed before it could remove the received file.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        placed => placed.map_err(writing)?,
    }
    sync_folder(to).map_err(writing)?;
    Ok(sealed)
}

/// Reads a file, sealed or not, to its end and hands on what the server wrote. A sealed one must have the SHA-256 of its
/// name; says what is wrong else.
pub(crate) fn read(path: &Path, to: &mut dyn Write) -> Result<(), ReadFailed> {
    let name = path.file_name().and_then(|name| name.to_str());
    let sealed = SealedName::parse(name.unwrap_or_default());
    let file = File::open(path).map_err(ReadFailed::Read)?;
    forget_cached(&file);
    let Some(sealed) = sealed else {
        return hand_on(&mut file.take(WAL_FILE_BYTES_MAX), to);
    };
    let mut hashing = HashingReader::new(file);
    let outcome = match zstd::Decoder::new(&mut hashing) {
        Ok(decoder) => hand_on(&mut decoder.take(WAL_FILE_BYTES_MAX), to),
        Err(error) => Err(ReadFailed::Wrong(error.to_string())),
    };
    // What follows the compressed content counts too. The checksum says more than the decoder.
    crate::hashing::drain(&mut hashing).map_err(ReadFailed::Read)?;
    let found = hashing.sha256();
    if found != sealed.sha256 {
        if let Err(ReadFailed::Write(error)) = outcome {
            return Err(ReadFailed::Write(error));
        }
        return Err(ReadFailed::Wrong(format!(
            "its SHA-256 is {found}, which is not the one in its name"
        )));
    }
    outcome
}

/// Which side of reading failed.
#[derive(Debug)]
pub(crate) enum ReadFailed {
    Read(io::Error),
    Write(io::Error),
    /// It can be read, and is not what it should be.
    Wrong(String),
}

impl ReadFailed {
    /// As an error of the archive, for what is written to `to`.
    pub(crate) fn told(self, store: &str, path: &Path, to: &Path) -> BackupError {
        match self {
            Self::Read(error) => failed_to("read", path, error),
            Self::Write(error) => failed_to("write", to, error),
            Self::Wrong(why) => BackupError::Continuous {
                store: store.to_owned(),
                problem: Box::new(ContinuousProblem::Damaged {
                    file: file_name(path),
                    why,
                }),
            },
        }
    }
}

fn hand_on(from: &mut dyn Read, to: &mut dyn Write) -> Result<(), ReadFailed> {
    copy(from, to).map_err(|failed| match failed {
        // A decoder fails on damage.
        CopyFailed::Read(error) => ReadFailed::Wrong(error.to_string()),
        CopyFailed::Write(error) => ReadFailed::Write(error),
    })
}

/// The last part of a path, for people.
pub(crate) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What the first page of a segment says of itself: src/include/access/xlog_internal.h, XLogLongPageHeaderData.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FirstPage {
    timeline: u32,
    address: Lsn,
    system: u64,
    segment_bytes: u32,
}

/// What a written segment is read into, to look at it: its length, and its beginning.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    bytes: u64,
    first: Vec<u8>,
}

const FIRST_PAGE_BYTES: usize = 40;

impl Write for Beginning {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = FIRST_PAGE_BYTES.saturating_sub(self.first.len());
        self.first
            .extend_from_slice(&buffer[..room.min(buffer.len())]);
        self.bytes += buffer.len() as u64;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Beginning {
    /// Whether this is the segment of a cluster; says what is wrong else.
    pub(crate) fn check(
        &self,
        segment: Segment,
        segment_bytes: u64,
        system: &str,
    ) -> Result<(), String> {
        if self.bytes != segment_bytes {
            let found = self.bytes;
            return Err(format!(
                "a segment has {segment_bytes} bytes, and this has {found}"
            ));
        }
        let page = self.page().ok_or("it does not begin like a segment")?;
        let place = segment.start(segment_bytes);
        if page.system.to_string() != system {
            let found = page.system;
            return Err(format!("it is of the cluster {found}, and not of {system}"));
        }
        if page.address != place || u64::from(page.segment_bytes) != segment_bytes {
            let found = page.address;
            return Err(format!(
                "it holds the log from {found} on, and by its name it should from {place}"
            ));
        }
        // The segment in which a timeline begins is a copy of the one before.
        if page.timeline > segment.timeline {
            let found = page.timeline;
            return Err(format!(
                "it is of timeline {found}, which is newer than that of its name"
            ));
        }
        Ok(())
    }

    fn page(&self) -> Option<FirstPage> {
        // Of a server of another byte order nothing here would fit.
        let four = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(
                self.first.get(at..at + 4)?.try_into().ok()?,
            ))
        };
        let eight = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(
                self.first.get(at..at + 8)?.try_into().ok()?,
            ))
        };
        Some(FirstPage {
            timeline: four(4)?,
            address: Lsn(eight(8)?),
            system: eight(24)?,
            segment_bytes: four(32)?,
        })
    }
}

/// Removes a file; that it is gone already is no failure.
pub(crate) fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to("remove", path, error))
        }
        _ => Ok(()),
    }
}
