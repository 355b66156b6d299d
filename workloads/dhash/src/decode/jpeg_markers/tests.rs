use super::has_end;

/// Start of image, a segment that holds what looks like an end, a scan with stuffed bytes and a
/// restart marker, and the end.
const WHOLE: [u8; 26] = [
    0xFF, 0xD8, 0xFF, 0xE1, 0x00, 0x06, 0xFF, 0xD9, 0xFF, 0xD9, 0xFF, 0xDA, 0x00, 0x02, 0x12, 0xFF,
    0x00, 0x34, 0xFF, 0xD0, 0x56, 0xFF, 0xFF, 0xD9, 0x01, 0x02,
];

#[test]
fn finds_the_end_behind_segments_and_scans() {
    assert!(has_end(&WHOLE));
}

#[test]
fn every_shorter_file_has_none() {
    for length in 0..WHOLE.len() - 2 {
        assert!(!has_end(&WHOLE[..length]), "{length} bytes");
    }
}
