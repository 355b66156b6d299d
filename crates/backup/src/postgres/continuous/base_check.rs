//! Checks of a recovered cluster by PostgreSQL's own programs.

use std::ffi::OsString;
use std::path::Path;

use super::{ContinuousArchive, ContinuousProblem};
use crate::BackupError;
use crate::postgres::tools::Tools;

/// Compares an unpacked base backup with its manifest as `pg_verifybackup` does it. Where that is not installed nothing
/// is lost: each file was compared while it was unpacked.
pub(crate) fn check(
    archive: &ContinuousArchive,
    data: &Path,
    major: u32,
) -> Result<(), BackupError> {
    let lost = |problem| archive.failed(ContinuousProblem::Postgres(problem));
    crate::postgres::blocking_with(
        async {
            let Ok(tool) = Tools::installed().find_same("pg_verifybackup", major).await else {
                return Ok(());
            };
            // The log is replayed in a moment, and what is put aside here is no damage.
            let arguments: Vec<OsString> = vec![
                "--exit-on-error".into(),
                "--no-parse-wal".into(),
                "--ignore=postgresql.auto.conf.aside".into(),
                data.into(),
            ];
            tool.run(&arguments, None).await.map(drop).map_err(lost)
        },
        lost,
    )
}
