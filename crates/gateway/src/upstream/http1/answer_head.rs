//! The head of an answer, and what it says about the body (RFC 9112, 6.3).

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode, Version, response};
use httparse::Status;

use super::Rest;
use super::chunked::Chunked;
use crate::bounds::{ANSWER_HEADERS_MAX, CONNECTION_BUFFER_BYTES_MAX};
use crate::upstream::UpstreamError;

/// Reads heads, one after the other.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    /// Whether the request was HEAD, whose answer has no body.
    is_head: bool,
    /// How much was looked at in vain.
    looked_at: usize,
    /// Where the fields are; kept for its memory.
    places: Vec<Place>,
}

/// A head, and what comes behind it.
pub(super) struct AnswerHead {
    pub(super) head: response::Parts,
    pub(super) rest: Rest,
    /// Whether the server keeps the connection.
    pub(super) keeps: bool,
}

/// Where one field is in the head.
#[derive(Debug, Clone, Copy)]
struct Place {
    name: [u32; 2],
    value: [u32; 2],
}

/// Which fields about the message's length and the connection there are.
#[derive(Debug, Clone, Copy, Default)]
struct Framing {
    has_connection: bool,
    has_coding: bool,
    lengths: usize,
}

/// The first line.
struct StatusLine {
    version: Version,
    status: StatusCode,
    /// The length of the whole head.
    length: usize,
}

impl HeadReader {
    /// Prepares for the answer to a request.
    pub(super) fn begin(&mut self, method: &Method) {
        self.is_head = *method == Method::HEAD;
        self.looked_at = 0;
    }

    /// The head in what was read, which is taken from it; `None` if more has to be read. Heads that only inform
    /// (100, 103) are passed over.
    pub(super) fn read(
        &mut self,
        read: &mut BytesMut,
    ) -> Result<Option<AnswerHead>, UpstreamError> {
        loop {
            if read.is_empty() {
                return Ok(None);
            }
            let line = match self.may_be_whole(read) {
                true => self.parse(read)?,
                false => None,
            };
            let Some(line) = line else {
                if read.len() >= CONNECTION_BUFFER_BYTES_MAX {
                    return Err(UpstreamError::HeadTooLong);
                }
                self.looked_at = read.len();
                return Ok(None);
            };
            self.looked_at = 0;
            let bytes = read.split_to(line.length).freeze();
            let (fields, framing) = self.fields(&bytes)?;
            let informs = line.status.is_informational();
            if !informs || line.status == StatusCode::SWITCHING_PROTOCOLS {
                return self.answer(&line, fields, framing).map(Some);
            }
        }
    }

    /// Whether it is worth parsing: a head that comes byte by byte would be parsed as often otherwise.
    fn may_be_whole(&self, read: &[u8]) -> bool {
        if self.looked_at == 0 {
            return true;
        }
        let new = &read[self.looked_at.saturating_sub(3)..];
        new.windows(2).any(|pair| pair == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n")
    }

    fn parse(&mut self, read: &[u8]) -> Result<Option<StatusLine>, UpstreamError> {
        let mut fields = [const { MaybeUninit::uninit() }; ANSWER_HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut answer, read, &mut fields)
            .map_err(UpstreamError::Head)?;
        let Status::Complete(length) = parsed else {
            return Ok(None);
        };
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(UpstreamError::Head(httparse::Error::Status))?;
        // All of them are parts of what was read.
        let begin = read.as_ptr().addr();
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - begin;
            [start as u32, (start + part.len()) as u32]
        };
        self.places.clear();
        self.places.extend(answer.headers.iter().map(|field| Place {
            name: place(field.name.as_bytes()),
            value: place(field.value),
        }));
        Ok(Some(StatusLine {
            version: match answer.version {
                Some(1) => Version::HTTP_11,
                _ => Version::HTTP_10,
            },
            status,
            length,
        }))
    }

    fn fields(&self, bytes: &Bytes) -> Result<(HeaderMap, Framing), UpstreamError> {
        let mut framing = Framing::default();
        // What the gateway adds finds room.
        let mut fields = HeaderMap::with_capacity(self.places.len() + 4);
        let invalid = |kind| UpstreamError::Head(kind);
        for Place { name, value } in &self.places {
            let name = HeaderName::from_bytes(&bytes[name[0] as usize..name[1] as usize])
                .map_err(|_| invalid(httparse::Error::HeaderName))?;
            let value = bytes.slice(value[0] as usize..value[1] as usize);
            let value = HeaderValue::from_maybe_shared(value)
                .map_err(|_| invalid(httparse::Error::HeaderValue))?;
            match name {
                CONNECTION => framing.has_connection = true,
                TRANSFER_ENCODING => framing.has_coding = true,
                CONTENT_LENGTH => framing.lengths += 1,
                _ => {}
            }
            fields.append(name, value);
        }
        Ok((fields, framing))
    }

    fn answer(
        &self,
        line: &StatusLine,
        fields: HeaderMap,
        framing: Framing,
    ) -> Result<AnswerHead, UpstreamError> {
        let rest = self.rest(line, &fields, framing)?;
        let (closes, keeps) = match framing.has_connection {
            true => connection(&fields),
            false => (false, false),
        };
        let keeps = match line.version {
            Version::HTTP_11 => !closes,
            _ => !closes && keeps,
        };
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = line.status;
        head.version = line.version;
        head.headers = fields;
        // Of two lengths the server may mean the other one (RFC 9112, 6.3, rule 3).
        let is_last = match rest {
            Rest::UntilEnd => true,
            Rest::Chunks(_) => framing.lengths > 0,
            _ => line.status == StatusCode::SWITCHING_PROTOCOLS,
        };
        Ok(AnswerHead {
            head,
            rest,
            keeps: keeps && !is_last,
        })
    }

    /// How long the body is.
    fn rest(
        &self,
        line: &StatusLine,
        fields: &HeaderMap,
        framing: Framing,
    ) -> Result<Rest, UpstreamError> {
        let without = [
            StatusCode::SWITCHING_PROTOCOLS,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_MODIFIED,
        ];
        if self.is_head || without.contains(&line.status) {
            return Ok(Rest::Nothing);
        }
        if framing.has_coding {
            let last = fields.get_all(TRANSFER_ENCODING).iter().next_back();
            if line.version == Version::HTTP_10 {
                return Err(UpstreamError::Coding);
            }
            let last = last.and_then(|last| last.to_str().ok());
            let is_chunked = last.is_some_and(|codings| {
                let last = codings.rsplit(',').next().unwrap_or_default();
                last.trim().eq_ignore_ascii_case("chunked")
            });
            return Ok(match is_chunked {
                true => Rest::Chunks(Chunked::default()),
                false => Rest::UntilEnd,
            });
        }
        if framing.lengths == 0 {
            return Ok(Rest::UntilEnd);
        }
        Ok(match content_length(fields)? {
            None => Rest::UntilEnd,
            Some(0) => Rest::Nothing,
            Some(length) => Rest::Length(length),
        })
    }
}

/// The one length that all `Content-Length` fields say.
pub(super) fn content_length(fields: &HeaderMap) -> Result<Option<u64>, UpstreamError> {
    let mut length = None;
    for line in fields.get_all(CONTENT_LENGTH) {
        let line = line.to_str().map_err(|_| UpstreamError::Length)?;
        for said in line.split(',') {
            let said = number(said.trim()).ok_or(UpstreamError::Length)?;
            if length.is_some_and(|length| length != said) {
                return Err(UpstreamError::Length);
            }
            length = Some(said);
        }
    }
    Ok(length)
}

/// Whether `Connection` says `close`, and whether it says `keep-alive`.
fn connection(fields: &HeaderMap) -> (bool, bool) {
    let lines = fields.get_all(CONNECTION).iter();
    let options = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim);
    options.fold((false, false), |(closes, keeps), option| {
        (
            closes || option.eq_ignore_ascii_case("close"),
            keeps || option.eq_ignore_ascii_case("keep-alive"),
        )
    })
}

/// A number of digits alone: no sign, which `parse` would take.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
