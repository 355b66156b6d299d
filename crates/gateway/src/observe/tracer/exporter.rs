//! Gathers spans into batches and sends them, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use opentelemetry_proto::tonic::resource::v1::Resource;
use tokio::sync::{mpsc, oneshot};

use super::collector::{Collector, Delivery};
use super::{TracerCounters, otlp};
use crate::bounds::{
    SPANS_BATCH_MAX, SPANS_FLUSH_MS, SPANS_GATHER_MS, SPANS_PAUSE_MAX_MS, SPANS_PAUSE_MS,
    SPANS_TRIES_MAX,
};
use crate::observe::span::RequestSpan;

/// What sends spans.
#[derive(Debug)]
pub(super) struct Exporter {
    collector: Collector,
    resource: Resource,
    counters: Arc<TracerCounters>,
    batch: Vec<RequestSpan>,
    /// Whether the last batch was lost: the log says so once, not for every batch.
    is_failing: bool,
}

impl Exporter {
    /// An exporter to a collector.
    pub(super) fn new(collector: Collector, counters: Arc<TracerCounters>) -> Exporter {
        let instance = format!("{:032x}", rand::random::<u128>());
        Exporter {
            collector,
            resource: otlp::resource(&instance),
            counters,
            batch: Vec::new(),
            is_failing: false,
        }
    }

    /// Sends what comes until `stop` ends, then what is left, once and for a bounded time.
    pub(super) async fn run(
        mut self,
        mut spans: mpsc::Receiver<RequestSpan>,
        stop: oneshot::Receiver<()>,
    ) {
        tokio::select! {
            // Nobody sends a word: the other end is dropped.
            _ = stop => {}
            () = self.send_all(&mut spans) => {}
        }
        spans.close();
        let whole = Duration::from_millis(SPANS_FLUSH_MS);
        let flushed = tokio::time::timeout(whole, self.flush(&mut spans)).await;
        if flushed.is_err() {
            while let Ok(span) = spans.try_recv() {
                self.batch.push(span);
            }
            self.give_up("it took too long at the end");
        }
    }

    async fn send_all(&mut self, spans: &mut mpsc::Receiver<RequestSpan>) {
        while spans.recv_many(&mut self.batch, SPANS_BATCH_MAX).await > 0 {
            self.gather(spans).await;
            self.send_batch().await;
        }
    }

    /// Waits for more, so that not every request is a batch.
    async fn gather(&mut self, spans: &mut mpsc::Receiver<RequestSpan>) {
        let batch = &mut self.batch;
        let gathered = async {
            while batch.len() < SPANS_BATCH_MAX {
                let room = SPANS_BATCH_MAX - batch.len();
                if spans.recv_many(batch, room).await == 0 {
                    return;
                }
            }
        };
        // What was received is in the batch, whether the time was over or not.
        let _ = tokio::time::timeout(Duration::from_millis(SPANS_GATHER_MS), gathered).await;
    }

    /// Sends the batch, several times if it must be, and empties it.
    async fn send_batch(&mut self) {
        let message = otlp::message(&self.resource, &self.batch);
        let mut pause_ms = SPANS_PAUSE_MS;
        for tries in 1.. {
            match self.collector.send(&message).await {
                Delivery::Taken { rejected } => return self.taken(rejected),
                Delivery::Refused { reason } => return self.give_up(&reason),
                Delivery::Later { reason, .. } if tries == SPANS_TRIES_MAX => {
                    return self.give_up(&reason);
                }
                Delivery::Later { after_ms, .. } => {
                    let wait_ms =
                        after_ms.map_or(pause_ms, |ms| ms.clamp(pause_ms, SPANS_PAUSE_MAX_MS));
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    pause_ms *= 2;
                }
            }
        }
    }

    /// Sends what is left, each batch once.
    async fn flush(&mut self, spans: &mut mpsc::Receiver<RequestSpan>) {
        loop {
            if !self.batch.is_empty() {
                let message = otlp::message(&self.resource, &self.batch);
                match self.collector.send(&message).await {
                    Delivery::Taken { rejected } => self.taken(rejected),
                    Delivery::Refused { reason } | Delivery::Later { reason, .. } => {
                        self.give_up(&reason);
                    }
                }
            }
            if spans.recv_many(&mut self.batch, SPANS_BATCH_MAX).await == 0 {
                return;
            }
        }
    }

    fn taken(&mut self, rejected: u64) {
        let all: u64 = self.batch.iter().map(RequestSpan::count).sum();
        let rejected = rejected.min(all);
        self.counters.sent.fetch_add(all - rejected, Relaxed);
        self.counters.dropped.fetch_add(rejected, Relaxed);
        self.batch.clear();
        if std::mem::replace(&mut self.is_failing, false) {
            tracing::info!("the collector takes traces again");
        }
    }

    fn give_up(&mut self, reason: &str) {
        let all: u64 = self.batch.iter().map(RequestSpan::count).sum();
        self.counters.dropped.fetch_add(all, Relaxed);
        self.batch.clear();
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(reason, "traces cannot be sent: spans are lost");
        }
    }
}
