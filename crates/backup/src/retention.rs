//! Which backups are kept: a pure decision, so that what is announced is what is done.
//!
//! A backup is kept when one of these holds, and else removed:
//!
//! 1. it belongs to another service or environment, which has rules of its own;
//! 2. a rollout that is not over may need it, or a way back that is open;
//! 3. it is in use now, which includes being made;
//! 4. a person protected it;
//! 5. it is the newest that was read back in order, or, while none was, the newest that is complete;
//! 6. it is one of the newest [`Keep::last`] complete ones;
//! 7. it is younger than [`Keep::days`] days;
//! 8. it is the newest complete one of its hour, and that hour is one of the newest [`Keep::hourly`] in
//!    which there are backups; the same with days, weeks, months and years.
//!
//! So a service that has a usable backup always keeps one, whatever the numbers and the clock say. A
//! backup that is not complete is of use to nobody but those who look for what went wrong: only the
//! first four rules and its age keep it.
//!
//! Hours without a backup do not count: after a month of silence the last 24 hours in which there were
//! backups are still there. Hours and days are those of UTC, as in the names; weeks are those of ISO 8601,
//! from Monday.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::{BackupName, BackupState, BackupSummary, Protection};

/// The rules, and what they are applied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The service whose backups are looked at.
    pub service: String,
    /// The environment whose backups are looked at.
    pub environment: String,
    /// How many are kept.
    pub keep: Keep,
    /// The names of those that something else needs, each with the reason, as the end of a sentence about it.
    pub needed: Vec<(String, String)>,
    /// The backups that are in use now.
    pub in_use: BTreeSet<String>,
    /// The time now.
    pub now: Timestamp,
}

/// How many backups are kept. What one of the numbers keeps stays; a zero keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// How many of the newest complete ones.
    pub last: u32,
    /// Everything younger than this many days.
    pub days: u32,
    /// The newest of each hour, for so many hours in which there are backups.
    pub hourly: u32,
    /// The newest of each day, for so many days in which there are backups.
    pub daily: u32,
    /// The newest of each week, for so many weeks in which there are backups.
    pub weekly: u32,
    /// The newest of each month, for so many months in which there are backups.
    pub monthly: u32,
    /// The newest of each year, for so many years in which there are backups.
    pub yearly: u32,
}

/// What becomes of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its name.
    pub name: BackupName,
    /// How many bytes its archive has.
    pub bytes: u64,
    /// Whether it stays.
    pub keep: bool,
    /// Why, as the end of a sentence about it.
    pub why: String,
}

/// Decides about every backup of a list, in the order of the list.
#[must_use]
pub fn retention(backups: &[BackupSummary], rules: &Retention) -> Vec<Decision> {
    let ours = |backup: &&BackupSummary| {
        backup.name.service() == rules.service && backup.name.environment() == rules.environment
    };
    let complete = |backup: &&BackupSummary| matches!(backup.state, BackupState::Complete { .. });
    let mut newest: Vec<&BackupSummary> = backups.iter().filter(ours).filter(complete).collect();
    newest.sort_by(|a, b| {
        let by_name = || a.name.as_str().cmp(b.name.as_str());
        b.created_at.cmp(&a.created_at).then_with(by_name)
    });
    let verified = newest.iter().find(|backup| backup.verified);
    let anchor = verified.or(newest.first()).map(|backup| &backup.name);
    let periods = Period::ALL.map(|period| (period, period.kept(&newest, &rules.keep)));
    let decide = |backup: &BackupSummary| {
        let rank = newest.iter().position(|one| one.name == backup.name);
        let kept = if ours(&backup) {
            why_kept(backup, rank, anchor == Some(&backup.name), rules).or_else(|| {
                let mut keeps = periods.iter();
                let kept = keeps.find(|(_, kept)| kept.contains(backup.name.as_str()));
                kept.map(|(period, _)| period.why(&rules.keep))
            })
        } else {
            Some("it belongs to another service or environment".to_owned())
        };
        Decision {
            name: backup.name.clone(),
            bytes: backup.bytes,
            keep: kept.is_some(),
            why: kept.unwrap_or_else(|| why_removed(backup, rank, rules)),
        }
    };
    backups.iter().map(decide).collect()
}

fn why_kept(
    backup: &BackupSummary,
    rank: Option<usize>,
    anchor: bool,
    rules: &Retention,
) -> Option<String> {
    let name = backup.name.as_str();
    if let Some((_, why)) = rules.needed.iter().find(|(needed, _)| needed == name) {
        return Some(why.clone());
    }
    if rules.in_use.contains(name) {
        return Some("it is being made, read or restored now".to_owned());
    }
    if let Some(protection) = &backup.protection {
        let Protection { by, reason, .. } = protection;
        return Some(format!("{by} protected it: {reason}"));
    }
    if anchor {
        return Some(if backup.verified {
            "it is the newest that was read back and verified".to_owned()
        } else {
            "it is the newest, and none was verified yet".to_owned()
        });
    }
    if rank.is_some_and(|rank| rank < rules.keep.last as usize) {
        return Some(match rules.keep.last {
            1 => "it is the newest".to_owned(),
            last => format!("it is one of the newest {last}"),
        });
    }
    let age = rules.now.duration_since(backup.created_at);
    (age < days(rules.keep.days)).then(|| {
        let days = rules.keep.days;
        format!("it is {}, and {days} days are kept", age_words(age))
    })
}

fn why_removed(backup: &BackupSummary, rank: Option<usize>, rules: &Retention) -> String {
    let age = age_words(rules.now.duration_since(backup.created_at));
    match (&backup.state, rank) {
        (BackupState::Complete { .. }, Some(_)) => match rules.keep.last {
            0 => format!("no rule keeps it: it is {age}"),
            1 => format!("no rule keeps it: it is not the newest, and {age}"),
            last => format!("no rule keeps it: it is not one of the newest {last}, and {age}"),
        },
        _ => format!("it cannot be used and is {age}"),
    }
}

/// A stretch of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    /// From the shortest to the longest.
    const ALL: [Period; 5] = [
        Period::Hour,
        Period::Day,
        Period::Week,
        Period::Month,
        Period::Year,
    ];

    /// The names of the newest backup of each of the newest periods, given the backups newest first.
    fn kept<'a>(self, newest: &[&'a BackupSummary], keep: &Keep) -> BTreeSet<&'a str> {
        let mut kept = BTreeSet::new();
        let mut last = None;
        for backup in newest {
            if kept.len() >= self.count(keep) as usize {
                break;
            }
            let this = Some(self.number(backup.created_at));
            if this != last {
                kept.insert(backup.name.as_str());
                last = this;
            }
        }
        kept
    }

    fn count(self, keep: &Keep) -> u32 {
        match self {
            Period::Hour => keep.hourly,
            Period::Day => keep.daily,
            Period::Week => keep.weekly,
            Period::Month => keep.monthly,
            Period::Year => keep.yearly,
        }
    }

    /// Which period of its kind a moment is in: equal for two moments in the same one.
    fn number(self, at: Timestamp) -> (i16, i64) {
        let zoned = at.to_zoned(TimeZone::UTC);
        let date = zoned.date();
        match self {
            Period::Hour => (0, at.as_second().div_euclid(3600)),
            Period::Day => (date.year(), i64::from(date.day_of_year())),
            Period::Week => {
                let week = date.iso_week_date();
                (week.year(), i64::from(week.week()))
            }
            Period::Month => (date.year(), i64::from(date.month())),
            Period::Year => (date.year(), 0),
        }
    }

    fn why(self, keep: &Keep) -> String {
        let (one, several) = match self {
            Period::Hour => ("hour", "hours"),
            Period::Day => ("day", "days"),
            Period::Week => ("week", "weeks"),
            Period::Month => ("month", "months"),
            Period::Year => ("year", "years"),
        };
        match self.count(keep) {
            1 => format!("it is the newest of its {one}, and one of the last {one} is kept"),
            count => format!(
                "it is the newest of its {one}, and one of each of {count} {several} is kept"
            ),
        }
    }
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

fn age_words(age: SignedDuration) -> String {
    match age.as_hours() {
        hours if age.is_negative() || hours < 1 => "less than an hour old".to_owned(),
        1 => "1 hour old".to_owned(),
        hours if hours < 48 => format!("{hours} hours old"),
        hours => format!("{} days old", hours / 24),
    }
}

#[cfg(test)]
mod tests;
