//! Sending a backup: in parts, going on where an earlier attempt ended, and read back before it counts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path as FilePath;
use std::time::Duration;

use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use super::download::{self, Expected};
use super::lock::lock;
use super::mark::Mark;
use super::note::Note;
use super::{Copied, CopyProblem, Open};
use crate::bounds::{COPY_PART_BYTES, COPY_PARTS_AT_ONCE, COPY_PARTS_MAX, SUMS_BYTES_MAX};
use crate::sums::Sums;
use crate::vault::{SUMS_SUFFIX, failed_to, read_bounded};
use crate::{BackupName, Vault};

/// A file of the vault that is sent.
struct Outgoing {
    from: File,
    to: Path,
    bytes: u64,
    sha256: String,
}

/// Sends what is missing, reads it back, and sends the `.sha256`.
pub(super) async fn copy(
    open: &Open<'_>,
    vault: &Vault,
    name: &BackupName,
    notes: &FilePath,
) -> Result<Copied, CopyProblem> {
    let (text, sums) = local_sums(vault, name)?;
    let form = vault.form(name);
    let archive = outgoing(
        &vault.archive_path(name),
        open.path(name, form.archive()),
        sums.archive,
    )?;
    let manifest = outgoing(
        &vault.manifest_path(name),
        open.path(name, form.manifest()),
        sums.manifest,
    )?;
    let mut copied = Copied {
        was_there: true,
        bytes: archive.bytes + manifest.bytes,
        sent_bytes: 0,
        archive_sha256: archive.sha256.clone(),
        took: Duration::ZERO,
    };
    let sums_path = open.path(name, SUMS_SUFFIX);
    if Mark::Damaged.all(notes).contains(name) {
        // What is there is read as damaged: nothing of it is gone on with.
        super::listing::remove(open, name).await?;
    }
    if is_there(open, vault, name).await? {
        for path in [&archive.to, &manifest.to, &sums_path] {
            lock(open, name, path).await?;
        }
        Note::forget(notes, name);
        Mark::LockToCome.clear(notes, name);
        return Ok(copied);
    }
    copied.was_there = false;
    for file in [&archive, &manifest] {
        copied.sent_bytes += send(open, file, name, notes).await?;
        read_back(open, file).await?;
        lock(open, name, &file.to).await?;
    }
    if open.locking.is_some() {
        Mark::LockToCome.set(notes, name)?;
    }
    put(open, &sums_path, text.into_bytes()).await?;
    if !is_there(open, vault, name).await? {
        return Err(CopyProblem::Missing { name: name.clone() });
    }
    lock(open, name, &sums_path).await?;
    Note::forget(notes, name);
    Mark::LockToCome.clear(notes, name);
    Mark::Damaged.clear(notes, name);
    Ok(copied)
}

/// Whether the `.sha256` of exactly this backup is there.
pub(super) async fn is_there(
    open: &Open<'_>,
    vault: &Vault,
    name: &BackupName,
) -> Result<bool, CopyProblem> {
    let (text, _) = local_sums(vault, name)?;
    match download::sums_text(open, name).await? {
        None => Ok(false),
        Some(found) if found == text => Ok(true),
        Some(_) => Err(CopyProblem::OtherBackup { name: name.clone() }),
    }
}

fn local_sums(vault: &Vault, name: &BackupName) -> Result<(String, Sums), CopyProblem> {
    vault.check_complete(name)?;
    let path = vault.sums_path(name);
    let refused = |why: String| {
        let source = std::io::Error::other(why);
        CopyProblem::from(failed_to("use", &path, source))
    };
    let text = String::from_utf8(read_bounded(&path, SUMS_BYTES_MAX)?)
        .map_err(|_| refused("it is not text".to_owned()))?;
    let sums = Sums::parse(&text, name, vault.form(name)).map_err(refused)?;
    Ok((text, sums))
}

fn outgoing(from: &FilePath, to: Path, sha256: String) -> Result<Outgoing, CopyProblem> {
    let opened = File::open(from).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = opened.map_err(|source| failed_to("read", from, source))?;
    Ok(Outgoing {
        from: file,
        to,
        bytes,
        sha256,
    })
}

/// Sends a file unless one of its length is there already, and says how many bytes were sent.
async fn send(
    open: &Open<'_>,
    file: &Outgoing,
    name: &BackupName,
    notes: &FilePath,
) -> Result<u64, CopyProblem> {
    match open.store.head(&file.to).await {
        // Reading it back tells whether it is this one.
        Ok(found) if found.size == file.bytes => return Ok(0),
        Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(open.problem("look at", &file.to, &error)),
    }
    if file.bytes <= COPY_PART_BYTES {
        put(open, &file.to, piece(file, 0, file.bytes)?).await?;
        return Ok(file.bytes);
    }
    let part_bytes = part_bytes(file.bytes);
    let place = format!("{}/{}", open.bucket, file.to);
    let usable = Note::read(notes, name).filter(|note| {
        (&note.place, &note.sha256, note.part_bytes) == (&place, &file.sha256, part_bytes)
    });
    if let Some(note) = usable {
        match send_parts(open, file, name, (notes, note)).await {
            // The server has forgotten it, as it may after some days: from the beginning.
            Err(CopyProblem::Failed { why, .. }) if is_forgotten(&why) => {}
            sent => return sent,
        }
    } else if let Some(old) = Note::read(notes, name) {
        // Of another place or archive: what it holds is of no use any more.
        let _ = open.store.abort_multipart(&file.to, &old.upload).await;
    }
    let begun = open.store.create_multipart(&file.to).await;
    let note = Note {
        place,
        sha256: file.sha256.clone(),
        part_bytes,
        upload: begun.map_err(|error| open.problem("begin to send", &file.to, &error))?,
        parts: Default::default(),
    };
    note.save(notes, name)?;
    send_parts(open, file, name, (notes, note)).await
}

/// Sends the parts that are missing, several at a time, and puts them together.
async fn send_parts(
    open: &Open<'_>,
    file: &Outgoing,
    name: &BackupName,
    (notes, mut note): (&FilePath, Note),
) -> Result<u64, CopyProblem> {
    let parts = file.bytes.div_ceil(note.part_bytes) as usize;
    let upload = note.upload.clone();
    let missing: Vec<usize> = (0..parts)
        .filter(|number| !note.parts.contains_key(number))
        .collect();
    let part_bytes = note.part_bytes;
    let mut sent_bytes = 0;
    let send_one = |number: usize| {
        let upload = &upload;
        async move {
            open.go_on()?;
            let from = number as u64 * part_bytes;
            let bytes = piece(file, from, part_bytes.min(file.bytes - from))?;
            let length = bytes.len() as u64;
            let sent = open
                .store
                .put_part(&file.to, upload, number, PutPayload::from(bytes))
                .await;
            let part = sent.map_err(|error| open.problem("send a part of", &file.to, &error))?;
            Ok::<_, CopyProblem>((number, part.content_id, length))
        }
    };
    let mut sending = stream::iter(missing)
        .map(send_one)
        .buffer_unordered(at_once(note.part_bytes));
    while let Some(sent) = sending.next().await {
        let (number, id, length) = sent?;
        note.parts.insert(number, id);
        note.save(notes, name)?;
        sent_bytes += length;
    }
    let ids = note.parts.into_values();
    let ids = ids.map(|content_id| object_store::multipart::PartId { content_id });
    let done = open
        .store
        .complete_multipart(&file.to, &upload, ids.collect())
        .await;
    if let Err(error) = done {
        // The answer may have been lost, and not what it answered.
        let found = open.store.head(&file.to).await;
        if !found.is_ok_and(|found| found.size == file.bytes) {
            return Err(open.problem("complete", &file.to, &error));
        }
    }
    Note::forget(notes, name);
    Ok(sent_bytes)
}

/// Reads what was sent again. What differs is removed, so that the next attempt sends it anew.
async fn read_back(open: &Open<'_>, file: &Outgoing) -> Result<(), CopyProblem> {
    let expected = Expected {
        bytes: file.bytes,
        sha256: &file.sha256,
    };
    let read = download::hash(open, &file.to, &expected).await;
    if matches!(read, Err(CopyProblem::Differs { .. })) {
        // Was it damaged here, or there?
        check_local(file)?;
        let _ = open.store.delete(&file.to).await;
    }
    read
}

fn check_local(file: &Outgoing) -> Result<(), CopyProblem> {
    let (mut at, mut sha) = (0, Sha256::new());
    while at < file.bytes {
        let bytes = piece(file, at, COPY_PART_BYTES.min(file.bytes - at))?;
        at += bytes.len() as u64;
        sha.update(&bytes);
    }
    let found = hex::encode(sha.finalize());
    match found == file.sha256 {
        true => Ok(()),
        false => Err(CopyProblem::Differs {
            file: format!("the local file of {}", file.to),
            expected: format!("SHA-256 {}", file.sha256),
            found: format!("SHA-256 {found}"),
        }),
    }
}

async fn put(open: &Open<'_>, path: &Path, bytes: Vec<u8>) -> Result<(), CopyProblem> {
    open.go_on()?;
    let sent = open.store.put(path, PutPayload::from(bytes)).await;
    sent.map_err(|error| open.problem("send", path, &error))?;
    Ok(())
}

fn piece(file: &Outgoing, from: u64, length: u64) -> Result<Vec<u8>, CopyProblem> {
    let mut bytes = vec![0; length as usize];
    let read = file.from.read_exact_at(&mut bytes, from);
    read.map_err(|source| {
        let shown = FilePath::new(file.to.as_ref());
        failed_to("read the local file of", shown, source)
    })?;
    Ok(bytes)
}

/// How large the parts of a file are: as small as the number of parts allows.
pub(crate) fn part_bytes(bytes: u64) -> u64 {
    let least = bytes.div_ceil(COPY_PARTS_MAX);
    least.div_ceil(COPY_PART_BYTES).max(1) * COPY_PART_BYTES
}

/// How many pieces of this size are sent at a time: large ones one by one, since each is in memory. Up to 70 GiB a piece has
/// 8 MiB and 24 MiB are in memory; the largest archive that S3 takes, of 5 TiB, needs 600 MiB.
fn at_once(part_bytes: u64) -> usize {
    let budget = COPY_PART_BYTES * COPY_PARTS_AT_ONCE as u64;
    usize::try_from(budget / part_bytes)
        .unwrap_or(1)
        .clamp(1, COPY_PARTS_AT_ONCE)
}

/// Whether a server does not know the upload any more.
fn is_forgotten(why: &str) -> bool {
    ["NoSuchUpload", "InvalidBlockList", "404"]
        .iter()
        .any(|word| why.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_upload_has_too_many_parts_and_none_is_too_small() {
        for bytes in [1, COPY_PART_BYTES, COPY_PART_BYTES + 1, 72 << 30, 5 << 40] {
            let part = part_bytes(bytes);
            assert!(bytes.div_ceil(part) <= COPY_PARTS_MAX, "{bytes}: {part}");
            assert!(part >= COPY_PART_BYTES && part.is_multiple_of(COPY_PART_BYTES));
        }
        assert_eq!(part_bytes(1 << 30), COPY_PART_BYTES);
        assert_eq!(at_once(COPY_PART_BYTES), COPY_PARTS_AT_ONCE);
        assert_eq!(at_once(part_bytes(5 << 40)), 1);
    }
}
