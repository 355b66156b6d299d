//! Whether write-ahead log is there without a gap, along the timelines that lead to the newest one.

use std::time::SystemTime;

use jiff::Timestamp;

use super::inventory::{Inventory, SegmentFile};
use super::marks::{Mark, Marks};
use super::{BaseBackup, Lsn, RecoveryRange, Segment, TimelineHistory};

/// The write-ahead log that leads to the newest timeline.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    inventory: &'a Inventory,
    pub(crate) history: TimelineHistory,
    marks: &'a Marks,
    segment_bytes: u64,
    /// The numbers of the segments on the way, in order. A file under a wrong name may be far from the others.
    numbers: Vec<u64>,
    /// The highest of them, and one more; 0 if there is none.
    end: u64,
}

/// Write-ahead log that is missing or damaged, between log that is there or at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGap {
    /// The first segment that is missing, or of which the rest is.
    pub first: String,
    /// The last one.
    pub last: String,
    /// Everything that was committed until then lies before it: what was committed later is affected.
    pub after: Timestamp,
    /// From when on moments can be recovered to again; `None` until there is another base backup.
    pub until: Option<Timestamp>,
    /// The first file of it that was found damaged, and what is wrong; `None` if there is none.
    pub damage: Option<String>,
}

impl LogGap {
    /// What is missing and what that means, in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let until = match self.until {
            Some(until) => until.to_string(),
            None => "the next copy of the cluster".to_owned(),
        };
        let what = match &self.damage {
            None => format!("missing, {} to {}", self.first, self.last),
            Some(damage) => format!("damaged, {} to {} ({damage})", self.first, self.last),
        };
        format!(
            "write-ahead log is {what}: what was committed after {} cannot be recovered to until {until}",
            self.after
        )
    }
}

impl<'a> Chain<'a> {
    /// The way to the timeline of `history`.
    pub(crate) fn new(
        inventory: &'a Inventory,
        history: TimelineHistory,
        marks: &'a Marks,
        segment_bytes: u64,
    ) -> Self {
        let mut chain = Self {
            inventory,
            history,
            marks,
            segment_bytes,
            numbers: Vec::new(),
            end: 0,
        };
        let numbers = inventory.segments.keys().map(|segment| segment.number);
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.dedup();
        numbers.retain(|number| chain.file(*number).is_some());
        chain.end = numbers.last().map_or(0, |number| number + 1);
        chain.numbers = numbers;
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

    /// The end of the log that is there without a gap, if whole segments are there up to a number: what was received of
    /// the next one belongs to it. A mark says how much that is.
    fn bound(&self, whole_until: u64) -> Lsn {
        let begun = u64::from(self.file(whole_until).is_some());
        Lsn((whole_until + begun).saturating_mul(self.segment_bytes))
    }

    fn on_the_way(&self, mark: &Mark) -> bool {
        let timeline = mark.timeline;
        timeline.is_none_or(|timeline| self.history.has(timeline, mark.lsn))
    }

    /// The newest place that was received, unless it was on a timeline that was left.
    pub(crate) fn received(&self) -> Option<&Mark> {
        self.marks.newest.as_ref().filter(|it| self.on_the_way(it))
    }

    /// Whether nothing follows after a number but a partial segment, and everything that was received is there.
    fn is_open(&self, whole_until: u64) -> bool {
        let bound = self.bound(whole_until);
        whole_until + 1 >= self.end && self.received().is_none_or(|mark| mark.lsn <= bound)
    }

    /// Up to when everything that was committed is in the log before a gap or the end; `None` if that was not measured.
    fn reached(&self, whole_until: u64) -> Option<Timestamp> {
        let bound = self.bound(whole_until);
        let before = |mark: &&Mark| mark.lsn <= bound && self.on_the_way(mark);
        self.marks.iter().filter(before).map(|mark| mark.at).max()
    }

    /// Where the log must be replayed to, so that everything is in it that was committed until a moment after a base backup;
    /// `None` if that was not measured.
    pub(crate) fn place_of(&self, moment: Timestamp, base: &BaseBackup) -> Option<Lsn> {
        let bound = self.bound(self.whole_until(base.first_segment().number));
        let fits = |mark: &&Mark| mark.at >= moment && mark.lsn <= bound && self.on_the_way(mark);
        let first = self.marks.iter().filter(fits).min_by_key(|mark| mark.at);
        first.map(|mark| mark.lsn)
    }

    /// Whether it was measured up to when everything is there after a base backup. Then nothing was committed between
    /// the last transaction that the log has before a moment of its range, and that moment.
    pub(crate) fn is_measured(&self, base: &BaseBackup) -> bool {
        let whole = self.whole_until(base.first_segment().number);
        self.reached(whole).is_some()
    }

    /// Whether a base backup can be recovered from: its timeline leads here, and the log that it needs is there.
    pub(crate) fn supports(&self, base: &BaseBackup) -> bool {
        if !self.history.has(base.timeline, base.stop_lsn) {
            return false;
        }
        let start = base.first_segment().number;
        self.whole_until(start) > base.last_segment_number()
    }

    /// The moments that can be recovered to.
    pub(crate) fn ranges(&self, bases: &[BaseBackup]) -> Vec<RecoveryRange> {
        let mut ranges: Vec<(u64, RecoveryRange)> = Vec::new();
        for base in bases.iter().filter(|base| self.supports(base)) {
            let end = self.whole_until(base.first_segment().number);
            if ranges.last().is_some_and(|(last, _)| *last == end) {
                continue;
            }
            ranges.push((end, self.range(base, end)));
        }
        ranges.into_iter().map(|(_, range)| range).collect()
    }

    fn range(&self, base: &BaseBackup, end: u64) -> RecoveryRange {
        let open = self.is_open(end);
        // An earlier version kept no marks.
        let noted = || match (open, self.marks.received_until) {
            (true, Some(received)) => Some(received),
            _ => self.filled(end),
        };
        let to = self.reached(end).or_else(noted);
        RecoveryRange {
            from: base.stopped_at,
            to: to.unwrap_or(base.stopped_at).max(base.stopped_at),
            open,
        }
    }

    /// When the segment before a number was filled.
    fn filled(&self, number: u64) -> Option<Timestamp> {
        let before = number.checked_sub(1).and_then(|number| self.file(number));
        before.and_then(|(_, file)| time(file.finished))
    }

    /// The newest base backup from which a moment can be recovered to.
    pub(crate) fn base_for<'b>(
        &self,
        bases: &'b [BaseBackup],
        moment: Timestamp,
    ) -> Option<&'b BaseBackup> {
        let fits = |base: &&BaseBackup| {
            let end = self.whole_until(base.first_segment().number);
            self.supports(base) && self.range(base, end).has(moment)
        };
        bases.iter().rev().find(fits)
    }

    /// What is missing from `start` on.
    pub(crate) fn gaps(&self, start: u64, bases: &[BaseBackup]) -> Vec<LogGap> {
        let mut gaps = Vec::new();
        let mut first = self.whole_until(start);
        // What is partial and not the last leads nowhere.
        let goes_on = |number: &u64| {
            let file = self.file(*number);
            file.is_some_and(|(_, file)| !file.partial || *number + 1 == self.end)
        };
        let next = |after: u64| {
            let from = self.numbers.partition_point(|number| *number <= after);
            self.numbers[from..].iter().copied().find(&goes_on)
        };
        while let Some(again) = next(first) {
            gaps.push(self.gap(first, again, bases));
            first = self.whole_until(again);
        }
        // The newest log can be missing too.
        let bound = self.bound(first);
        if let Some(mark) = self.received().filter(|mark| mark.lsn > bound) {
            let last = mark.segment(self.segment_bytes);
            gaps.push(self.gap(first, last + 1, bases));
        }
        gaps
    }

    fn gap(&self, first: u64, again: u64, bases: &[BaseBackup]) -> LogGap {
        let name = |number: u64| {
            let timeline = self.history.candidates(number, self.segment_bytes).next();
            let timeline = timeline.unwrap_or(self.history.timeline);
            Segment { number, timeline }.name(self.segment_bytes)
        };
        let after = self.reached(first).or_else(|| self.filled(first));
        let later = bases
            .iter()
            .find(|base| base.first_segment().number >= again && self.supports(base));
        let mut damaged = self.inventory.damaged.iter();
        let damage = damaged.find(|(segment, _)| (first..again).contains(&segment.number));
        LogGap {
            first: name(first),
            last: name(again - 1),
            after: after.unwrap_or(Timestamp::UNIX_EPOCH),
            until: later.map(|base| base.stopped_at),
            damage: damage.map(|(_, damage)| damage.clone()),
        }
    }
}

pub(crate) fn time(system: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(system).ok()
}
