//! Reading a copy, in small pieces: each is asked for and tried again by itself.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use super::{CopyProblem, CopyReadBack, Open};
use crate::bounds::{COPY_PART_BYTES, COPY_PARTS_AT_ONCE, MANIFEST_BYTES_MAX, SUMS_BYTES_MAX};
use crate::durable::temporary_file;
use crate::sums::Sums;
use crate::vault::{Form, SUMS_SUFFIX, failed_to};
use crate::{BackupName, Vault};

/// What a file should be.
pub(super) struct Expected<'e> {
    pub(super) bytes: u64,
    pub(super) sha256: &'e str,
}

/// What a `.sha256` elsewhere says.
struct Listed {
    text: String,
    form: Form,
    sums: Sums,
}

/// The text of a copy's `.sha256`, if there is one.
pub(super) async fn sums_text(
    open: &Open<'_>,
    name: &BackupName,
) -> Result<Option<String>, CopyProblem> {
    let path = open.path(name, SUMS_SUFFIX);
    let failed = |error: object_store::Error| open.problem("read", &path, &error);
    let found = match open.store.get(&path).await {
        Ok(found) => found,
        Err(error @ object_store::Error::NotFound { .. }) => {
            let problem = failed(error);
            return match problem {
                CopyProblem::NoBucket { .. } => Err(problem),
                _ => Ok(None),
            };
        }
        Err(error) => return Err(failed(error)),
    };
    let unusable = |what: &str| CopyProblem::Failed {
        doing: format!("use {path}"),
        why: what.to_owned(),
    };
    if found.meta.size > SUMS_BYTES_MAX {
        return Err(unusable("it is too long to be one"));
    }
    let bytes = found.bytes().await.map_err(failed)?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| unusable("it is not text"))?;
    Ok(Some(text))
}

async fn listed(open: &Open<'_>, name: &BackupName) -> Result<Listed, CopyProblem> {
    let text = sums_text(open, name).await?;
    let text = text.ok_or_else(|| CopyProblem::Missing { name: name.clone() })?;
    let age = Sums::parse(&text, name, Form::Age).map(|sums| (Form::Age, sums));
    let parsed =
        age.or_else(|_| Sums::parse(&text, name, Form::Plain).map(|sums| (Form::Plain, sums)));
    let (form, sums) = parsed.map_err(|why| CopyProblem::Failed {
        doing: format!("use {}", open.path(name, SUMS_SUFFIX)),
        why,
    })?;
    Ok(Listed { text, form, sums })
}

/// Reads a copy to its end.
pub(super) async fn read_back(
    open: &Open<'_>,
    name: &BackupName,
) -> Result<CopyReadBack, CopyProblem> {
    let Listed { form, sums, .. } = listed(open, name).await?;
    let mut bytes = 0;
    for (end, sha256) in [
        (form.manifest(), &sums.manifest),
        (form.archive(), &sums.archive),
    ] {
        let path = open.path(name, end);
        let length = length(open, &path).await?;
        let expected = Expected {
            bytes: length,
            sha256,
        };
        hash(open, &path, &expected).await?;
        bytes += length;
    }
    Ok(CopyReadBack {
        bytes,
        archive_sha256: sums.archive,
        manifest_sha256: sums.manifest,
        took: Duration::ZERO,
    })
}

/// Brings a copy into the vault.
pub(super) async fn fetch(
    open: &Open<'_>,
    vault: &Vault,
    name: &BackupName,
) -> Result<CopyReadBack, CopyProblem> {
    vault.check_free(name)?;
    let Listed { text, form, sums } = listed(open, name).await?;
    let archive_path = open.path(name, form.archive());
    let manifest_path = open.path(name, form.manifest());
    let lengths = (
        length(open, &archive_path).await?,
        length(open, &manifest_path).await?,
    );
    let needed = lengths.0.saturating_add(lengths.1);
    let free = crate::free_bytes_of(vault.root())?;
    if needed > free {
        return Err(CopyProblem::NoRoom { needed, free });
    }
    if lengths.1 > MANIFEST_BYTES_MAX {
        return Err(CopyProblem::Failed {
            doing: format!("use {manifest_path}"),
            why: "it is too long to be a manifest".to_owned(),
        });
    }
    let mut files = Vec::with_capacity(2);
    for (path, bytes, sha256) in [
        (&archive_path, lengths.0, &sums.archive),
        (&manifest_path, lengths.1, &sums.manifest),
    ] {
        let made = temporary_file(vault.root());
        let full = |source| failed_to("write a file in", vault.root(), source);
        let mut file = made.map_err(full)?;
        let expected = Expected { bytes, sha256 };
        read(open, path, &expected, &mut |piece| {
            Ok(file.write_all(piece).map_err(full)?)
        })
        .await?;
        files.push(file);
    }
    let (Some(manifest), Some(archive)) = (files.pop(), files.pop()) else {
        return Err(CopyProblem::Missing { name: name.clone() });
    };
    vault.admit(name, form, (archive, manifest), (&text, lengths.0))?;
    Ok(CopyReadBack {
        bytes: needed,
        archive_sha256: sums.archive,
        manifest_sha256: sums.manifest,
        took: Duration::ZERO,
    })
}

/// Reads a file and compares it.
pub(super) async fn hash(
    open: &Open<'_>,
    path: &Path,
    expected: &Expected<'_>,
) -> Result<(), CopyProblem> {
    read(open, path, expected, &mut |_| Ok(())).await
}

/// Reads a file, hands its pieces on in their order, and compares length and digest at the end.
async fn read(
    open: &Open<'_>,
    path: &Path,
    expected: &Expected<'_>,
    on_piece: &mut (dyn FnMut(&[u8]) -> Result<(), CopyProblem> + Send),
) -> Result<(), CopyProblem> {
    let differs = |found: String| CopyProblem::Differs {
        file: path.to_string(),
        expected: format!("{} bytes with SHA-256 {}", expected.bytes, expected.sha256),
        found,
    };
    let found = length(open, path).await?;
    if found != expected.bytes {
        return Err(differs(format!("{found} bytes")));
    }
    let get = |number: u64| async move {
        open.go_on()?;
        let from = number * COPY_PART_BYTES;
        let to = expected.bytes.min(from + COPY_PART_BYTES);
        let got: Result<Bytes, _> = open.store.get_range(path, from..to).await;
        let got = got.map_err(|error| open.problem("read", path, &error))?;
        match got.len() as u64 == to - from {
            true => Ok(got),
            false => Err(CopyProblem::Failed {
                doing: format!("read {path}"),
                why: format!("{} bytes came instead of {}", got.len(), to - from),
            }),
        }
    };
    let mut pieces = stream::iter(0..expected.bytes.div_ceil(COPY_PART_BYTES))
        .map(get)
        .buffered(COPY_PARTS_AT_ONCE);
    let mut sha = Sha256::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        sha.update(&piece);
        on_piece(&piece)?;
    }
    let found = hex::encode(sha.finalize());
    match found == expected.sha256 {
        true => Ok(()),
        false => Err(differs(format!(
            "{} bytes with SHA-256 {found}",
            expected.bytes
        ))),
    }
}

async fn length(open: &Open<'_>, path: &Path) -> Result<u64, CopyProblem> {
    let found = open.store.head(path).await;
    let found = found.map_err(|error| open.problem("look at", path, &error))?;
    Ok(found.size)
}
