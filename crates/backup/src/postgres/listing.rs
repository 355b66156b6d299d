//! Whether PostgreSQL's own program can read a dump: its table of contents, while the archive is read back.

use std::io::{self, Read, Write};
use std::process::Stdio;

use super::restore::major_of;
use super::tools::{Tool, Tools};
use super::{DUMP, PostgresProblem, blocking};
use crate::bounds::CHUNK_BYTES;
use crate::manifest::{FileEntry, StoreManifest};
use crate::{BackupError, Damage};

/// Has `pg_restore --list` read the dumps of a backup that is being read back.
#[derive(Default)]
pub(crate) struct DumpCheck {
    pub(crate) damages: Vec<Damage>,
}

impl DumpCheck {
    /// Looks at one file of the archive. Whatever is no table of contents is left alone.
    pub(crate) fn file(
        &mut self,
        store: &StoreManifest,
        file: &FileEntry,
        reader: &mut dyn Read,
    ) -> Result<(), BackupError> {
        let Some(content) = &store.postgres else {
            return Ok(());
        };
        let path = file.path.to_string();
        let contents = format!("{DUMP}/toc.dat");
        if path != DUMP && path != contents {
            return Ok(());
        }
        let listed = (|| {
            let tool = blocking(async {
                let wanted = major_of(&content.pg_dump);
                Tools::installed()
                    .find("pg_restore", wanted, "the dump")
                    .await
            })?;
            match path == DUMP {
                true => piped(&tool, reader),
                false => unpacked(&tool, reader),
            }
        })();
        match listed {
            Ok(()) => Ok(()),
            Err(PostgresProblem::ToolFailed { why, .. }) => {
                self.damages.push(Damage::Dump {
                    path: format!("stores/{}/{path}", store.name),
                    why,
                });
                Ok(())
            }
            Err(problem) => Err(BackupError::Postgres {
                store: store.name.clone(),
                problem,
            }),
        }
    }
}

/// A dump that is one file begins with its table of contents: as much of it is given as the program takes.
fn piped(tool: &Tool, reader: &mut dyn Read) -> Result<(), PostgresProblem> {
    let failed = |error: io::Error| PostgresProblem::ToolFailed {
        tool: "pg_restore",
        why: error.to_string(),
    };
    let (from, mut to) = io::pipe().map_err(failed)?;
    let listing = async {
        let child = tool.spawn(&["--list".into()], None, Stdio::from(from))?;
        let (status, _, words) = tool.ended(child).await?;
        tool.judge(status, &words, None)
    };
    std::thread::scope(|scope| {
        let listed = scope.spawn(|| blocking(listing));
        let mut chunk = vec![0; CHUNK_BYTES];
        // A failed read is the archive's fault and told by who reads it; a failed write says that it has enough.
        while let Ok(read @ 1..) = reader.read(&mut chunk) {
            if to.write_all(&chunk[..read]).is_err() {
                break;
            }
        }
        drop(to);
        listed
            .join()
            .unwrap_or_else(|_| Err(failed(io::Error::other("it stopped unexpectedly"))))
    })
}

/// Of a dump that is a folder the table of contents is a file.
fn unpacked(tool: &Tool, reader: &mut dyn Read) -> Result<(), PostgresProblem> {
    let failed = |error: io::Error| PostgresProblem::ToolFailed {
        tool: "pg_restore",
        why: error.to_string(),
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let mut file = std::fs::File::create(folder.path().join("toc.dat")).map_err(failed)?;
    // A failed read is the archive's fault; the table of contents is then cut off.
    let _ = io::copy(reader, &mut file);
    drop(file);
    blocking(async {
        let arguments = ["--list".into(), folder.path().as_os_str().to_owned()];
        tool.run(&arguments, None).await.map(drop)
    })
}
