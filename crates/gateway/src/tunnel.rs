//! A connection that changed its protocol (WebSocket and the like): bytes pass both ways until one
//! side ends. It counts as in flight, and draining waits for it.

use std::rc::Rc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use crate::in_flight::InFlight;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// Starts to pass bytes as soon as the client has the answer.
pub(crate) fn open(worker: Rc<Worker>, client: OnUpgrade, upstream: Upstream, in_flight: InFlight) {
    let tunnel = worker.count_tunnel();
    tokio::task::spawn_local(async move {
        let _open = tunnel;
        let mut in_flight = in_flight;
        let Some((mut arm, early)) = upstream.into_stream().await else {
            in_flight.failed();
            return;
        };
        // The client may be gone before it took the answer, which is nobody's error.
        let Ok(client) = client.await else { return };
        let mut client = TokioIo::new(client);
        if client.write_all(&early).await.is_ok() {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut arm).await;
        }
    });
}
