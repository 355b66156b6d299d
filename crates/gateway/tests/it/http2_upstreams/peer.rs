//! A server that speaks HTTP/2 frame by frame, and does with each request what the test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::malformed::frames::{PREFACE, frame, settings};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: u32 = 7;

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    heard: Arc<Heard>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Which connection, counted from 1.
    pub(super) connection: usize,
    pub(super) stream: u32,
    pub(super) body: Vec<u8>,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// It is answered with its connection and stream.
    Answer,
    /// It is answered, and the connection ends as it should.
    AnswerLast,
    /// It is answered when the test says so.
    Wait,
    /// Nothing, for ever.
    Ignore,
    Refuse,
    Reset {
        reason: u32,
    },
    /// GOAWAY, and the connection ends.
    SayGoodbye {
        last: u32,
        reason: u32,
    },
    /// The connection ends.
    Close,
}

#[derive(Default)]
struct Heard {
    requests: Mutex<Vec<Asked>>,
    /// Streams that the gateway reset, each with its connection.
    resets: Mutex<Vec<(usize, u32)>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    under_way: AtomicUsize,
    go_on: Notify,
}

/// Counts one up until it is dropped.
struct Counted(Arc<Heard>, fn(&Heard) -> &AtomicUsize);

impl Counted {
    fn new(heard: &Arc<Heard>, which: fn(&Heard) -> &AtomicUsize) -> Counted {
        which(heard).fetch_add(1, SeqCst);
        Counted(Arc::clone(heard), which)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, SeqCst);
    }
}

impl Peer {
    /// Starts a server with these settings. `act` is asked about every request, when its body is whole or has come to
    /// 60,000 bytes.
    pub(super) async fn start(
        pairs: &[(u16, u32)],
        act: impl Fn(&Asked) -> Act + Send + Sync + 'static,
    ) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Heard>::default();
        let (told, greeting, act) = (Arc::clone(&heard), settings(pairs), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = told.connections.fetch_add(1, SeqCst) + 1;
                let (told, greeting, act) = (Arc::clone(&told), greeting.clone(), Arc::clone(&act));
                tokio::spawn(async move {
                    let _open = Counted::new(&told, |heard| &heard.open);
                    let _ = serve(stream, connection, &told, &greeting, &*act).await;
                });
            }
        });
        Peer { address, heard }
    }

    /// What was asked so far.
    pub(super) fn requests(&self) -> Vec<Asked> {
        self.heard.requests.lock().unwrap().clone()
    }

    /// Which streams of which connections the gateway reset.
    pub(super) fn resets(&self) -> Vec<(usize, u32)> {
        self.heard.resets.lock().unwrap().clone()
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> usize {
        self.heard.connections.load(SeqCst)
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        self.heard.open.load(SeqCst)
    }

    /// Requests that wait for an answer.
    pub(super) fn under_way(&self) -> usize {
        self.heard.under_way.load(SeqCst)
    }

    /// Answers the requests that wait.
    pub(super) fn go_on(&self) {
        self.heard.go_on.notify_waiters();
    }
}

async fn serve(
    stream: TcpStream,
    connection: usize,
    heard: &Arc<Heard>,
    greeting: &[u8],
    act: &(impl Fn(&Asked) -> Act + Send + Sync),
) -> std::io::Result<()> {
    let (mut reading, mut writing) = stream.into_split();
    let mut preface = vec![0; PREFACE.len()];
    reading.read_exact(&mut preface).await?;
    writing.write_all(greeting).await?;
    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
    // Ends with the connection's task, which holds the sender, and with the requests that wait.
    tokio::spawn(async move {
        while let Some(bytes) = answers.recv().await {
            if writing.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut bodies = BTreeMap::<u32, Vec<u8>>::new();
    loop {
        let mut head = [0; 9];
        reading.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length as usize];
        reading.read_exact(&mut payload).await?;
        match kind {
            SETTINGS if flags & ACK == 0 => {
                let _ = sender.send(frame(SETTINGS, ACK, 0, &[]));
            }
            PING if flags & ACK == 0 => {
                let _ = sender.send(frame(PING, ACK, 0, &payload));
            }
            HEADERS => {
                bodies.insert(stream, Vec::new());
            }
            DATA => {
                if let Some(body) = bodies.get_mut(&stream) {
                    body.extend(payload);
                }
            }
            RST_STREAM => {
                heard.resets.lock().unwrap().push((connection, stream));
                bodies.remove(&stream);
            }
            _ => {}
        }
        let is_done = bodies.get(&stream).is_some_and(|body| {
            matches!(kind, HEADERS | DATA) && (flags & END_STREAM != 0 || body.len() > 60_000)
        });
        if !is_done {
            continue;
        }
        let asked = Asked {
            connection,
            stream,
            body: bodies.remove(&stream).unwrap(),
        };
        heard.requests.lock().unwrap().push(asked.clone());
        let bytes = match act(&asked) {
            Act::Answer => answer(&asked),
            Act::AnswerLast => {
                let payload = [stream.to_be_bytes(), [0; 4]].concat();
                let _ = sender.send(frame(GOAWAY, 0, 0, &payload));
                let _ = sender.send(answer(&asked));
                return Ok(());
            }
            Act::Ignore => continue,
            Act::Wait => {
                let (sender, heard) = (sender.clone(), Arc::clone(heard));
                let counted = Counted::new(&heard, |heard| &heard.under_way);
                tokio::spawn(async move {
                    heard.go_on.notified().await;
                    drop(counted);
                    let _ = sender.send(answer(&asked));
                });
                continue;
            }
            Act::Refuse => frame(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes()),
            Act::Reset { reason } => frame(RST_STREAM, 0, stream, &reason.to_be_bytes()),
            Act::SayGoodbye { last, reason } => {
                let payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
                let _ = sender.send(frame(GOAWAY, 0, 0, &payload));
                return Ok(());
            }
            Act::Close => return Ok(()),
        };
        let _ = sender.send(bytes);
    }
}

/// `:status: 200`, and where the request came.
fn answer(asked: &Asked) -> Vec<u8> {
    let text = format!("{}/{}", asked.connection, asked.stream);
    [
        frame(HEADERS, END_HEADERS, asked.stream, &[0x88]),
        frame(DATA, END_STREAM, asked.stream, text.as_bytes()),
    ]
    .concat()
}
