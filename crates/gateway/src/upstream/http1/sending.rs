//! A request on its way out: its head, then its body as it comes.
//!
//! The head and the first piece of the body go out in one write, so that piece is taken from the body before it is
//! known whether the connection takes anything. It is kept until the first byte is gone, and with it what was not
//! sent can be given back whole.

use std::error::Error;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, Request};
use http_body::Body;
use tokio::io::AsyncWrite;

use super::answer_head::content_length;
use crate::body::RequestBody;
use crate::bounds::UPSTREAM_BUFFER_BYTES;
use crate::upstream::UpstreamError;

/// Fields that may not come behind a body, because they are needed before it (RFC 9110, 6.5.1).
const NOT_TRAILERS: [HeaderName; 12] = [
    http::header::AUTHORIZATION,
    http::header::CACHE_CONTROL,
    http::header::CONTENT_ENCODING,
    CONTENT_LENGTH,
    http::header::CONTENT_RANGE,
    http::header::CONTENT_TYPE,
    http::header::HOST,
    http::header::MAX_FORWARDS,
    http::header::SET_COOKIE,
    http::header::TE,
    TRAILER,
    TRANSFER_ENCODING,
];

/// What is left to send of one request; by default nothing.
pub(super) struct Sending<B = RequestBody> {
    /// The head, or what frames the next piece of the body; kept for its memory.
    lead: Vec<u8>,
    /// How much of `lead` was written.
    lead_written: usize,
    /// A piece of the body.
    data: Bytes,
    /// What comes behind the piece.
    tail: &'static [u8],
    body: Option<B>,
    framing: Framing,
    /// Whether the connection took any byte.
    has_begun: bool,
    /// What was taken of the body before that.
    first: Bytes,
    /// Whether the body is not whole even with that.
    is_body_spoilt: bool,
    /// What was written may still wait in the stream.
    is_unflushed: bool,
}

/// How the server knows where the body ends.
#[derive(Debug, Default, PartialEq, Eq)]
enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// Chunks, and the trailers that were announced.
    Chunks(Vec<HeaderName>),
    /// There is none.
    #[default]
    Nothing,
    /// There is none, but the head says that there is: whoever lost it must not let the server take it for an empty one.
    Missing,
}

impl<B> Sending<B>
where
    B: Body<Data = Bytes, Error: Error + Send + Sync + 'static> + Unpin,
{
    /// Begins a request. Its framing must be in its head: `Transfer-Encoding: chunked`, or one `Content-Length`.
    pub(super) fn begin(&mut self, request: &Request<B>, body: B) {
        let has_body = !body.is_end_stream();
        self.lead.clear();
        self.lead.shrink_to(UPSTREAM_BUFFER_BYTES);
        self.lead_written = 0;
        self.has_begun = false;
        self.first = Bytes::new();
        self.is_body_spoilt = false;
        self.data = Bytes::new();
        self.tail = b"";
        self.is_unflushed = true;
        self.framing = match has_body {
            true => Framing::of(request.headers()),
            false => Framing::without_body(request.headers()),
        };
        write_head(&mut self.lead, request, &self.framing);
        // One that is missing is found to be when it is read, before anything is sent.
        self.body = Some(body).filter(|_| self.framing != Framing::Nothing);
    }

    /// Whether all of it was sent.
    pub(super) fn is_done(&self) -> bool {
        self.body.is_none() && !self.has_bytes() && !self.is_unflushed
    }

    /// The whole body, if nothing was sent: what was taken of it, and the rest. What is left is forgotten then.
    pub(super) fn take_unsent(&mut self) -> Option<(Bytes, Option<B>)> {
        let is_unsent = !self.has_begun && !self.is_body_spoilt;
        is_unsent.then(|| (std::mem::take(&mut self.first), self.body.take()))
    }

    /// Sends all that there is.
    pub(super) fn poll(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), UpstreamError>> {
        loop {
            let polled = self.poll_body(cx);
            self.is_body_spoilt |= polled.is_err();
            let is_waiting = polled?.is_pending();
            if self.has_bytes() {
                match self.poll_write(stream, cx).map_err(UpstreamError::Io)? {
                    Poll::Ready(()) => continue,
                    Poll::Pending => return Poll::Pending,
                }
            }
            if self.is_unflushed {
                match Pin::new(&mut *stream).poll_flush(cx) {
                    Poll::Ready(flushed) => {
                        flushed.map_err(UpstreamError::Io)?;
                        self.is_unflushed = false;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            return match is_waiting {
                true => Poll::Pending,
                false => Poll::Ready(Ok(())),
            };
        }
    }

    fn has_bytes(&self) -> bool {
        self.lead_written < self.lead.len() || !self.data.is_empty() || !self.tail.is_empty()
    }

    /// Takes the next piece of the body, if there is room for it. Pending if the body has none now.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, UpstreamError> {
        let Some(body) = &mut self.body else {
            return Ok(Poll::Ready(()));
        };
        if !self.data.is_empty() || !self.tail.is_empty() {
            return Ok(Poll::Ready(()));
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else {
                return Ok(Poll::Pending);
            };
            let is_end = body.is_end_stream();
            let frame = match frame {
                None => {
                    self.body = None;
                    return self.end(None).map(Poll::Ready);
                }
                Some(frame) => {
                    frame.map_err(|error| UpstreamError::RequestBody(Box::new(error)))?
                }
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    if !self.has_begun {
                        self.first = data.clone();
                    }
                    self.frame(data)?;
                    if is_end {
                        self.body = None;
                        return self.end(None).map(Poll::Ready);
                    }
                    return Ok(Poll::Ready(()));
                }
                Err(frame) => {
                    self.is_body_spoilt = true;
                    self.body = None;
                    let trailers = frame.into_trailers().ok();
                    return self.end(trailers.as_ref()).map(Poll::Ready);
                }
            }
        }
    }

    /// Makes a piece of the body ready to be sent.
    fn frame(&mut self, data: Bytes) -> Result<(), UpstreamError> {
        match &mut self.framing {
            Framing::Length(left) => {
                let after = left.checked_sub(data.len() as u64);
                *left = after.ok_or(UpstreamError::RequestLength)?;
            }
            Framing::Chunks(_) => {
                self.compact();
                let line = format!("{:X}\r\n", data.len());
                self.lead.extend_from_slice(line.as_bytes());
                self.tail = b"\r\n";
            }
            Framing::Nothing | Framing::Missing => return Err(UpstreamError::RequestLength),
        }
        self.data = data;
        Ok(())
    }

    /// Ends the body.
    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), UpstreamError> {
        match std::mem::take(&mut self.framing) {
            Framing::Nothing | Framing::Length(0) => Ok(()),
            Framing::Length(_) | Framing::Missing => Err(UpstreamError::RequestLength),
            Framing::Chunks(_) if !self.data.is_empty() => {
                self.tail = b"\r\n0\r\n\r\n";
                Ok(())
            }
            Framing::Chunks(announced) => {
                self.compact();
                self.lead.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.into_iter().flatten() {
                    if announced.contains(name) && !NOT_TRAILERS.contains(name) {
                        write_field(&mut self.lead, name, value.as_bytes());
                    }
                }
                self.lead.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }

    /// Forgets what was written of `lead`.
    fn compact(&mut self) {
        if self.lead_written == self.lead.len() {
            self.lead.clear();
            self.lead_written = 0;
        }
    }

    fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> io::Result<Poll<()>> {
        let lead = &self.lead[self.lead_written..];
        let stream = Pin::new(stream);
        let polled = if self.data.is_empty() && self.tail.is_empty() {
            stream.poll_write(cx, lead)
        } else {
            let pieces = [lead, &self.data, self.tail].map(IoSlice::new);
            stream.poll_write_vectored(cx, &pieces)
        };
        let Poll::Ready(written) = polled? else {
            return Ok(Poll::Pending);
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if !self.has_begun {
            self.has_begun = true;
            self.first = Bytes::new();
        }
        self.is_unflushed = true;
        let of_lead = written.min(lead.len());
        self.lead_written += of_lead;
        let of_data = (written - of_lead).min(self.data.len());
        self.data.advance(of_data);
        self.tail = &self.tail[written - of_lead - of_data..];
        Ok(Poll::Ready(()))
    }
}

impl<B> Default for Sending<B> {
    fn default() -> Sending<B> {
        Sending {
            lead: Vec::new(),
            lead_written: 0,
            data: Bytes::new(),
            tail: b"",
            body: None,
            framing: Framing::Nothing,
            has_begun: false,
            first: Bytes::new(),
            is_body_spoilt: false,
            is_unflushed: false,
        }
    }
}

impl Framing {
    fn of(headers: &HeaderMap) -> Framing {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Framing::announced(headers);
        }
        match content_length(headers) {
            Ok(Some(length)) => Framing::Length(length),
            // Lengths that contradict each other, which HTTP/2 lets through, say nothing.
            Ok(None) | Err(_) => Framing::announced(headers),
        }
    }

    /// That of a request whose body has ended already. One in chunks may have been empty from its beginning; a length
    /// says that it was not.
    fn without_body(headers: &HeaderMap) -> Framing {
        match content_length(headers) {
            Ok(Some(1..)) if !headers.contains_key(TRANSFER_ENCODING) => Framing::Missing,
            _ => Framing::Nothing,
        }
    }

    /// Chunks, with the trailers that the head announces; others are not sent.
    fn announced(headers: &HeaderMap) -> Framing {
        let lines = headers.get_all(TRAILER).iter();
        let names = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok());
        Framing::Chunks(names.collect())
    }
}

fn write_head<B>(out: &mut Vec<u8>, request: &Request<B>, framing: &Framing) {
    let target = request.uri();
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    let path = target.path_and_query().map_or("/", |it| it.as_str());
    out.extend_from_slice(path.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut says_length = false;
    for (name, value) in request.headers() {
        // What frames the body is said below, once.
        match *name {
            TRANSFER_ENCODING => {}
            CONTENT_LENGTH => says_length = true,
            _ => write_field(out, name, value.as_bytes()),
        }
    }
    match framing {
        Framing::Chunks(_) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Length(length) => write_length(out, *length),
        Framing::Nothing if says_length => write_length(out, 0),
        Framing::Nothing | Framing::Missing => {}
    }
    out.extend_from_slice(b"\r\n");
}

fn write_length(out: &mut Vec<u8>, length: u64) {
    write_field(out, &CONTENT_LENGTH, length.to_string().as_bytes());
}

fn write_field(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    let name = name.as_str().as_bytes();
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
