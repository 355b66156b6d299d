//! The SQL files of a folder, from the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use portcullis_migration::{Dialect, MigrationSet, SetProblem};

use crate::bounds::{MIGRATION_FILE_BYTES_MAX, MIGRATION_FILES_MAX};

/// SQL files that were read.
#[derive(Debug, Clone)]
pub struct MigrationFiles {
    /// What could be read.
    pub set: MigrationSet,
    /// What is wrong with the rest.
    pub problems: Vec<SetProblem>,
}

/// Why SQL files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MigrationFilesError {
    /// There is none.
    #[error("there is no .sql file in {0}")]
    None(String),
    /// There are some, and all of them have a higher number than the release's last.
    #[error(
        "through = {through} leaves out every .sql file in {folder}: {}",
        told(files)
    )]
    NoneThrough {
        /// Where they are.
        folder: String,
        /// The highest number that belongs to the release.
        through: u64,
        /// Their names, in order.
        files: Vec<String>,
    },
    /// There are too many.
    #[error("{0} files are more than {MIGRATION_FILES_MAX}")]
    TooMany(usize),
    /// One is too large.
    #[error("{} is larger than {MIGRATION_FILE_BYTES_MAX} bytes", .0.display())]
    TooLarge(PathBuf),
    /// A file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl MigrationFilesError {
    /// What a person can do about it, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            MigrationFilesError::None(_) => {
                Some("a migration is named NUMBER_name.sql, such as 0007_add_email.sql")
            }
            MigrationFilesError::NoneThrough { .. } => Some(
                "set `through` to the number of the last file that belongs to the release, or leave it out for all of them",
            ),
            MigrationFilesError::TooLarge(_) => {
                Some("a file of that size holds data; load it in another way")
            }
            MigrationFilesError::TooMany(_) | MigrationFilesError::Unreadable { .. } => None,
        }
    }
}

/// Reads files, and the `.sql` files of folders: hidden ones are an editor's. With `through`, those with a higher number
/// are left out.
///
/// # Errors
/// When there is none, or one cannot be read or is too large.
pub fn read_migration_files(
    paths: &[PathBuf],
    dialect: Dialect,
    through: Option<u64>,
) -> Result<MigrationFiles, MigrationFilesError> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => folder(path, &mut files)?,
            false => files.push(path.clone()),
        }
    }
    files.sort();
    files.dedup();
    let all = files.clone();
    files.retain(|file| through.is_none_or(|last| number(file).is_none_or(|own| own <= last)));
    if files.is_empty() {
        let folders: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let folder = folders.join(", ");
        return Err(match through {
            Some(through) if !all.is_empty() => MigrationFilesError::NoneThrough {
                folder,
                through,
                files: all.iter().map(|file| name(file)).collect(),
            },
            _ => MigrationFilesError::None(folder),
        });
    }
    if files.len() > MIGRATION_FILES_MAX {
        return Err(MigrationFilesError::TooMany(files.len()));
    }
    let mut read = Vec::with_capacity(files.len());
    for file in &files {
        read.push((name(file), bytes(file)?));
    }
    let (set, problems) = MigrationSet::read(dialect, read);
    Ok(MigrationFiles { set, problems })
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Names, of many the first and the last.
fn told(files: &[String]) -> String {
    match files {
        [first, _, _, .., last] => format!("{first} to {last} ({} files)", files.len()),
        _ => files.join(", "),
    }
}

/// The number that a name begins with.
pub(super) fn number(file: &Path) -> Option<u64> {
    let name = file.file_name()?.to_str()?;
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    name.get(..digits)?.parse().ok()
}

fn folder(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), MigrationFilesError> {
    let unreadable = |source| MigrationFilesError::Unreadable {
        path: path.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let is_sql = file.extension().is_some_and(|extension| extension == "sql");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if is_sql && !name.starts_with('.') && !file.is_dir() {
            files.push(file);
        }
    }
    Ok(())
}

fn bytes(file: &Path) -> Result<Vec<u8>, MigrationFilesError> {
    let unreadable = |source| MigrationFilesError::Unreadable {
        path: file.to_owned(),
        source,
    };
    // A pipe without a writer would be waited for for ever.
    if !std::fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    let mut bounded = opened.take(MIGRATION_FILE_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > MIGRATION_FILE_BYTES_MAX {
        true => Err(MigrationFilesError::TooLarge(file.to_owned())),
        false => Ok(bytes),
    }
}
