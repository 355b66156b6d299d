//! A tiny keep-alive HTTP server on a thread of its own, which notes when a request began to arrive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Failed;

/// The path of the load; anything else is a health check and is not counted.
pub(crate) const LOAD_PATH: &str = "/load";
/// The body of every answer.
pub(crate) const BODY: &str = "{\"answer\":\"a small one\"}";

/// A running upstream; it ends with the process.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// When the first bytes of the latest request of the load were read, nanoseconds of the clock.
    pub(crate) last_started_ns: Arc<AtomicU64>,
}

impl Upstream {
    pub(crate) async fn start(clock: Instant) -> Result<Upstream, Failed> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let last_started_ns = Arc::new(AtomicU64::new(0));
        let noted = last_started_ns.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, clock, noted.clone()));
                }
            });
        });
        Ok(Upstream {
            address,
            last_started_ns,
        })
    }
}

/// Answers one request after the other; a peer that goes away ends it.
async fn serve(mut stream: TcpStream, clock: Instant, last_started_ns: Arc<AtomicU64>) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let wanted = format!("GET {LOAD_PATH}");
    let _ = stream.set_nodelay(true);
    let mut head = Vec::with_capacity(4096);
    loop {
        head.clear();
        let mut began_ns = 0;
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut head).await {
                Ok(0) | Err(_) => return,
                Ok(_) if began_ns == 0 => began_ns = clock.elapsed().as_nanos() as u64,
                Ok(_) => {}
            }
        }
        if head.starts_with(wanted.as_bytes()) {
            last_started_ns.fetch_max(began_ns, Relaxed);
        }
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
