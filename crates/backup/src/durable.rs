//! Writing that survives a crash: temporary name, sync, rename, sync of the folder.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

mod private_folder;
mod steady_file;

pub(crate) use private_folder::{PrivateFolder, clear_abandoned};
pub(crate) use steady_file::SteadyFile;

/// How unfinished files in a vault begin and end.
pub(crate) const TEMPORARY_PREFIX: &str = ".portcullis-";
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// How the folder begins in which a restore prepares its copy, beside the store.
pub(crate) const RESTORE_PREFIX: &str = ".portcullis-restore-";

/// A new file with mode 0600, removed when dropped. Until then it is locked, so that nobody takes it for abandoned.
pub(crate) fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .suffix(TEMPORARY_SUFFIX)
            .tempfile_in(folder)?;
        if private_folder::is_ours(file.as_file())? {
            return Ok(file);
        }
    }
}

/// Syncs the file and gives it its name, unless that name is taken.
pub(crate) fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a file, or replaces it as a whole. The name is durable once its folder is synced.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = temporary_file(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes names in the folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder of a path, which is the current one for a path of one component.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Asks the system to forget what it holds of the file in memory, so that the next read comes from
/// the disk. Only an attempt: reading from memory is not wrong, it just proves less.
pub(crate) fn forget_cached(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}
