//! What is in a backup: every file with its size and SHA-256.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::backup_name::is_plain_name;
use crate::relative_path::{escape, unescape};
use crate::scan::Item;
use crate::{
    BackupName, BucketContent, CommandContent, ExtendedAttributes, PostgresContent, RedisContent,
    RelativePath, SqliteContent, StoreKind, chroma, command,
};

/// The format that this program writes and reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// About how many bytes of JSON an entry has: 240 and its path.
const JSON_ENTRY_BYTES: usize = 352;

/// The description of a backup. It lies beside the archive and, byte for byte the same, in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format, [`MANIFEST_FORMAT`].
    pub format: u32,
    /// The name of the backup.
    pub name: BackupName,
    /// The service, as in the name.
    pub service: String,
    /// The environment, as in the name.
    pub environment: String,
    /// When it was made, by the caller's clock.
    pub created_at: Timestamp,
    /// The release that was running, if one was.
    pub release: Option<String>,
    /// Why it was made.
    pub reason: String,
    /// The version of the program that made it.
    pub portcullis_version: String,
    /// The stores, in the order in which they are in the archive.
    pub stores: Vec<StoreManifest>,
}

/// The description of one store. All lists are in order of path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreManifest {
    /// The name of the store.
    pub name: String,
    /// What it is.
    pub kind: StoreKind,
    /// The digest of the content; see [`crate::store_digest`].
    pub digest: String,
    /// False if files were added, removed or replaced in a directory while it was read. Each file
    /// is then whole, but they may not all be of the same moment.
    pub steady: bool,
    /// The regular files. A file store has exactly one, under its file name, and so has a database.
    pub files: Vec<FileEntry>,
    /// The directories, with the root as `.`; empty for a file store.
    pub directories: Vec<DirectoryEntry>,
    /// The symbolic links, which are kept and never followed.
    pub symlinks: Vec<SymlinkEntry>,
    /// Further names of files of the store, as `ln` makes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hard_links: Vec<HardLinkEntry>,
    /// What is in the database, if it is an SQLite database, whose file is then the one of `files`, or a Chroma
    /// database, of which it is `chroma.sqlite3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<SqliteContent>,
    /// What is in the database, if it is a PostgreSQL database; its dump is among `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresContent>,
    /// What is said of its objects, if it is a bucket; their content is in `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketContent>,
    /// What is in the database, if it is one of a Redis server; its RDB is among `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisContent>,
    /// Who wrote the data, if commands back the store up; it is `data` among `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandContent>,
}

/// One regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path below the store.
    pub path: RelativePath,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its content, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its permission bits, written in octal.
    #[serde(with = "crate::octal")]
    pub mode: u32,
    /// When it was last modified.
    pub mtime: Timestamp,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its extended attributes.
    #[serde(default, skip_serializing_if = "ExtendedAttributes::is_empty")]
    pub xattrs: ExtendedAttributes,
    /// How many bytes of it were in holes. A file with some is restored with holes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hole_bytes: u64,
}

impl FileEntry {
    /// What is known of a file before it is read, when `size` bytes of it (or of a copy of it) will be.
    pub(crate) fn unread(item: &Item, size: u64) -> Self {
        Self {
            path: item.path.clone(),
            size,
            sha256: String::new(),
            mode: item.mode,
            mtime: item.stamp.mtime(),
            uid: item.uid,
            gid: item.gid,
            xattrs: ExtendedAttributes::default(),
            hole_bytes: 0,
        }
    }
}

/// One directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Its path below the store, `.` for the store itself.
    pub path: RelativePath,
    /// Its permission bits, written in octal.
    #[serde(with = "crate::octal")]
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its extended attributes.
    #[serde(default, skip_serializing_if = "ExtendedAttributes::is_empty")]
    pub xattrs: ExtendedAttributes,
}

/// A further name of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardLinkEntry {
    /// Its path below the store.
    pub path: RelativePath,
    /// The path below the store under which the file is listed.
    pub to: RelativePath,
}

/// One symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymlinkEntry {
    /// Its path below the store.
    pub path: RelativePath,
    /// What it points to, unchanged, be it inside the store or not.
    pub target: LinkTarget,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

/// What a symbolic link points to: any bytes, escaped in JSON as a [`RelativePath`] is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkTarget(OsString);

impl LinkTarget {
    /// Takes the target as the system gives it.
    #[must_use]
    pub fn new(target: OsString) -> Self {
        Self(target)
    }

    /// The target as the system takes it.
    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }
}

impl fmt::Display for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for LinkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkTarget({self})")
    }
}

impl TryFrom<String> for LinkTarget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        unescape(&text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not escaped as documented"))
    }
}

impl From<LinkTarget> for String {
    fn from(target: LinkTarget) -> Self {
        target.to_string()
    }
}

/// One entry of a store.
#[derive(Clone, Copy)]
enum Entry<'a> {
    File(&'a FileEntry),
    /// A further name of a file.
    Name(&'a RelativePath, &'a FileEntry),
    Directory(&'a DirectoryEntry),
    Symlink(&'a SymlinkEntry),
}

impl<'a> Entry<'a> {
    fn path(&self) -> &'a RelativePath {
        match self {
            Entry::File(file) => &file.path,
            Entry::Name(path, _) => path,
            Entry::Directory(folder) => &folder.path,
            Entry::Symlink(link) => &link.path,
        }
    }
}

impl Manifest {
    /// Writes it as JSON with a line break at the end.
    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let entries: usize = self.stores.iter().map(StoreManifest::entries).sum();
        // Growing step by step, a large one would be there nearly twice.
        let mut json = Vec::with_capacity(JSON_ENTRY_BYTES * (entries + 1));
        serde_json::to_writer_pretty(&mut json, self)?;
        json.push(b'\n');
        Ok(json)
    }

    /// Reads a manifest that should describe `name`, and refuses one that could do harm.
    pub(crate) fn from_json(json: &[u8], name: &BackupName) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if format != MANIFEST_FORMAT {
            return Err(format!(
                "it has format {format} and this program reads {MANIFEST_FORMAT}"
            ));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if manifest.name != *name {
            return Err(format!("it describes the backup {}", manifest.name));
        }
        if manifest.service != name.service() || manifest.environment != name.environment() {
            return Err("its service or environment is not that of its name".to_owned());
        }
        let mut names = BTreeSet::new();
        for store in &manifest.stores {
            if !is_plain_name(&store.name) || !names.insert(&store.name) {
                return Err(format!(
                    "the store name {:?} is refused or not unique",
                    store.name
                ));
            }
            store
                .check()
                .map_err(|why| format!("store {:?}: {why}", store.name))?;
        }
        Ok(manifest)
    }

    /// The store of that name.
    #[must_use]
    pub fn store(&self, name: &str) -> Option<&StoreManifest> {
        self.stores.iter().find(|store| store.name == name)
    }
}

impl StoreManifest {
    /// Of a store in which nothing was found yet.
    pub(crate) fn empty(name: &str, kind: StoreKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            digest: String::new(),
            steady: true,
            files: Vec::new(),
            directories: Vec::new(),
            symlinks: Vec::new(),
            hard_links: Vec::new(),
            sqlite: None,
            postgres: None,
            bucket: None,
            redis: None,
            command: None,
        }
    }

    /// How many entries it lists.
    pub(crate) fn entries(&self) -> usize {
        self.files.len() + self.directories.len() + self.symlinks.len() + self.hard_links.len()
    }

    /// How many bytes its files have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// How many bytes its files take when they are restored, with their holes.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        let taken = |file: &FileEntry| file.size.saturating_sub(file.hole_bytes);
        self.files.iter().map(taken).sum()
    }

    /// The digest of the content; the format is documented at [`crate::store_digest`].
    pub(crate) fn content_digest(&self) -> String {
        if let (StoreKind::File, [file]) = (self.kind, self.files.as_slice()) {
            return file.sha256.clone();
        }
        if let (StoreKind::Sqlite, Some(content)) = (self.kind, &self.sqlite) {
            return content.digest();
        }
        if let (StoreKind::Postgres, Some(content)) = (self.kind, &self.postgres) {
            return content.digest();
        }
        if let (StoreKind::Bucket, Some(content)) = (self.kind, &self.bucket) {
            return content.digest(&self.files);
        }
        if let (StoreKind::Redis, Some(content)) = (self.kind, &self.redis) {
            return content.digest();
        }
        if let (StoreKind::Command, Some(content), [data]) =
            (self.kind, &self.command, self.files.as_slice())
        {
            let word = content.word.as_deref().map(command::digest_of_word);
            return word.unwrap_or_else(|| data.sha256.clone());
        }
        let mut sha = Sha256::new();
        let mut line = String::new();
        for entry in self.in_order() {
            line.clear();
            self.write_line(entry, &mut line);
            sha.update(&line);
        }
        hex::encode(sha.finalize())
    }

    /// Everything but the root, in order of path.
    fn in_order(&self) -> Vec<Entry<'_>> {
        let files = self.files.iter().map(Entry::File);
        let folders = self.directories.iter().filter(|one| !one.path.is_root());
        let folders = folders.map(Entry::Directory);
        let links = self.symlinks.iter().map(Entry::Symlink);
        // Most stores have no file with two names.
        let mut by_path = BTreeMap::new();
        if !self.hard_links.is_empty() {
            by_path.extend(self.files.iter().map(|file| (&file.path, file)));
        }
        let names = self.hard_links.iter();
        let names =
            names.filter_map(|one| Some(Entry::Name(&one.path, by_path.get(&one.to).copied()?)));
        let mut entries: Vec<Entry<'_>> = files.chain(folders).chain(links).chain(names).collect();
        entries.sort_by_key(Entry::path);
        entries
    }

    /// What the digest counts of an entry. There may be many, so nothing is kept of it.
    fn write_line(&self, entry: Entry<'_>, line: &mut String) {
        let chroma = self.sqlite.as_ref();
        let chroma = chroma.filter(|_| self.kind == StoreKind::Chroma);
        let written = match (entry, chroma) {
            (Entry::File(file), Some(content)) if chroma::is_database(&file.path) => {
                writeln!(line, "database {} {}", content.digest(), file.path)
            }
            (Entry::File(file), _) => {
                writeln!(line, "file {} {} {}", file.size, file.sha256, file.path)
            }
            (Entry::Name(path, file), _) => {
                writeln!(line, "file {} {} {path}", file.size, file.sha256)
            }
            (Entry::Directory(folder), _) => writeln!(line, "directory 0 - {}", folder.path),
            (Entry::Symlink(link), _) => {
                let target = link.target.as_os_str().as_encoded_bytes();
                let sha256 = hex::encode(Sha256::digest(target));
                writeln!(line, "symlink {} {sha256} {}", target.len(), link.path)
            }
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }

    /// No path twice, every parent a directory of the manifest (so that nothing is ever written
    /// through a link), and the shape that its kind has.
    fn check(&self) -> Result<(), String> {
        let directories: BTreeSet<_> = self.directories.iter().map(|entry| &entry.path).collect();
        let mut paths = directories.clone();
        let others = self.files.iter().map(|entry| &entry.path);
        let others = others.chain(self.symlinks.iter().map(|entry| &entry.path));
        let others = others.chain(self.hard_links.iter().map(|entry| &entry.path));
        let count = self.entries();
        paths.extend(others);
        if paths.len() != count {
            return Err("a path is listed twice".to_owned());
        }
        self.check_shape(&paths, &directories)?;
        let files: BTreeSet<_> = self.files.iter().map(|file| &file.path).collect();
        if let Some(link) = self
            .hard_links
            .iter()
            .find(|link| !files.contains(&link.to))
        {
            return Err(format!(
                "{} is a name of {}, which is no file",
                link.path, link.to
            ));
        }
        if self.files.iter().any(|file| file.path.is_root())
            || self.symlinks.iter().any(|link| link.path.is_root())
        {
            return Err("the root is not a directory".to_owned());
        }
        let has_sqlite = matches!(self.kind, StoreKind::Sqlite | StoreKind::Chroma);
        if has_sqlite != self.sqlite.is_some()
            || (self.kind == StoreKind::Postgres) != self.postgres.is_some()
            || (self.kind == StoreKind::Bucket) != self.bucket.is_some()
            || (self.kind == StoreKind::Redis) != self.redis.is_some()
            || (self.kind == StoreKind::Command) != self.command.is_some()
        {
            return Err("what is said of a database does not fit its kind".to_owned());
        }
        if let Some(content) = &self.bucket {
            content.check(&self.files)?;
        }
        if self.digest != self.content_digest() {
            return Err("its digest is not that of its files".to_owned());
        }
        Ok(())
    }

    /// Which entries a store of this kind can have; `paths` are all of them.
    fn check_shape(
        &self,
        paths: &BTreeSet<&RelativePath>,
        directories: &BTreeSet<&RelativePath>,
    ) -> Result<(), String> {
        let count = paths.len();
        match self.kind {
            StoreKind::File | StoreKind::Sqlite if count != 1 || self.files.len() != 1 => {
                return Err(format!(
                    "a {} store has exactly one file, found {count} entries",
                    self.kind
                ));
            }
            StoreKind::File | StoreKind::Sqlite
                if !self.files.iter().all(|file| file.path.parent().is_root()) =>
            {
                return Err("the file of a file store is not in a folder".to_owned());
            }
            StoreKind::Command if !matches!(self.files.as_slice(), [data] if data.path.as_path() == Path::new(command::DATA)) =>
            {
                return Err(format!("a {} has exactly one file, data", self.kind));
            }
            StoreKind::Directory
            | StoreKind::Chroma
            | StoreKind::Postgres
            | StoreKind::Redis
            | StoreKind::Bucket
            | StoreKind::Command => {
                if let Some(orphan) = paths
                    .iter()
                    .find(|path| !directories.contains(&path.parent()))
                {
                    return Err(format!("the folder of {orphan} is not listed"));
                }
            }
            StoreKind::File | StoreKind::Sqlite => {}
        }
        Ok(())
    }
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}
