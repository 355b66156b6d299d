//! A connection that changed its protocol (WebSocket and the like): bytes pass both ways until one
//! side ends. It counts as in flight, and draining waits for it.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::in_flight::InFlight;
use crate::upstream::Upstream;

/// The arm's side of a tunnel that begins once the client has the answer.
pub(crate) struct Tunnel {
    upstream: Upstream,
    in_flight: InFlight,
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tunnel")
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

impl Tunnel {
    /// A tunnel to the arm that answered over `upstream`.
    pub(crate) fn new(upstream: Upstream, in_flight: InFlight) -> Tunnel {
        Tunnel {
            upstream,
            in_flight,
        }
    }

    /// Passes bytes, of which `early` came from the client already.
    pub(crate) async fn run(
        mut self,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        early: &[u8],
    ) {
        let Some((mut arm, from_arm)) = self.upstream.into_stream().await else {
            self.in_flight.failed();
            return;
        };
        // Either side may be gone before it took anything, which is nobody's error.
        if client.write_all(&from_arm).await.is_ok() && arm.write_all(early).await.is_ok() {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut arm).await;
        }
    }
}
