//! A client of HTTP/1.1 that takes nothing for granted: whatever is not a whole answer with status 200 and the
//! body that was expected is a failure, and says what kind.

use std::io::{Read, Write};

/// The most header fields of an answer.
const HEADERS_MAX: usize = 64;
/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// Why a request was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection.
    #[error("no connection: {0}")]
    Unconnected(String),
    /// The connection was closed or reset before a byte of the answer.
    #[error("closed without an answer: {0}")]
    Unanswered(String),
    /// The answer ended before its end.
    #[error("cut off: {0}")]
    Cut(String),
    /// Another status than 200.
    #[error("status {0}")]
    Status(u16),
    /// No HTTP, or not the body that was expected.
    #[error("not the answer: {0}")]
    Wrong(String),
}

/// A connection that is kept alive.
pub struct Connection<S> {
    stream: S,
    /// What was read and not used yet.
    unread: Vec<u8>,
    /// The body of the last answer.
    body: Vec<u8>,
    /// Whether the last answer closes the connection.
    closes: bool,
}

/// How the body of an answer ends.
enum Framing {
    Length(usize),
    Chunked,
}

impl<S: Read + Write> Connection<S> {
    /// On an open stream.
    pub fn new(stream: S) -> Connection<S> {
        Connection::sized(stream, READ_BYTES)
    }

    /// The same, with room for so many bytes at first.
    pub fn sized(stream: S, bytes: usize) -> Connection<S> {
        Connection {
            stream,
            unread: Vec::with_capacity(bytes),
            body: Vec::new(),
            closes: false,
        }
    }

    /// Whether the last answer said that it is the last on this connection.
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Sends a request and reads its whole answer, which must have the status 200.
    ///
    /// # Errors
    /// Everything else.
    pub fn ask(&mut self, request: &[u8]) -> Result<&[u8], Failure> {
        let sent = self
            .stream
            .write_all(request)
            .and_then(|()| self.stream.flush());
        // A server may answer and close before it has read everything: what it says counts.
        let unsent = sent.err();
        self.body.clear();
        let (status, framing) = self.head(unsent)?;
        match framing {
            Framing::Length(length) => self.take(length)?,
            Framing::Chunked => self.chunks()?,
        }
        match status {
            200 => Ok(&self.body),
            other => Err(Failure::Status(other)),
        }
    }

    /// As [`Connection::ask`], with the body that the answer must have.
    ///
    /// # Errors
    /// Everything else.
    pub fn expect(&mut self, request: &[u8], body: &[u8]) -> Result<(), Failure> {
        let got = self.ask(request)?;
        match got == body {
            true => Ok(()),
            false => Err(Failure::Wrong(format!(
                "{} bytes that are not the {} expected",
                got.len(),
                body.len()
            ))),
        }
    }

    fn head(&mut self, unsent: Option<std::io::Error>) -> Result<(u16, Framing), Failure> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut answer = httparse::Response::new(&mut headers);
            let parsed = answer.parse(&self.unread);
            let parsed = parsed.map_err(|error| Failure::Wrong(error.to_string()))?;
            if let httparse::Status::Complete(length) = parsed {
                let status = answer.code.unwrap_or_default();
                let framing = framing(answer.headers)?;
                self.closes = answer.headers.iter().any(|header| {
                    header.name.eq_ignore_ascii_case("connection")
                        && header.value.eq_ignore_ascii_case(b"close")
                });
                self.unread.drain(..length);
                return Ok((status, framing));
            }
            let nothing = self.unread.is_empty();
            self.read().map_err(|why| match (nothing, &unsent) {
                (true, Some(error)) => Failure::Unanswered(format!("{error}; {why}")),
                (true, None) => Failure::Unanswered(why),
                (false, _) => Failure::Cut(why),
            })?;
        }
    }

    /// Moves so many bytes to the body.
    fn take(&mut self, mut length: usize) -> Result<(), Failure> {
        loop {
            let now = length.min(self.unread.len());
            self.body.extend(self.unread.drain(..now));
            length -= now;
            if length == 0 {
                return Ok(());
            }
            self.read().map_err(Failure::Cut)?;
        }
    }

    fn chunks(&mut self) -> Result<(), Failure> {
        loop {
            let parsed = httparse::parse_chunk_size(&self.unread);
            let parsed = parsed.map_err(|_| Failure::Wrong("a chunk has no size".to_owned()))?;
            let httparse::Status::Complete((begin, size)) = parsed else {
                self.read().map_err(Failure::Cut)?;
                continue;
            };
            self.unread.drain(..begin);
            self.take(usize::try_from(size).unwrap_or(usize::MAX))?;
            while self.unread.len() < 2 {
                self.read().map_err(Failure::Cut)?;
            }
            if !self.unread.starts_with(b"\r\n") {
                return Err(Failure::Wrong("a chunk does not end".to_owned()));
            }
            self.unread.drain(..2);
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let mut piece = [0; READ_BYTES];
        match self.stream.read(&mut piece) {
            Ok(0) => Err("the end".to_owned()),
            Ok(count) => {
                self.unread.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, Failure> {
    let value = |name: &str| {
        let mut found = headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        found.next().map(|header| header.value)
    };
    if value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
        return Ok(Framing::Chunked);
    }
    let length = value("content-length").and_then(|value| std::str::from_utf8(value).ok());
    let length = length.and_then(|length| length.trim().parse().ok());
    let missing = || Failure::Wrong("neither a length nor chunks".to_owned());
    length.map(Framing::Length).ok_or_else(missing)
}

#[cfg(test)]
mod tests;
