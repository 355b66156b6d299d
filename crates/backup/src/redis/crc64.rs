//! The checksum of RDB files and of `DUMP`: CRC-64 with the polynomial of Jones, bits reflected, from 0.

/// 0xad93d23594c935a9 with its bits reversed.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;
/// How many bytes are taken at a time.
const LANES: usize = 8;

static TABLES: [[u64; 256]; LANES] = tables();

const fn tables() -> [[u64; 256]; LANES] {
    let mut tables = [[0_u64; 256]; LANES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut lane = 1;
    while lane < LANES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[lane - 1][byte];
            tables[lane][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        lane += 1;
    }
    tables
}

/// The checksum of `bytes` that follow what `crc` is the checksum of.
pub(super) fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    let mut crc = crc;
    let mut chunks = bytes.chunks_exact(LANES);
    for chunk in &mut chunks {
        let mut eight = [0; LANES];
        eight.copy_from_slice(chunk);
        let word = (crc ^ u64::from_le_bytes(eight)).to_le_bytes();
        crc = 0;
        for (lane, byte) in word.iter().enumerate() {
            crc ^= TABLES[LANES - 1 - lane][usize::from(*byte)];
        }
    }
    for byte in chunks.remainder() {
        crc = (crc >> 8) ^ TABLES[0][((crc ^ u64::from(*byte)) & 0xff) as usize];
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value that Redis's own source gives.
    #[test]
    fn the_checksum_is_that_of_redis_in_whatever_pieces_it_is_made() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let text = b"This is a test of the emergency broadcast system.";
        let whole = crc64(0, text);
        for cut in 0..text.len() {
            assert_eq!(crc64(crc64(0, &text[..cut]), &text[cut..]), whole);
        }
    }
}
