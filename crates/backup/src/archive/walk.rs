//! Reading an archive to its end, and comparing everything in it with the manifest.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::thread;

use sha2::{Digest, Sha256};
use tar::EntryType;

use super::ahead::Ahead;
use super::archive_path;
use super::expected::{Expectations, Expected};
use crate::bounds::DAMAGES_MAX;
use crate::hashing::{HashingReader, drain};
use crate::manifest::{FileEntry, Manifest, StoreManifest};
use crate::read_ahead::ReadAhead;
use crate::relative_path::escape;
use crate::sealed::{self, NotOpened};
use crate::{BackupError, Damage, Encryption, ExtendedAttributes};

/// What the JSON of a manifest is known by. That of many files is large: it need not be kept to be compared with the one in
/// the archive.
pub(crate) struct ManifestSum {
    bytes: u64,
    sha256: String,
}

impl ManifestSum {
    /// That of a manifest as it was written, not encrypted.
    pub(crate) fn of(json: &[u8]) -> Self {
        Self {
            bytes: json.len() as u64,
            sha256: hex::encode(Sha256::digest(json)),
        }
    }
}

/// What a walk through an archive found.
pub(crate) struct Walk {
    pub(crate) sha256: String,
    pub(crate) damages: Vec<Damage>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// How many bytes the archive itself has.
    pub(crate) archive_bytes: u64,
}

/// Is given each file that the manifest lists. It need not read to the end. A failed read is not
/// its to report.
pub(crate) type OnFile<'a> =
    dyn FnMut(&StoreManifest, &FileEntry, &mut dyn Read) -> Result<(), BackupError> + 'a;

/// Reads the archive to its end and compares everything in it with the manifest, whose JSON has
/// `manifest_sum`; with `encryption` it is opened first. Only what the manifest lists is given to `on_file`, so a path in the
/// archive never becomes a path on the disk.
pub(crate) fn walk(
    archive: File,
    encryption: Option<&Encryption>,
    (manifest, manifest_sum): (&Manifest, &ManifestSum),
    on_file: &mut OnFile<'_>,
) -> Result<Walk, BackupError> {
    let mut raw = HashingReader::new(archive);
    let mut walk = Walk {
        sha256: String::new(),
        damages: Vec::new(),
        files: 0,
        bytes: 0,
        archive_bytes: 0,
    };
    let walker = Walker {
        walk: &mut walk,
        expected: Expectations::of(&manifest.stores),
        manifest_sum,
    };
    // Three threads: one reads and hashes the file, one decompresses, and this one uses what is in it.
    let outcome = thread::scope(|scope| -> Result<io::Result<()>, BackupError> {
        let mut ahead = match ReadAhead::start(scope, &mut raw) {
            Ok(ahead) => ahead,
            Err(error) => return Ok(Err(error)),
        };
        let outcome = match encryption.map(|encryption| sealed::open(&mut ahead, encryption)) {
            None => walker.run(&mut ahead, on_file)?,
            Some(Ok(mut opened)) => walker.run(&mut opened, on_file)?,
            Some(Err(NotOpened::Damaged(why))) => Err(io::Error::other(why)),
            // The manifest was opened, so it is not the archive that belongs to it.
            Some(Err(NotOpened::NoKey)) => Err(io::Error::other(
                "the key that opens the manifest does not open it",
            )),
        };
        // Hash what the decoder did not ask for: the digest is that of the whole file in any case.
        let rest = drain(&mut ahead);
        Ok(outcome.and(rest))
    })?;
    if let Err(error) = outcome {
        walk.note(Damage::ArchiveUnreadable {
            why: error.to_string(),
        });
    }
    walk.sha256 = raw.sha256();
    walk.archive_bytes = raw.bytes;
    Ok(walk)
}

struct Walker<'a> {
    walk: &'a mut Walk,
    expected: Expectations<'a>,
    manifest_sum: &'a ManifestSum,
}

impl Walker<'_> {
    /// The outer error is the caller's, the inner one is the archive's.
    fn run(
        self,
        raw: &mut (dyn Read + Send),
        on_file: &mut OnFile<'_>,
    ) -> Result<io::Result<()>, BackupError> {
        thread::scope(|scope| {
            let decoder = zstd::Decoder::new(raw);
            match decoder.and_then(|decoder| ReadAhead::start(scope, decoder)) {
                Ok(plain) => self.entries(plain, on_file),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    fn entries(
        mut self,
        plain: ReadAhead,
        on_file: &mut OnFile<'_>,
    ) -> Result<io::Result<()>, BackupError> {
        let mut archive = tar::Archive::new(plain);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        let mut ahead = Ahead::default();
        for entry in entries.raw(true) {
            let outcome = match entry {
                Ok(mut entry) => match ahead.take(&mut entry) {
                    Ok(true) => Ok(()),
                    Ok(false) => self.entry(&mut entry, std::mem::take(&mut ahead), on_file)?,
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            if outcome.is_err() {
                return Ok(outcome);
            }
        }
        // To the end of the compressed stream, where its own checksum is.
        let outcome = drain(&mut archive.into_inner());
        if outcome.is_ok() {
            for path in self.expected.missing() {
                self.walk.note(Damage::Missing { path });
            }
        }
        Ok(outcome)
    }

    fn entry(
        &mut self,
        entry: &mut tar::Entry<'_, impl Read>,
        ahead: Ahead,
        on_file: &mut OnFile<'_>,
    ) -> Result<io::Result<()>, BackupError> {
        let short = || entry.path_bytes().into_owned();
        let path = ahead.path.unwrap_or_else(short);
        let path = OsStr::from_bytes(path.strip_suffix(b"/").unwrap_or(&path));
        let text = escape(path);
        let Some(expected) = self.expected.meet(path) else {
            self.walk.note(Damage::Unexpected { path: text });
            return Ok(Ok(()));
        };
        let kind = entry.header().entry_type();
        let mode = match entry.header().mode() {
            Ok(mode) => mode & 0o7777,
            Err(error) => return Ok(Err(error)),
        };
        match (expected, kind) {
            (Expected::File(store, file), EntryType::Regular) => {
                self.walk.compare_mode(&text, file.mode, mode);
                self.walk
                    .compare_attributes(&text, &file.xattrs, &ahead.attributes);
                return self.file(text, (store, file), entry, on_file);
            }
            (Expected::Directory(_, directory), EntryType::Directory) => {
                self.walk.compare_mode(&text, directory.mode, mode);
                self.walk
                    .compare_attributes(&text, &directory.xattrs, &ahead.attributes);
            }
            (Expected::Symlink(_, link), EntryType::Symlink) => {
                let found = target(ahead.target, entry);
                self.walk
                    .compare_target(text, link.target.as_os_str(), &found);
            }
            (Expected::HardLink(store, link), EntryType::Link) => {
                let found = target(ahead.target, entry);
                let to = archive_path(&store.name, &link.to);
                self.walk.compare_target(text, to.as_os_str(), &found);
            }
            (Expected::Manifest, EntryType::Regular) => return Ok(self.manifest(entry)),
            (expected, kind) => {
                let found = format!("{kind:?}").to_lowercase();
                let expected = expected.kind().to_owned();
                self.walk.note(Damage::Attributes {
                    path: text,
                    expected,
                    found,
                });
            }
        }
        Ok(Ok(()))
    }

    /// Compares the manifest in the archive with the one beside it.
    fn manifest(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<()> {
        let mut reader = HashingReader::new(entry);
        drain(&mut reader)?;
        let ManifestSum { bytes, sha256 } = self.manifest_sum;
        if reader.bytes != *bytes || reader.sha256() != *sha256 {
            self.walk.note(Damage::ManifestsDiffer);
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: String,
        (store, file): (&StoreManifest, &FileEntry),
        entry: &mut tar::Entry<'_, impl Read>,
        on_file: &mut OnFile<'_>,
    ) -> Result<io::Result<()>, BackupError> {
        let mut reader = HashingReader::new(entry);
        on_file(store, file, &mut reader)?;
        if let Err(error) = drain(&mut reader) {
            return Ok(Err(error));
        }
        let (bytes, sha256) = (reader.bytes, reader.sha256());
        self.walk.files += 1;
        self.walk.bytes += bytes;
        if bytes != file.size || sha256 != file.sha256 {
            self.walk.note(Damage::Content {
                path,
                expected: format!("{} bytes with SHA-256 {}", file.size, file.sha256),
                found: format!("{bytes} bytes with SHA-256 {sha256}"),
            });
        }
        Ok(Ok(()))
    }
}

/// What a link points to: as it stands before the entry, or in its header.
fn target(ahead: Option<Vec<u8>>, entry: &tar::Entry<'_, impl Read>) -> Vec<u8> {
    let short = || entry.link_name_bytes().unwrap_or_default().into_owned();
    ahead.unwrap_or_else(short)
}

impl Walk {
    fn note(&mut self, damage: Damage) {
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(damage);
        }
    }

    /// Compares the extended attributes of an entry with those of the manifest.
    fn compare_attributes(
        &mut self,
        path: &str,
        expected: &ExtendedAttributes,
        found: &ExtendedAttributes,
    ) {
        if found != expected {
            self.note(Damage::Attributes {
                path: path.to_owned(),
                expected: expected.words(),
                found: match found.words() {
                    same if same == expected.words() => "others of these names".to_owned(),
                    other => other,
                },
            });
        }
    }

    fn compare_target(&mut self, path: String, expected: &OsStr, found: &[u8]) {
        if expected.as_bytes() != found {
            self.note(Damage::Attributes {
                path,
                expected: format!("a link to {}", escape(expected)),
                found: format!("a link to {}", escape(OsStr::from_bytes(found))),
            });
        }
    }

    fn compare_mode(&mut self, path: &str, expected: u32, found: u32) {
        if expected != found {
            self.note(Damage::Attributes {
                path: path.to_owned(),
                expected: format!("mode {expected:04o}"),
                found: format!("mode {found:04o}"),
            });
        }
    }
}
