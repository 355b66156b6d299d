//! Putting the objects of a backup into the place of those that a store has.
//!
//! S3 has no step in which many objects change at once, so users see some of the old and some of the new until it is
//! over. What holds instead: an object is replaced or removed only after it was kept; only what differs is touched; and
//! whoever calls again after a crash does the rest, since what is right already does not differ any more.
//!
//! What is replaced is kept by the bucket, where it keeps versions, and else as copies below
//! `PREFIX.portcullis-replaced-TIME/`. `PREFIX.portcullis-replaced-TIME.json` lists it, and is written first.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::s3::{Failure, Listed, S3};
use super::write::{Wanted, delete_all, put_all};
use super::{Bucket, BucketContent, BucketProblem, Open, feed, wanted_objects};
use crate::bounds::{BUCKET_COPY_BYTES_MAX, BUCKET_REQUESTS_AT_ONCE};
use crate::capture::Unsettled;
use crate::remote::InBackup;
use crate::{BackupError, Kept, Replaced, StoreManifest};

/// Part of the names of what is kept, with milliseconds.
const TIME_FORMAT: &str = "%Y%m%dT%H%M%S.%3fZ";

/// How a store differs from what a backup has of it.
pub(super) struct Difference<'w> {
    /// What the store lacks, or has otherwise.
    pub(super) put: Vec<Wanted<'w>>,
    /// What it has otherwise.
    pub(super) replaced: Vec<Listed>,
    /// What it has and the backup does not.
    pub(super) added: Vec<Listed>,
}

/// What is noted about replaced objects, before the first is.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    portcullis: String,
    store: String,
    backup: String,
    at: Timestamp,
    /// Whether the bucket keeps them as older versions; else they are copies.
    versions: bool,
    objects: Vec<Replacement>,
}

/// An object that is replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Replacement {
    key: String,
    size: u64,
    etag: String,
    modified: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// Where what is replaced goes.
struct Aside {
    /// What the keys of copies begin with.
    prefix: String,
    note: String,
    /// Whether the bucket keeps older versions.
    versions: bool,
}

const REPLACED: &str = "replaced";

impl Bucket<'_> {
    /// Compares the store with what a backup has of it. What has the size, the ETag and the time that were noted counts as
    /// the same, unless it was written in the moments before the backup; everything else is read.
    pub(super) fn difference<'w>(
        &self,
        open: &Open,
        wanted: &'w StoreManifest,
        content: &'w BucketContent,
    ) -> Result<Difference<'w>, BackupError> {
        let live = self.blocking(|| feed::list(&open.s3, &open.keys))?;
        let held: BTreeMap<&str, Wanted<'w>> = wanted_objects(wanted, content)
            .into_iter()
            .map(|one| (one.object.key.as_str(), one))
            .collect();
        let of = |listed: &Listed| held.get(open.keys.own(&listed.key)?).copied();
        let in_doubt = |listed: &Listed| {
            of(listed).is_some_and(|Wanted { object, file }| {
                let noted = (object.etag.as_str(), object.modified);
                let is_noted = noted == (listed.etag.as_str(), listed.modified);
                file.size == listed.size && (object.recent || !is_noted)
            })
        };
        let read = self.read(open, &in_doubt, None);
        let read = read.map_err(|unsettled| self.unsettled(unsettled))?;
        let read = Found::of(&read);
        let mut difference = Difference {
            put: Vec::new(),
            replaced: Vec::new(),
            added: Vec::new(),
        };
        let mut missing = held.clone();
        for listed in live {
            let own = open.keys.own(&listed.key).unwrap_or_default();
            let Some(wanted) = missing.remove(own) else {
                difference.added.push(listed);
                continue;
            };
            let same = match in_doubt(&listed) {
                true => read.has(wanted),
                false => wanted.file.size == listed.size,
            };
            if !same {
                difference.put.push(wanted);
                difference.replaced.push(listed);
            }
        }
        difference.put.extend(missing.into_values());
        Ok(difference)
    }

    /// Puts what a backup has into the place of what the store has.
    pub(super) fn put_back(
        &self,
        open: &Open,
        backup: &InBackup<'_>,
        content: &BucketContent,
        now: Timestamp,
    ) -> Result<Replaced, BackupError> {
        let difference = self.difference(open, backup.wanted, content)?;
        let aside = self.blocking(|| Aside::find(open, now))?;
        let replaced = |was_noted: bool| Replaced {
            kept: was_noted.then(|| aside.kept(open)),
            digest: backup.wanted.digest.clone(),
            owners_not_set: 0,
            attributes_not_set: 0,
            folders_made: Vec::new(),
        };
        if difference.put.is_empty() && difference.added.is_empty() {
            let noted = self.blocking(|| aside.noted(&open.s3))?;
            return Ok(replaced(noted.is_some()));
        }
        aside
            .check(&difference)
            .map_err(|problem| self.error(problem))?;
        let staged = self.unpacked(backup)?;
        let gone: Vec<&Listed> = difference
            .replaced
            .iter()
            .chain(&difference.added)
            .collect();
        let taken = self.blocking(|| aside.keep(open, backup, &gone, now))?;
        if let Some(path) = taken {
            return Err(BackupError::KeptNameTaken { path: path.into() });
        }
        let prefix = &open.keys.store;
        self.blocking(|| put_all(&open.s3, prefix, staged.data(), &difference.put))?;
        let added: Vec<String> = difference.added.into_iter().map(|one| one.key).collect();
        self.blocking(|| delete_all(&open.s3, &added))?;
        self.compare(open, backup.wanted)?;
        // An earlier call may have replaced something when this one did not.
        let noted = self.blocking(|| aside.noted(&open.s3))?;
        Ok(replaced(noted.is_some()))
    }

    /// Reads everything back and compares it.
    pub(super) fn compare(&self, open: &Open, wanted: &StoreManifest) -> Result<(), BackupError> {
        let found = self.read(open, &|_| true, None);
        let found = found.map_err(|unsettled| self.unsettled(unsettled))?;
        if found.digest == wanted.digest {
            return Ok(());
        }
        let changed = !found.steady;
        Err(self.error(match changed {
            true => BucketProblem::Changed {
                key: open.place.clone(),
            },
            false => BucketProblem::Differs {
                place: open.place.clone(),
                expected: wanted.digest.clone(),
                found: found.digest,
            },
        }))
    }

    fn unsettled(&self, unsettled: Unsettled) -> BackupError {
        match unsettled {
            Unsettled::Failed(error) => error,
            Unsettled::Changed(path) => self.error(BucketProblem::Changed {
                key: path.display().to_string(),
            }),
        }
    }
}

/// What was read to be compared.
struct Found<'f>(BTreeMap<&'f str, Wanted<'f>>);

impl<'f> Found<'f> {
    fn of(manifest: &'f StoreManifest) -> Self {
        let content = manifest.bucket.as_ref();
        let objects = content.map_or_else(Vec::new, |content| wanted_objects(manifest, content));
        let all = objects.into_iter();
        Self(all.map(|one| (one.object.key.as_str(), one)).collect())
    }

    fn has(&self, wanted: Wanted<'_>) -> bool {
        let found = self.0.get(wanted.object.key.as_str());
        found.is_some_and(|found| {
            found.file.sha256 == wanted.file.sha256
                && found.object.attributes == wanted.object.attributes
        })
    }
}

impl Aside {
    async fn find(open: &Open, now: Timestamp) -> Result<Self, BucketProblem> {
        // Who may not ask gets copies, which are right in any case.
        let versions = matches!(open.s3.versioning().await, Ok((true, _)));
        let name = format!("{}{}", open.keys.replaced, now.strftime(TIME_FORMAT));
        Ok(Self {
            prefix: format!("{name}/"),
            note: format!("{name}.json"),
            versions,
        })
    }

    fn kept(&self, open: &Open) -> Kept {
        let bucket = open.s3.bucket();
        match self.versions {
            true => Kept::Versions(format!("s3://{bucket}/{}", self.note)),
            false => Kept::Objects(format!("s3://{bucket}/{}", self.prefix)),
        }
    }

    /// What cannot be kept is found before anything is touched.
    fn check(&self, difference: &Difference<'_>) -> Result<(), BucketProblem> {
        let gone = difference.replaced.iter().chain(&difference.added);
        let too_large = gone
            .filter(|_| !self.versions)
            .find(|object| object.size > BUCKET_COPY_BYTES_MAX);
        match too_large {
            None => Ok(()),
            Some(object) => Err(BucketProblem::TooLarge {
                key: object.key.clone(),
                bytes: object.size,
            }),
        }
    }

    /// What an earlier call with the same time noted.
    async fn noted(&self, s3: &S3) -> Result<Option<Note>, BucketProblem> {
        let text = s3.text(&self.note).await;
        let text = text.map_err(|failure| self.failed("read", &self.note, failure, s3))?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Keeps these objects, or says which place is taken by something else.
    async fn keep(
        &self,
        open: &Open,
        backup: &InBackup<'_>,
        gone: &[&Listed],
        now: Timestamp,
    ) -> Result<Option<String>, BucketProblem> {
        let s3 = &open.s3;
        if gone.is_empty() {
            return Ok(None);
        }
        let earlier = self.noted(s3).await?;
        if earlier.as_ref().is_some_and(|note| note.at != now) {
            return Ok(Some(self.note.clone()));
        }
        let mut objects = earlier.map_or_else(Vec::new, |note| note.objects);
        let new = stream::iter(gone)
            .map(|listed| self.replacement(s3, listed))
            .buffered(BUCKET_REQUESTS_AT_ONCE)
            .try_collect::<Vec<Replacement>>()
            .await?;
        for replacement in new {
            let before = objects.iter().find(|one| one.key == replacement.key);
            match before {
                Some(one) if *one == replacement => continue,
                // It was replaced, and written by somebody since.
                Some(one) if !self.versions => {
                    return Ok(Some(self.place_of(open, &one.key)));
                }
                _ => objects.push(replacement),
            }
        }
        let note = Note {
            portcullis: REPLACED.to_owned(),
            store: open.place.clone(),
            backup: backup.name.to_string(),
            at: now,
            versions: self.versions,
            objects,
        };
        super::put_json(s3, &self.note, &note).await?;
        if self.versions {
            return Ok(None);
        }
        stream::iter(gone)
            .map(|listed| async move {
                let to = self.place_of(open, &listed.key);
                match s3.copy(&listed.key, &listed.etag, &to).await {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_of_object() => Err(BucketProblem::Changed {
                        key: listed.key.clone(),
                    }),
                    Err(failure) => Err(self.failed("keep", &listed.key, failure, s3)),
                }
            })
            .buffer_unordered(BUCKET_REQUESTS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(None)
    }

    async fn replacement(&self, s3: &S3, listed: &Listed) -> Result<Replacement, BucketProblem> {
        let mut version = None;
        if self.versions {
            let found = s3.head(&listed.key).await;
            let found =
                found.map_err(|failure| self.failed("look at", &listed.key, failure, s3))?;
            version = found.and_then(|(_, version)| version);
        }
        Ok(Replacement {
            key: listed.key.clone(),
            size: listed.size,
            etag: listed.etag.clone(),
            modified: listed.modified,
            version,
        })
    }

    fn place_of(&self, open: &Open, key: &str) -> String {
        format!("{}{}", self.prefix, open.keys.own(key).unwrap_or_default())
    }

    fn failed(&self, doing: &str, key: &str, failure: Failure, s3: &S3) -> BucketProblem {
        failure.problem(format!("{doing} {key}"), s3.bucket())
    }
}
