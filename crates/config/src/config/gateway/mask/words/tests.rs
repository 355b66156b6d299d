use super::*;

#[test]
fn every_line_is_a_word_without_blanks_around_it() {
    let written = "\u{feff}Le Van B\r\n  Anh\t\nBlue Heron";
    assert_eq!(words(written).unwrap(), ["Le Van B", "Anh", "Blue Heron"]);
}

#[test]
fn a_line_without_a_word_is_told_with_its_number() {
    assert_eq!(words("a\n\nb\n"), Err(WordsError::EmptyWord { line: 2 }));
    assert_eq!(words("a\n \t"), Err(WordsError::EmptyWord { line: 2 }));
    assert_eq!(words(""), Err(WordsError::Empty));
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.txt");
    let line = "x".repeat(1023) + "\n";
    std::fs::write(&path, line.repeat(4 * 1024)).unwrap();
    assert_eq!(read(&path).map(|words| words.len()), Ok(4 * 1024));
    std::fs::write(&path, line.repeat(4 * 1024) + "y").unwrap();
    assert_eq!(read(&path), Err(WordsError::TooLarge));
}
