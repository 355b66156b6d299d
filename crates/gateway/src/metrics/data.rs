//! How a service's data is looked after: the age of its backups, and what came of the last drill.
//!
//! Moments are told as such, in seconds since the Unix epoch, as is usual: an age is `time() - ...`, and goes on growing
//! when nobody makes backups any more.

use portcullis_api::data::{ContinuousStanding, DataStanding};

use super::exposition::{Exposition, Kind};

/// The families about a service's data. What never was has no series, so that its absence can be seen.
pub(super) fn data(text: &mut Exposition, service: &str, standing: &DataStanding) {
    let service = ("service", service);
    let name = "portcullis_backup_verified_time_seconds";
    let help =
        "The moment whose data the newest verified backup has, in seconds since the Unix epoch.";
    text.family(Kind::Gauge, name, help);
    if let Some(verified) = &standing.verified {
        text.number(&[service], seconds(verified.created_ms));
    }
    let name = "portcullis_recovery_point_time_seconds";
    let help = "Up to when the data could be put back if it were lost now, by a verified backup or by continuous archives, \
                in seconds since the Unix epoch.";
    text.family(Kind::Gauge, name, help);
    if let Some(point) = &standing.recovery_point {
        text.number(&[service, ("from", &point.from)], seconds(point.time_ms));
    }
    let name = "portcullis_backup_write_pause_seconds";
    let help = "For how long writes were kept waiting for the last backup for which they were.";
    text.family(Kind::Gauge, name, help);
    if let Some(paused_ms) = standing.last_pause_ms {
        text.number(&[service], seconds(paused_ms));
    }
    let name = "portcullis_schedule_troubles";
    let help = "Schedules whose last run was not done.";
    text.family(Kind::Gauge, name, help);
    text.whole(&[service], standing.troubles.len() as u64);
    let drill = standing.drill.as_ref();
    let name = "portcullis_drill_time_seconds";
    let help = "When the last drill began, in seconds since the Unix epoch.";
    text.family(Kind::Gauge, name, help);
    if let Some(drill) = drill {
        text.number(&[service], seconds(drill.began_ms));
    }
    let name = "portcullis_drill_verdict";
    let help = "1 for the verdict of the last drill.";
    text.family(Kind::Gauge, name, help);
    if let Some(drill) = drill {
        for verdict in ["passed", "failed", "could_not_run"] {
            let labels = [service, ("verdict", verdict)];
            text.whole(&labels, u64::from(drill.verdict == verdict));
        }
    }
    let name = "portcullis_drill_rto_seconds";
    let help = "The time to recover that the last drill measured.";
    text.family(Kind::Gauge, name, help);
    if let Some(rto_ms) = drill.and_then(|drill| drill.rto_ms) {
        text.number(&[service], seconds(rto_ms));
    }
    let name = "portcullis_drill_rpo_seconds";
    let help = "The age of the data that a loss would have cost when the last drill began.";
    text.family(Kind::Gauge, name, help);
    if let Some(rpo_ms) = drill.and_then(|drill| drill.rpo_ms) {
        text.number(&[service], seconds(rpo_ms));
    }
    continuous(text, service.1, &standing.continuous);
}

/// The families about archives from which any moment can be recovered to.
fn continuous(text: &mut Exposition, service: &str, archives: &[ContinuousStanding]) {
    type Value = fn(&ContinuousStanding) -> Option<f64>;
    let families: [(&str, &str, Value); 5] = [
        (
            "portcullis_continuous_receiving",
            "Whether the write-ahead log of a store's server is being received.",
            |archive| Some(f64::from(u8::from(archive.receiving))),
        ),
        (
            "portcullis_continuous_received_time_seconds",
            "Everything that was committed until then is in the archive, in seconds since the Unix epoch.",
            |archive| archive.received_until_ms.map(seconds),
        ),
        (
            "portcullis_continuous_recoverable_from_time_seconds",
            "The first moment that can be recovered to, in seconds since the Unix epoch.",
            |archive| {
                archive
                    .recoverable
                    .first()
                    .map(|range| seconds(range.from_ms))
            },
        ),
        (
            "portcullis_continuous_base_time_seconds",
            "When the newest copy of the cluster was complete, in seconds since the Unix epoch.",
            |archive| archive.base_ms.map(seconds),
        ),
        (
            "portcullis_continuous_slot_kept_bytes",
            "How much write-ahead log the server keeps for the replication slot.",
            |archive| archive.slot_kept_bytes.map(|bytes| bytes as f64),
        ),
    ];
    for (name, help, value) in families {
        text.family(Kind::Gauge, name, help);
        for archive in archives {
            if let Some(value) = value(archive) {
                text.number(&[("service", service), ("store", &archive.store)], value);
            }
        }
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}
