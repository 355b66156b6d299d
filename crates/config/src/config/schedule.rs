//! When something is done again and again.

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// When something is done again and again: a cron expression in a time zone, and how exactly it is kept.
///
/// A time that the clocks skip in spring falls to the first moment after it, and one that they show twice in
/// autumn is taken once, the first time; an expression with `*` or `*/n` in its hour, minute or second takes the
/// times as the clocks show them.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    zone_name: String,
    cron: Cron,
    zone: TimeZone,
    /// Up to how much later a run begins, in milliseconds.
    pub jitter_ms: u64,
    /// For how long a run that was missed or had to wait is made up for, in milliseconds.
    pub catch_up_ms: u64,
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        let parts = |one: &Schedule| (one.jitter_ms, one.catch_up_ms);
        (&self.text, &self.zone_name) == (&other.text, &other.zone_name)
            && parts(self) == parts(other)
    }
}

impl Schedule {
    pub(crate) fn new(
        (text, cron): (&str, Cron),
        (zone_name, zone): (&str, TimeZone),
        jitter_ms: u64,
        catch_up_ms: u64,
    ) -> Schedule {
        Schedule {
            text: text.to_owned(),
            zone_name: zone_name.to_owned(),
            cron,
            zone,
            jitter_ms,
            catch_up_ms,
        }
    }

    /// The cron expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of its time zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The first time after a moment, both in milliseconds since the Unix epoch; `None` when there is none any
    /// more.
    #[must_use]
    pub fn after(&self, moment_ms: u64) -> Option<u64> {
        let from = self.zoned(moment_ms)?;
        let found = self.cron.find_next_occurrence(&from, false).ok()?;
        u64::try_from(found.timestamp().as_millisecond()).ok()
    }

    /// The last time that is not after a moment, both in milliseconds since the Unix epoch.
    #[must_use]
    pub fn at_or_before(&self, moment_ms: u64) -> Option<u64> {
        // Times are whole seconds, and the search looks at whole seconds only.
        let from = self.zoned(moment_ms / 1000 * 1000)?;
        let found = self.cron.find_previous_occurrence(&from, true).ok()?;
        u64::try_from(found.timestamp().as_millisecond()).ok()
    }

    /// The shortest and the longest pause between two times among the next `count` from a moment on, in
    /// milliseconds.
    #[must_use]
    pub fn pauses_ms(&self, from_ms: u64, count: usize) -> Option<(u64, u64)> {
        let mut at_ms = self.after(from_ms)?;
        let mut pauses: Option<(u64, u64)> = None;
        for _ in 0..count {
            let Some(next_ms) = self.after(at_ms) else {
                break;
            };
            let pause = next_ms - at_ms;
            let (min, max) = pauses.unwrap_or((pause, pause));
            pauses = Some((min.min(pause), max.max(pause)));
            at_ms = next_ms;
        }
        pauses
    }

    /// A moment as the clocks of its zone show it, for example `2026-11-23 02:15 Europe/Berlin`.
    #[must_use]
    pub fn words_of(&self, moment_ms: u64) -> String {
        let form = if moment_ms.is_multiple_of(60_000) {
            "%Y-%m-%d %H:%M"
        } else {
            "%Y-%m-%d %H:%M:%S"
        };
        match self.zoned(moment_ms) {
            Some(moment) => format!("{} {}", moment.strftime(form), self.zone_name),
            None => format!("{moment_ms} ms"),
        }
    }

    fn zoned(&self, moment_ms: u64) -> Option<Zoned> {
        let moment = Timestamp::from_millisecond(i64::try_from(moment_ms).ok()?).ok()?;
        Some(moment.to_zoned(self.zone.clone()))
    }
}
