use std::os::unix::fs::MetadataExt;

use super::*;

/// Pieces of any size, with zeros across their edges: what is read is what was written.
#[test]
fn what_is_written_is_read_whatever_is_a_hole() {
    let mut content = vec![0_u8; 3 * 1024 * 1024 + 17];
    content[0] = 1;
    content[5_000..5_010].fill(2);
    content[1_000_000..1_100_000].fill(3);
    for end in [content.len(), 2_000_000, 1_100_000, 4_096, 1] {
        for piece in [1_usize.max(end / 3), 4_095, 4_096, 131_072] {
            let mut file = tempfile::tempfile().unwrap();
            let mut writer = SparseWriter::new(&file);
            for part in content[..end].chunks(piece) {
                writer.write_all(part).unwrap();
            }
            writer.finish().unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            let mut found = Vec::new();
            io::Read::read_to_end(&mut file, &mut found).unwrap();
            assert!(found == content[..end], "{end} {piece}");
        }
    }
}

#[test]
fn holes_are_counted_and_kept() {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = SparseWriter::new(&file);
    writer.write_all(&[1; 8192]).unwrap();
    writer.write_all(&vec![0; 1024 * 1024]).unwrap();
    writer.write_all(&[2; 8192]).unwrap();
    writer.write_all(&vec![0; 512 * 1024]).unwrap();
    writer.finish().unwrap();
    let size = file.metadata().unwrap().len();
    assert_eq!(size, 16_384 + 1_572_864);
    let holes = hole_bytes(&file, size).unwrap();
    if holes > 0 {
        assert_eq!(holes, 1_572_864);
        assert!(file.metadata().unwrap().blocks() * 512 < 65_536);
    }
    assert_eq!(file.stream_position().unwrap(), 0);
    let mut full = tempfile::tempfile().unwrap();
    full.write_all(&[7; 10_000]).unwrap();
    assert_eq!(hole_bytes(&full, 10_000).unwrap(), 0);
    assert_eq!(hole_bytes(&tempfile::tempfile().unwrap(), 0).unwrap(), 0);
}
