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
    let (_folder, journal, scope) = written(&[1, 2, 3]);
    let path = path_of(&journal, &scope);
    let whole = fs::read(&path).unwrap();
    let text = &format_slot(head(4), &scope);
    for cut in 0..text.len() {
        // The head of entry 4 goes over that of entry 2, and only its first bytes get there.
        let mut torn = whole.clone();
        torn[..cut].copy_from_slice(&text[..cut]);
        fs::write(&path, &torn).unwrap();
        let found = read(&journal, &scope).unwrap().unwrap();
        assert!(found == head(3) || found == head(4), "cut at {cut}: {found:?}");
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let (_folder, journal, scope) = written(&[1, 2]);
    let path = path_of(&journal, &scope);
    for flipped in 0..1024 {
        let mut bytes = fs::read(&path).unwrap();
        bytes[flipped] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let found = read(&journal, &scope).unwrap().unwrap();
        assert!(found == head(1) || found == head(2), "{found:?}");
        bytes[flipped] ^= 1;
        fs::write(&path, &bytes).unwrap();
    }
    fs::write(&path, "x".repeat(1024)).unwrap();
    let error = read(&journal, &scope).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // The head of another scope is none of this one's.
    let other = Scope::new("other").unwrap();
    fs::copy(path_of(&written(&[1, 2]).1, &scope), path_of(&journal, &other)).unwrap_err();
}
