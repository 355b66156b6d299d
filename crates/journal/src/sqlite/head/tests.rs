use std::fs;

use super::*;

fn head(seq: u64) -> Head {
    let hash = Hash([u8::try_from(seq).unwrap(); 32]);
    Head { seq, hash }
}

fn written(seqs: &[u64]) -> (tempfile::TempDir, PathBuf, Scope) {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.db");
    let scope = Scope::new("dhash").unwrap();
    let file = HeadFile::open(&journal, &scope).unwrap();
    for seq in seqs {
        file.write(head(*seq)).unwrap();
    }
    (folder, journal, scope)
}

#[test]
fn the_highest_head_is_read_back() {
    let (_folder, journal, scope) = written(&[]);
    assert_eq!(read(&journal, &scope).unwrap(), None);
    let (_folder, journal, scope) = written(&[1, 2, 3]);
    assert_eq!(read(&journal, &scope).unwrap(), Some(head(3)));
    assert_eq!(fs::metadata(path_of(&journal, &scope)).unwrap().len(), 1024);
    // Opening again keeps what is there.
    HeadFile::open(&journal, &scope).unwrap();
    assert_eq!(read(&journal, &scope).unwrap(), Some(head(3)));
}

#[test]
fn a_slot_cut_short_leaves_the_other_one() {
    let scope = Scope::new("dhash").unwrap();
    let whole = [format_slot(head(2), &scope), format_slot(head(3), &scope)].concat();
    let text = format_slot(head(4), &scope);
    for cut in 0..=text.len() {
        // The head of entry 4 goes over that of entry 2, and only its first bytes get there.
        let mut torn = whole.clone();
        torn[..cut].copy_from_slice(&text[..cut]);
        let found = pick(&torn, &scope).unwrap().unwrap();
        let expected = if cut < text.trim_ascii_end().len() {
            3
        } else {
            4
        };
        assert_eq!(found, head(expected), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_never_makes_another_head() {
    let scope = Scope::new("dhash").unwrap();
    let whole = [format_slot(head(2), &scope), format_slot(head(3), &scope)].concat();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = pick(&flipped, &scope).unwrap().unwrap();
        assert!(found == head(2) || found == head(3), "bit {bit}: {found:?}");
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let (_folder, journal, scope) = written(&[1, 2]);
    let other = Scope::new("other").unwrap();
    fs::copy(path_of(&journal, &scope), path_of(&journal, &other)).unwrap();
    let error = read(&journal, &other).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(read(&journal, &scope).unwrap(), Some(head(2)));
}
