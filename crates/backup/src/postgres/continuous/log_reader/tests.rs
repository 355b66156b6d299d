use super::*;

const PAGE: usize = 8192;
const SEGMENT: u64 = 1 << 20;
/// Where the second segment begins.
const START: u64 = SEGMENT;

/// Log as a server writes it, of records with so many bytes each.
struct Written {
    bytes: Vec<u8>,
    ends: Vec<u64>,
}

fn record(length: usize, previous: u64) -> Vec<u8> {
    let mut record = vec![0; RECORD_HEADER];
    record.extend((RECORD_HEADER..length).map(|at| at as u8));
    record[..4].copy_from_slice(&(length as u32).to_le_bytes());
    record[8..16].copy_from_slice(&previous.to_le_bytes());
    record[17] = 10;
    let mut digest = CRC.digest();
    digest.update(&record[RECORD_HEADER..]);
    digest.update(&record[..CRC_AT]);
    let sum = digest.finalize();
    record[CRC_AT..RECORD_HEADER].copy_from_slice(&sum.to_le_bytes());
    record
}

fn header(at: u64, rest: usize) -> Vec<u8> {
    let first = at.is_multiple_of(SEGMENT);
    let info = u16::from(rest > 0) * CONTINUES + u16::from(first) * LONG;
    let mut header = vec![0; if first { LONG_HEADER } else { SHORT_HEADER }];
    header[..2].copy_from_slice(&0xd110_u16.to_le_bytes());
    header[2..4].copy_from_slice(&info.to_le_bytes());
    header[8..16].copy_from_slice(&at.to_le_bytes());
    header[16..20].copy_from_slice(&(rest as u32).to_le_bytes());
    if first {
        header[PAGE_BYTES_AT..].copy_from_slice(&(PAGE as u32).to_le_bytes());
    }
    header
}

fn written(lengths: &[usize]) -> Written {
    let mut log = Written {
        bytes: header(START, 0),
        ends: Vec::new(),
    };
    let mut previous = 0;
    for length in lengths {
        let start = START + log.bytes.len() as u64;
        let record = record(*length, previous);
        let mut left = record.as_slice();
        if log.bytes.len().is_multiple_of(PAGE) {
            log.bytes.extend(header(start, 0));
        }
        previous = START + log.bytes.len() as u64;
        while !left.is_empty() {
            let at = log.bytes.len();
            if at.is_multiple_of(PAGE) {
                log.bytes.extend(header(START + at as u64, left.len()));
            }
            let room = PAGE - log.bytes.len() % PAGE;
            let (now, later) = left.split_at(left.len().min(room));
            log.bytes.extend_from_slice(now);
            left = later;
        }
        log.bytes.resize(aligned(log.bytes.len()), 0);
        log.ends.push(START + log.bytes.len() as u64);
    }
    log
}

fn read(bytes: &[u8]) -> LogReader {
    let mut reader = LogReader::new(Lsn(START), SEGMENT);
    for some in bytes.chunks(1000) {
        reader.write_all(some).unwrap();
    }
    reader.finish();
    reader
}

#[test]
fn log_covers_what_was_finished_before_a_place_and_no_more() {
    let log = written(&[24, 100, 9000, 33, 20_000, 24]);
    let mut padded = log.bytes.clone();
    padded.resize(SEGMENT as usize, 0);
    for bytes in [&log.bytes, &padded] {
        let reader = read(bytes);
        let last = *log.ends.last().unwrap();
        assert_eq!(reader.end(), Some(Lsn(last)), "{}", reader.why());
        assert!(log.ends.iter().all(|end| reader.covers(Lsn(*end))));
        assert!(!reader.covers(Lsn(last + 8)));
    }
    // The server syncs whole pages: of the large record two are there.
    let place = log.ends[3].next_multiple_of(PAGE as u64) + PAGE as u64;
    let mut part = log.bytes.clone();
    part.truncate((place - START) as usize);
    for padded in [part.len(), SEGMENT as usize] {
        part.resize(padded, 0);
        let reader = read(&part);
        assert_eq!(reader.end(), Some(Lsn(log.ends[3])));
        assert!(reader.covers(Lsn(place)) && !reader.covers(Lsn(place + 48)));
        assert!(!reader.covers(Lsn(place + PAGE as u64)));
    }
}

#[test]
fn whatever_bit_is_changed_the_log_ends_before_it() {
    let log = written(&[24, 100, 9000, 33]);
    let last = *log.ends.last().unwrap();
    let unused = |at: usize| {
        let place = START + at as u64;
        let page = at % PAGE;
        // Of the headers of pages that they may be left out of a backup, the timeline, which may be an older one, what fills
        // them up, and what only the first page of a segment has, which is looked at elsewhere; and what fills up records.
        let of_page = page == 2 || (4..8).contains(&page) || (20..24).contains(&page);
        let of_first = at < LONG_HEADER && (24..PAGE_BYTES_AT).contains(&at);
        let filling = log.ends.iter().zip([24_usize, 100, 9000, 33]);
        let mut filling =
            filling.map(|(end, length)| (end - (aligned(length) - length) as u64, *end));
        of_page || of_first || filling.any(|(from, to)| (from..to).contains(&place))
    };
    for at in (0..log.bytes.len()).filter(|at| !unused(*at)) {
        let mut bytes = log.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes.resize(SEGMENT as usize, 0);
        let reader = read(&bytes);
        assert!(!reader.covers(Lsn(last)), "byte {at}");
    }
}

#[test]
fn a_file_that_is_empty_cut_off_or_none_of_log_covers_nothing() {
    let log = written(&[24, 100]);
    for bytes in [
        &[][..],
        &[0; 10],
        &[7; PAGE],
        &log.bytes[..30],
        &log.bytes[..100],
    ] {
        let reader = read(bytes);
        assert!(!reader.covers(Lsn(log.ends[1])), "{}", bytes.len());
    }
}

/// After a switch the rest of the segment is not used, and the next one goes on.
#[test]
fn a_switch_fills_its_segment() {
    let mut log = written(&[24, 24]);
    let at = log.bytes.len() - RECORD_HEADER;
    log.bytes[at + 16..at + 18].copy_from_slice(&[SWITCH.0, SWITCH.1]);
    let mut digest = CRC.digest();
    digest.update(&log.bytes[at..at + CRC_AT]);
    let sum = digest.finalize().to_le_bytes();
    log.bytes[at + CRC_AT..].copy_from_slice(&sum);
    log.bytes.resize(SEGMENT as usize, 0);
    let reader = read(&log.bytes);
    assert!(reader.goes_on_at(Lsn(START + SEGMENT)), "{}", reader.why());
    assert!(reader.covers(Lsn(START + SEGMENT)));
}
