//! From a file to its hash.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::algorithm::Algorithm;
use crate::bounds::{FILE_LIMITS, Limits};
use crate::confidence::{LOW_CONFIDENCE, confidence};
use crate::decode::{self, DecodeError, Finding, ImageFormat};
use crate::hash::Hash;
use crate::parallel;

/// How a JPEG is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// Bit-identical with the reference.
    #[default]
    Exact,
    /// Scaled-down luma only: several times faster on large photographs, usually off by 0 to 2 bits.
    Fast,
}

/// What to compute, and within which limits.
#[derive(Debug, Clone, Copy)]
pub struct HashOptions {
    /// The version of the hash.
    pub algorithm: Algorithm,
    /// Exact or fast decoding.
    pub speed: Speed,
    /// What the decoder may use.
    pub limits: Limits,
}

/// The hash of an image, and how far to trust it.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The hash.
    pub hash: Hash,
    /// From 0.0 (says nothing) to 1.0; see [`confidence`].
    pub confidence: f64,
    /// Width in pixels, as stored in the file.
    pub width: u32,
    /// Height in pixels, as stored in the file.
    pub height: u32,
    /// The format that was recognised.
    pub format: ImageFormat,
    /// What was noticed on the way.
    pub findings: Vec<Finding>,
}

/// Why a file has no hash.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than the limits allow.
    #[error("the file is too large: at most {file_max_bytes} bytes are read")]
    FileTooLarge {
        /// The limit in bytes.
        file_max_bytes: u64,
    },
    /// The content could not be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Default for HashOptions {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            speed: Speed::Exact,
            limits: FILE_LIMITS,
        }
    }
}

impl Extraction {
    /// Why the image belongs into the low-confidence queue; empty when it does not.
    #[must_use]
    pub fn review_reason(&self) -> String {
        let mut reasons: Vec<String> = self
            .findings
            .iter()
            .filter(|finding| finding.needs_review())
            .map(ToString::to_string)
            .collect();
        if self.confidence < LOW_CONFIDENCE && reasons.is_empty() {
            reasons.push("flat: most neighbouring grey samples are nearly equal".to_owned());
        }
        reasons.join("; ")
    }
}

/// Hashes an image file.
///
/// # Errors
/// [`ExtractError`] when the file cannot be read, is too large, or is not a whole image.
pub fn hash_file(path: &Path, options: &HashOptions) -> Result<Extraction, ExtractError> {
    hash_bytes(&read_file(path, &options.limits)?, options)
}

/// Hashes files on `jobs` threads (`None`: one per core); the results are in the order of the files.
pub fn hash_files(
    paths: &[PathBuf],
    options: &HashOptions,
    jobs: Option<usize>,
) -> Vec<Result<Extraction, ExtractError>> {
    parallel::map(paths, jobs.unwrap_or_else(parallel::cores), |path| {
        hash_file(path, options)
    })
}

/// Hashes the content of an image file.
///
/// # Errors
/// [`ExtractError`] when the content is too large or not a whole image.
pub fn hash_bytes(bytes: &[u8], options: &HashOptions) -> Result<Extraction, ExtractError> {
    let format = ImageFormat::sniff(bytes).ok_or(DecodeError::UnknownFormat)?;
    let decoded = decode::decode(bytes, format, options)?;
    Ok(Extraction {
        hash: Hash::of_grid(&decoded.grid),
        confidence: confidence(&decoded.grid, &decoded.findings),
        width: decoded.width,
        height: decoded.height,
        format,
        findings: decoded.findings,
    })
}

/// Reads a file whole, up to the limit.
pub(crate) fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>, ExtractError> {
    let explain = |source| ExtractError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(explain)?;
    let mut bytes = Vec::new();
    file.take(limits.file_max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(explain)?;
    if bytes.len() as u64 > limits.file_max_bytes {
        return Err(ExtractError::FileTooLarge {
            file_max_bytes: limits.file_max_bytes,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
