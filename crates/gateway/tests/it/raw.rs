//! Servers and clients that do to the byte what a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::Rig;

/// A server whose connections a test answers itself.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    /// Requests whose head came.
    pub(crate) heads: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

/// A connection to it.
pub(crate) struct RawConnection {
    stream: TcpStream,
    read: Vec<u8>,
    heads: Arc<AtomicU64>,
}

impl RawServer {
    /// Answers every connection with `serve`, which gets its number, the first being 0.
    pub(crate) async fn start<F: Future<Output = Option<()>> + Send + 'static>(
        serve: impl Fn(u64, RawConnection) -> F + Send + 'static,
    ) -> RawServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(
                    number,
                    RawConnection {
                        stream,
                        read: Vec::new(),
                        heads: Arc::clone(&counted),
                    },
                ));
            }
        });
        RawServer {
            address,
            heads,
            task,
        }
    }

    pub(crate) fn heads(&self) -> u64 {
        self.heads.load(SeqCst)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RawConnection {
    /// The next head; `None` when the connection is closed.
    pub(crate) async fn head(&mut self) -> Option<String> {
        let mark = b"\r\n\r\n";
        loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == mark) {
                let rest = self.read.split_off(end + 4);
                let head = std::mem::replace(&mut self.read, rest);
                self.heads.fetch_add(1, SeqCst);
                return Some(String::from_utf8(head).unwrap());
            }
            self.more().await?;
        }
    }

    /// Bytes of a body, until `wanted` says that there are enough.
    pub(crate) async fn body(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        while !wanted(&self.read) {
            self.more().await?;
        }
        Some(std::mem::take(&mut self.read))
    }

    /// All that comes until the connection is closed.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await.is_some() {}
        std::mem::take(&mut self.read)
    }

    pub(crate) async fn send(&mut self, text: &str) -> Option<()> {
        self.send_bytes(text.as_bytes()).await
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// What else has come.
    pub(crate) fn all_that_came(&mut self) -> Vec<u8> {
        while matches!(self.stream.try_read_buf(&mut self.read), Ok(1..)) {}
        std::mem::take(&mut self.read)
    }

    /// Lets the connection end with a reset when it is dropped.
    pub(crate) fn reset(&mut self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    async fn more(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.read).await {
            Ok(1..) => Some(()),
            _ => None,
        }
    }
}

/// A whole answer.
pub(crate) fn ok(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

/// The whole body in chunks of a request, put together; `None` while its end has not come.
pub(crate) fn dechunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..line]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap(), 16).unwrap();
        bytes = &bytes[line + 2..];
        if size == 0 {
            return bytes.starts_with(b"\r\n").then_some(body);
        }
        body.extend(bytes.get(..size)?);
        bytes = bytes.get(size + 2..)?;
    }
}

/// A client's connection.
pub(crate) async fn connect(rig: &Rig) -> TcpStream {
    TcpStream::connect(rig.listen).await.unwrap()
}

/// Sends `bytes` and returns all that comes until the gateway closes.
pub(crate) async fn send(rig: &Rig, bytes: &str) -> String {
    let mut stream = connect(rig).await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

/// All that comes until the other side closes.
pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// Reads the head of an answer.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read_u8().await;
        match read {
            Ok(byte) => head.push(byte),
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&head)),
        }
    }
    String::from_utf8(head).unwrap()
}
