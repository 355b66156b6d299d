//! Bodies that came compressed (`Content-Encoding`), decoded so that they can be looked into.
//!
//! Understood are gzip, deflate (with and without zlib's frame, because servers send both), br and zstd, and two of them
//! one upon the other. What is decoded never becomes longer than a bound, whatever the compressed bytes promise; a body
//! that ends too early, has something behind its end or a wrong checksum is an error, because what a server behind would
//! make of it is not known.
//!
//! A [`Decoder`] takes a body in pieces and gives out all that can be decoded so far, so that the events of a stream do
//! not wait for the next ones.

mod error;
mod stage;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

pub(crate) use error::CodingError;
use stage::Stage;

/// The most codings of one body.
const CODINGS_MAX: usize = 2;
/// How much longer incompressible data may become by a further coding: one part of this many, and
/// [`ENVELOPE_BYTES_MAX`].
const GROWTH_DIVISOR: usize = 64;
/// What the frame of a coding adds.
const ENVELOPE_BYTES_MAX: usize = 1024;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 alone.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, with the windows of RFC 9659.
    Zstd,
}

/// The codings of a body, in the order in which they were applied. None: the body is as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codings(Vec<Coding>);

/// How much may come out of a [`Decoder`], in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// In all.
    Whole(usize),
    /// At once, for each piece that is pushed.
    Piece(usize),
}

/// Decodes one body that comes in pieces.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The coding that was applied last comes first.
    stages: Vec<Stage>,
    bound: Bound,
    /// What came out so far.
    decoded_bytes: usize,
    /// What goes from a stage to the next one.
    between: Vec<u8>,
}

impl Codings {
    /// The codings that header fields name.
    ///
    /// # Errors
    /// When one is not known, or there are too many.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Codings, CodingError> {
        let mut codings = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = value.to_str().map_err(|_| CodingError::Unknown)?;
            for name in value.split(',') {
                let name = name.trim_matches([' ', '\t']).to_ascii_lowercase();
                codings.push(match name.as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Coding::Gzip,
                    "deflate" => Coding::Deflate,
                    "br" => Coding::Brotli,
                    "zstd" => Coding::Zstd,
                    _ => return Err(CodingError::Unknown),
                });
            }
        }
        if codings.len() > CODINGS_MAX {
            return Err(CodingError::TooMany { most: CODINGS_MAX });
        }
        Ok(Codings(codings))
    }

    /// Whether the body is as it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// What decodes a body in pieces, each to no more than this many bytes; `None` if there is nothing to decode.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn of_pieces(&self, bytes_max: usize) -> Result<Option<Decoder>, CodingError> {
        match self.is_identity() {
            true => Ok(None),
            false => Decoder::new(self, Bound::Piece(bytes_max)).map(Some),
        }
    }

    /// A whole body decoded, of which no more than this many bytes may come out.
    ///
    /// # Errors
    /// When it is not in these codings, incomplete, followed by something, or too long.
    pub(crate) fn decode(&self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, CodingError> {
        let mut decoder = Decoder::new(self, Bound::Whole(bytes_max))?;
        let mut decoded = Vec::new();
        decoder.push(body, &mut decoded)?;
        decoder.finish()?;
        Ok(decoded)
    }
}

impl Decoder {
    /// The decoder of a body in these codings.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn new(codings: &Codings, bound: Bound) -> Result<Decoder, CodingError> {
        let stages: Result<Vec<Stage>, CodingError> = codings
            .0
            .iter()
            .rev()
            .map(|coding| Stage::new(*coding))
            .collect();
        Ok(Decoder {
            stages: stages?,
            bound,
            decoded_bytes: 0,
            between: Vec::new(),
        })
    }

    /// Takes a piece and writes all that is decoded with it behind what `out` holds.
    ///
    /// # Errors
    /// When the body is not in its codings, followed by something, or longer than the bound. What was written before is
    /// part of the body; nothing may be pushed any more.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), CodingError> {
        let (bytes_max, left) = match self.bound {
            Bound::Whole(bytes_max) => (bytes_max, bytes_max.saturating_sub(self.decoded_bytes)),
            Bound::Piece(bytes_max) => (bytes_max, bytes_max),
        };
        let before = out.len();
        match self.stages.as_mut_slice() {
            [] if piece.len() > left => return Err(CodingError::TooLong { bytes_max }),
            [] => out.extend_from_slice(piece),
            [only] => only.push(piece, left, bytes_max, out)?,
            [outer, inner, ..] => {
                self.between.clear();
                let room = bytes_max / GROWTH_DIVISOR + ENVELOPE_BYTES_MAX;
                let between_max = bytes_max.saturating_add(room);
                outer.push(piece, between_max, bytes_max, &mut self.between)?;
                inner.push(&self.between, left, bytes_max, out)?;
            }
        }
        self.decoded_bytes += out.len() - before;
        Ok(())
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// When it is not complete.
    pub(crate) fn finish(self) -> Result<(), CodingError> {
        self.stages.iter().try_for_each(Stage::check_complete)
    }
}

#[cfg(test)]
mod tests;
