//! The files that a command is about.

use std::path::{Path, PathBuf};

use portcullis_driver::{MigrationFiles, MigrationFilesError, read_migration_files};
use portcullis_migration::{Dialect, MigrationSet, SetProblem};

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
    no_addresses(paths)?;
    let read = read_migration_files(paths, dialect, None);
    let MigrationFiles { set, problems } = read.map_err(|error| told(&error))?;
    Ok((set, problems))
}

/// Refuses the address of a database among the folders: most often it is the argument of a reference that is no single word.
pub(super) fn no_addresses(paths: &[PathBuf]) -> Result<(), CommandError> {
    if !paths.iter().any(|path| is_address(path)) {
        return Ok(());
    }
    let refused = CommandError::coded(
        ErrorCode::BadValue,
        "an address stands where folders of migrations are expected; it is not shown, for it may have a password",
    );
    Err(refused.hint(
        "a reference with arguments is one word of the command line: --url 'cmd:PROGRAM ARGUMENT'",
    ))
}

/// Whether a word is an address, with a password perhaps, and no path.
fn is_address(path: &Path) -> bool {
    !path.exists() && path.to_string_lossy().contains("://")
}

fn told(error: &MigrationFilesError) -> CommandError {
    let told = CommandError::of(Exit::Usage, error).code(ErrorCode::BadValue);
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
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
