//! How much may still be written to a disk.

use std::path::Path;

use crate::BackupError;
use crate::vault::failed_to;

/// What this process may still write to the disk on which a folder lies, in bytes.
///
/// # Errors
/// [`BackupError::Vault`] if that cannot be measured.
pub fn free_bytes_of(folder: &Path) -> Result<u64, BackupError> {
    let space = rustix::fs::statvfs(folder)
        .map_err(|error| failed_to("measure the free space of", folder, error.into()))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}
