//! Segments and copies that are missing, changed or damaged: they are named, and end what can be recovered to.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis_backup::{ContinuousArchive, ContinuousProblem};

use super::{Archived, Receiver, entries, filled};
use crate::waiting::until;

#[test]
fn what_is_missing_changed_renamed_or_swapped_is_found_and_named() {
    let archived = filled();
    let whole = archived.archive.verify().unwrap();
    assert!(whole.is_whole(), "{whole:?}");
    let now = whole.ranges[0].to;
    let files = archived.sealed();
    let middle = &files[files.len() - 2];
    let name = middle.file_name().unwrap().to_str().unwrap().to_owned();
    let aside = archived.place.path("aside");

    // Missing.
    fs::rename(middle, &aside).unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.gaps.len(), 1, "{found:?}");
    assert_eq!(found.gaps[0].first, name[..24]);
    assert_eq!(found.gaps[0].until, None);
    assert!(found.ranges[0].to < now && !found.ranges[0].open);
    let refused = archived.refused(Some(now));
    assert!(
        matches!(&refused, ContinuousProblem::OutOfRange { ranges, .. } if *ranges == found.ranges),
        "{refused}"
    );
    assert!(refused.to_string().contains("what can is"), "{refused}");
    fs::rename(&aside, middle).unwrap();

    // A bit.
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(middle)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100).unwrap();
    file.write_all_at(&[byte[0] ^ 4], 100).unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.damages.len(), 1, "{found:?}");
    assert!(found.damages[0].contains(&name) && found.damages[0].contains("SHA-256"));
    assert_eq!(found.gaps.len(), 1, "what is damaged is missing");
    let last = archived.archive.recover(&archived.order(None)).unwrap();
    let gap = last.gap.as_ref().unwrap();
    assert!(
        gap.first == name[..24] && last.reaches == found.ranges[0].to,
        "{gap:?}"
    );
    drop(last);
    file.write_all_at(&byte, 100).unwrap();
    assert!(archived.archive.verify().unwrap().is_whole());

    // Another name, with the right checksum in it.
    let (one, other) = (&files[files.len() - 3], &files[files.len() - 2]);
    let part = |path: &Path, range: std::ops::Range<usize>| {
        path.file_name().unwrap().to_str().unwrap()[range].to_owned()
    };
    let length = name.len();
    let crossed = [
        one.with_file_name(part(one, 0..24) + &part(other, 24..length)),
        one.with_file_name(part(other, 0..24) + &part(one, 24..length)),
    ];
    fs::rename(one, &crossed[1]).unwrap();
    fs::rename(other, &crossed[0]).unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.damages.len(), 2, "{found:?}");
    assert!(
        found.damages[0].contains("by its name it should from"),
        "{found:?}"
    );
    fs::rename(&crossed[1], one).unwrap();
    fs::rename(&crossed[0], other).unwrap();
    assert!(archived.archive.verify().unwrap().is_whole());

    // The base backup: it is not recovered from any more.
    let bases = archived.archive.bases().unwrap();
    let copy = archived
        .archive
        .root()
        .join("base")
        .join(&bases[0].id)
        .join("base.tar.zst");
    let length = fs::metadata(&copy).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&copy)
        .unwrap()
        .set_len(length - 100)
        .unwrap();
    let found = archived.archive.verify().unwrap();
    assert_eq!(found.damages.len(), 1, "{found:?}");
    assert!(found.damages[0].contains("base.tar.zst"), "{found:?}");
    assert!(found.ranges.is_empty());
    let refused = archived.refused(None);
    assert!(refused.to_string().contains("nothing can yet"), "{refused}");
}

/// Rows in several segments, each with a moment before which it was committed and before which the next one was not.
fn rows_in_segments(archived: &Archived, receiver: &Receiver, count: usize) -> Vec<Timestamp> {
    let one = |number: usize| {
        let row = format!("INSERT INTO entry VALUES (0, {number})");
        archived.server.sql("bank", &row);
        let moment = archived.caught_up(receiver);
        archived.switch();
        moment
    };
    let moments = (0..count).map(one).collect();
    archived.caught_up(receiver);
    moments
}

/// The segment in which the row with a number was written, as it is sealed.
fn sealed_with(archived: &Archived, moment_of: &[Timestamp], number: usize) -> PathBuf {
    // It was filled right after the moment.
    let filled = |path: &PathBuf| {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        Timestamp::try_from(modified).unwrap() >= moment_of[number]
    };
    let mut files = archived.sealed();
    files.retain(|path| path.to_str().unwrap().contains("/0000"));
    files.into_iter().find(filled).unwrap()
}

/// A segment is missing or damaged and the log goes on after it: what was committed before it can be recovered to, and the
/// last moment is the one that is reached, with what is missing.
#[test]
fn a_missing_or_damaged_segment_ends_what_can_be_recovered_to_and_the_last_moment_says_so() {
    let archived = Archived::new();
    let moments = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.switch();
        archived.caught_up(receiver);
        rows_in_segments(&archived, receiver, 4)
    });
    let archive = &archived.archive;
    assert!(archive.verify().unwrap().is_whole());
    assert!(archive.gaps().unwrap().is_empty());
    let whole = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((entries(&whole), whole.gap.clone()), (4, None));
    assert_eq!(Some(whole.reaches), archive.standing().received_until);
    drop(whole);

    // The third row is in it.
    let third = sealed_with(&archived, &moments, 2);
    let name = third.file_name().unwrap().to_str().unwrap().to_owned();
    let aside = archived.place.path("aside");
    let check = |damaged: bool| {
        let ranges = archive.ranges().unwrap();
        let [range] = ranges.as_slice() else {
            panic!("{ranges:?}")
        };
        assert!(!range.open && range.has(moments[1]), "{range} {moments:?}");
        assert!(range.to < moments[2], "{range} {moments:?}");
        let gaps = archive.gaps().unwrap();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!((&*gaps[0].first, gaps[0].until), (&name[..24], None));
        // What was announced can be recovered to: the last moment, and one in between.
        for (moment, rows) in [(moments[0], 1), (range.to, 2)] {
            let cluster = archive.recover(&archived.order(Some(moment))).unwrap();
            assert_eq!((entries(&cluster), cluster.reaches), (rows, moment));
        }
        let last = archive.recover(&archived.order(None)).unwrap();
        assert_eq!((entries(&last), last.reaches), (2, range.to), "{damaged}");
        let gap = last.gap.as_ref().unwrap();
        assert_eq!(gap.first, name[..24], "{gap:?}");
        assert!(gap.after <= last.reaches, "{gap:?}");
        drop(last);
        let refused = archived.refused(Some(moments[2])).to_string();
        assert!(refused.contains(&range.to.to_string()), "{refused}");
    };
    fs::rename(&third, &aside).unwrap();
    check(false);
    let missing = archive.verify().unwrap();
    assert_eq!(missing.ranges, archive.ranges().unwrap());
    assert_eq!(missing.gaps, archive.gaps().unwrap());
    fs::rename(&aside, &third).unwrap();
    assert!(archive.verify().unwrap().is_whole());

    // One bit. Nobody knows before it is read; whoever reads it first tells everybody.
    let bytes = fs::read(&third).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&third, &changed).unwrap();
    assert!(archive.ranges().unwrap()[0].open);
    let refused = archived.refused(Some(moments[2])).to_string();
    assert!(
        refused.contains(&name) && refused.contains("what can is"),
        "{refused}"
    );
    check(true);
    let damaged = archive.verify().unwrap();
    assert_eq!(damaged.damages.len(), 1, "{damaged:?}");
    assert_eq!(damaged.ranges, archive.ranges().unwrap());
    assert_eq!(damaged.gaps, archive.gaps().unwrap());
    // In order again once it was read back so.
    fs::write(&third, &bytes).unwrap();
    assert!(!archive.ranges().unwrap()[0].open);
    assert!(archive.verify().unwrap().is_whole());
    assert!(archive.ranges().unwrap()[0].open);

    // The newest log is gone, with what was being received: nothing comes after the gap.
    for path in archived.sealed() {
        if path >= third {
            fs::remove_file(path).unwrap();
        }
    }
    for entry in fs::read_dir(archive.root().join("incoming")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    check(false);
    assert_eq!(archive.verify().unwrap().gaps, archive.gaps().unwrap());
}

/// The file of what is being received.
fn partial(archive: &ContinuousArchive) -> PathBuf {
    let listed = fs::read_dir(archive.root().join("incoming")).unwrap();
    let mut paths = listed.map(|entry| entry.unwrap().path());
    let found = paths.find(|path| path.to_str().unwrap().ends_with(".partial"));
    found.unwrap()
}

/// What is being received has no checksum yet. If it loses what was announced, whoever reads it first says so, and tells
/// everybody.
#[test]
fn a_received_segment_that_does_not_hold_what_was_announced_is_damaged() {
    let archived = Archived::new();
    let (before, announced) = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.switch();
        let moments = rows_in_segments(&archived, receiver, 1);
        archived.server.sql(
            "bank",
            "INSERT INTO entry SELECT 1, generate_series(1, 5000); INSERT INTO entry VALUES (0, 1)",
        );
        (moments[0], archived.caught_up(receiver))
    });
    let archive = &archived.archive;
    let whole = archive.verify().unwrap();
    assert!(whole.is_whole(), "{whole:?}");
    let partial = partial(archive);
    let name = partial.file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = fs::read(&partial).unwrap();
    let received = archive.standing().received_lsn.unwrap();
    let end = received.0 as usize % bytes.len();
    assert!(end > 100_000, "{received}");
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [
        Vec::new(),
        bytes[..100].to_vec(),
        // Records are filled up to eight bytes: what is cut is more than that.
        bytes[..end - 10].to_vec(),
        flipped(60),
        flipped(end / 2),
        flipped(end - 10),
    ];
    for (number, damaged) in damages.iter().enumerate() {
        fs::write(&partial, damaged).unwrap();
        // Whoever is the first.
        match number % 3 {
            0 => {
                let refused = archived.refused(Some(announced)).to_string();
                assert!(
                    refused.contains(&name) && refused.contains("what can is"),
                    "{number}: {refused}"
                );
            }
            1 => drop(archive.recover(&archived.order(None)).unwrap()),
            _ => drop(archive.verify().unwrap()),
        }
        let ranges = archive.ranges().unwrap();
        let [range] = ranges.as_slice() else {
            panic!("{number}: {ranges:?}")
        };
        assert!(
            !range.open && range.has(before) && !range.has(announced),
            "{number}: {range}"
        );
        let gaps = archive.gaps().unwrap();
        assert_eq!((gaps.len(), &*gaps[0].first), (1, &name[..24]), "{number}");
        assert!(gaps[0].words().contains(&name), "{number}: {gaps:?}");
        let last = archive.recover(&archived.order(None)).unwrap();
        assert_eq!((entries(&last), last.reaches), (1, range.to), "{number}");
        assert_eq!(last.gap.as_ref(), gaps.first(), "{number}");
        drop(last);
        let refused = archived.refused(Some(announced)).to_string();
        assert!(
            refused.contains(&range.to.to_string()),
            "{number}: {refused}"
        );
        let found = archive.verify().unwrap();
        assert_eq!(found.damages.len(), 1, "{number}: {found:?}");
        assert!(found.damages[0].contains(&name), "{number}: {found:?}");
        assert_eq!((&found.ranges, &found.gaps), (&ranges, &gaps), "{number}");
    }
    // In order again once it was read back so.
    fs::write(&partial, &bytes).unwrap();
    assert!(archive.verify().unwrap().is_whole());
    let at = archive.recover(&archived.order(Some(announced))).unwrap();
    assert_eq!((entries(&at), at.reaches), (2, announced));
    drop(at);

    // The stream begins again with the segment, so the server puts it right.
    fs::write(&partial, flipped(end / 2)).unwrap();
    assert!(!archive.verify().unwrap().is_whole());
    archived.while_receiving(|receiver| {
        archived
            .server
            .sql("bank", "INSERT INTO entry VALUES (0, 2)");
        archived.caught_up(receiver);
    });
    assert!(archive.ranges().unwrap()[0].open);
    let verified = archive.verify().unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!((entries(&last), last.gap.clone()), (3, None));
}

/// A segment that was damaged before it got its checksum: only the server that replays it finds that.
#[test]
fn log_that_the_server_does_not_replay_as_far_as_it_was_received_is_told() {
    let archived = Archived::new();
    let moments = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        archived.base(1);
        archived.switch();
        archived.caught_up(receiver);
        rows_in_segments(&archived, receiver, 4)
    });
    let archive = &archived.archive;
    let third = sealed_with(&archived, &moments, 2);
    let name = third.file_name().unwrap().to_str().unwrap()[..24].to_owned();
    let mut log = zstd::decode_all(fs::File::open(&third).unwrap()).unwrap();
    // In its first record.
    log[70] ^= 1;
    let sealed = zstd::encode_all(log.as_slice(), 1).unwrap();
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&sealed));
    fs::remove_file(&third).unwrap();
    fs::write(third.with_file_name(format!("{name}-{sha256}.zst")), sealed).unwrap();
    assert!(archive.verify().unwrap().is_whole(), "nobody can know");

    let last = archive.recover(&archived.order(None)).unwrap();
    assert_eq!(entries(&last), 2);
    assert!(
        last.reaches >= moments[1] && last.reaches < moments[2],
        "{last:?}"
    );
    let gap = last.gap.clone().unwrap();
    assert!(
        gap.first == name && gap.words().contains("replays the log up to"),
        "{gap:?}"
    );
    drop(last);
    assert_eq!(archive.gaps().unwrap(), [gap]);
    // Also for whoever asks for a moment as the first.
    assert!(archive.verify().unwrap().is_whole());
    let refused = archived.refused(Some(moments[2])).to_string();
    assert!(
        refused.contains(&name) && refused.contains("what can is"),
        "{refused}"
    );
    let before = archive.recover(&archived.order(Some(moments[1]))).unwrap();
    assert_eq!((entries(&before), before.reaches), (2, moments[1]));
}
