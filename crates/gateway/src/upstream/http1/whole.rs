//! An answer read from bytes that are all there, for tests of the parser.

use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode};

use super::Rest;
use super::answer_head::HeadReader;

/// What was read of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WholeAnswer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its fields.
    pub(crate) fields: HeaderMap,
    /// Its body.
    pub(crate) data: Vec<u8>,
    /// What came behind the body.
    pub(crate) trailers: HeaderMap,
    /// Whether the connection could be used again.
    pub(crate) keeps: bool,
    /// What belongs to no answer.
    pub(crate) unread: Vec<u8>,
}

impl WholeAnswer {
    /// The answer to a request of this method, which comes in pieces and is followed by the connection's end;
    /// `None` if it is none, or not whole.
    pub(crate) fn read(method: &Method, pieces: &[&[u8]]) -> Option<WholeAnswer> {
        let mut head = HeadReader::default();
        head.begin(method);
        let (mut read, mut rest) = (BytesMut::new(), Rest::Head);
        let mut answer: Option<WholeAnswer> = None;
        for piece in pieces {
            read.extend_from_slice(piece);
            if answer.is_none() {
                let found = head.read(&mut read).ok()?;
                answer = found.map(|found| {
                    rest = found.rest;
                    WholeAnswer {
                        status: found.head.status,
                        fields: found.head.headers,
                        data: Vec::new(),
                        trailers: HeaderMap::new(),
                        keeps: found.keeps,
                        unread: Vec::new(),
                    }
                });
            }
            while let Some(frame) = rest.read(&mut read).ok()? {
                let answer = answer.as_mut()?;
                match frame.into_data() {
                    Ok(data) => answer.data.extend_from_slice(&data),
                    Err(frame) => answer.trailers = frame.into_trailers().ok()?,
                }
            }
        }
        let is_whole = matches!(rest, Rest::Nothing | Rest::UntilEnd);
        let mut answer = answer.filter(|_| is_whole)?;
        answer.unread = read.to_vec();
        Some(answer)
    }
}
