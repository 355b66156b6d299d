//! The files into which the write-ahead log is cut.

use super::Lsn;

/// How many digits the name of a segment has: eight each for timeline, high half and low half.
const NAME_DIGITS: usize = 24;

/// A file of the write-ahead log: its timeline, and which one it is from the beginning of the log.
///
/// PostgreSQL manual, "WAL Internals"; src/include/access/xlog_internal.h, XLogFileName.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Segment {
    /// How many segments lie before it.
    pub(crate) number: u64,
    pub(crate) timeline: u32,
}

impl Segment {
    /// The segment of a timeline in which a place lies, where each has so many bytes.
    pub(crate) fn at(lsn: Lsn, timeline: u32, segment_bytes: u64) -> Self {
        Self {
            number: lsn.0 / segment_bytes,
            timeline,
        }
    }

    /// Reads the name of a file.
    pub(crate) fn parse(name: &str, segment_bytes: u64) -> Option<Self> {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        if name.len() != NAME_DIGITS || !name.bytes().all(digits) {
            return None;
        }
        let part = |from: usize| u64::from_str_radix(&name[from..from + 8], 16).ok();
        let (timeline, high, low) = (part(0)?, part(8)?, part(16)?);
        let each = per_high_half(segment_bytes);
        (low < each).then_some(())?;
        Some(Self {
            number: high * each + low,
            timeline: u32::try_from(timeline).ok()?,
        })
    }

    /// The name of its file.
    pub(crate) fn name(self, segment_bytes: u64) -> String {
        let each = per_high_half(segment_bytes);
        let (high, low) = (self.number / each, self.number % each);
        format!("{:08X}{high:08X}{low:08X}", self.timeline)
    }

    /// Where it begins.
    pub(crate) fn start(self, segment_bytes: u64) -> Lsn {
        Lsn(self.number * segment_bytes)
    }
}

/// How many segments share the high half of their places.
fn per_high_half(segment_bytes: u64) -> u64 {
    0x1_0000_0000 / segment_bytes
}
