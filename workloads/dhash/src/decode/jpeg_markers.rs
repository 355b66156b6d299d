//! Whether a JPEG file is complete, seen from its markers alone.
//!
//! A progressive file that is cut between two scans decodes without a warning into a coarser picture.
//! What tells it apart from a whole one is the end-of-image marker, which the reference insists on
//! too. Markers inside segments (embedded thumbnails have their own end) must not count, so segments
//! are skipped by their length.

const PREFIX: u8 = 0xFF;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// Whether the file reaches its end-of-image marker.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    let mut position = 0;
    while let Some((marker, next)) = next_marker(bytes, position) {
        position = match marker {
            END_OF_IMAGE => return true,
            // Start of image, restart markers and TEM stand alone; a stuffed zero is scan data.
            0x00 | 0x01 | 0xD0..=0xD8 => next,
            // The entropy-coded data after a scan's header is passed over by the search above.
            START_OF_SCAN..=0xFE | 0x02..=0xCF => match segment_bytes(bytes, next) {
                Some(length) => next + length,
                None => return false,
            },
            PREFIX => next - 1,
        };
    }
    false
}

fn next_marker(bytes: &[u8], position: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(position..)?;
    let at = position + rest.iter().position(|&byte| byte == PREFIX)?;
    Some((*bytes.get(at + 1)?, at + 2))
}

fn segment_bytes(bytes: &[u8], position: usize) -> Option<usize> {
    let length = bytes.get(position..position + 2)?;
    Some(usize::from(u16::from_be_bytes([length[0], length[1]])))
}

#[cfg(test)]
mod tests;
