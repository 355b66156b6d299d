//! The journal as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use portcullis_engine::{Engine, EngineError, JournalEntry};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::bounds::EVENT_KEEP_ALIVE;
use crate::views::journal_event;

/// Every entry after `after_seq`, then each new one. No entry is missed and none comes twice: the
/// listener subscribes before the past is read, and a listener that falls behind reads the journal.
pub(crate) async fn stream(
    engine: Engine,
    after_seq: u64,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, EngineError> {
    let fresh = engine.subscribe();
    // An id that was never issued is no reason to miss what comes.
    let after_seq = after_seq.min(engine.history().next_seq() - 1);
    let past = engine.entries(after_seq + 1).await?;
    let feed = Feed {
        engine,
        fresh,
        behind: !past.is_empty(),
        waiting: past.into(),
        sent_seq: after_seq,
    };
    let events = futures::stream::unfold(feed, |mut feed| async move {
        let entry = feed.next().await?;
        let seq = entry.seq.to_string();
        let event = Event::default()
            .event("entry")
            .id(seq)
            .json_data(journal_event(&entry));
        Some((Ok(event.unwrap_or_default()), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(EVENT_KEEP_ALIVE)))
}

struct Feed {
    engine: Engine,
    fresh: Receiver<JournalEntry>,
    waiting: VecDeque<JournalEntry>,
    /// Whether the journal may have entries that `fresh` no longer brings.
    behind: bool,
    sent_seq: u64,
}

impl Feed {
    /// The next entry; `None` when the engine has ended.
    async fn next(&mut self) -> Option<JournalEntry> {
        loop {
            while let Some(entry) = self.waiting.pop_front() {
                if entry.seq > self.sent_seq {
                    self.sent_seq = entry.seq;
                    return Some(entry);
                }
            }
            if self.behind {
                self.waiting = self.engine.entries(self.sent_seq + 1).await.ok()?.into();
                self.behind = !self.waiting.is_empty();
                continue;
            }
            match self.fresh.recv().await {
                Ok(entry) => self.waiting.push_back(entry),
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
