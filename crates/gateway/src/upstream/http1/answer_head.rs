//! The head of an answer, and what it says about the body (RFC 9112, 6.3).
//!
//! What a client is told of the length is one plain number or nothing (RFC 9110, 8.6). The same number said several
//! times is said once. Lengths that differ or are no numbers are an error, also in an answer to HEAD and in a 304,
//! whose own end they do not move: whoever gets them passed on may take them for something else. An answer
//! with 101 or 204 may not have a length, so what it says of one is taken off.
//!
//! Of codings only one `chunked` is taken, in HTTP/1.1: the body goes on without it, and any other would be lost.

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
        mut fields: HeaderMap,
        framing: Framing,
    ) -> Result<AnswerHead, UpstreamError> {
        let length = plain_length(line, &mut fields, framing)?;
        let rest = self.rest(line, &fields, (framing, length))?;
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
        (framing, length): (Framing, Option<u64>),
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
            let mut codings = fields.get_all(TRANSFER_ENCODING).iter();
            let is_chunked = codings.next().is_some_and(|coding| {
                let coding = coding.as_bytes().trim_ascii();
                coding.eq_ignore_ascii_case(b"chunked")
            });
            let is_alone = codings.next().is_none() && line.version == Version::HTTP_11;
            return match is_chunked && is_alone {
                true => Ok(Rest::Chunks(Chunked::default())),
                false => Err(UpstreamError::Coding),
            };
        }
        Ok(match length {
            None => Rest::UntilEnd,
            Some(0) => Rest::Nothing,
            Some(length) => Rest::Length(length),
        })
    }
}

/// The length that an answer says, which is one plain number in its fields from then on.
fn plain_length(
    line: &StatusLine,
    fields: &mut HeaderMap,
    framing: Framing,
) -> Result<Option<u64>, UpstreamError> {
    let may_have_none = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT];
    if framing.lengths == 0 {
        return Ok(None);
    }
    if may_have_none.contains(&line.status) {
        fields.remove(CONTENT_LENGTH);
        return Ok(None);
    }
    // Beside a coding it does not count, and is taken off on the way.
    if framing.has_coding {
        return Ok(None);
    }
    let length = content_length(fields)?;
    let said = fields.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    let is_plain = |said: &[u8]| {
        said.iter().all(u8::is_ascii_digit) && (said.len() == 1 || !said.starts_with(b"0"))
    };
    if let Some(length) = length
        && (framing.lengths > 1 || !said.is_some_and(is_plain))
    {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(length)
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
