//! A connection that changed its protocol (WebSocket and the like): bytes pass both ways until one
//! side ends. It counts as in flight, and draining waits for it.

use std::rc::Rc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use crate::capacity::Place;
use crate::under_way::UnderWay;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// Starts to pass bytes as soon as the client has the answer.
pub(crate) fn open(
    worker: Rc<Worker>,
    client: OnUpgrade,
    upstream: Upstream,
    (under_way, place): (UnderWay, Option<Place>),
) {
    let tunnel = worker.count_tunnel();
    tokio::task::spawn_local(async move {
        let _open = tunnel;
        let _place = place;
        let mut under_way = under_way;
        let Some((mut arm, early)) = upstream.into_stream().await else {
            under_way.failed();
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
