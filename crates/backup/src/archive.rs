//! The archive: a tar file compressed with zstd, which ordinary tools can read.

mod ahead;
mod frames;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

use tar::{EntryType, Header};

use self::ahead::Ahead;
use self::frames::FrameWriter;
use crate::bounds::DAMAGES_MAX;
use crate::durable::SteadyFile;
use crate::hashing::{HashingReader, HashingWriter, drain};
use crate::manifest::{
    DirectoryEntry, FileEntry, HardLinkEntry, Manifest, StoreManifest, SymlinkEntry,
};
use crate::read_ahead::ReadAhead;
use crate::relative_path::escape;
use crate::sealed::{self, NotOpened, SealedWriter};
use crate::{BackupError, Damage, Encryption, ExtendedAttributes, RelativePath};

/// The manifest's path in the archive.
const MANIFEST_PATH: &str = "manifest.json";

/// How many bytes of the manifest in an archive are compared at a time.
const COMPARED_BYTES: usize = 16 * 1024;
const STORES_PATH: &str = "stores";
/// The name that GNU tar gives to an entry that only carries a long link target.
const LONG_LINK_PATH: &str = "././@LongLink";

/// Writes an archive, hashing it on the way.
pub(crate) struct ArchiveWriter {
    builder: tar::Builder<FrameWriter<SealedWriter<HashingWriter<SteadyFile>>>>,
    path: PathBuf,
}

/// What was written.
pub(crate) struct Written {
    pub(crate) file: File,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl ArchiveWriter {
    /// Writes to `file`, encrypted if there is somebody to encrypt for; `path` is for messages.
    pub(crate) fn new(
        file: File,
        path: &Path,
        encryption: &Encryption,
    ) -> Result<Self, BackupError> {
        let encoder = SealedWriter::new(HashingWriter::new(SteadyFile::new(file)), encryption)
            .and_then(FrameWriter::new)
            .map_err(|source| failed(path, source))?;
        Ok(Self {
            builder: tar::Builder::new(encoder),
            path: path.to_owned(),
        })
    }

    pub(crate) fn directory(
        &mut self,
        store: &str,
        entry: &DirectoryEntry,
    ) -> Result<(), BackupError> {
        let mut header = header(EntryType::Directory, 0, entry.mode, (entry.uid, entry.gid));
        self.attributes(&entry.xattrs)?;
        self.append(
            &mut header,
            &archive_path(store, &entry.path),
            &mut io::empty(),
        )
    }

    /// The target is written byte for byte: the library's own function would tidy it up, and
    /// `a//b` is another target than `a/b`.
    pub(crate) fn symlink(&mut self, store: &str, entry: &SymlinkEntry) -> Result<(), BackupError> {
        let header = header(EntryType::Symlink, 0, 0o777, (entry.uid, entry.gid));
        let target = entry.target.as_os_str().as_bytes();
        self.link(header, target, &archive_path(store, &entry.path))
    }

    /// A further name of a file that is in the archive already.
    pub(crate) fn hard_link(
        &mut self,
        store: &str,
        entry: &HardLinkEntry,
    ) -> Result<(), BackupError> {
        let header = header(EntryType::Link, 0, 0o600, (0, 0));
        let target = archive_path(store, &entry.to);
        let target = target.as_os_str().as_bytes();
        self.link(header, target, &archive_path(store, &entry.path))
    }

    fn link(&mut self, mut header: Header, target: &[u8], path: &Path) -> Result<(), BackupError> {
        let room = header.as_old().linkname.len();
        let mut in_header = target;
        if let Some((beginning, _)) = target.split_at_checked(room + 1) {
            self.long_link_target(target)?;
            in_header = &beginning[..room];
        }
        header
            .set_link_name_literal(in_header)
            .map_err(|source| failed(&self.path, source))?;
        self.append(&mut header, path, &mut io::empty())
    }

    /// Writes extended attributes for the entry that comes next, as GNU tar and star do.
    fn attributes(&mut self, attributes: &ExtendedAttributes) -> Result<(), BackupError> {
        let records = attributes.to_pax();
        let records = records
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_slice()));
        self.builder
            .append_pax_extensions(records)
            .map_err(|source| failed(&self.path, source))
    }

    /// GNU tar's way for a target that the header has no room for: an entry before it, whose
    /// content is the target and a NUL.
    fn long_link_target(&mut self, target: &[u8]) -> Result<(), BackupError> {
        let content = [target, b"\0"].concat();
        let mut header = header(EntryType::GNULongLink, content.len() as u64, 0o644, (0, 0));
        self.append(&mut header, Path::new(LONG_LINK_PATH), &mut &content[..])
    }

    /// Writes the file's content from `reader`, which must give as many bytes as the entry says.
    pub(crate) fn file(
        &mut self,
        store: &str,
        entry: &FileEntry,
        reader: &mut dyn Read,
    ) -> Result<(), BackupError> {
        let mut header = header(
            EntryType::Regular,
            entry.size,
            entry.mode,
            (entry.uid, entry.gid),
        );
        header.set_mtime(u64::try_from(entry.mtime.as_second()).unwrap_or(0));
        self.attributes(&entry.xattrs)?;
        self.append(&mut header, &archive_path(store, &entry.path), reader)
    }

    /// Adds the manifest and completes the archive.
    pub(crate) fn finish(mut self, manifest_json: &[u8]) -> Result<Written, BackupError> {
        let size = manifest_json.len() as u64;
        let mut header = header(EntryType::Regular, size, 0o600, (0, 0));
        let mut reader = manifest_json;
        self.append(&mut header, Path::new(MANIFEST_PATH), &mut reader)?;
        let writer = self
            .builder
            .into_inner()
            .and_then(FrameWriter::finish)
            .and_then(SealedWriter::finish)
            .map_err(|source| failed(&self.path, source))?;
        let (bytes, sha256) = (writer.bytes, writer.sha256());
        let file = writer.inner.finish();
        Ok(Written {
            file: file.map_err(|source| failed(&self.path, source))?,
            bytes,
            sha256,
        })
    }

    fn append(
        &mut self,
        header: &mut Header,
        path: &Path,
        reader: &mut dyn Read,
    ) -> Result<(), BackupError> {
        self.builder
            .append_data(header, path, reader)
            .map_err(|source| failed(&self.path, source))
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

/// Reads the archive to its end and compares everything in it with the manifest, whose bytes are
/// `manifest_json`; with `encryption` it is opened first. Only what the manifest lists is given to `on_file`, so a path in the archive
/// never becomes a path on the disk.
pub(crate) fn walk(
    archive: File,
    encryption: Option<&Encryption>,
    (manifest, manifest_json): (&Manifest, &[u8]),
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
        expected: expected(manifest),
        manifest_json,
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

/// Whether what is read is `expected` and nothing more. The manifest of many files is large, so it is not kept twice.
fn is_just(mut reader: impl Read, mut expected: &[u8]) -> io::Result<bool> {
    let mut buffer = [0; COMPARED_BYTES];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok(expected.is_empty()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        match expected.strip_prefix(&buffer[..read]) {
            Some(rest) => expected = rest,
            None => return Ok(false),
        }
    }
}

/// What the manifest says is at a path of the archive.
enum Expected<'a> {
    File(&'a StoreManifest, &'a FileEntry),
    Directory(&'a DirectoryEntry),
    Symlink(&'a SymlinkEntry),
    /// A further name of what is at that path of the archive.
    HardLink(PathBuf),
    Manifest,
}

struct Walker<'a> {
    walk: &'a mut Walk,
    /// What has not been met yet.
    expected: BTreeMap<OsString, Expected<'a>>,
    manifest_json: &'a [u8],
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
            for path in self.expected.keys() {
                self.walk.note(Damage::Missing { path: escape(path) });
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
        let Some(expected) = self.expected.remove(path) else {
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
            (Expected::Directory(directory), EntryType::Directory) => {
                self.walk.compare_mode(&text, directory.mode, mode);
                self.walk
                    .compare_attributes(&text, &directory.xattrs, &ahead.attributes);
            }
            (Expected::Symlink(link), EntryType::Symlink) => {
                let found = target(ahead.target, entry);
                self.walk
                    .compare_target(text, link.target.as_os_str(), &found);
            }
            (Expected::HardLink(to), EntryType::Link) => {
                let found = target(ahead.target, entry);
                self.walk.compare_target(text, to.as_os_str(), &found);
            }
            (Expected::Manifest, EntryType::Regular) => match is_just(entry, self.manifest_json) {
                Ok(true) => {}
                Ok(false) => self.walk.note(Damage::ManifestsDiffer),
                Err(error) => return Ok(Err(error)),
            },
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

impl Expected<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(..) => "regular",
            Self::Directory(_) => "directory",
            Self::Symlink(_) => "symlink",
            Self::HardLink(_) => "link",
            Self::Manifest => "the manifest",
        }
    }
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

fn expected(manifest: &Manifest) -> BTreeMap<OsString, Expected<'_>> {
    let mut all = BTreeMap::new();
    all.insert(OsString::from(MANIFEST_PATH), Expected::Manifest);
    for store in &manifest.stores {
        let mut insert = |path, expected| {
            all.insert(archive_path(&store.name, path).into_os_string(), expected);
        };
        for entry in &store.files {
            insert(&entry.path, Expected::File(store, entry));
        }
        for entry in &store.directories {
            insert(&entry.path, Expected::Directory(entry));
        }
        for entry in &store.symlinks {
            insert(&entry.path, Expected::Symlink(entry));
        }
        for entry in &store.hard_links {
            let to = archive_path(&store.name, &entry.to);
            insert(&entry.path, Expected::HardLink(to));
        }
    }
    all
}

fn archive_path(store: &str, path: &RelativePath) -> PathBuf {
    let root = Path::new(STORES_PATH).join(store);
    if path.is_root() {
        root
    } else {
        root.join(path.as_path())
    }
}

fn header(kind: EntryType, size: u64, mode: u32, (uid, gid): (u32, u32)) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(u64::from(uid));
    header.set_gid(u64::from(gid));
    header.set_mtime(0);
    header
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    BackupError::Vault {
        doing: "write",
        path: path.to_owned(),
        source,
    }
}
