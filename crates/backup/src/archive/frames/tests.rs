use std::io::Read;

use super::*;

/// Bytes that compress a little.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> (at % 29)) as u8)
        .collect()
}

#[test]
fn any_length_comes_back_from_one_reader() {
    for length in [
        0,
        1,
        FRAME_BYTES - 1,
        FRAME_BYTES,
        FRAME_BYTES + 1,
        9 * FRAME_BYTES + 12_345,
    ] {
        let plain = bytes(length);
        let mut writer = FrameWriter::new(Vec::new()).unwrap();
        for piece in plain.chunks(100_003) {
            writer.write_all(piece).unwrap();
        }
        let written = writer.finish().unwrap();
        let mut back = Vec::new();
        zstd::Decoder::new(&*written)
            .unwrap()
            .read_to_end(&mut back)
            .unwrap();
        assert!(back == plain, "{length} bytes");
        // Each frame has its length and its checksum, as RFC 8878, 3.1.1.1.1 has it.
        assert_eq!(written[..4], [0x28, 0xb5, 0x2f, 0xfd]);
        assert_eq!(written[4] & 0b100, 0b100, "a checksum");
    }
}

/// Takes so many bytes and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(buffer.len()) {
            Some(left) => self.0 = left,
            None => return Err(io::ErrorKind::StorageFull.into()),
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_the_disk_refuses_is_told_while_it_is_written_or_at_the_end() {
    let plain = bytes(20 * FRAME_BYTES);
    for room in [0, 100, FRAME_BYTES, 4 * FRAME_BYTES] {
        let mut writer = FrameWriter::new(Full(room)).unwrap();
        let written = writer.write_all(&plain);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(writer.write_all(&plain).is_err());
        assert!(writer.finish().is_err());
    }
    let mut writer = FrameWriter::new(Full(10)).unwrap();
    writer.write_all(&plain[..1000]).unwrap();
    let error = writer.finish().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
