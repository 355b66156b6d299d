//! An old rollout, read from the journal again.

use portcullis_journal::{Entry, Journal, JournalError, Scope};
use portcullis_rollout::RolloutId;

use super::{HistoryError, Outline, Past};
use crate::bounds::PAGE_ENTRIES;
use crate::record::{Body, event_of};

/// Why the past cannot be read from the journal.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It does not tell a possible story.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// A rollout while its entries are read, page by page.
pub(crate) struct Recall {
    id: RolloutId,
    next_seq: u64,
    last_seq: u64,
    past: Option<Past>,
}

impl Past {
    /// The rollout of an outline with everything that happened, read from the journal in pages.
    ///
    /// # Errors
    /// When the journal cannot be read, or no longer has the rollout there.
    pub async fn read<J: Journal>(
        journal: &J,
        scope: &Scope,
        outline: &Outline,
    ) -> Result<Past, ReadingError> {
        let mut recall = Recall::new(outline);
        while let Some((from_seq, count)) = recall.wanted() {
            recall.take(&journal.read_page(scope, from_seq, count).await?)?;
        }
        Ok(recall.finish()?)
    }
}

impl Recall {
    pub(crate) fn new(outline: &Outline) -> Recall {
        Recall {
            id: outline.id.clone(),
            next_seq: *outline.entries.start(),
            last_seq: *outline.entries.end(),
            past: None,
        }
    }

    /// From which entry on, and how many, are to be read next; `None` when all were.
    pub(crate) fn wanted(&self) -> Option<(u64, u64)> {
        let left = (self.last_seq + 1).saturating_sub(self.next_seq);
        (left > 0).then(|| (self.next_seq, left.min(PAGE_ENTRIES)))
    }

    /// Takes what was read.
    ///
    /// # Errors
    /// When nothing was, or it is not the rollout that was there.
    pub(crate) fn take(&mut self, page: &[Entry]) -> Result<(), HistoryError> {
        if page.is_empty() {
            return Err(self.gone());
        }
        for entry in page {
            match (Body::decode(entry)?, &mut self.past) {
                (Body::Planned { plan, .. }, past @ None) if plan.id == self.id => {
                    *past = Some(Past::new(plan, entry.seq));
                }
                (Body::Happened { rollout, kind }, Some(past)) if rollout == self.id => {
                    past.push(entry.seq, entry.epoch.0, event_of(entry, kind))?;
                }
                _ => return Err(self.gone()),
            }
            self.next_seq = entry.seq + 1;
        }
        Ok(())
    }

    /// The rollout.
    ///
    /// # Errors
    /// When it was not read.
    pub(crate) fn finish(self) -> Result<Past, HistoryError> {
        let gone = self.gone();
        self.past.ok_or(gone)
    }

    fn gone(&self) -> HistoryError {
        HistoryError::Gone {
            rollout: self.id.clone(),
            from_seq: self.next_seq,
        }
    }
}
