//! Moving a library to another algorithm version or schema.
//!
//! All or nothing: every image is hashed again first, then the file is replaced in one step. If an
//! image cannot be hashed, nothing is written unless the caller accepts that such images move to the
//! queue, because dropping them silently would lose data. Running a finished migration again finds
//! nothing to do and leaves the file untouched, byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Map;
use sha2::{Digest, Sha256};

use crate::algorithm::Algorithm;
use crate::bounds::{FAILURES_SHOWN_MAX, FILE_LIMITS};
use crate::clock;
use crate::extract::{ExtractError, Extraction, HashOptions, hash_bytes, read_file};
use crate::hash::Hash;
use crate::library::{
    ImageEntry, Library, LibraryError, Lock, QueueEntry, QueueStatus, SCHEMA_NEWEST, SCHEMA_OLDEST,
};
use crate::parallel;

/// What to migrate to.
#[derive(Debug, Clone, Default)]
pub struct MigrateOptions {
    /// The algorithm to hash with; `None` keeps the library's.
    pub algorithm: Option<Algorithm>,
    /// The schema to write; `None` keeps the library's.
    pub schema: Option<u32>,
    /// Where the images are, instead of the library's root.
    pub images: Option<PathBuf>,
    /// Compute and report, but write nothing.
    pub dry_run: bool,
    /// Move images that cannot be hashed to the queue instead of refusing.
    pub queue_failures: bool,
}

/// What was changed, or would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MigrateReport {
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether the file was written.
    pub written: bool,
    /// The algorithm before.
    pub algorithm_from: String,
    /// The algorithm after.
    pub algorithm_to: String,
    /// The schema before.
    pub schema_from: u32,
    /// The schema after.
    pub schema_to: u32,
    /// Images whose hash changed.
    pub changed: usize,
    /// Images whose hash stayed.
    pub unchanged: usize,
    /// Images that could not be hashed and moved to the queue.
    pub failed: usize,
    /// Number of images by the number of bits that changed, unchanged ones included.
    pub bits_changed: BTreeMap<u32, usize>,
    /// The digest before.
    pub digest_from: String,
    /// The digest after; in a dry run that of now, because a real run stamps its own time.
    pub digest_to: String,
}

/// Why nothing was migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The library cannot be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The library names an algorithm that this program cannot compute, and no other was asked for.
    #[error("the library's algorithm `{name}` is unknown here: name the one to migrate to (--to)")]
    UnknownAlgorithm {
        /// The name in the library.
        name: String,
    },
    /// Images could not be hashed; nothing was written.
    #[error(
        "{count} of {total} images cannot be hashed, so nothing was changed:\n{shown}\n\
             Restore them, name their folder (--images), or accept that they move to the queue \
             without a hash (--queue-failures)"
    )]
    Failures {
        /// How many failed.
        count: usize,
        /// How many there are.
        total: usize,
        /// The first of them with their reasons, one per line.
        shown: String,
    },
}

/// The part of an entry that comes from the file's content.
#[derive(Debug)]
pub(crate) struct Rehashed {
    pub(crate) hash: Hash,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) confidence: f64,
    pub(crate) reason: String,
    pub(crate) sha256: Option<String>,
    pub(crate) bytes: Option<u64>,
}

/// Migrates the library file at `path`.
///
/// # Errors
/// [`MigrateError`]; the file is then as it was.
pub fn migrate(path: &Path, options: &MigrateOptions) -> Result<MigrateReport, MigrateError> {
    let _lock = (!options.dry_run).then(|| Lock::take(path)).transpose()?;
    let old = Library::open(path)?;
    let algorithm_to = match options.algorithm {
        Some(algorithm) => algorithm,
        None => old
            .algorithm
            .parse()
            .map_err(|_| MigrateError::UnknownAlgorithm {
                name: old.algorithm.clone(),
            })?,
    };
    let schema_to = options.schema.unwrap_or(old.schema);
    if !(SCHEMA_OLDEST..=SCHEMA_NEWEST).contains(&schema_to) {
        return Err(LibraryError::UnknownSchema { schema: schema_to }.into());
    }
    if old.algorithm == algorithm_to.id() && old.schema == schema_to {
        return Ok(compare(&old, &old, options));
    }

    let root = options
        .images
        .clone()
        .unwrap_or_else(|| old.image_root(path));
    let outcomes = rehash_all(&old, &root, algorithm_to, schema_to);
    refuse_failures(&outcomes, options)?;
    let mut new = apply(&old, outcomes, algorithm_to, schema_to);
    let mut report = compare(&old, &new, options);
    if options.dry_run {
        new.seal(path)?;
    } else {
        new.save(path)?;
        report.written = true;
    }
    report.digest_to.clone_from(&new.digest);
    Ok(report)
}

/// Joins what was extracted with what the schema wants to know about the file.
pub(crate) fn rehash(extraction: Extraction, bytes: &[u8], schema: u32) -> Rehashed {
    let detailed = schema >= 2;
    Rehashed {
        reason: extraction.review_reason(),
        hash: extraction.hash,
        width: extraction.width,
        height: extraction.height,
        confidence: extraction.confidence,
        sha256: detailed.then(|| hex::encode(Sha256::digest(bytes))),
        bytes: detailed.then_some(bytes.len() as u64),
    }
}

type Outcome<'a> = (&'a ImageEntry, Result<Rehashed, ExtractError>);

fn rehash_all<'a>(
    library: &'a Library,
    root: &Path,
    algorithm: Algorithm,
    schema: u32,
) -> Vec<Outcome<'a>> {
    let options = HashOptions {
        algorithm,
        ..HashOptions::default()
    };
    let outcomes = parallel::map(&library.images, parallel::cores(), |image| {
        read_file(&root.join(&image.path), &FILE_LIMITS)
            .and_then(|bytes| Ok(rehash(hash_bytes(&bytes, &options)?, &bytes, schema)))
    });
    library.images.iter().zip(outcomes).collect()
}

fn refuse_failures(outcomes: &[Outcome<'_>], options: &MigrateOptions) -> Result<(), MigrateError> {
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|(image, outcome)| Some((image, outcome.as_ref().err()?)))
        .map(|(image, error)| format!("  {}: {}", image.path, explain(error)))
        .collect();
    if failures.is_empty() || options.queue_failures {
        return Ok(());
    }
    let mut shown = failures[..failures.len().min(FAILURES_SHOWN_MAX)].join("\n");
    if failures.len() > FAILURES_SHOWN_MAX {
        shown.push_str(&format!(
            "\n  ... and {} more",
            failures.len() - FAILURES_SHOWN_MAX
        ));
    }
    Err(MigrateError::Failures {
        count: failures.len(),
        total: outcomes.len(),
        shown,
    })
}

fn explain(error: &ExtractError) -> String {
    match error {
        ExtractError::Read { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

fn apply(old: &Library, outcomes: Vec<Outcome<'_>>, algorithm: Algorithm, schema: u32) -> Library {
    let mut new = Library {
        schema,
        algorithm: algorithm.id().to_owned(),
        migrated_at: Some(clock::timestamp()),
        images: Vec::with_capacity(outcomes.len()),
        queue: Vec::new(),
        ..old.clone()
    };
    // Entries of the queue keep what others wrote beside their reason.
    let mut queued: BTreeMap<&str, &QueueEntry> = old
        .queue
        .iter()
        .map(|entry| (entry.id.as_str(), entry))
        .collect();
    for (image, outcome) in outcomes {
        let previous = queued.remove(image.id.as_str());
        let (status, reason, confidence) = match outcome {
            Ok(rehashed) => {
                let verdict = (
                    QueueStatus::LowConfidence,
                    rehashed.reason.clone(),
                    rehashed.confidence,
                );
                new.images.push(updated(image, rehashed));
                verdict
            }
            Err(error) => (QueueStatus::Failed, explain(&error), 0.0),
        };
        if !reason.is_empty() {
            let (id, path) = (image.id.clone(), image.path.clone());
            let extra = previous.map_or_else(Map::new, |entry| entry.extra.clone());
            new.queue.push(QueueEntry {
                id,
                path,
                status,
                reason,
                confidence,
                extra,
            });
        }
    }
    // What had no hash before was not in the images: it stays in the queue.
    new.queue.extend(queued.into_values().cloned());
    new
}

fn updated(image: &ImageEntry, rehashed: Rehashed) -> ImageEntry {
    ImageEntry {
        id: image.id.clone(),
        path: image.path.clone(),
        hash: rehashed.hash,
        width: rehashed.width,
        height: rehashed.height,
        confidence: rehashed.confidence,
        sha256: rehashed.sha256,
        bytes: rehashed.bytes,
        extra: image.extra.clone(),
    }
}

fn compare(old: &Library, new: &Library, options: &MigrateOptions) -> MigrateReport {
    let hashes: BTreeMap<&str, Hash> = new
        .images
        .iter()
        .map(|image| (image.id.as_str(), image.hash))
        .collect();
    let mut bits_changed = BTreeMap::new();
    for image in &old.images {
        if let Some(hash) = hashes.get(image.id.as_str()) {
            *bits_changed.entry(image.hash.distance(*hash)).or_insert(0) += 1;
        }
    }
    let unchanged = bits_changed.get(&0).copied().unwrap_or(0);
    let compared: usize = bits_changed.values().sum();
    MigrateReport {
        dry_run: options.dry_run,
        written: false,
        algorithm_from: old.algorithm.clone(),
        algorithm_to: new.algorithm.clone(),
        schema_from: old.schema,
        schema_to: new.schema,
        changed: compared - unchanged,
        unchanged,
        failed: old.images.len() - compared,
        bits_changed,
        digest_from: old.digest.clone(),
        digest_to: new.digest.clone(),
    }
}

#[cfg(test)]
mod tests;
