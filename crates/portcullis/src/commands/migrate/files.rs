//! The files that a command is about, from the disk.

use std::io::Read;
use std::path::{Path, PathBuf};

use portcullis_migration::{Dialect, MigrationSet, SetProblem};

use crate::bounds::{MIGRATION_FILE_BYTES_MAX, MIGRATION_FILES_MAX};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;

/// The migrations at `paths`, with what is wrong with them.
pub(super) fn read(
    site: &Site,
    paths: &[PathBuf],
    dialect: Dialect,
) -> Result<(MigrationSet, Vec<SetProblem>), CommandError> {
    if paths.is_empty() {
        return Err(missing(site));
    }
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => folder(path, &mut files)?,
            false => files.push(path.clone()),
        }
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        let told = paths.iter().map(|path| path.display().to_string());
        let told = told.collect::<Vec<_>>().join(", ");
        let message = format!("there is no .sql file in {told}");
        return Err(CommandError::coded(ErrorCode::BadValue, message)
            .hint("a migration is named NUMBER_name.sql, such as 0007_add_email.sql"));
    }
    if files.len() > MIGRATION_FILES_MAX {
        let message = format!("{} files are more than {MIGRATION_FILES_MAX}", files.len());
        return Err(CommandError::coded(ErrorCode::BadValue, message));
    }
    let mut read = Vec::with_capacity(files.len());
    for file in &files {
        let name = file.file_name().unwrap_or(file.as_os_str());
        read.push((name.to_string_lossy().into_owned(), bytes(file)?));
    }
    Ok(MigrationSet::read(dialect, read))
}

/// The SQL files of a folder; hidden ones are an editor's.
fn folder(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    for entry in entries {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        let is_sql = file.extension().is_some_and(|extension| extension == "sql");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if is_sql && !name.starts_with('.') && !file.is_dir() {
            files.push(file);
        }
    }
    Ok(())
}

fn bytes(file: &Path) -> Result<Vec<u8>, CommandError> {
    // A pipe without a writer would be waited for for ever.
    if !std::fs::metadata(file)
        .map_err(|error| unreadable(file, &error))?
        .is_file()
    {
        let error = std::io::Error::other("it is not a file");
        return Err(unreadable(file, &error));
    }
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    opened
        .take(MIGRATION_FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > MIGRATION_FILE_BYTES_MAX {
        let message = format!(
            "{} is larger than {MIGRATION_FILE_BYTES_MAX} bytes",
            file.display()
        );
        let hint = "a file of that size holds data; load it in another way";
        return Err(CommandError::coded(ErrorCode::BadValue, message).hint(hint));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> CommandError {
    let message = format!("{} cannot be read", path.display());
    CommandError::because(Exit::Usage, message, error).code(ErrorCode::BadValue)
}

/// No path was given, and releases name no folder of SQL files yet.
fn missing(site: &Site) -> CommandError {
    let beside = site
        .file
        .parent()
        .unwrap_or(Path::new(""))
        .join("migrations");
    let folder = match beside.is_dir() {
        true => beside.display().to_string(),
        false => "FOLDER".to_owned(),
    };
    CommandError::coded(
        ErrorCode::MissingArgument,
        "which migrations? no folder is given",
    )
    .hint(format!(
        "name the folder: `portcullis migrate lint {folder}`"
    ))
}
