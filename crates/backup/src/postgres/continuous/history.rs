//! From which timeline another one came, and where.

use super::Lsn;

/// What a timeline history file says: the timelines that lead to this one, and where each was left.
///
/// PostgreSQL manual, "Timelines"; src/backend/access/transam/timeline.c.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimelineHistory {
    /// The timeline that this is about.
    pub(crate) timeline: u32,
    /// Its ancestors, oldest first, each with the place at which it was left.
    pub(crate) ancestors: Vec<(u32, Lsn)>,
}

impl TimelineHistory {
    /// The history of a timeline that no history file is about: the first one.
    pub(crate) fn first(timeline: u32) -> Self {
        Self {
            timeline,
            ancestors: Vec::new(),
        }
    }

    /// Reads a file: in each line an ancestor, the place, and why; a line that begins with `#` is a remark.
    pub(crate) fn parse(timeline: u32, text: &str) -> Result<Self, String> {
        let mut ancestors: Vec<(u32, Lsn)> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let (id, left) = (words.next(), words.next());
            let id: Option<u32> = id.and_then(|id| id.parse().ok());
            let left: Option<Lsn> = left.and_then(|left| left.parse().ok());
            let (Some(id), Some(left)) = (id, left) else {
                return Err("a line of it is no timeline and place".to_owned());
            };
            if id >= timeline || ancestors.last().is_some_and(|(last, _)| *last >= id) {
                return Err("its timelines do not rise".to_owned());
            }
            ancestors.push((id, left));
        }
        Ok(Self {
            timeline,
            ancestors,
        })
    }

    /// Reads the name of a history file, such as `00000002.history`.
    pub(crate) fn timeline_of(name: &str) -> Option<u32> {
        let digits = name.strip_suffix(".history")?;
        (digits.len() == 8).then_some(())?;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Whether what a timeline has up to a place belongs to this one.
    pub(crate) fn has(&self, timeline: u32, place: Lsn) -> bool {
        timeline == self.timeline
            || self
                .ancestors
                .iter()
                .any(|(id, left)| *id == timeline && place <= *left)
    }

    /// The timelines under which the segment of a number may be found, the one to prefer first: the segment in
    /// which a timeline begins is a copy of the one before up to that place.
    pub(crate) fn candidates(
        &self,
        number: u64,
        segment_bytes: u64,
    ) -> impl Iterator<Item = u32> + '_ {
        let begins = move |index: usize| match index.checked_sub(1) {
            None => 0,
            Some(before) => self.ancestors[before].1.0 / segment_bytes,
        };
        let all = (0..=self.ancestors.len()).rev();
        all.filter(move |index| begins(*index) <= number)
            .map(|index| {
                self.ancestors
                    .get(index)
                    .map_or(self.timeline, |(id, _)| *id)
            })
    }
}
