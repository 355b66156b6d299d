//! SHA-256 of files, read in pieces off the async threads.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::bounds::HASH_CHUNK_BYTES;

/// Hexadecimal digits that are shown where a whole digest would only be in the way.
const SHORT_DIGITS: usize = 12;

/// The SHA-256 of a file's bytes, hexadecimal.
pub(crate) async fn sha256_of(path: &Path) -> io::Result<String> {
    let path: PathBuf = path.to_owned();
    match tokio::task::spawn_blocking(move || hash_file(&path)).await {
        Ok(hashed) => hashed,
        Err(stopped) => Err(io::Error::other(stopped)),
    }
}

/// The first digits of a digest.
pub(crate) fn short(sha256: &str) -> &str {
    sha256.get(..SHORT_DIGITS).unwrap_or(sha256)
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hex::encode(hasher.finalize())),
            Ok(n) => hasher.update(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
