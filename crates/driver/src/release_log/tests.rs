//! Last lines and following, over every kind of change that a log goes through.

use std::io::Write;

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    log: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("1.0@127.0.0.1_20001.log");
        Place {
            _folder: folder,
            log,
        }
    }

    fn append(&self, text: &str) {
        let file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.log);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn last(&self, lines: usize) -> Vec<String> {
        let mut reader = LogReader::of_last_lines(&self.log, lines).unwrap();
        let mut all = read(&mut reader);
        reader
            .finish(&mut |line| {
                all.push(String::from_utf8_lossy(line).into_owned());
                Ok(())
            })
            .unwrap();
        all
    }
}

fn read(reader: &mut LogReader) -> Vec<String> {
    let mut lines = Vec::new();
    let mut take = |line: &[u8]| {
        lines.push(String::from_utf8_lossy(line).into_owned());
        Ok(())
    };
    reader.read(&mut take).unwrap();
    lines
}

#[test]
fn the_last_lines_are_found_from_the_end_and_in_the_piece_before() {
    let place = Place::new();
    assert!(place.last(3).is_empty());
    place.append("one\ntwo\nthree\n");
    assert_eq!(place.last(2), ["two", "three"]);
    assert_eq!(place.last(9), ["one", "two", "three"]);
    assert!(place.last(0).is_empty());
    place.append("unfinished");
    assert_eq!(place.last(2), ["three", "unfinished"]);
    // A line may begin in one piece and end in the other.
    fs::write(older_piece(&place.log), "zero\nzero and a ha").unwrap();
    fs::write(&place.log, "lf\none\n").unwrap();
    assert_eq!(place.last(1), ["one"]);
    assert_eq!(place.last(2), ["zero and a half", "one"]);
    assert_eq!(place.last(3), ["zero", "zero and a half", "one"]);
    assert_eq!(place.last(4), ["zero", "zero and a half", "one"]);
    fs::write(&place.log, "").unwrap();
    assert_eq!(place.last(1), ["zero and a ha"]);
}

#[test]
fn a_long_log_is_read_from_its_end_and_a_long_line_in_pieces() {
    let place = Place::new();
    let numbered: Vec<String> = (0..50_000).map(|number| format!("line {number}")).collect();
    place.append(&(numbered.join("\n") + "\n"));
    assert_eq!(place.last(20_000), numbered[30_000..]);
    place.append(&"x".repeat(200_000));
    let last = place.last(1);
    assert_eq!(last.concat(), "x".repeat(200_000));
    assert!(last.iter().all(|piece| piece.len() < 2 * LINE_BYTES_MAX));
}

#[test]
fn a_follower_goes_on_over_a_cut_a_restart_and_a_late_start() {
    let place = Place::new();
    let mut reader = LogReader::of_last_lines(&place.log, 5).unwrap();
    assert!(read(&mut reader).is_empty());
    place.append("one\ntw");
    assert_eq!(read(&mut reader), ["one"]);
    place.append("o\nthree\n");
    // Cut in place, with the third line not read yet: the front is in .log.1.
    fs::write(older_piece(&place.log), "one\ntwo\nth").unwrap();
    assert_eq!(read(&mut reader), ["two", "three"], "not cut yet");
    fs::write(&place.log, "ree\nfour\n").unwrap();
    assert_eq!(read(&mut reader), ["four"]);
    // Cut twice, with lines in the front that were not read.
    place.append("five\nsix\n");
    fs::rename(older_piece(&place.log), place.log.with_extension("gone")).unwrap();
    fs::write(older_piece(&place.log), "ree\nfour\nfive\ns").unwrap();
    fs::write(&place.log, "ix\nseven\n").unwrap();
    assert_eq!(read(&mut reader), ["five", "six", "seven"]);
    // A new piece is there, and the front is not cut off yet.
    fs::rename(
        older_piece(&place.log),
        place.log.with_extension("gone too"),
    )
    .unwrap();
    fs::write(older_piece(&place.log), "ix\nsev").unwrap();
    place.append("again\n");
    assert_eq!(read(&mut reader), ["again"]);
    fs::write(&place.log, "en\nagain\nand again\n").unwrap();
    assert_eq!(read(&mut reader), ["and again"]);
    // Set aside when the release was started anew, with a line that was not read.
    place.append("eight\n");
    fs::rename(&place.log, older_piece(&place.log)).unwrap();
    assert_eq!(read(&mut reader), ["eight"]);
    place.append("nine\n");
    assert_eq!(read(&mut reader), ["nine"]);
    assert!(read(&mut reader).is_empty());
}

#[test]
fn names_of_files_tell_release_and_address() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs/shop");
    fs::create_dir_all(&logs).unwrap();
    for (release, address) in [
        ("1.0", "127.0.0.1:20001"),
        ("a@b_c", "[::1]:80"),
        (".x", "my-host:1"),
    ] {
        let key = InstanceKey {
            service: "shop".to_owned(),
            release: release.to_owned(),
            address: address.to_owned(),
        };
        let file = logs.join(format!("{}.log", key.stem()));
        fs::write(&file, "").unwrap();
        fs::write(older_piece(&file), "").unwrap();
        assert_eq!(key_of("shop", &file), Some(key));
    }
    assert_eq!(release_logs(folder.path(), "shop").unwrap().len(), 3);
    assert!(release_logs(folder.path(), "other").unwrap().is_empty());
}
