//! Building a library from a folder of images.
//!
//! Every file under the folder is looked at, whatever its name; files that are no image of a known
//! format are left out silently only if their name does not claim otherwise, so that a folder may
//! hold a README and still a broken `.jpg` is reported.

use std::path::{Path, PathBuf};

use serde_json::Map;
use walkdir::WalkDir;

use crate::algorithm::Algorithm;
use crate::bounds::FILE_LIMITS;
use crate::clock;
use crate::decode::DecodeError;
use crate::extract::{ExtractError, HashOptions, hash_bytes, read_file};
use crate::library::{
    ImageEntry, Library, LibraryError, Lock, QueueEntry, QueueStatus, SCHEMA_NEWEST,
};
use crate::migrate::{Rehashed, rehash};
use crate::parallel;

/// Extensions that claim a file to be an image.
const IMAGE_EXTENSIONS: [&str; 15] = [
    "jpg", "jpeg", "jpe", "png", "gif", "bmp", "dib", "webp", "tif", "tiff", "pbm", "pgm", "ppm",
    "pnm", "avif",
];

/// Why no library was built.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The folder could not be walked.
    #[error("cannot list the images of {}", folder.display())]
    Walk {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        #[source]
        source: walkdir::Error,
    },
    /// The folder has no image.
    #[error("no images under {}: expected JPEG, PNG, GIF, BMP, WebP, TIFF or PNM files", folder.display())]
    NoImages {
        /// The folder.
        folder: PathBuf,
    },
    /// The schema is not one that is written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The folder's name has no written form.
    #[error("cannot resolve {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CollectReport {
    /// Images with a hash.
    pub images: usize,
    /// Images with a hash of low confidence.
    pub low_confidence: usize,
    /// Images without a hash.
    pub failed: usize,
    /// Files that are no images.
    pub ignored: usize,
    /// The digest of the library.
    pub digest: String,
}

/// Hashes every image under `folder` and writes the library file `path`, replacing it if there.
///
/// # Errors
/// [`CollectError`] when the folder cannot be read, has no image, or the file cannot be written.
pub fn collect(
    folder: &Path,
    path: &Path,
    algorithm: Algorithm,
    schema: u32,
) -> Result<CollectReport, CollectError> {
    if !(crate::library::SCHEMA_OLDEST..=SCHEMA_NEWEST).contains(&schema) {
        return Err(LibraryError::UnknownSchema { schema }.into());
    }
    let _lock = Lock::take(path)?;
    let files = list_files(folder)?;
    let options = HashOptions {
        algorithm,
        ..HashOptions::default()
    };
    let outcomes = parallel::map(&files, parallel::cores(), |name| {
        let file = folder.join(name);
        read_file(&file, &FILE_LIMITS)
            .and_then(|bytes| Ok(rehash(hash_bytes(&bytes, &options)?, &bytes, schema)))
    });

    let mut library = Library {
        schema,
        algorithm: algorithm.id().to_owned(),
        created_at: clock::timestamp(),
        migrated_at: None,
        root: root_of(folder, path)?,
        extra: Map::new(),
        images: Vec::new(),
        queue: Vec::new(),
        digest: String::new(),
    };
    let mut ignored = 0;
    for (name, outcome) in files.iter().zip(outcomes) {
        match outcome {
            Ok(rehashed) => add_image(&mut library, name, rehashed),
            Err(error) if is_no_image(name, &error) => ignored += 1,
            Err(error) => library.queue.push(failed_entry(name, &error)),
        }
    }
    if library.images.is_empty() && library.queue.is_empty() {
        return Err(CollectError::NoImages {
            folder: folder.to_owned(),
        });
    }
    library.save(path)?;
    Ok(report(&library, ignored))
}

fn list_files(folder: &Path) -> Result<Vec<String>, CollectError> {
    let explain = |source| CollectError::Walk {
        folder: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(explain)?;
        // Links are left out: they would list one image twice, or leave the folder.
        if !entry.file_type().is_file() {
            continue;
        }
        if let Ok(name) = entry.path().strip_prefix(folder) {
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            files.push(parts.join("/"));
        }
    }
    Ok(files)
}

/// Relative when the images are beside or below the library, so that both can be moved together.
fn root_of(folder: &Path, path: &Path) -> Result<String, CollectError> {
    let resolve = |folder: &Path| {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        folder
            .canonicalize()
            .map_err(|source| CollectError::Folder {
                folder: folder.to_owned(),
                source,
            })
    };
    let root = resolve(folder)?;
    let base = resolve(path.parent().unwrap_or(Path::new(".")))?;
    let relative = match root.strip_prefix(&base) {
        Ok(below) if below.as_os_str().is_empty() => Path::new("."),
        Ok(below) => below,
        Err(_) => &root,
    };
    Ok(relative.to_string_lossy().into_owned())
}

fn add_image(library: &mut Library, name: &str, rehashed: Rehashed) {
    let id = ImageEntry::id_of(name);
    if !rehashed.reason.is_empty() {
        library.queue.push(QueueEntry {
            id: id.clone(),
            path: name.to_owned(),
            status: QueueStatus::LowConfidence,
            reason: rehashed.reason,
            confidence: rehashed.confidence,
            extra: Map::new(),
        });
    }
    library.images.push(ImageEntry {
        id,
        path: name.to_owned(),
        hash: rehashed.hash,
        width: rehashed.width,
        height: rehashed.height,
        confidence: rehashed.confidence,
        sha256: rehashed.sha256,
        bytes: rehashed.bytes,
        extra: Map::new(),
    });
}

fn failed_entry(name: &str, error: &ExtractError) -> QueueEntry {
    QueueEntry {
        id: ImageEntry::id_of(name),
        path: name.to_owned(),
        status: QueueStatus::Failed,
        reason: error.to_string(),
        confidence: 0.0,
        extra: Map::new(),
    }
}

fn is_no_image(name: &str, error: &ExtractError) -> bool {
    let extension = Path::new(name)
        .extension()
        .unwrap_or_default()
        .to_string_lossy();
    matches!(error, ExtractError::Decode(DecodeError::UnknownFormat))
        && !IMAGE_EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
}

fn report(library: &Library, ignored: usize) -> CollectReport {
    let failed = library
        .queue
        .iter()
        .filter(|entry| entry.status == QueueStatus::Failed)
        .count();
    CollectReport {
        images: library.images.len(),
        low_confidence: library.queue.len() - failed,
        failed,
        ignored,
        digest: library.digest.clone(),
    }
}
