//! When backups are made and tried out.

use super::text;
use crate::Code;
use crate::bounds::RUNS_LOOKED_AT;
use crate::config::{
    BackupConfig, DrillConfig, DrilledBackup, DrilledFrom, EncryptionConfig, RetentionConfig,
    Schedule, TooOld,
};
use crate::raw::{RawBackup, RawDrill, RawSchedule};
use crate::report::{At, Report, Wrong};
use crate::units::{cron, duration_text, time_zone};

/// The beginning of 2025: what a file means must not depend on when it is read.
const LOOKED_AT_FROM_MS: u64 = 1_735_689_600_000;

/// The environment whose backups are kept for longer when nobody says for how long. It is also the one of a file that names none.
const PRODUCTION: &str = "production";

/// For how many days its backups are kept, so that what shows itself only with the next but one weekly run can be gone back behind.
const PRODUCTION_DAYS: u32 = 14;

/// For how many days those of every other environment are.
const OTHER_DAYS: u32 = 7;

/// How long backups are kept.
pub(super) fn retention(raw: &RawBackup, environment: &str) -> RetentionConfig {
    let days = match environment {
        PRODUCTION => PRODUCTION_DAYS,
        _ => OTHER_DAYS,
    };
    RetentionConfig {
        keep_last: raw.keep_last,
        keep_days: raw.keep_days.unwrap_or(days),
        keep_hourly: raw.keep_hourly,
        keep_daily: raw.keep_daily,
        keep_weekly: raw.keep_weekly,
        keep_monthly: raw.keep_monthly,
        keep_yearly: raw.keep_yearly,
    }
}

/// `[backup]` but for the rules of retention, encryption and copies.
pub(super) fn backup(raw: &RawBackup, has_stores: bool, report: &Report<'_>) -> BackupConfig {
    let schedule = schedule(&raw.schedule, report);
    if let Some(at) = raw.schedule.cron.as_ref().filter(|_| !has_stores) {
        needs_stores(at, report);
    }
    if let Some(at) = raw.age_max_ms.as_ref().filter(|_| !has_stores) {
        needs_stores(at, report);
    }
    if let Some(at) = raw.too_old.as_ref().filter(|at| at.given)
        && raw.age_max_ms.is_none()
    {
        let message = "`too_old` has no effect without `age_max`";
        let hint = "say how old the last verified backup may be, such as age_max = \"24h\"";
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    let pause = text(raw.pause.as_ref()) == Some("writes");
    if let Some(at) = raw.pause.as_ref().filter(|_| pause && !has_stores) {
        needs_stores(at, report);
    }
    BackupConfig {
        schedule,
        prune: raw.prune,
        age_max_ms: raw.age_max_ms.as_ref().map(|at| at.value),
        too_old: match text(raw.too_old.as_ref()) {
            Some("warn") => TooOld::Warn,
            _ => TooOld::Refuse,
        },
        pause,
        pause_max_ms: raw.pause_max_ms,
        encryption: EncryptionConfig::default(),
        copies: Vec::new(),
    }
}

/// `[drill]`.
pub(super) fn drill(
    raw: &RawDrill,
    (has_stores, has_archives): (bool, bool),
    report: &Report<'_>,
) -> DrillConfig {
    let schedule = schedule(&raw.schedule, report);
    if let Some(spot) = raw.spot.as_ref().filter(|_| raw.given && !has_stores) {
        report.add(spot, no_stores());
    }
    let from = match text(raw.from.as_ref()) {
        Some("archive") => DrilledFrom::Archive,
        _ => DrilledFrom::Backup,
    };
    if let Some(at) = raw
        .from
        .as_ref()
        .filter(|_| from == DrilledFrom::Archive && !has_archives)
    {
        let message = "no store has a continuous archive from which a drill could restore";
        let hint = "write a [store.continuous] table below the [[store]] of a PostgreSQL database, or from = \"backup\"";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&at.spot, wrong);
    }
    DrillConfig {
        schedule,
        from,
        backup: match text(raw.backup.as_ref()) {
            Some("random") => DrilledBackup::Random,
            _ => DrilledBackup::Latest,
        },
        rto_ms: raw.rto_ms,
        rpo_ms: raw.rpo_ms.as_ref().map(|at| at.value),
    }
}

fn needs_stores<T>(at: &At<T>, report: &Report<'_>) {
    report.add(&at.spot, no_stores());
}

fn no_stores() -> Wrong {
    Wrong::new(
        Code::Contradiction,
        "the file has no [[store]], so there is nothing to back up or to restore",
    )
    .hint("declare the data of the service in [[store]]")
}

fn schedule(raw: &RawSchedule, report: &Report<'_>) -> Option<Schedule> {
    let Some(written) = &raw.cron else {
        let spots = [
            raw.time_zone
                .as_ref()
                .map(|at| ("time_zone", at.given, &at.spot)),
            raw.jitter_ms
                .as_ref()
                .map(|at| ("jitter", at.given, &at.spot)),
            raw.catch_up_ms
                .as_ref()
                .map(|at| ("catch_up", at.given, &at.spot)),
        ];
        for (name, given, spot) in spots.into_iter().flatten() {
            if given {
                let message = format!("`{name}` has no effect without `schedule`");
                let hint = "say when, such as schedule = \"15 2 * * *\", or remove it";
                report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
            }
        }
        return None;
    };
    let cron = cron(&written.value).ok()?;
    let zone_name = raw.time_zone.as_ref()?.value.as_str();
    let jitter = raw.jitter_ms.as_ref()?;
    let schedule = Schedule::new(
        (&written.value, cron),
        (zone_name, time_zone(zone_name)?),
        jitter.value,
        raw.catch_up_ms.as_ref()?.value,
    );
    if let Some((shortest_ms, _)) = schedule.pauses_ms(LOOKED_AT_FROM_MS, RUNS_LOOKED_AT)
        && jitter.value >= shortest_ms
    {
        let message = format!(
            "a jitter of {} is as long as the pause between two runs, {}",
            duration_text(jitter.value),
            duration_text(shortest_ms)
        );
        let hint = "a run would be put off until the next one is due: make it shorter";
        report.add(
            &jitter.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    Some(schedule)
}
