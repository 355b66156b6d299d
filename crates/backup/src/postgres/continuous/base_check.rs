//! Checks of a recovered cluster by PostgreSQL's own programs.

use std::ffi::OsString;
use std::path::Path;

use super::{ContinuousArchive, ContinuousProblem};
use crate::postgres::session::Session;
use crate::postgres::tools::Tools;
use crate::{BackupError, PostgresAddress, PostgresProblem};

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

/// Checks tables and indexes of a database, if it has the extension; says whether it has.
pub(crate) fn amcheck(address: PostgresAddress, major: u32) -> Result<bool, PostgresProblem> {
    crate::postgres::blocking(async {
        let mut session = Session::open(&address).await?;
        let found: bool = session
            .value("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck')")
            .await?;
        session.close().await;
        if !found {
            return Ok(false);
        }
        let tool = Tools::installed()
            .find("pg_amcheck", major, "the server")
            .await?;
        // What it prints names tables and blocks, and nothing of rows.
        let arguments: Vec<OsString> = vec![
            "--no-password".into(),
            "--database".into(),
            address.database().into(),
        ];
        tool.run(&arguments, Some(&address)).await?;
        Ok(true)
    })
}
