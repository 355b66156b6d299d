//! Names, timelines and gaps, without a server.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::chain::Chain;
use super::inventory::{Inventory, SegmentFile};
use super::marks::{Mark, Marks};
use super::segment_file::SealedName;
use super::{BaseBackup, Lsn, Segment, TimelineHistory};

const SIZE: u64 = 16 * 1024 * 1024;
const BEGAN_S: i64 = 1_795_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(BEGAN_S + second).unwrap()
}

/// Sealed segments of timelines, each filled ten seconds after the one before.
fn inventory(numbers: &[(u32, u64)], partial: Option<(u32, u64)>) -> Inventory {
    let mut inventory = Inventory::default();
    let filled =
        |number: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(BEGAN_S as u64 + number * 10);
    for (timeline, number) in numbers.iter().chain(&partial) {
        let segment = Segment {
            number: *number,
            timeline: *timeline,
        };
        let file = SegmentFile {
            path: PathBuf::from(segment.name(SIZE)),
            sealed: true,
            partial: partial == Some((*timeline, *number)),
            bytes: 1,
            finished: filled(*number),
        };
        inventory.segments.insert(segment, file);
    }
    inventory
}

/// A base backup that was made while a segment was filled.
fn base(timeline: u32, number: u64) -> BaseBackup {
    let seconds = number as i64 * 10;
    BaseBackup {
        id: format!("{number}"),
        system_identifier: "7".to_owned(),
        server: "15.18".to_owned(),
        major: 15,
        segment_bytes: SIZE,
        timeline,
        start_lsn: Lsn(number * SIZE + 40),
        stop_lsn: Lsn(number * SIZE + 300),
        started_at: at(seconds - 9),
        stopped_at: at(seconds - 5),
        superuser: "postgres".to_owned(),
        prepared_max: 0,
        files: 1,
        data_bytes: 1,
        bytes: 1,
        sha256: String::new(),
        damaged: None,
    }
}

/// What an earlier version noted: up to when everything was received, and of no place.
fn noted(until: i64) -> Marks {
    Marks {
        received_until: Some(at(until)),
        ..Marks::default()
    }
}

fn mark(lsn: u64, second: i64) -> Mark {
    Mark {
        timeline: Some(1),
        lsn: Lsn(lsn),
        at: at(second),
    }
}

#[test]
fn segments_have_the_names_that_the_server_gives() {
    for (name, size, number) in [
        ("000000010000000000000001", SIZE, 1),
        ("0000000A00000002000000FF", SIZE, 2 * 256 + 255),
        ("000000010000000300000003", 1 << 30, 3 * 4 + 3),
        ("000000010000000000000FFF", 1 << 20, 4095),
    ] {
        let segment = Segment::parse(name, size).unwrap();
        assert_eq!(segment.number, number, "{name}");
        assert_eq!(segment.name(size), name);
    }
    for name in [
        "",
        "00000001000000000000000",
        "000000010000000000000100",
        "00000001000000000000000a",
        "000000010000000000000001.partial",
        "00000002.history",
    ] {
        assert_eq!(Segment::parse(name, SIZE), None, "{name}");
    }
    assert_eq!(
        "16/B374D848".parse::<Lsn>().unwrap().to_string(),
        "16/B374D848"
    );
    assert_eq!("16/B374D848".parse(), Ok(Lsn(0x16_b374_d848)));
    for text in ["16", "/", "x/1", "1/100000000"] {
        assert!(text.parse::<Lsn>().is_err(), "{text}");
    }
    let sha = "0123456789abcdef".repeat(4);
    let name = format!("000000010000000000000001.partial-{sha}.zst");
    let sealed = SealedName::parse(&name).unwrap();
    assert_eq!(sealed.plain, "000000010000000000000001.partial");
    assert_eq!(sealed.sha256, sha);
    assert_eq!(SealedName::parse(&name.to_uppercase()), None);
}

#[test]
fn a_history_says_where_each_timeline_was_left() {
    let text =
        "1\t0/3000060\tno recovery target specified\n\n# a remark\n2\t0/5000000\tbefore 2026\n";
    let history = TimelineHistory::parse(3, text).unwrap();
    assert!(history.has(1, Lsn(0x300_0060)) && !history.has(1, Lsn(0x300_0061)));
    assert!(history.has(3, Lsn(u64::MAX)) && !history.has(4, Lsn(1)));
    let candidates = |number: u64| -> Vec<u32> { history.candidates(number, SIZE).collect() };
    assert_eq!(candidates(2), [1]);
    assert_eq!(candidates(3), [2, 1]);
    assert_eq!(candidates(5), [3, 2, 1]);
    for text in ["x 0/1", "1", "1 0/1\n1 0/2", "3 0/1"] {
        assert!(TimelineHistory::parse(3, text).is_err(), "{text}");
    }
    assert_eq!(TimelineHistory::timeline_of("0000000A.history"), Some(10));
    assert_eq!(TimelineHistory::timeline_of("A.history"), None);
}

#[test]
fn what_can_be_recovered_to_ends_at_a_gap_and_begins_with_the_next_base_backup() {
    let inventory = inventory(&[(1, 2), (1, 3), (1, 4), (1, 7), (1, 8)], Some((1, 9)));
    let bases = [base(1, 2), base(1, 4), base(1, 7)];
    let marks = noted(95);
    let chain = Chain::new(&inventory, TimelineHistory::first(1), &marks, SIZE);
    let ranges = chain.ranges(&bases);
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert_eq!((ranges[0].from, ranges[0].to), (at(15), at(40)));
    assert_eq!((ranges[1].from, ranges[1].to), (at(65), at(95)));
    assert_eq!((ranges[0].open, ranges[1].open), (false, true));
    let chosen = |second: i64| {
        let base = chain.base_for(&bases, at(second));
        base.map(|base| base.id.as_str())
    };
    assert_eq!(
        [14, 15, 34, 35, 40, 41, 64, 65, 95, 96].map(chosen),
        [
            None,
            Some("2"),
            Some("2"),
            Some("4"),
            Some("4"),
            None,
            None,
            Some("7"),
            Some("7"),
            None
        ]
    );
    let gaps = chain.gaps(2, &bases);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].first, "000000010000000000000005");
    assert_eq!(gaps[0].last, "000000010000000000000006");
    assert_eq!((gaps[0].after, gaps[0].until), (at(40), Some(at(65))));
    let files = chain.files_from(7);
    let numbers: Vec<u64> = files.iter().map(|(segment, _)| segment.number).collect();
    assert_eq!(numbers, [7, 8, 9]);
}

#[test]
fn a_base_backup_without_the_log_of_its_own_time_is_of_no_use() {
    let inventory = inventory(&[(1, 2)], Some((1, 3)));
    let mut long = base(1, 2);
    long.stop_lsn = Lsn(3 * SIZE + 100);
    let marks = noted(99);
    let chain = Chain::new(&inventory, TimelineHistory::first(1), &marks, SIZE);
    assert!(chain.supports(&base(1, 2)));
    assert!(!chain.supports(&long));
    assert!(!chain.supports(&base(1, 3)));
    assert!(chain.ranges(&[long]).is_empty());
}

#[test]
fn the_way_leads_along_the_timelines_to_the_newest() {
    // Timeline 2 began in the middle of segment 4; timeline 1 went on for a while without it.
    let inventory = inventory(&[(1, 3), (1, 4), (1, 5), (2, 4), (2, 5)], Some((2, 6)));
    let history = TimelineHistory::parse(2, "1 0/4000100 -").unwrap();
    let marks = noted(70);
    let chain = Chain::new(&inventory, history, &marks, SIZE);
    let taken = |number: u64| chain.file(number).map(|(segment, _)| segment.timeline);
    assert_eq!(
        [2, 3, 4, 5, 6, 7].map(taken),
        [None, Some(1), Some(2), Some(2), Some(2), None]
    );
    assert!(chain.supports(&base(1, 3)));
    assert!(chain.supports(&base(2, 5)));
    // Made on timeline 1 after it was left.
    assert!(!chain.supports(&base(1, 5)));
    let ranges = chain.ranges(&[base(1, 3), base(2, 5)]);
    assert_eq!(ranges.len(), 1, "{ranges:?}");
    assert_eq!((ranges[0].from, ranges[0].to), (at(25), at(70)));
}

#[test]
fn what_can_be_recovered_to_ends_where_it_was_measured_and_not_where_a_file_was_written() {
    // The stream caught up: what was written at second 40 was committed before second 21.
    let marks = Marks {
        kept: vec![
            mark(3 * SIZE, 18),
            mark(4 * SIZE - 8, 21),
            mark(5 * SIZE, 34),
        ],
        newest: Some(mark(9 * SIZE + 100, 95)),
        received_until: Some(at(95)),
    };
    let bases = [base(1, 2)];
    let to = |numbers: &[(u32, u64)], partial: Option<(u32, u64)>| {
        let inventory = inventory(numbers, partial);
        let chain = Chain::new(&inventory, TimelineHistory::first(1), &marks, SIZE);
        let [range] = chain.ranges(&bases)[..] else {
            panic!("{:?}", chain.ranges(&bases))
        };
        assert!(chain.is_measured(&bases[0]));
        let gaps: Vec<(String, String)> = chain
            .gaps(2, &bases)
            .into_iter()
            .map(|gap| {
                assert!(gap.after >= range.to, "{gap:?}");
                (gap.first[22..].to_owned(), gap.last[22..].to_owned())
            })
            .collect();
        (range.to, range.open, gaps)
    };
    let gap = |first: &str, last: &str| vec![(first.to_owned(), last.to_owned())];
    // Segment 4 is missing.
    let rest = [(1, 2), (1, 3), (1, 5), (1, 6), (1, 7), (1, 8)];
    assert_eq!(to(&rest, Some((1, 9))), (at(21), false, gap("04", "04")));
    // It is there, and was left in its middle; so is what follows in part.
    let begun = [(1, 2), (1, 3)];
    assert_eq!(to(&begun, Some((1, 4))), (at(34), false, gap("04", "09")));
    // Everything after a segment is gone: nothing follows, and more was received.
    assert_eq!(to(&[(1, 2)], None), (at(18), false, gap("03", "09")));
    // Nothing is missing.
    let all: Vec<(u32, u64)> = (2..9).map(|number| (1, number)).collect();
    assert_eq!(to(&all, Some((1, 9))), (at(95), true, Vec::new()));
    // A mark of a timeline that was left says nothing.
    let inventory = inventory(&[(1, 2), (1, 3), (2, 3)], Some((2, 4)));
    let history = TimelineHistory::parse(2, "1 0/3000100 -").unwrap();
    let chain = Chain::new(&inventory, history, &marks, SIZE);
    let [range] = chain.ranges(&bases)[..] else {
        panic!("{:?}", chain.ranges(&bases))
    };
    assert_eq!((range.to, range.open), (at(18), true));
    assert_eq!(chain.gaps(2, &bases), []);
}
