//! What is measured: the kinds of traffic.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::chat;
use super::events;
use super::http1::Connection;
use super::peer::{Kind, Peer};
use super::stand::{large, small};

/// One kind of traffic, or one question about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Case {
    /// GET of 1 KiB over kept-alive connections.
    Get,
    /// POST of 2 KiB of JSON over kept-alive connections.
    Post,
    /// Download of 1 MiB over kept-alive connections.
    Download,
    /// A stream of fifty server-sent events.
    Events,
    /// A question of 1 KiB with data in it to a chat model, without masking. Only the gateway.
    Chat,
    /// The same with masking: values hidden on the way in, restored in the answer. Only the gateway.
    ChatMasked,
    /// A streamed answer of fifty events of a chat model, without masking. Only the gateway.
    ChatEvents,
    /// The same with masking. Only the gateway.
    ChatEventsMasked,
    /// A new TLS connection for each request, with a full handshake.
    Handshake,
    /// A new TLS connection for each request, with a resumed session.
    Resumed,
    /// GET of 1 KiB over kept-alive TLS connections.
    Tls,
    /// GET of 1 KiB over HTTP/2 with TLS.
    Http2,
    /// GET of 1 KiB at 5,000 a second, whatever the answers take: the latency that a proxy adds.
    Paced,
    /// Memory of 10,000 idle connections, all of which still answer afterwards.
    Idle,
    /// GET of 1 KiB with two workers on two cores.
    GetTwo,
}

impl Case {
    /// All, in the order in which they are measured.
    pub const ALL: [Case; 15] = [
        Case::Get,
        Case::Post,
        Case::Download,
        Case::Events,
        Case::Chat,
        Case::ChatMasked,
        Case::ChatEvents,
        Case::ChatEventsMasked,
        Case::Handshake,
        Case::Resumed,
        Case::Tls,
        Case::Http2,
        Case::Paced,
        Case::Idle,
        Case::GetTwo,
    ];

    /// As it is printed.
    pub fn title(self) -> &'static str {
        match self {
            Case::Get => "GET 1 KiB",
            Case::Post => "POST 2 KiB JSON",
            Case::Download => "download 1 MiB",
            Case::Events => "50 events (SSE)",
            Case::Chat => "chat 1 KiB",
            Case::ChatMasked => "chat 1 KiB, masked",
            Case::ChatEvents => "50 chat events",
            Case::ChatEventsMasked => "50 chat events, masked",
            Case::Handshake => "TLS handshake, new",
            Case::Resumed => "TLS handshake, resumed",
            Case::Tls => "GET 1 KiB, TLS",
            Case::Http2 => "GET 1 KiB, HTTP/2 over TLS",
            Case::Paced => "GET 1 KiB at 5,000/s",
            Case::Idle => "10,000 idle connections",
            Case::GetTwo => "GET 1 KiB, two workers",
        }
    }

    /// The path that is asked.
    pub fn path(self) -> &'static str {
        match self {
            Case::Post => "/post",
            Case::Download => "/large",
            Case::Events => "/events",
            Case::Chat | Case::ChatMasked | Case::ChatEvents | Case::ChatEventsMasked => chat::PATH,
            _ => "/small",
        }
    }

    /// How many workers, on as many cores.
    pub fn workers(self) -> usize {
        match self {
            Case::GetTwo => 2,
            _ => 1,
        }
    }

    /// Who is measured. The added latency is that beyond the way without a proxy.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Case::Paced => &Kind::ALL,
            Case::Chat | Case::ChatMasked | Case::ChatEvents | Case::ChatEventsMasked => {
                &[Kind::Gateway]
            }
            _ => &Kind::PROXIES,
        }
    }

    /// Connections at once, where the load is at saturation.
    pub fn connections(self) -> usize {
        match self {
            Case::Download => 8,
            Case::Events | Case::ChatEvents | Case::ChatEventsMasked => 64,
            Case::Http2 => 16,
            Case::GetTwo => 64,
            _ => 32,
        }
    }

    /// Asks once through a proxy and compares what comes: a fast wrong answer is no figure.
    ///
    /// # Errors
    /// When it is not the answer.
    pub fn check(self, peer: &Peer) -> Result<()> {
        if !self.kinds().contains(&peer.kind) {
            return Ok(());
        }
        let expected = match self {
            Case::Download => large(),
            Case::Events => events::body().into_bytes(),
            Case::Chat => chat::answer().into_bytes(),
            Case::ChatMasked => chat::restored(&chat::answer()).into_bytes(),
            Case::ChatEvents => chat::events().into_bytes(),
            // A placeholder may still grow, so its value comes with the next event.
            Case::ChatEventsMasked => chat::restored(&chat::text(&chat::events())).into_bytes(),
            _ => small().into_bytes(),
        };
        let stream = TcpStream::connect(peer.plain)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let request = match self {
            Case::Post => format!(
                "POST /post HTTP/1.1\r\nHost: bench\r\nContent-Length: 2048\r\n\r\n{}",
                "x".repeat(2048)
            ),
            Case::Chat | Case::ChatMasked | Case::ChatEvents | Case::ChatEventsMasked => {
                chat::request(self)
            }
            _ => get(self.path()),
        };
        let through = || format!("{} through {}", self.title(), peer.kind);
        let mut connection = Connection::new(stream);
        if self != Case::ChatEventsMasked {
            return connection
                .expect(request.as_bytes(), &expected)
                .with_context(through);
        }
        let answer = connection.ask(request.as_bytes()).with_context(through)?;
        let text = chat::text(&String::from_utf8_lossy(answer));
        ensure!(
            text.as_bytes() == expected,
            "{}: not the text that was expected: {text}",
            through()
        );
        Ok(())
    }
}

/// A plain question.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n")
}
