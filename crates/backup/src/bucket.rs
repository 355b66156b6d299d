//! Buckets of S3, and of whatever speaks its language: reading objects that are used, putting them back.
//!
//! A store is the objects below a prefix. In the archive each is an ordinary file of its name; a key that is no path of a
//! file is kept as `.portcullis-keys/NUMBER`, and the manifest says whose it is. Beside the store, never below its
//! prefix, lie what Portcullis makes: `PREFIX.portcullis-copy-NAME/` with `PREFIX.portcullis-copy-NAME.json` as its mark,
//! and `PREFIX.portcullis-replaced-TIME/` with what a restore replaced.
//!
//! A list is of no one moment, so a backup of a bucket that is written to is not either: each object is whole, and
//! whether something was added, removed or replaced meanwhile is noted, as with directories.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::archive::ArchiveWriter;
use crate::bounds::ATTEMPTS_MAX;
use crate::capture::Unsettled;
use crate::remote::{InBackup, Remote, RemoteExamined};
use crate::vault::Staged;
use crate::{BackupError, Replaced, Since, StoreManifest, StoreSize};

mod address;
mod capture;
mod content;
mod feed;
mod file_names;
mod problem;
mod replace;
mod s3;
mod write;

pub use address::{BucketAddress, bucket_url};
pub use content::{BucketContent, ObjectAttributes, ObjectEntry};
pub use problem::BucketProblem;

use address::{JSON, Keys};
pub(crate) use s3::{Retention, RetentionMode, S3};
use write::{Wanted, delete_below, put_all};

/// A bucket of a store, as this module knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket<'a> {
    /// The name of the store.
    pub(crate) store: &'a str,
    pub(crate) address: &'a BucketAddress,
}

/// A bucket that can be asked.
struct Open {
    s3: S3,
    keys: Keys,
    /// `s3://BUCKET/PREFIX`.
    place: String,
}

/// The mark of a copy.
#[derive(Serialize, Deserialize)]
struct Mark {
    portcullis: String,
    /// Of which store it is one.
    store: String,
    /// The name of the copy.
    name: String,
}

const COPY: &str = "copy";

impl Remote for Bucket<'_> {
    fn turn(&self) -> String {
        self.address.to_string()
    }

    fn size(&self) -> Result<StoreSize, BackupError> {
        let open = self.open()?;
        let listed = self.blocking(|| feed::list(&open.s3, &open.keys))?;
        Ok(StoreSize {
            entries: listed.len() as u64,
            bytes: listed.iter().map(|object| object.size).sum(),
        })
    }

    /// Lists it, and reads a byte of its first object: who may list may not always read.
    fn examine(&self) -> Result<(), BackupError> {
        let open = self.open()?;
        self.blocking(|| async {
            let listed = feed::list(&open.s3, &open.keys).await?;
            let Some(object) = listed.iter().find(|object| object.size > 0) else {
                return Ok(());
            };
            let got = open.s3.get(&object.key, "", (0, 1), object.size).await;
            match got {
                Err(failure) if !failure.is_of_object() => {
                    let doing = format!("read {}", object.key);
                    Err(failure.problem(doing, open.s3.bucket()))
                }
                _ => Ok(()),
            }
        })
    }

    /// Lists and reads it, and looks for room to unpack the backup. Only writing would tell whether it may be written to.
    fn can_be_replaced(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        content_of(backup.wanted)?;
        self.has_room_to_unpack(backup)?;
        self.examine()
    }

    /// Everything is read: what a server says of its objects is no proof.
    fn live_digest(&self) -> Result<String, BackupError> {
        let open = self.open()?;
        let mut changed = None;
        for _ in 0..ATTEMPTS_MAX {
            match self.read(&open, &|_| true, None) {
                Ok(manifest) if manifest.steady => return Ok(manifest.digest),
                Ok(_) => {}
                Err(Unsettled::Changed(path)) => changed = Some(path),
                Err(Unsettled::Failed(error)) => return Err(error),
            }
        }
        Err(BackupError::StoreChanged {
            store: self.store.to_owned(),
            path: changed.unwrap_or_else(|| open.place.into()),
            attempts: ATTEMPTS_MAX,
        })
    }

    fn capture(
        &self,
        archive: &mut ArchiveWriter,
        _vault: &Path,
    ) -> Result<StoreManifest, Unsettled> {
        self.read(&self.open()?, &|_| true, Some(archive))
    }

    fn since(&self, wanted: &StoreManifest) -> Result<Since, BackupError> {
        let content = content_of(wanted)?;
        let difference = self.difference(&self.open()?, wanted, content)?;
        let changed = difference.replaced.len() as u64;
        Ok(Since::Files {
            added: difference.added.len() as u64,
            removed: difference.put.len() as u64 - changed,
            changed,
        })
    }

    /// The names of copies that have a mark.
    fn leftovers(&self) -> Result<Vec<String>, BackupError> {
        let open = self.open()?;
        self.blocking(|| async {
            let prefix = &open.keys.copies;
            let listed = open.s3.list(prefix, true).await;
            let doing = || format!("list {prefix}");
            let listed = listed.map_err(|failure| failure.problem(doing(), open.s3.bucket()))?;
            let mut names = Vec::new();
            for object in listed {
                let name = object.key.strip_prefix(prefix);
                let name = name.and_then(|name| name.strip_suffix(JSON));
                let Some(name) = name else { continue };
                if is_marked(&open.s3, &object.key, name).await? {
                    names.push(name.to_owned());
                }
            }
            Ok(names)
        })
    }

    fn drop_copy(&self) -> Result<(), BackupError> {
        let open = self.open()?;
        self.blocking(|| open.drop_copy(self.address))
    }

    fn restore_copy(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        let content = content_of(backup.wanted)?;
        let open = self.open()?;
        self.blocking(|| open.mark(self.address))?;
        let filled = self.unpacked(backup).and_then(|staged| {
            let wanted = wanted_objects(backup.wanted, content);
            let prefix = &open.keys.store;
            self.blocking(|| put_all(&open.s3, prefix, staged.data(), &wanted))?;
            self.compare(&open, backup.wanted)
        });
        if filled.is_err() {
            // If even this fails, it stays behind with its mark.
            let _ = self.drop_copy();
        }
        filled
    }

    fn replace(&self, backup: &InBackup<'_>, now: Timestamp) -> Result<Replaced, BackupError> {
        let content = content_of(backup.wanted)?;
        self.put_back(&self.open()?, backup, content, now)
    }

    fn examine_copy(&self, _wanted: &StoreManifest) -> Result<RemoteExamined, BackupError> {
        Ok(RemoteExamined {
            digest: self.live_digest()?,
            rows: None,
            checks: vec!["every object read back: SHA-256, headers and metadata".to_owned()],
        })
    }
}

impl Bucket<'_> {
    fn open(&self) -> Result<Open, BackupError> {
        let open = || {
            self.address.check()?;
            let access = self.address.cloud.s3_access()?;
            let keys = self.address.keys(&access.prefix);
            Ok(Open {
                s3: S3::open(access)?,
                keys,
                place: self.address.to_string(),
            })
        };
        open().map_err(|why| self.error(BucketProblem::Address(why)))
    }

    /// Unpacks the files of a backup into the vault, if there is room.
    fn unpacked(&self, backup: &InBackup<'_>) -> Result<Staged, BackupError> {
        self.has_room_to_unpack(backup)?;
        backup.unpack()
    }

    fn has_room_to_unpack(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        let free = backup.vault.free_bytes()?;
        let needed = backup.wanted.bytes();
        if free < needed {
            return Err(self.error(BucketProblem::NoRoom {
                place: format!("the vault {}", backup.vault.root().display()),
                needed,
                free,
            }));
        }
        Ok(())
    }

    fn blocking<T: Send, W>(&self, work: impl FnOnce() -> W + Send) -> Result<T, BackupError>
    where
        W: Future<Output = Result<T, BucketProblem>>,
    {
        blocking(work).map_err(|problem| self.error(problem))
    }

    fn error(&self, problem: BucketProblem) -> BackupError {
        BackupError::Bucket {
            store: self.store.to_owned(),
            problem: Box::new(problem),
        }
    }
}

impl Open {
    /// Marks a place for a copy, where nothing must be.
    async fn mark(&self, address: &BucketAddress) -> Result<(), BucketProblem> {
        let (Some(key), Some(name)) = (&self.keys.mark, &address.copy) else {
            return Err(BucketProblem::TargetExists {
                place: self.place.clone(),
            });
        };
        let marked = self.s3.head(key).await;
        let marked = marked
            .map_err(|failure| failure.problem(format!("look at {key}"), self.s3.bucket()))?;
        let listed = feed::list(&self.s3, &self.keys).await?;
        if marked.is_some() || !listed.is_empty() {
            return Err(BucketProblem::TargetExists {
                place: self.place.clone(),
            });
        }
        let mark = Mark {
            portcullis: COPY.to_owned(),
            store: address.cloud.url.clone(),
            name: name.clone(),
        };
        put_json(&self.s3, key, &mark).await
    }

    /// Removes a copy and then its mark.
    async fn drop_copy(&self, address: &BucketAddress) -> Result<(), BucketProblem> {
        let not_ours = || BucketProblem::NotOurs {
            place: self.place.clone(),
        };
        let (Some(key), Some(name)) = (&self.keys.mark, &address.copy) else {
            return Err(not_ours());
        };
        if !is_marked(&self.s3, key, name).await? {
            let listed = feed::list(&self.s3, &self.keys).await?;
            return match listed.is_empty() {
                true => Ok(()),
                false => Err(not_ours()),
            };
        }
        delete_below(&self.s3, &self.keys.store).await?;
        delete_below(&self.s3, key).await
    }
}

/// Whether the object with this key is the mark of the copy of that name.
async fn is_marked(s3: &S3, key: &str, name: &str) -> Result<bool, BucketProblem> {
    let text = s3.text(key).await;
    let text = text.map_err(|failure| failure.problem(format!("read {key}"), s3.bucket()))?;
    let mark = text.and_then(|text| serde_json::from_slice::<Mark>(&text).ok());
    Ok(mark.is_some_and(|mark| mark.portcullis == COPY && mark.name == name))
}

/// Writes an object of our own.
async fn put_json(s3: &S3, key: &str, content: &impl Serialize) -> Result<(), BucketProblem> {
    let doing = || format!("write {key}");
    let json = serde_json::to_vec_pretty(content).map_err(|error| BucketProblem::Failed {
        doing: doing(),
        why: error.to_string(),
    })?;
    let json_type = ("content-type".to_owned(), "application/json".to_owned());
    let attributes = ObjectAttributes {
        headers: [json_type].into(),
        metadata: Default::default(),
    };
    let put = s3.put(key, &attributes, Bytes::from(json)).await;
    put.map_err(|failure| failure.problem(doing(), s3.bucket()))
}

/// All objects of a backup with their files.
fn wanted_objects<'w>(wanted: &'w StoreManifest, content: &'w BucketContent) -> Vec<Wanted<'w>> {
    let files: BTreeMap<_, _> = wanted.files.iter().map(|file| (&file.path, file)).collect();
    let objects = content.objects.iter();
    let with_files = objects.filter_map(|object| {
        let file = files.get(&object.path()?)?;
        Some(Wanted { object, file })
    });
    with_files.collect()
}

fn content_of(wanted: &StoreManifest) -> Result<&BucketContent, BackupError> {
    let missing = || BackupError::StoresRefused {
        why: "its manifest says nothing of the objects".to_owned(),
    };
    wanted.bucket.as_ref().ok_or_else(missing)
}

/// Runs asynchronous work to its end, on a thread of its own.
fn blocking<T: Send, W>(work: impl FnOnce() -> W + Send) -> Result<T, BucketProblem>
where
    W: Future<Output = Result<T, BucketProblem>>,
{
    let lost = |why: String| BucketProblem::Failed {
        doing: "work".to_owned(),
        why,
    };
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| lost(error.to_string()))?;
        runtime.block_on(work())
    };
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().spawn_scoped(scope, run);
        let worker = worker.map_err(|error| lost(error.to_string()))?;
        let ended = worker.join();
        ended.unwrap_or_else(|_| Err(lost("it stopped unexpectedly".to_owned())))
    })
}
