//! Writing objects from files, and removing them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::s3::{Failure, S3};
use super::{BucketProblem, ObjectEntry};
use crate::FileEntry;
use crate::bounds::{
    BUCKET_PIECE_BYTES, BUCKET_REQUESTS_AT_ONCE, COPY_PART_BYTES, COPY_PARTS_AT_ONCE,
    VERSION_LISTS_MAX,
};
use crate::copies::part_bytes;

/// An object as the backup has it.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub(super) object: &'w ObjectEntry,
    pub(super) file: &'w FileEntry,
}

/// Writes objects below `prefix`, from the files in `folder`. Small ones go several at a time.
pub(super) async fn put_all(
    s3: &S3,
    prefix: &str,
    folder: &Path,
    wanted: &[Wanted<'_>],
) -> Result<(), BucketProblem> {
    let is_small = |one: &&Wanted<'_>| one.file.size <= BUCKET_PIECE_BYTES;
    stream::iter(wanted.iter().filter(is_small).copied())
        .map(|one| put(s3, prefix, folder, one))
        .buffer_unordered(BUCKET_REQUESTS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    for one in wanted.iter().filter(|one| !is_small(one)) {
        put(s3, prefix, folder, *one).await?;
    }
    Ok(())
}

async fn put(
    s3: &S3,
    prefix: &str,
    folder: &Path,
    wanted: Wanted<'_>,
) -> Result<(), BucketProblem> {
    let Wanted { object, file } = wanted;
    let key = format!("{prefix}{}", object.key);
    let failed = |failure: Failure| failure.problem(format!("write {key}"), s3.bucket());
    let path = folder.join(file.path.as_path());
    let unreadable = |error: std::io::Error| BucketProblem::Failed {
        doing: format!("read the unpacked file of {key}"),
        why: error.to_string(),
    };
    let from = File::open(&path).map_err(unreadable)?;
    let piece = |at: u64, length: u64| {
        let mut bytes = vec![0; length as usize];
        from.read_exact_at(&mut bytes, at).map_err(unreadable)?;
        Ok::<_, BucketProblem>(Bytes::from(bytes))
    };
    if file.size <= COPY_PART_BYTES {
        let bytes = piece(0, file.size)?;
        return s3
            .put(&key, &object.attributes, bytes)
            .await
            .map_err(failed);
    }
    let upload = s3.begin(&key, &object.attributes).await.map_err(failed)?;
    let part = part_bytes(file.size);
    let parts = (0..file.size.div_ceil(part)).map(|number| {
        let (key, upload) = (&key, &upload);
        async move {
            let at = number * part;
            let bytes = piece(at, part.min(file.size - at))?;
            let sent = s3.put_part(key, upload, number as usize + 1, bytes).await;
            sent.map_err(failed)
        }
    });
    let sent = stream::iter(parts)
        .buffered(COPY_PARTS_AT_ONCE)
        .try_collect::<Vec<String>>()
        .await;
    let done = match sent {
        Ok(etags) => s3.complete(&key, &upload, &etags).await.map_err(failed),
        Err(problem) => Err(problem),
    };
    let Err(problem) = done else { return Ok(()) };
    // The answer may have been lost, and not what it answered; whether it is the right one is read later.
    if let Ok(Some((size, _))) = s3.head(&key).await
        && size == file.size
        && s3
            .give_up(&key, &upload)
            .await
            .is_err_and(|failure| failure.is_of_object())
    {
        return Ok(());
    }
    Err(problem)
}

/// Removes the objects with these keys, several at a time.
pub(super) async fn delete_all(s3: &S3, keys: &[String]) -> Result<(), BucketProblem> {
    stream::iter(keys)
        .map(|key| async move {
            let removed = s3.delete(key, None).await;
            removed.map_err(|failure| failure.problem(format!("remove {key}"), s3.bucket()))
        })
        .buffer_unordered(BUCKET_REQUESTS_AT_ONCE)
        .try_collect()
        .await
}

/// Removes all objects whose keys begin with `prefix`, with all of their versions where the bucket keeps some and they
/// may be removed.
pub(super) async fn delete_below(s3: &S3, prefix: &str) -> Result<(), BucketProblem> {
    let failed = |failure: Failure| failure.problem(format!("remove {prefix}"), s3.bucket());
    let listed = s3.list(prefix, false).await.map_err(failed)?;
    let keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();
    delete_all(s3, &keys).await?;
    if matches!(s3.versioning().await, Ok((_, false))) {
        return Ok(());
    }
    // A list in pages may leave some out while others are removed, so it is asked again until there is nothing. Who may not
    // look at versions, or remove them for good, has removed what is seen.
    for _ in 0..VERSION_LISTS_MAX {
        let Ok(versions) = s3.list_versions(prefix).await else {
            break;
        };
        let removed = stream::iter(&versions)
            .map(|one| s3.delete(&one.key, Some(&one.version)))
            .buffer_unordered(BUCKET_REQUESTS_AT_ONCE)
            .try_collect::<()>()
            .await;
        if versions.is_empty() || removed.is_err() {
            break;
        }
    }
    Ok(())
}
