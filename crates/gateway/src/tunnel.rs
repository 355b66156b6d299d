//! A connection that changed its protocol (WebSocket and the like): bytes pass both ways until one
//! side ends. It counts as in flight, and draining waits for it.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::capacity::Place;
use crate::under_way::UnderWay;
use crate::upstream::Upstream;

/// The arm's side of a tunnel that begins once the client has the answer.
pub(crate) struct Tunnel {
    upstream: Upstream,
    under_way: UnderWay,
    /// Its place among the requests that the route takes at once.
    _place: Option<Place>,
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tunnel")
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

impl Tunnel {
    /// A tunnel to the arm that answered over `upstream`.
    pub(crate) fn new(upstream: Upstream, under_way: UnderWay, place: Option<Place>) -> Tunnel {
        Tunnel {
            upstream,
            under_way,
            _place: place,
        }
    }

    /// Passes bytes, of which `early` came from the client already.
    pub(crate) async fn run(
        mut self,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        early: &[u8],
    ) {
        let Some((mut arm, from_arm)) = self.upstream.into_stream().await else {
            self.under_way.failed();
            return;
        };
        // Either side may be gone before it took anything, which is nobody's error.
        if client.write_all(&from_arm).await.is_ok() && arm.write_all(early).await.is_ok() {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut arm).await;
        }
    }
}
