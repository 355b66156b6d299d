//! The archive: a tar file compressed with zstd, which ordinary tools can read.

mod ahead;
mod expected;
mod frames;
mod walk;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use self::frames::FrameWriter;
pub(crate) use self::walk::{ManifestSum, OnFile, Walk, walk};
use crate::durable::SteadyFile;
use crate::hashing::HashingWriter;
use crate::manifest::{DirectoryEntry, FileEntry, HardLinkEntry, SymlinkEntry};
use crate::sealed::SealedWriter;
use crate::{BackupError, Encryption, ExtendedAttributes, RelativePath};

/// The manifest's path in the archive.
const MANIFEST_PATH: &str = "manifest.json";
/// What the paths of everything else begin with, before the name of a store.
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
