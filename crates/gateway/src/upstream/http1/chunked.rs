//! The chunked coding of an answer (RFC 9112, 7.1).

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use httparse::Status;

use crate::bounds::{ANSWER_HEADERS_MAX, ANSWER_TRAILER_BYTES_MAX, CHUNK_LINE_BYTES_MAX};
use crate::upstream::UpstreamError;

/// How far a chunked body was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chunked(At);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// Before a chunk's length.
    #[default]
    Length,
    /// In a chunk of which so many bytes are left.
    Data(u64),
    /// Behind a chunk's data, before its line's end.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
    /// Behind all of it.
    Done,
}

impl Chunked {
    /// Whether the body is whole.
    pub(super) fn is_done(self) -> bool {
        self.0 == At::Done
    }

    /// The next frame in what was read; `None` if more has to be read, or if the body is whole.
    pub(super) fn read(
        &mut self,
        read: &mut BytesMut,
    ) -> Result<Option<Frame<Bytes>>, UpstreamError> {
        loop {
            match self.0 {
                At::Length => {
                    let Some(length) = length(read)? else {
                        return Ok(None);
                    };
                    self.0 = match length {
                        0 => At::Trailers,
                        length => At::Data(length),
                    };
                }
                At::Data(left) => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let Some(data) = super::take(read, most) else {
                        return Ok(None);
                    };
                    self.0 = match left - data.len() as u64 {
                        0 => At::DataEnd,
                        left => At::Data(left),
                    };
                    return Ok(Some(Frame::data(data)));
                }
                At::DataEnd => match read.get(..2) {
                    Some(b"\r\n") => {
                        read.advance(2);
                        self.0 = At::Length;
                    }
                    None if b"\r\n".starts_with(read) => return Ok(None),
                    _ => return Err(UpstreamError::Chunk),
                },
                At::Trailers => {
                    let Some(trailers) = trailers(read)? else {
                        return Ok(None);
                    };
                    self.0 = At::Done;
                    return Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers)));
                }
                At::Done => return Ok(None),
            }
        }
    }
}

/// A chunk's length, once its line is there.
fn length(read: &mut BytesMut) -> Result<Option<u64>, UpstreamError> {
    // A line without a digit would be read as 0.
    if read.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(UpstreamError::Chunk);
    }
    match httparse::parse_chunk_size(read) {
        Ok(Status::Complete((end, _))) if end > CHUNK_LINE_BYTES_MAX => Err(UpstreamError::Chunk),
        Ok(Status::Complete((end, length))) => {
            read.advance(end);
            Ok(Some(length))
        }
        Ok(Status::Partial) if read.len() > CHUNK_LINE_BYTES_MAX => Err(UpstreamError::Chunk),
        Ok(Status::Partial) => Ok(None),
        Err(_) => Err(UpstreamError::Chunk),
    }
}

/// The fields behind the last chunk, once all are there.
fn trailers(read: &mut BytesMut) -> Result<Option<HeaderMap>, UpstreamError> {
    if read.starts_with(b"\r\n") {
        read.advance(2);
        return Ok(Some(HeaderMap::new()));
    }
    let mut fields = [httparse::EMPTY_HEADER; ANSWER_HEADERS_MAX];
    match httparse::parse_headers(read, &mut fields).map_err(UpstreamError::Head)? {
        Status::Partial if read.len() > ANSWER_TRAILER_BYTES_MAX => Err(UpstreamError::HeadTooLong),
        Status::Partial => Ok(None),
        Status::Complete((end, fields)) => {
            let mut trailers = HeaderMap::with_capacity(fields.len());
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes());
                let value = HeaderValue::from_bytes(field.value);
                let (Ok(name), Ok(value)) = (name, value) else {
                    return Err(UpstreamError::Chunk);
                };
                trailers.append(name, value);
            }
            read.advance(end);
            Ok(Some(trailers))
        }
    }
}

#[cfg(test)]
mod tests;
