//! Writing the objects of a store to an archive, or only knowing their digests.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;

use bytes::{Buf, Bytes};
use tokio::sync::mpsc::{Receiver, channel};

use super::feed::{Choice, Feed, Part, Unread};
use super::file_names::FileNames;
use super::s3::Listed;
use super::{Bucket, BucketContent, BucketProblem, ObjectEntry, Open};
use crate::archive::ArchiveWriter;
use crate::bounds::BUCKET_PIECES_WAITING;
use crate::capture::Unsettled;
use crate::hashing::{HashingReader, drain};
use crate::{
    BackupError, DirectoryEntry, ExtendedAttributes, FileEntry, RelativePath, StoreKind,
    StoreManifest,
};

/// The modes that files and folders have in the archive: an object has none.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

impl Bucket<'_> {
    /// Reads what is chosen of the store, and writes it to `archive` if there is one. Reading and writing have a thread
    /// each, so that both go on.
    pub(super) fn read(
        &self,
        open: &Open,
        choice: Choice<'_>,
        archive: Option<&mut ArchiveWriter>,
    ) -> Result<StoreManifest, Unsettled> {
        let (to, from) = channel(BUCKET_PIECES_WAITING);
        let feed = Feed {
            s3: &open.s3,
            keys: &open.keys,
            choice,
            to,
        };
        let taker = Taker {
            open,
            store: self.store,
            archive,
            from,
            names: FileNames::default(),
            folders: BTreeSet::new(),
            manifest: StoreManifest::empty(self.store, StoreKind::Bucket),
            objects: Vec::new(),
        };
        let lost = |why: String| {
            Unsettled::Failed(self.error(BucketProblem::Failed {
                doing: "work".to_owned(),
                why,
            }))
        };
        std::thread::scope(|scope| {
            let taking = std::thread::Builder::new().spawn_scoped(scope, || taker.run());
            let taking = taking.map_err(|error| lost(error.to_string()))?;
            // It goes with the feed: who takes learns of its end by that.
            let fed = super::blocking(move || async move { Ok(feed.run().await) });
            let fed = fed.unwrap_or_else(|problem| Err(Unread::Failed(problem)));
            let taken = taking.join();
            let taken = taken.unwrap_or_else(|_| Err(lost("it stopped unexpectedly".to_owned())));
            match fed {
                Err(Unread::Changed(path)) => Err(Unsettled::Changed(path)),
                Err(Unread::Failed(problem)) => Err(Unsettled::Failed(self.error(problem))),
                Ok(()) | Err(Unread::NobodyTakes) => taken,
            }
        })
    }
}

/// Takes what is read.
struct Taker<'t> {
    open: &'t Open,
    store: &'t str,
    archive: Option<&'t mut ArchiveWriter>,
    from: Receiver<Part>,
    names: FileNames,
    /// The folders that are in the archive.
    folders: BTreeSet<RelativePath>,
    manifest: StoreManifest,
    objects: Vec<ObjectEntry>,
}

impl Taker<'_> {
    fn run(mut self) -> Result<StoreManifest, Unsettled> {
        let mut round: Vec<(Listed, Option<RelativePath>)> = Vec::new();
        self.folder(&RelativePath::root())?;
        loop {
            match self.from.blocking_recv() {
                Some(Part::Round(listed)) => {
                    let keys = &self.open.keys;
                    let own = listed
                        .iter()
                        .map(|object| keys.own(&object.key).unwrap_or_default());
                    let files = self.names.assign(own);
                    round = listed.into_iter().zip(files).collect();
                }
                Some(Part::Begin(index, attributes, version)) => {
                    let Some((listed, file)) = round.get(index).cloned() else {
                        continue;
                    };
                    let key = self.open.keys.own(&listed.key).unwrap_or_default();
                    let object = ObjectEntry {
                        key: key.to_owned(),
                        file,
                        etag: listed.etag,
                        version,
                        modified: listed.modified,
                        recent: listed.recent,
                        attributes,
                    };
                    self.object(object, listed.size)?;
                }
                Some(Part::Done { is_steady }) => return Ok(self.finish(is_steady)),
                // A piece of an object that nobody began cannot come.
                Some(Part::Bytes(_) | Part::End) => {}
                // What went wrong is told by who reads.
                None => return Err(Unsettled::Changed(Path::new("").to_owned())),
            }
        }
    }

    fn object(&mut self, object: ObjectEntry, size: u64) -> Result<(), Unsettled> {
        let Some(path) = object.path() else {
            return Ok(());
        };
        self.folder(&path.parent())?;
        let mut entry = FileEntry {
            path,
            size,
            sha256: String::new(),
            mode: FILE_MODE,
            mtime: object.modified,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            xattrs: ExtendedAttributes::default(),
            hole_bytes: 0,
        };
        let mut pieces = Pieces {
            from: &mut self.from,
            current: Bytes::new(),
            is_over: false,
        };
        let mut reader = HashingReader::new(&mut pieces);
        let written = match &mut self.archive {
            Some(archive) => archive.file(self.store, &entry, &mut reader),
            None => Ok(()),
        };
        let failed_to_read = reader.failed;
        written?;
        // The archive takes as much as it was told; the end comes after it.
        if drain(&mut reader).is_err() || failed_to_read || reader.bytes != size {
            return Err(Unsettled::Changed(object.key.into()));
        }
        entry.sha256 = reader.sha256();
        self.manifest.files.push(entry);
        self.objects.push(object);
        Ok(())
    }

    /// Writes a folder and those above it, once.
    fn folder(&mut self, path: &RelativePath) -> Result<(), BackupError> {
        if self.folders.contains(path) {
            return Ok(());
        }
        if !path.is_root() {
            self.folder(&path.parent())?;
        }
        let entry = DirectoryEntry {
            path: path.clone(),
            mode: FOLDER_MODE,
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            xattrs: ExtendedAttributes::default(),
        };
        if let Some(archive) = &mut self.archive {
            archive.directory(self.store, &entry)?;
        }
        self.folders.insert(path.clone());
        self.manifest.directories.push(entry);
        Ok(())
    }

    fn finish(mut self, is_steady: bool) -> StoreManifest {
        self.objects.sort_by(|one, other| one.key.cmp(&other.key));
        let mut manifest = self.manifest;
        manifest
            .files
            .sort_by(|one, other| one.path.cmp(&other.path));
        manifest
            .directories
            .sort_by(|one, other| one.path.cmp(&other.path));
        manifest.bucket = Some(BucketContent {
            place: self.open.place.clone(),
            objects: self.objects,
        });
        manifest.steady = is_steady;
        manifest.digest = manifest.content_digest();
        manifest
    }
}

/// The bytes of one object.
struct Pieces<'p> {
    from: &'p mut Receiver<Part>,
    current: Bytes,
    is_over: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.is_over {
            match self.from.blocking_recv() {
                Some(Part::Bytes(bytes)) => self.current = bytes,
                Some(Part::End) => self.is_over = true,
                _ => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            }
        }
        let taken = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}
