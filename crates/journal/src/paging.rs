//! Reading a scope's chain page by page, the same for every database.

use std::future::Future;
use std::panic::resume_unwind;

use crate::bounds::PAGE_ENTRIES;
use crate::chain::ChainCheck;
use crate::{Broken, Entry, Hash, JournalError, Scope, Verified};

/// All entries from `from_seq` on. `page` returns at most [`PAGE_ENTRIES`] entries from a number on.
pub(crate) async fn read_all<F, Page>(from_seq: u64, page: F) -> Result<Vec<Entry>, JournalError>
where
    F: Fn(u64) -> Page + Send + Sync,
    Page: Future<Output = Result<Vec<Entry>, JournalError>> + Send,
{
    let mut entries = page(from_seq).await?;
    let mut read = entries.len() as u64;
    while read == PAGE_ENTRIES {
        let next = entries.last().map_or(0, |last| last.seq.saturating_add(1));
        let following = page(next).await?;
        read = following.len() as u64;
        entries.extend(following);
    }
    Ok(entries)
}

/// Checks the whole chain. While one page is checked the next one is read, so two are in memory.
pub(crate) async fn verify_all<F, Page>(
    scope: &Scope,
    known: Option<Hash>,
    page: F,
) -> Result<Verified, JournalError>
where
    F: Fn(u64) -> Page + Send + Sync,
    Page: Future<Output = Result<Vec<Entry>, JournalError>> + Send,
{
    let mut check = ChainCheck::new(scope.clone(), known);
    let mut entries = page(0).await?;
    while let Some(last) = entries.last() {
        let next = last.seq.saturating_add(1);
        let checking = tokio::task::spawn_blocking(move || {
            entries.iter().try_for_each(|entry| check.push(entry))?;
            Ok::<_, Broken>(check)
        });
        let (checked, following) = tokio::join!(checking, page(next));
        check = match checked {
            Ok(checked) => checked?,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => {
                    return Err(JournalError::Storage {
                        doing: "verify the chain",
                        path: format!("of {scope}"),
                        source: cancelled.into(),
                    });
                }
            },
        };
        entries = following?;
    }
    Ok(check.finish()?)
}
