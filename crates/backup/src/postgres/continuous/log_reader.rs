//! Reading write-ahead log record by record: how far it is whole.
//!
//! A segment that is being received has no checksum of its own yet. Its records have: each says how long it is and where
//! the one before it begins, and has the CRC-32C of what it holds; each page says where it lies and what of a record it
//! goes on with. So it is seen up to which place a server can replay it.
//!
//! src/include/access/xlogrecord.h, XLogRecord; src/include/access/xlog_internal.h, XLogPageHeaderData; the same from
//! PostgreSQL 13 on.

use std::io::{self, Write};

use crc::{CRC_32_ISCSI, Crc, Digest};

use super::Lsn;

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The header of the first page of a segment, and of every other page.
const LONG_HEADER: usize = 40;
const SHORT_HEADER: usize = 24;
/// What the header of a page says of it: it goes on with a record, it has the long header, it may be left out of a backup,
/// and the record before it was never finished because the server crashed.
const CONTINUES: u16 = 1;
const LONG: u16 = 2;
const REMOVABLE: u16 = 4;
const OVERWRITES: u16 = 8;
/// All versions have it as the first half of what a page begins with.
const MAGIC: u16 = 0xd100;
/// The sizes that a page can have, and where the long header says it.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 1024..=65_536;
const PAGE_BYTES_AT: usize = 36;

const RECORD_HEADER: usize = 24;
const CRC_AT: usize = 20;
/// The record after which the rest of a segment is not used: kind and resource manager.
const SWITCH: (u8, u8) = (0x40, 0);

/// Write-ahead log that is written to it from the beginning of a segment on.
pub(crate) struct LogReader {
    segment_bytes: u64,
    /// Where the page begins that is being filled.
    page_at: u64,
    page: Vec<u8>,
    page_bytes: Option<usize>,
    magic: Option<u16>,
    within: Within,
    /// Where the last whole record begins.
    last: Option<u64>,
    /// Where it ends.
    end: Option<u64>,
    /// Why nothing more is read.
    ended: Option<String>,
}

/// What the next byte belongs to.
enum Within {
    /// A record that began before what was read.
    Earlier,
    /// The next record begins here.
    Between,
    Record(Record),
    /// What follows in the segment is not used.
    Switched,
}

struct Record {
    start: u64,
    total: u64,
    taken: u64,
    header: Vec<u8>,
    digest: Digest<'static, u32>,
}

impl Record {
    fn left(&self) -> u64 {
        self.total - self.taken
    }

    fn take(&mut self, bytes: &[u8]) {
        let header = bytes.len().min(RECORD_HEADER - self.header.len());
        self.header.extend_from_slice(&bytes[..header]);
        self.digest.update(&bytes[header..]);
        self.taken += bytes.len() as u64;
    }

    /// Whether it says that it follows the one that begins there. One whose header is not there does not.
    fn follows(&self, last: Option<u64>) -> bool {
        let said = eight(&self.header, 8);
        self.header.len() == RECORD_HEADER && last.is_none_or(|last| said == Some(last))
    }

    fn sums_up(mut self) -> bool {
        self.digest.update(&self.header[..CRC_AT]);
        four(&self.header, CRC_AT) == Some(self.digest.finalize())
    }
}

impl LogReader {
    /// For log that begins with a segment.
    pub(crate) fn new(start: Lsn, segment_bytes: u64) -> Self {
        Self {
            segment_bytes,
            page_at: start.0,
            page: Vec::new(),
            page_bytes: None,
            magic: None,
            within: Within::Earlier,
            last: None,
            end: None,
            ended: None,
        }
    }

    /// Whether everything so far was in order and what comes next begins there.
    pub(crate) fn goes_on_at(&self, place: Lsn) -> bool {
        self.ended.is_none() && self.page.is_empty() && self.page_at == place.0
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) {
        let bytes = self.page_bytes.unwrap_or(*PAGE_BYTES.start() as usize);
        if self.ended.is_none() && !self.page.is_empty() {
            self.page.resize(bytes, 0);
            self.take_pages();
        }
    }

    /// Where the last whole record ends.
    pub(crate) fn end(&self) -> Option<Lsn> {
        self.end.map(Lsn)
    }

    /// Why it ends there.
    pub(crate) fn why(&self) -> &str {
        self.ended.as_deref().unwrap_or("it ends there")
    }

    /// Whether everything that the server had finished before a place is whole. A server syncs whole pages of a record that
    /// it has not written to its end yet.
    pub(crate) fn covers(&self, place: Lsn) -> bool {
        let page_bytes = self.page_bytes.map_or(1, |bytes| bytes as u64);
        let into_page = place.0 % page_bytes;
        let header = match (place.0 - into_page).is_multiple_of(self.segment_bytes) {
            true => LONG_HEADER,
            false => SHORT_HEADER,
        };
        // No record ends in a header.
        let place = match into_page <= header as u64 {
            true => place.0 - into_page,
            false => place.0,
        };
        let pages = place.is_multiple_of(page_bytes) && self.page_at >= place;
        self.end.is_some_and(|end| end >= place)
            || match &self.within {
                Within::Record(record) => {
                    pages && record.start < place && record.follows(self.last)
                }
                Within::Earlier => pages && self.page_bytes.is_some(),
                Within::Between | Within::Switched => false,
            }
    }

    fn take_pages(&mut self) {
        while self.ended.is_none() {
            let Some(bytes) = self.page_bytes.or_else(|| self.read_page_bytes()) else {
                return;
            };
            self.page_bytes = Some(bytes);
            if self.page.len() < bytes {
                return;
            }
            let rest = self.page.split_off(bytes);
            let page = std::mem::replace(&mut self.page, rest);
            match self.take_page(&page) {
                Ok(()) => self.page_at += bytes as u64,
                Err(why) => self.ended = Some(why),
            }
        }
        self.page.clear();
    }

    /// The size of a page, which the first one of a segment says.
    fn read_page_bytes(&mut self) -> Option<usize> {
        let found = four(&self.page, PAGE_BYTES_AT)?;
        match PAGE_BYTES.contains(&found) && found.is_power_of_two() {
            true => Some(found as usize),
            false => {
                self.ended = Some(format!("no log begins at {}", Lsn(self.page_at)));
                None
            }
        }
    }

    fn take_page(&mut self, page: &[u8]) -> Result<(), String> {
        let first = self.page_at.is_multiple_of(self.segment_bytes);
        if matches!(self.within, Within::Switched) {
            if !first {
                return Ok(());
            }
            self.within = Within::Between;
        }
        let mut cursor = self.begin_page(page, first)?;
        while cursor < page.len() {
            if matches!(self.within, Within::Switched | Within::Earlier) {
                break;
            }
            if matches!(self.within, Within::Between) {
                self.within = Within::Record(self.begin_record(page, cursor)?);
            }
            if let Within::Record(record) = &mut self.within {
                let left = usize::try_from(record.left()).unwrap_or(usize::MAX);
                let taken = left.min(page.len() - cursor);
                record.take(&page[cursor..cursor + taken]);
                cursor = aligned(cursor + taken);
                if record.left() == 0 {
                    self.end_record(self.page_at + cursor as u64)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the header of a page. Returns where to go on in it.
    fn begin_page(&mut self, page: &[u8], first: bool) -> Result<usize, String> {
        let place = Lsn(self.page_at);
        let (magic, info) = (two(page, 0), two(page, 2));
        if magic == 0 {
            return Err(format!("no log begins at {place}"));
        }
        let header = if first { LONG_HEADER } else { SHORT_HEADER };
        let rest = u64::from(four(page, 16).unwrap_or_default());
        let known = CONTINUES | LONG | REMOVABLE | OVERWRITES;
        let fits = magic & 0xff00 == MAGIC
            && self.magic.is_none_or(|known| known == magic)
            && info & !known == 0
            && (info & LONG != 0) == first
            && (info & CONTINUES != 0) == (rest > 0)
            && eight(page, 8) == Some(self.page_at);
        if !fits {
            return Err(format!("at {place} there is no page of it"));
        }
        self.magic = Some(magic);
        if info & OVERWRITES != 0 && matches!(self.within, Within::Record(_)) {
            self.within = Within::Between;
        }
        match (&self.within, info & CONTINUES != 0) {
            (Within::Between, false) => {}
            (Within::Record(record), true) if record.left() == rest => {}
            (Within::Earlier, false) => self.within = Within::Between,
            (Within::Earlier, true) => {
                let rest = usize::try_from(rest).unwrap_or(usize::MAX);
                if rest <= page.len() - header {
                    self.within = Within::Between;
                    return Ok(aligned(header + rest));
                }
            }
            _ => {
                return Err(format!(
                    "the page at {place} does not go on with the record before it"
                ));
            }
        }
        Ok(header)
    }

    fn begin_record(&self, page: &[u8], cursor: usize) -> Result<Record, String> {
        let start = self.page_at + cursor as u64;
        let total = u64::from(four(page, cursor).unwrap_or_default());
        if total < RECORD_HEADER as u64 {
            return Err(format!("no record begins at {}", Lsn(start)));
        }
        Ok(Record {
            start,
            total,
            taken: 0,
            header: Vec::with_capacity(RECORD_HEADER),
            digest: CRC.digest(),
        })
    }

    fn end_record(&mut self, end: u64) -> Result<(), String> {
        let Within::Record(record) = std::mem::replace(&mut self.within, Within::Between) else {
            return Ok(());
        };
        let start = record.start;
        let kind = (record.header[16] & 0xf0, record.header[17]);
        if !(record.follows(self.last) && record.sums_up()) {
            return Err(format!("the record at {} is damaged", Lsn(start)));
        }
        self.last = Some(start);
        self.end = Some(end);
        if kind == SWITCH {
            self.within = Within::Switched;
            self.end = Some((start / self.segment_bytes + 1) * self.segment_bytes);
        }
        Ok(())
    }
}

impl Write for LogReader {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.ended.is_none() {
            self.page.extend_from_slice(buffer);
            self.take_pages();
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records begin at multiples of eight bytes.
fn aligned(place: usize) -> usize {
    place.next_multiple_of(8)
}

// Of a server of another byte order nothing here would fit.
fn two(bytes: &[u8], at: usize) -> u16 {
    let found = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    found.map_or(0, u16::from_le_bytes)
}

fn four(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
