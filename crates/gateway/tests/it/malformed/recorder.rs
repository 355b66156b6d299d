//! An upstream that keeps every byte it gets, and answers each whole request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::malformed::case::Seen;

/// Fields that the gateway adds to every request, which the cases do not repeat.
const ADDED: [&str; 9] = [
    "forwarded",
    "traceparent",
    "tracestate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "x-trace-id",
];
/// How often it is looked, every 10 ms, whether a request was broken off.
const BREAK_OFF_LOOKS_MAX: usize = 300;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The upstream of one test.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<Vec<Kept>>>,
    task: tokio::task::JoinHandle<()>,
}

/// What came over one connection.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    is_closed: bool,
}

impl Recorder {
    pub(crate) async fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let index = {
                    let mut all = kept.lock().unwrap();
                    all.push(Kept::default());
                    all.len() - 1
                };
                tokio::spawn(serve(stream, Arc::clone(&kept), index));
            }
        });
        Recorder {
            address,
            connections,
            task,
        }
    }

    /// The requests that came since the last call, but for health checks; those of which only the beginning
    /// came may be such as `begun` lists.
    ///
    /// # Errors
    /// Bytes that are no request in the one form that the gateway may send.
    pub(crate) async fn take(&self, begun: &[String]) -> Result<Vec<Seen>, String> {
        let waiting = || {
            let all = self.connections.lock().unwrap();
            let mut open = all.iter().filter(|kept| !kept.is_closed);
            open.any(|kept| has_a_part(&kept.bytes))
        };
        // A request of which only a part came is broken off a moment after the client was told.
        for _ in 0..BREAK_OFF_LOOKS_MAX {
            if !waiting() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut all = self.connections.lock().unwrap();
        let mut requests = Vec::new();
        for kept in all.iter_mut() {
            let taken = std::mem::take(&mut kept.bytes);
            let mut rest = &taken[..];
            while !rest.is_empty() {
                let Some((seen, length)) = read(rest)? else {
                    let allowed =
                        |line: &String| rest.starts_with(format!("{line}\r\n").as_bytes());
                    match begun.iter().any(allowed) {
                        true => break,
                        false => return Err(format!("a part: {}", rest.escape_ascii())),
                    }
                };
                if !seen.line.starts_with("GET /health ") {
                    requests.push(seen);
                }
                rest = &rest[length..];
            }
        }
        Ok(requests)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Vec<Kept>>>, index: usize) {
    let mut whole = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        whole.extend_from_slice(&buffer[..count]);
        kept.lock().unwrap()[index]
            .bytes
            .extend_from_slice(&buffer[..count]);
        // What cannot be read gets no answer, and is complained about by whoever takes it.
        while let Ok(Some((seen, length))) = read(&whole) {
            whole.drain(..length);
            let head = seen.line.starts_with("HEAD ");
            let answer = if head {
                &ANSWER[..ANSWER.len() - 2]
            } else {
                ANSWER
            };
            // A client that is gone is seen by the next read.
            let _ = stream.write_all(answer).await;
        }
    }
    kept.lock().unwrap()[index].is_closed = true;
}

fn has_a_part(mut bytes: &[u8]) -> bool {
    while let Ok(Some((_, length))) = read(bytes) {
        bytes = &bytes[length..];
    }
    !bytes.is_empty()
}

/// One request in the strictest reading of RFC 9112, and its length; `None` when there is not all of it.
fn read(bytes: &[u8]) -> Result<Option<(Seen, usize)>, String> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &bytes[..end];
    let lenient = head
        .iter()
        .any(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127));
    let text = String::from_utf8_lossy(head).replace("\r\n", "\u{1}");
    if lenient || text.contains(['\r', '\n']) {
        return Err(format!("control characters in {}", head.escape_ascii()));
    }
    let mut lines = text.split('\u{1}');
    let line = lines.next().unwrap_or_default().to_owned();
    let words: Vec<&str> = line.split(' ').collect();
    if words.len() != 3 || words.contains(&"") || words[2] != "HTTP/1.1" {
        return Err(format!("no request line: {line}"));
    }
    let (mut fields, mut lengths, mut codings) = (Vec::new(), Vec::new(), Vec::new());
    for field in lines {
        let (name, value) = field.split_once(": ").ok_or(format!("no field: {field}"))?;
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) || name != name.to_ascii_lowercase() {
            return Err(format!("no name of a field: {field}"));
        }
        match name {
            "content-length" => lengths.push(value.to_owned()),
            "transfer-encoding" => codings.push(value.to_owned()),
            _ => {}
        }
        if !ADDED.contains(&name) {
            fields.push(field.to_owned());
        }
    }
    fields.sort();
    let from = end + 4;
    let body = match (&lengths[..], &codings[..]) {
        ([], []) => Some((Vec::new(), from)),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            let length: usize = length.parse().map_err(|_| "a long length")?;
            let body = bytes.get(from..from + length);
            body.map(|body| (body.to_vec(), from + length))
        }
        ([], [coding]) if coding == "chunked" => chunked(bytes, from)?,
        _ => return Err(format!("not one length: {text}")),
    };
    Ok(body.map(|(body, end)| (Seen { line, fields, body }, end)))
}

/// The content of a chunked body that begins at `at`, and where it ends.
fn chunked(bytes: &[u8], mut at: usize) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut body = Vec::new();
    loop {
        let Some(end) = memchr::memmem::find(&bytes[at..], b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes[at..at + end]).map_err(|e| e.to_string())?;
        let digits = size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(size, 16).ok().filter(|_| digits);
        let size = size.ok_or(format!("no size of a chunk: {:?}", &bytes[at..at + end]))?;
        at += end + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else {
            return Ok(None);
        };
        if size == 0 {
            // The end of the trailer: the cases have none that is passed on.
            return match &bytes[at..at + 2] == b"\r\n" {
                true => Ok(Some((body, at + 2))),
                false => Err("a trailer".to_owned()),
            };
        }
        if &chunk[size..] != b"\r\n" {
            return Err("a chunk without its end".to_owned());
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
    }
}
