//! Whether write-ahead log is there without a gap, along the timelines that lead to the newest one.

use std::time::SystemTime;

use jiff::Timestamp;

use super::inventory::{Inventory, SegmentFile};
use super::{BaseBackup, RecoveryRange, Segment, TimelineHistory};

/// The write-ahead log that leads to the newest timeline.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    inventory: &'a Inventory,
    pub(crate) history: TimelineHistory,
    segment_bytes: u64,
    /// The highest number of a segment on the way, and one more; 0 if there is none.
    end: u64,
}

/// Write-ahead log that is missing between log that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGap {
    /// The first segment that is missing.
    pub first: String,
    /// The last one.
    pub last: String,
    /// When the one before was filled: what was committed later is affected.
    pub after: Timestamp,
    /// From when on moments can be recovered to again; `None` until there is another base backup.
    pub until: Option<Timestamp>,
}

impl<'a> Chain<'a> {
    /// The way to the timeline of `history`.
    pub(crate) fn new(
        inventory: &'a Inventory,
        history: TimelineHistory,
        segment_bytes: u64,
    ) -> Self {
        let mut chain = Self {
            inventory,
            history,
            segment_bytes,
            end: 0,
        };
        let numbers = inventory.segments.keys().map(|segment| segment.number);
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.dedup();
        let last = numbers.into_iter().rev();
        let mut on_the_way = last.filter(|number| chain.file(*number).is_some());
        let end = on_the_way.next().map_or(0, |number| number + 1);
        drop(on_the_way);
        chain.end = end;
        chain
    }

    /// The file to take for a segment.
    pub(crate) fn file(&self, number: u64) -> Option<(Segment, &'a SegmentFile)> {
        let timelines: Vec<u32> = self
            .history
            .candidates(number, self.segment_bytes)
            .collect();
        timelines.into_iter().find_map(|timeline| {
            let segment = Segment { number, timeline };
            let file = self.inventory.segments.get(&segment)?;
            Some((segment, file))
        })
    }

    /// The first number from `start` on that is not there as a whole.
    pub(crate) fn whole_until(&self, start: u64) -> u64 {
        let whole = |number: &u64| self.file(*number).is_some_and(|(_, file)| !file.partial);
        (start..self.end)
            .find(|number| !whole(number))
            .unwrap_or(self.end.max(start))
    }

    /// The files to recover with, from `start` on: as far as they follow each other, a partial one last.
    pub(crate) fn files_from(&self, start: u64) -> Vec<(Segment, &'a SegmentFile)> {
        let whole = self.whole_until(start);
        // The last one may be partial.
        (start..=whole)
            .filter_map(|number| self.file(number))
            .collect()
    }

    /// Whether nothing follows after a number but a partial segment.
    fn is_open(&self, whole_until: u64) -> bool {
        whole_until + 1 >= self.end
    }

    /// Whether a base backup can be recovered from: its timeline leads here, and the log that it needs is there.
    pub(crate) fn supports(&self, base: &BaseBackup) -> bool {
        if !self.history.has(base.timeline, base.stop_lsn) {
            return false;
        }
        let start = base.first_segment().number;
        self.whole_until(start) > base.last_segment_number()
    }

    /// The moments that can be recovered to. `received_until` is up to when the stream was known to be complete.
    pub(crate) fn ranges(
        &self,
        bases: &[BaseBackup],
        received_until: Option<Timestamp>,
    ) -> Vec<RecoveryRange> {
        let mut ranges: Vec<(u64, RecoveryRange)> = Vec::new();
        for base in bases.iter().filter(|base| self.supports(base)) {
            let end = self.whole_until(base.first_segment().number);
            if ranges.last().is_some_and(|(last, _)| *last == end) {
                continue;
            }
            ranges.push((end, self.range(base, end, received_until)));
        }
        ranges.into_iter().map(|(_, range)| range).collect()
    }

    fn range(&self, base: &BaseBackup, end: u64, received: Option<Timestamp>) -> RecoveryRange {
        let open = self.is_open(end);
        let last_file = self.file(end.saturating_sub(1));
        let filled = last_file.and_then(|(_, file)| time(file.finished));
        let to = match (open, received) {
            (true, Some(received)) => Some(received),
            _ => filled,
        };
        RecoveryRange {
            from: base.stopped_at,
            to: to.unwrap_or(base.stopped_at).max(base.stopped_at),
            open,
        }
    }

    /// The newest base backup from which a moment can be recovered to.
    pub(crate) fn base_for<'b>(
        &self,
        bases: &'b [BaseBackup],
        moment: Timestamp,
        received_until: Option<Timestamp>,
    ) -> Option<&'b BaseBackup> {
        let fits = |base: &&BaseBackup| {
            let end = self.whole_until(base.first_segment().number);
            self.supports(base) && self.range(base, end, received_until).has(moment)
        };
        bases.iter().rev().find(fits)
    }

    /// What is missing from `start` on.
    pub(crate) fn gaps(&self, start: u64, bases: &[BaseBackup]) -> Vec<LogGap> {
        let mut gaps = Vec::new();
        let mut number = start;
        while number < self.end {
            let first = self.whole_until(number);
            let here = |number: &u64| self.file(*number).is_some_and(|(_, file)| !file.partial);
            let Some(again) = (first..self.end).find(here) else {
                break;
            };
            if again > first {
                gaps.push(self.gap(first, again, bases));
            }
            number = again + 1;
        }
        gaps
    }

    fn gap(&self, first: u64, again: u64, bases: &[BaseBackup]) -> LogGap {
        let name = |number: u64| {
            let timeline = self.history.candidates(number, self.segment_bytes).next();
            let timeline = timeline.unwrap_or(self.history.timeline);
            Segment { number, timeline }.name(self.segment_bytes)
        };
        let before = first.checked_sub(1).and_then(|number| self.file(number));
        let after = before.and_then(|(_, file)| time(file.finished));
        let later = bases
            .iter()
            .find(|base| base.first_segment().number >= again && self.supports(base));
        LogGap {
            first: name(first),
            last: name(again - 1),
            after: after.unwrap_or(Timestamp::UNIX_EPOCH),
            until: later.map(|base| base.stopped_at),
        }
    }
}

pub(crate) fn time(system: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(system).ok()
}
