//! One coding being undone, whatever library does it.

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Operation};

use super::{Coding, CodingError};

/// What is decoded at once.
const PIECE_BYTES: usize = 32 * 1024;
/// The base-2 logarithm of the largest window of zstd: 8 MiB, what RFC 9659 asks of every decoder.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// The base-2 logarithm of the window of gzip and deflate.
const DEFLATE_WINDOW_LOG: u8 = 15;
/// The most members of one gzip body. Each costs memory anew, and an empty one is 20 bytes.
const GZIP_MEMBERS_MAX: usize = 10_000;

/// One coding being undone.
pub(super) struct Stage {
    coding: Coding,
    engine: Engine,
    piece: Box<[u8]>,
    /// Whether the body may end here.
    is_complete: bool,
    /// Whether nothing may follow: the coding has one end only.
    is_closed: bool,
    /// The members of a gzip body that have ended.
    members: usize,
}

/// What does the work.
enum Engine {
    /// gzip, or deflate once it is known whether it has zlib's frame.
    Inflate(Decompress),
    /// deflate of which no byte, or only the first one is known.
    Unsure(Option<u8>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(zstd::stream::raw::Decoder<'static>),
}

/// What one step did.
struct Step {
    read: usize,
    written: usize,
    is_end: bool,
}

impl Stage {
    /// The beginning of a body.
    pub(super) fn new(coding: Coding) -> Result<Stage, CodingError> {
        let engine = match coding {
            Coding::Gzip => Engine::Inflate(Decompress::new_gzip(DEFLATE_WINDOW_LOG)),
            Coding::Deflate => Engine::Unsure(None),
            Coding::Brotli => Engine::Brotli(Box::new(BrotliState::new_strict(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            Coding::Zstd => {
                let mut decoder =
                    zstd::stream::raw::Decoder::new().map_err(|_| CodingError::NoMemory)?;
                decoder
                    .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
                    .map_err(|_| CodingError::NoMemory)?;
                Engine::Zstd(decoder)
            }
        };
        Ok(Stage {
            coding,
            engine,
            piece: vec![0; PIECE_BYTES].into_boxed_slice(),
            is_complete: false,
            is_closed: false,
            members: 0,
        })
    }

    /// Decodes a piece behind what `out` holds. No more than `left` bytes may come out; `bytes_max` is what is told then.
    pub(super) fn push(
        &mut self,
        input: &[u8],
        left: usize,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CodingError> {
        if let Engine::Unsure(first) = self.engine {
            return self.push_unsure(first, input, left, bytes_max, out);
        }
        let full = out.len().saturating_add(left);
        let mut rest = input;
        let mut is_more = !rest.is_empty();
        while is_more {
            if !rest.is_empty() {
                self.go_on()?;
            }
            let step = self.step(rest)?;
            rest = rest.get(step.read..).unwrap_or_default();
            if out.len() + step.written > full {
                return Err(CodingError::TooLong { bytes_max });
            }
            out.extend_from_slice(self.piece.get(..step.written).unwrap_or_default());
            if step.is_end {
                self.is_complete = true;
                self.is_closed = matches!(self.coding, Coding::Deflate | Coding::Brotli);
                self.members += 1;
            } else if step.read > 0 {
                self.is_complete = false;
            }
            is_more = !rest.is_empty() || (step.written == self.piece.len() && !step.is_end);
            if !rest.is_empty() && step.read == 0 && step.written == 0 {
                return Err(self.invalid());
            }
        }
        Ok(())
    }

    /// An error when the body must not end here.
    pub(super) fn check_complete(&self) -> Result<(), CodingError> {
        if self.is_complete {
            Ok(())
        } else {
            Err(CodingError::Truncated {
                coding: self.coding,
            })
        }
    }

    /// Decodes the beginning of deflate, of which the first two bytes tell whether it has zlib's frame (RFC 1950, section
    /// 2.2): the method is 8, and both bytes as a number are divisible by 31. Deflate alone cannot begin so, unless its
    /// first block is a stored one with padding that is not zero.
    fn push_unsure(
        &mut self,
        first: Option<u8>,
        input: &[u8],
        left: usize,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CodingError> {
        let mut head: Vec<u8> = first.into_iter().collect();
        let known = head.len();
        head.extend(input.iter().take(2 - known));
        let has_frame = match head.as_slice() {
            [] => return Ok(()),
            [method] if method & 0x0f == 8 => {
                self.engine = Engine::Unsure(Some(*method));
                return Ok(());
            }
            [_] => false,
            [method, flags, ..] => {
                method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
            }
        };
        self.engine = Engine::Inflate(Decompress::new(has_frame));
        let before = out.len();
        let rest = input.get(head.len() - known..).unwrap_or_default();
        self.push(&head, left, bytes_max, out)?;
        let left = left.saturating_sub(out.len() - before);
        self.push(rest, left, bytes_max, out)
    }

    /// Makes ready for bytes behind an end, if there may be any.
    fn go_on(&mut self) -> Result<(), CodingError> {
        let coding = self.coding;
        if self.is_closed {
            return Err(CodingError::Trailing { coding });
        }
        if coding == Coding::Gzip && self.is_complete {
            if self.members >= GZIP_MEMBERS_MAX {
                return Err(CodingError::Trailing { coding });
            }
            self.engine = Engine::Inflate(Decompress::new_gzip(DEFLATE_WINDOW_LOG));
            self.is_complete = false;
        }
        Ok(())
    }

    /// Decodes into the piece.
    fn step(&mut self, input: &[u8]) -> Result<Step, CodingError> {
        let invalid = CodingError::Invalid {
            coding: self.coding,
        };
        match &mut self.engine {
            Engine::Inflate(inflate) => {
                let (read, written) = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress(input, &mut self.piece, FlushDecompress::None)
                    .map_err(|_| invalid)?;
                Ok(Step {
                    read: (inflate.total_in() - read) as usize,
                    written: (inflate.total_out() - written) as usize,
                    is_end: status == Status::StreamEnd,
                })
            }
            Engine::Brotli(state) => {
                let (mut read, mut written, mut total) = (0, 0, 0);
                let result = BrotliDecompressStream(
                    &mut input.len(),
                    &mut read,
                    input,
                    &mut self.piece.len(),
                    &mut written,
                    &mut self.piece,
                    &mut total,
                    state,
                );
                if matches!(result, BrotliResult::ResultFailure) {
                    return Err(invalid);
                }
                Ok(Step {
                    read,
                    written,
                    is_end: matches!(result, BrotliResult::ResultSuccess),
                })
            }
            Engine::Zstd(decoder) => {
                let status = decoder
                    .run_on_buffers(input, &mut self.piece)
                    .map_err(|_| invalid)?;
                Ok(Step {
                    read: status.bytes_read,
                    written: status.bytes_written,
                    is_end: status.remaining == 0,
                })
            }
            // Replaced before the first step.
            Engine::Unsure(_) => Err(invalid),
        }
    }

    fn invalid(&self) -> CodingError {
        CodingError::Invalid {
            coding: self.coding,
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Stage")
            .field("coding", &self.coding)
            .field("is_complete", &self.is_complete)
            .finish_non_exhaustive()
    }
}
