//! Where a request's body ends in the bytes that a client sends.

/// How much of a body is still to come, so that the next head is found behind it.
///
/// Chunks are read exactly as hyper reads them (its `ChunkedState`), byte for byte, so both find the same end. What
/// hyper refuses is [`BodyScan::Lost`] here; hyper then closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyScan {
    /// Nothing: a head comes next.
    Over,
    /// So many bytes.
    Length(u64),
    /// The line with a chunk's length: nothing of it yet.
    SizeStart,
    /// The line with a chunk's length, so far.
    Size(u64),
    /// The same, and no more digits may come.
    SizeSpace(u64),
    /// What follows the length of a chunk.
    Extension(u64),
    /// The line feed behind the length of a chunk.
    SizeEnd(u64),
    /// So many bytes of a chunk.
    Data(u64),
    /// The carriage return behind a chunk.
    DataEnd,
    /// The line feed behind a chunk.
    DataEndFeed,
    /// A line behind the last chunk: nothing of it yet.
    LineStart,
    /// A field behind the last chunk.
    Line,
    /// The line feed behind such a field.
    LineFeed,
    /// The last line feed.
    LastFeed,
    /// It is not known where the body ends.
    Lost,
}

impl BodyScan {
    /// Takes what belongs to the body off the front of `bytes`.
    pub(super) fn skip(mut self, mut bytes: &[u8]) -> (BodyScan, &[u8]) {
        while !bytes.is_empty() && !matches!(self, BodyScan::Over | BodyScan::Lost) {
            let left = match self {
                BodyScan::Length(left) | BodyScan::Data(left) => left,
                _ => {
                    self = self.step(bytes[0]);
                    bytes = &bytes[1..];
                    continue;
                }
            };
            let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            bytes = &bytes[count..];
            let left = left - count as u64;
            self = match self {
                BodyScan::Length(_) if left == 0 => BodyScan::Over,
                BodyScan::Length(_) => BodyScan::Length(left),
                _ if left == 0 => BodyScan::DataEnd,
                _ => BodyScan::Data(left),
            };
        }
        (self, bytes)
    }

    /// The next byte of what frames the chunks.
    fn step(self, byte: u8) -> BodyScan {
        match (self, byte) {
            (BodyScan::SizeStart, _) => BodyScan::digit(0, byte),
            (BodyScan::Size(size) | BodyScan::SizeSpace(size), b'\t' | b' ') => {
                BodyScan::SizeSpace(size)
            }
            (BodyScan::Size(size) | BodyScan::SizeSpace(size), b';') => BodyScan::Extension(size),
            (
                BodyScan::Size(size) | BodyScan::SizeSpace(size) | BodyScan::Extension(size),
                b'\r',
            ) => BodyScan::SizeEnd(size),
            (BodyScan::Size(size), _) => BodyScan::digit(size, byte),
            (BodyScan::Extension(_), b'\n') => BodyScan::Lost,
            (BodyScan::Extension(size), _) => BodyScan::Extension(size),
            (BodyScan::SizeEnd(0), b'\n') => BodyScan::LineStart,
            (BodyScan::SizeEnd(size), b'\n') => BodyScan::Data(size),
            (BodyScan::DataEnd, b'\r') => BodyScan::DataEndFeed,
            (BodyScan::DataEndFeed, b'\n') => BodyScan::SizeStart,
            (BodyScan::LineStart, b'\r') => BodyScan::LastFeed,
            (BodyScan::Line, b'\r') => BodyScan::LineFeed,
            (BodyScan::LineStart | BodyScan::Line, _) => BodyScan::Line,
            (BodyScan::LineFeed, b'\n') => BodyScan::LineStart,
            (BodyScan::LastFeed, b'\n') => BodyScan::Over,
            _ => BodyScan::Lost,
        }
    }

    fn digit(size: u64, byte: u8) -> BodyScan {
        let digit = char::from(byte).to_digit(16);
        let size = digit.and_then(|digit| size.checked_mul(16)?.checked_add(u64::from(digit)));
        size.map_or(BodyScan::Lost, BodyScan::Size)
    }
}
