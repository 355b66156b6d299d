//! A source of server-sent events: fifty for each request, some milliseconds apart, each written by itself.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::chat;

/// Events of one answer.
pub const EVENTS: usize = 50;
/// The pause between two events, which makes a stream of them and not one large piece.
const PAUSE: Duration = Duration::from_millis(2);

/// Starts a source on a thread of its own; it ends with this process.
///
/// # Errors
/// When there is no free port.
pub fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                return;
            };
            while let Ok((stream, _)) = listener.accept().await {
                // A reader that goes away ends its stream; nobody needs to know.
                tokio::spawn(async move { serve(stream).await.ok() });
            }
        });
    });
    Ok(address)
}

/// The whole body of an answer.
pub fn body() -> String {
    (0..EVENTS).map(event).collect()
}

fn event(number: usize) -> String {
    format!("id: {number}\ndata: {{\"delta\":\"a few words of an answer, and some more\"}}\n\n")
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    loop {
        let Some(head) = next_head(&mut stream, &mut read).await? else {
            return Ok(());
        };
        let begin = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
                     Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(begin.as_bytes()).await?;
        let is_chat = head.contains(chat::PATH);
        for number in 0..EVENTS {
            let event = if is_chat {
                chat::event(number)
            } else {
                event(number)
            };
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            stream.write_all(chunk.as_bytes()).await?;
            tokio::time::sleep(PAUSE).await;
        }
        stream.write_all(b"0\r\n\r\n").await?;
    }
}

/// Takes the next request off what was read, and gives its head; `None` when there is none.
async fn next_head(stream: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let body = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let body = body
                .and_then(|length| length.trim().parse().ok())
                .unwrap_or(0);
            let end = end + 4 + body;
            while read.len() < end {
                if stream.read_buf(read).await? == 0 {
                    return Ok(None);
                }
            }
            read.drain(..end);
            return Ok(Some(head));
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}
