//! When an archive counts as a backup, and what its marks and measurements tell where some of them are damaged.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use portcullis_backup::{ArchivePoint, PointLimits, Received};

use super::{Archived, entries, filled};
use crate::waiting::until;

#[test]
fn an_archive_counts_only_if_it_is_whole_not_behind_and_was_read_back_lately() {
    let archived = filled();
    let archive = &archived.archive;
    let limits = PointLimits {
        behind_max: Duration::from_secs(3600),
        verified_max: Duration::from_secs(3600),
    };
    let why = |limits: PointLimits, now: Timestamp| match archive.point(limits, now).unwrap() {
        ArchivePoint::DoesNot { why } => why,
        counts => panic!("{counts:?}"),
    };
    let now = archived.now();
    assert_eq!(why(limits, now), "it was never read back");
    let verified = archive.verify().unwrap();
    assert!(verified.is_sound());
    archive.note_verified(&verified, now).unwrap();
    let counts = archive.point(limits, now).unwrap();
    let until = archive.standing().received_until.unwrap();
    assert_eq!(
        counts,
        ArchivePoint::Counts {
            until,
            verified_at: now
        }
    );

    // Behind, and read back too long ago.
    let later = now + jiff::Span::new().hours(2);
    let slow = PointLimits {
        behind_max: Duration::from_secs(10_000),
        ..limits
    };
    assert!(
        why(limits, later).contains("it is behind by"),
        "{}",
        why(limits, later)
    );
    assert!(
        why(slow, later).contains("longer ago"),
        "{}",
        why(slow, later)
    );

    // Log is missing in the middle: at once, without being read back.
    let files = archived.sealed();
    let middle = &files[files.len() - 2];
    let aside = archived.place.path("aside");
    fs::rename(middle, &aside).unwrap();
    assert!(
        why(limits, now).contains("is missing after"),
        "{}",
        why(limits, now)
    );
    let gap = archive.verify().unwrap();
    assert!(!gap.is_sound() && gap.wrong().len() == 1, "{gap:?}");
    fs::rename(&aside, middle).unwrap();

    // Damaged: known once it was read back.
    let bytes = fs::read(middle).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(middle, &changed).unwrap();
    assert_eq!(archive.point(limits, now).unwrap(), counts);
    let damaged = archive.verify().unwrap();
    archive.note_verified(&damaged, now).unwrap();
    assert!(
        why(limits, now).contains("was not in order"),
        "{}",
        why(limits, now)
    );
    fs::write(middle, &bytes).unwrap();
    archive
        .note_verified(&archive.verify().unwrap(), now)
        .unwrap();
    assert_eq!(archive.point(limits, now).unwrap(), counts);
}

/// One digit of a note is another one.
fn change_digit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let digit = bytes.iter_mut().find(|byte| byte.is_ascii_digit());
    let digit = digit.unwrap();
    *digit = if *digit == b'7' { b'8' } else { b'7' };
    fs::write(path, bytes).unwrap();
}

/// One that is filled, with a row in the segment that is being received; it was read back just now.
fn filled_and_read_back() -> (Archived, Timestamp) {
    let archived = filled();
    archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 0)");
        archived.caught_up(receiver);
    });
    let verified = archived.archive.verify().unwrap();
    assert!(verified.is_whole() && verified.is_sound(), "{verified:?}");
    let now = archived.now();
    archived.archive.note_verified(&verified, now).unwrap();
    (archived, now)
}

/// Nothing of log and copies is concerned, so the archive counts; whoever reads it back is told, until it is measured again.
#[test]
fn an_archive_with_damaged_measurements_counts_and_tells_of_them_until_it_measures_again() {
    let (archived, now) = filled_and_read_back();
    let archive = &archived.archive;
    let whole = archive.standing();
    let counts = ArchivePoint::Counts {
        until: whole.received_until.unwrap(),
        verified_at: now,
    };
    let limits = PointLimits {
        behind_max: Duration::from_secs(3600),
        verified_max: Duration::from_secs(3600),
    };
    assert_eq!(archive.point(limits, now).unwrap(), counts);
    let note = archive.root().join("standing.json");
    for (number, name) in ["standing.json", "received.txt"].into_iter().enumerate() {
        change_digit(&archive.root().join(name));
        let found = archive.verify().unwrap();
        assert_eq!(found.damages.len(), number + 1, "{found:?}");
        assert!(found.damages[number].starts_with(name), "{found:?}");
        assert!(found.damages[number].contains("no log and no copy is concerned"));
        assert!(found.is_sound() && !found.is_whole(), "{found:?}");
        archive.note_verified(&found, now).unwrap();
        assert_eq!(archive.standing(), whole, "the last mark says the same");
        assert_eq!(archive.point(limits, now).unwrap(), counts);
    }
    let at_once = PointLimits {
        behind_max: Duration::ZERO,
        ..limits
    };
    let behind = format!("{:?}", archive.point(at_once, now).unwrap());
    assert!(
        behind.contains("standing.json") && behind.contains("is behind by"),
        "{behind}"
    );

    // A stream that ends before it measured anything drops the bad line, and leaves what it knows nothing better of.
    let damaged = fs::read(&note).unwrap();
    let stop = AtomicBool::new(true);
    let received = archive.receive(&archived.source, &stop, &|_: &Received| {});
    received.unwrap();
    assert_eq!(fs::read(&note).unwrap(), damaged);
    let found = archive.verify().unwrap();
    assert_eq!(found.damages.len(), 1, "{found:?}");
    assert!(found.damages[0].starts_with("standing.json"), "{found:?}");
    archived.while_receiving(|receiver| {
        archived.caught_up(receiver);
        until("it is noted anew", || {
            archive.verify().unwrap().damages.is_empty()
        });
    });
    assert!(archive.verify().unwrap().is_whole());
    assert!(archive.standing().received_until > whole.received_until);
}

/// A damaged standing does not hide that the newest log is missing; and where nothing else says how far it came, that is told.
#[test]
fn newest_log_that_is_missing_is_told_by_its_marks_where_the_standing_is_damaged() {
    let (archived, now) = filled_and_read_back();
    let archive = &archived.archive;
    let limits = PointLimits {
        behind_max: Duration::from_secs(3600),
        verified_max: Duration::from_secs(3600),
    };
    let why = || match archive.point(limits, now).unwrap() {
        ArchivePoint::DoesNot { why } => why,
        counts => panic!("{counts:?}"),
    };
    change_digit(&archive.root().join("standing.json"));
    let (incoming, lost) = (
        archive.root().join("incoming"),
        archived.place.path("incoming"),
    );
    fs::rename(&incoming, &lost).unwrap();
    fs::create_dir(&incoming).unwrap();
    let gaps = archive.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].until, None, "{gaps:?}");
    assert!(why().contains("is missing after"), "{}", why());
    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((last.gap.as_ref(), entries(&last)), (gaps.first(), 0));
    drop(last);
    let found = archive.verify().unwrap();
    assert!(!found.is_sound() && found.gaps == gaps, "{found:?}");
    let noted = archive.note_verified(&found, now).unwrap();
    assert_eq!(noted.wrong.first(), Some(&gaps[0].words()));
    assert!(noted.wrong[1].starts_with("standing.json"), "{noted:?}");
    fs::remove_dir(&incoming).unwrap();
    fs::rename(&lost, &incoming).unwrap();

    let found = archive.verify().unwrap();
    assert!(found.is_sound() && found.gaps.is_empty(), "{found:?}");
    archive.note_verified(&found, now).unwrap();
    fs::remove_file(archive.root().join("received.txt")).unwrap();
    assert!(
        why().contains("is not known (standing.json: ") && !why().contains("missing"),
        "{}",
        why()
    );
}
