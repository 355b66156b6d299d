//! Decoding the beginning of a base64 text without allocating, only to see what is in it.

/// How many bytes are decoded at most.
const LIMIT: usize = 384;

/// The beginning of what a base64 text of either alphabet (RFC 4648, 4 and 5) holds.
pub(crate) struct Decoded {
    bytes: [u8; LIMIT],
    length: usize,
}

impl Decoded {
    /// Decodes a piece, or as much of it as is needed. `None` if it is no base64.
    pub(crate) fn of(piece: &[u8]) -> Option<Decoded> {
        let mut decoded = Decoded {
            bytes: [0; LIMIT],
            length: 0,
        };
        let unpadded = piece.strip_suffix(b"=").unwrap_or(piece);
        let unpadded = unpadded.strip_suffix(b"=").unwrap_or(unpadded);
        if unpadded.len() % 4 == 1 {
            return None;
        }
        let (mut bits, mut count) = (0_u32, 0);
        for byte in unpadded {
            bits = bits << 6 | u32::from(value(*byte)?);
            count += 6;
            if count >= 8 {
                count -= 8;
                let place = decoded.bytes.get_mut(decoded.length);
                let Some(place) = place else { break };
                *place = (bits >> count) as u8;
                decoded.length += 1;
                bits &= (1 << count) - 1;
            }
        }
        Some(decoded)
    }

    /// What was decoded.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}
