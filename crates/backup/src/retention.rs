//! Which backups are kept: a pure decision, so that what is announced is what is done.
//!
//! A backup is kept when one of these holds, and else removed:
//!
//! 1. it belongs to another service or environment, which has rules of its own;
//! 2. a rollout that is not over may need it;
//! 3. it is in use now, which includes being made;
//! 4. it is the newest that was read back in order, or, while none was, the newest that is complete;
//! 5. it is one of the newest `keep_last` complete ones;
//! 6. it is younger than `keep_days` days.
//!
//! So a service that has a usable backup always keeps one, whatever the numbers and the clock say. A
//! backup that is not complete is of use to nobody but those who look for what went wrong: only the
//! first three rules and its age keep it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::{BackupName, BackupState, BackupSummary};

/// The rules, and what they are applied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The service whose backups are looked at.
    pub service: String,
    /// The environment whose backups are looked at.
    pub environment: String,
    /// How many of the newest complete ones are kept at least.
    pub keep_last: u32,
    /// Everything younger than this many days is kept.
    pub keep_days: u32,
    /// The names that rollouts which are not over may need, each with the rollout's name.
    pub needed: Vec<(String, String)>,
    /// The backups that are in use now.
    pub in_use: BTreeSet<String>,
    /// The time now.
    pub now: Timestamp,
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
    let decide = |backup: &BackupSummary| {
        let rank = newest.iter().position(|one| one.name == backup.name);
        let kept = if ours(&backup) {
            why_kept(backup, rank, anchor == Some(&backup.name), rules)
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
    if let Some((_, rollout)) = rules.needed.iter().find(|(needed, _)| needed == name) {
        return Some(format!("rollout {rollout} is not over and may need it"));
    }
    if rules.in_use.contains(name) {
        return Some("it is being made, read or restored now".to_owned());
    }
    if anchor {
        return Some(if backup.verified {
            "it is the newest that was read back and verified".to_owned()
        } else {
            "it is the newest, and none was verified yet".to_owned()
        });
    }
    if rank.is_some_and(|rank| rank < rules.keep_last as usize) {
        return Some(match rules.keep_last {
            1 => "it is the newest".to_owned(),
            last => format!("it is one of the newest {last}"),
        });
    }
    let age = rules.now.duration_since(backup.created_at);
    (age < days(rules.keep_days)).then(|| {
        let days = rules.keep_days;
        format!("it is {}, and {days} days are kept", age_words(age))
    })
}

fn why_removed(backup: &BackupSummary, rank: Option<usize>, rules: &Retention) -> String {
    let age = age_words(rules.now.duration_since(backup.created_at));
    match (&backup.state, rank) {
        (BackupState::Complete { .. }, Some(_)) => match rules.keep_last {
            0 => format!("no rule keeps it: it is {age}"),
            1 => format!("no rule keeps it: it is not the newest, and {age}"),
            last => format!("no rule keeps it: it is not one of the newest {last}, and {age}"),
        },
        _ => format!("it cannot be used and is {age}"),
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
