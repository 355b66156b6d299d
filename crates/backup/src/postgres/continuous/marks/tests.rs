use super::*;
use crate::Vault;

/// A moment in a segment, of which each is a minute after the one before.
fn standing(segment: u64) -> ArchiveStanding {
    let at_us = 1_795_000_000_123_456 + segment as i64 * 60_000_000;
    ArchiveStanding {
        received_until: Some(Timestamp::from_microsecond(at_us).unwrap()),
        received_lsn: Some(Lsn(segment << 24 | 0x4a8)),
        received_timeline: Some(1),
    }
}

fn mark(segment: u64) -> Mark {
    Mark::of(&standing(segment)).unwrap()
}

/// An archive in a folder, in which nothing is.
fn archive(folder: &Path) -> ContinuousArchive {
    let vault = Vault::open_or_create(&folder.join("vault")).unwrap();
    let archive = vault.continuous("bank", "production", "ledger");
    fs::create_dir(archive.root()).unwrap();
    archive
}

#[test]
fn whatever_a_byte_of_a_line_is_changed_to_it_is_told_and_no_other_mark_is_read() {
    let marks = [2, 3, 4].map(mark);
    let text: String = marks.iter().map(Mark::line).collect();
    assert_eq!(marks_in(&text), marks);
    assert!(damaged_in(&text).is_empty());
    let start = marks[0].line().len();
    let mut changes = 0;
    for at in start..start + marks[1].line().len() {
        for byte in 0..=u8::MAX {
            let mut changed = text.clone().into_bytes();
            if changed[at] == byte {
                continue;
            }
            changed[at] = byte;
            let changed = String::from_utf8_lossy(&changed);
            let read = marks_in(&changed);
            assert!(read.iter().all(|it| marks.contains(it)), "{changed:?}");
            assert!(!damaged_in(&changed).is_empty(), "{changed:?}");
            changes += 1;
        }
    }
    assert!(changes > 255 * 50, "{changes}");
}

#[test]
fn a_line_of_an_earlier_version_has_no_checksum() {
    let line = mark(3).line();
    let (old, _) = line.rsplit_once(' ').unwrap();
    assert_eq!(Mark::parse(old), Some(mark(3)));
    let unknown = Mark {
        timeline: None,
        ..mark(3)
    };
    let line = unknown.line();
    let (old, _) = line.rsplit_once(' ').unwrap();
    assert!(old.starts_with("- "), "{old}");
    assert_eq!(Mark::parse(old), Some(unknown));
    assert_eq!(Mark::parse(&old.replacen('-', "x", 1)), None);
    for line in ["", " ", "1", "1 0/3000040", "1 0/3000040 later"] {
        assert_eq!(Mark::parse(line), None, "{line:?}");
    }
}

#[test]
fn a_last_line_that_a_crash_cut_off_is_none_and_one_that_was_damaged_is_told() {
    let (first, second) = (mark(2).line(), mark(3).line());
    for length in 0..second.len() {
        let text = format!("{first}{}", &second[..length]);
        assert_eq!(marks_in(&text), [mark(2)], "{length}");
        assert!(damaged_in(&text).is_empty(), "{length}");
    }
    // Of its end one bit.
    let text = format!("{first}{second}");
    for bit in 0..8 {
        let mut changed = text.clone().into_bytes();
        *changed.last_mut().unwrap() ^= 1 << bit;
        let changed = String::from_utf8_lossy(&changed);
        assert_eq!(marks_in(&changed), [mark(2)], "{changed:?}");
        assert_eq!(damaged_in(&changed), [2], "{changed:?}");
    }
}

#[test]
fn a_mark_after_a_line_without_an_end_is_kept_and_the_bad_line_goes_when_marks_are_settled() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    fs::create_dir(archive.root().join("base")).unwrap();
    archive.keep_mark(&standing(2)).unwrap();
    archive.keep_mark(&standing(3)).unwrap();
    let path = archive.root().join(MARKS);
    let whole = fs::read_to_string(&path).unwrap();
    assert_eq!(whole, mark(2).line() + &mark(3).line());
    fs::write(&path, &whole[..whole.len() - 7]).unwrap();
    assert_eq!(archive.marks_damage().unwrap(), None);
    archive.keep_mark(&standing(4)).unwrap();
    assert_eq!(archive.kept_marks().unwrap(), [mark(2), mark(4)]);
    let told = archive.marks_damage().unwrap();
    assert_eq!(
        told.as_deref(),
        Some("received.txt: line 2 is not what was written")
    );
    archive.settle_marks(1 << 24).unwrap();
    assert_eq!(archive.kept_marks().unwrap(), [mark(2), mark(4)]);
    assert_eq!(archive.marks_damage().unwrap(), None);
}

#[test]
fn an_archive_whose_standing_is_damaged_or_gone_came_as_far_as_its_newest_mark() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    assert_eq!(archive.standing(), ArchiveStanding::default());
    archive.keep_mark(&standing(2)).unwrap();
    archive.keep_mark(&standing(3)).unwrap();
    archive.note_standing(&standing(4)).unwrap();
    assert_eq!(archive.standing(), standing(4));
    assert_eq!(archive.standing_damage().unwrap(), None);

    let path = archive.root().join("standing.json");
    let whole = fs::read_to_string(&path).unwrap();
    let changed = whole.replacen("\"received_timeline\": 1", "\"received_timeline\": 2", 1);
    assert_ne!(changed, whole);
    fs::write(&path, changed).unwrap();
    let told = archive.standing_damage().unwrap().unwrap();
    assert!(told.starts_with("standing.json: "), "{told}");
    assert_eq!(archive.standing(), standing(3));
    let marks = archive.marks().unwrap();
    assert_eq!(marks.newest, Some(mark(3)));
    assert_eq!(marks.received_until, standing(3).received_until);

    fs::remove_file(&path).unwrap();
    assert_eq!(archive.standing_damage().unwrap(), None);
    assert_eq!(archive.standing(), standing(3));
    fs::remove_file(archive.root().join(MARKS)).unwrap();
    assert_eq!(archive.standing(), ArchiveStanding::default());
    archive.note_standing(&standing(4)).unwrap();
    assert_eq!(archive.standing(), standing(4));
}
