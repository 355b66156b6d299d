//! How a service's data is looked after: the age of its backups, and what came of the last drill.
//!
//! Moments are told as such, in seconds since the Unix epoch, as is usual: an age is `time() - ...`, and goes on growing
//! when nobody makes backups any more.

use portcullis_api::data::DataStanding;

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
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}
