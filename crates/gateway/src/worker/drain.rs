//! How a worker stops.

use super::{Phase, Stop, Worker};

impl Worker {
    /// Waits for the requests under way, closing connections as they fall idle.
    pub(super) async fn drain(&self, stop: Stop) -> usize {
        let within = stop.within;
        let linger = within.min(stop.linger);
        for connection in self.connections.borrow().values() {
            connection.wake();
        }
        let _ = tokio::time::timeout(linger, self.all_closed()).await;
        self.phase.set(Phase::Closing);
        for connection in self.connections.borrow().values() {
            connection.wake();
        }
        let _ = tokio::time::timeout(within.saturating_sub(linger), self.all_closed()).await;
        let connections = self.connections.borrow();
        let busy = connections.values().filter(|state| state.is_busy()).count();
        busy + self.streams.borrow().len()
    }

    async fn all_closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.connections.borrow().is_empty() {
                return;
            }
            changed.await;
        }
    }
}
