//! Sends spans to an OpenTelemetry collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use portcullis_config::TracesConfig;
use tokio::sync::{mpsc, oneshot};

use super::span::RequestSpan;
use crate::bounds::SPANS_QUEUE_MAX;

mod collector;
mod exporter;
mod otlp;

use collector::{Collector, CollectorError};
use exporter::Exporter;

/// Hands spans to a thread that sends them. Dropping it sends what is left, for a bounded time.
#[derive(Debug)]
pub(crate) struct Tracer {
    sample: u64,
    counters: Arc<TracerCounters>,
    queue: mpsc::Sender<RequestSpan>,
    /// `None` once it is being dropped, which tells the thread to end.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What became of the spans. They only grow.
#[derive(Debug, Default)]
pub(crate) struct TracerCounters {
    /// Spans that the collector took.
    pub(crate) sent: AtomicU64,
    /// Spans that were lost: the queue was full, or the collector was away or did not want them.
    pub(crate) dropped: AtomicU64,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TracerError {
    /// The URL.
    #[error("traces cannot be sent")]
    Collector(#[source] CollectorError),
    /// No thread.
    #[error("the thread that sends traces cannot be started")]
    Thread(#[source] std::io::Error),
}

impl Tracer {
    /// Starts to send spans. The collector may be away.
    ///
    /// # Errors
    /// The collector's URL is none, or there is no thread.
    pub(crate) fn start(config: &TracesConfig) -> Result<Tracer, TracerError> {
        let collector = Collector::new(&config.endpoint).map_err(TracerError::Collector)?;
        let counters = Arc::new(TracerCounters::default());
        let (queue, spans) = mpsc::channel(SPANS_QUEUE_MAX);
        let (stop, stopped) = oneshot::channel();
        let exporter = Exporter::new(collector, Arc::clone(&counters));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(TracerError::Thread)?;
        let thread = std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || runtime.block_on(exporter.run(spans, stopped)))
            .map_err(TracerError::Thread)?;
        Ok(Tracer {
            sample: u64::from(config.sample.max(1)),
            counters,
            queue,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Of every how many traces that begin here one is sampled.
    pub(super) fn sample(&self) -> u64 {
        self.sample
    }

    /// What became of the spans.
    pub(crate) fn counters(&self) -> &TracerCounters {
        &self.counters
    }

    /// Takes the spans of a request, or drops and counts them. Never waits.
    pub(super) fn send(&self, span: RequestSpan) {
        let spans = span.count();
        if self.queue.try_send(span).is_err() {
            self.counters.dropped.fetch_add(spans, Relaxed);
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that sends traces ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests;
