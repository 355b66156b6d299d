//! Distances between measurements, in a gate and after it.

use portcullis_analysis::Cadence;
use portcullis_rollout::KeepWarm;

use crate::Code;
use crate::raw::{RawCadence, RawService};
use crate::report::{Report, Wrong};
use crate::units::duration_text;

/// The later distances between measurements, in ascending order of time.
pub(super) fn of_gate(
    raw: &[RawCadence],
    window_ms: Option<u64>,
    report: &Report<'_>,
) -> Vec<Cadence> {
    let window_ms = window_ms.unwrap_or(u64::MAX);
    let window = duration_text(window_ms);
    let words = [
        format!("the window is over after {window}, before this begins"),
        "a longer window, or an earlier moment".to_owned(),
        format!("the window ({window}) is shorter"),
    ];
    ascending(raw, window_ms, &words, report)
}

/// How long the old release is kept warm, and how often the new one is measured meanwhile.
pub(in crate::validate) fn keep_warm(raw: &RawService, report: &Report<'_>) -> KeepWarm {
    let window_ms = raw.keep_warm_ms;
    let window = duration_text(window_ms);
    let words = [
        format!("the old release is kept warm for {window}, so this never begins"),
        "a longer `keep_warm`, or an earlier moment".to_owned(),
        format!("the old release is kept warm for {window} only"),
    ];
    KeepWarm {
        window_ms,
        cadence: ascending(&raw.keep_warm_cadence, window_ms, &words, report),
    }
}

/// All of them; `words` say that one begins too late, what helps, and that a distance is too long.
fn ascending(
    raw: &[RawCadence],
    window_ms: u64,
    [late, help, long]: &[String; 3],
    report: &Report<'_>,
) -> Vec<Cadence> {
    let mut cadence: Vec<Cadence> = Vec::new();
    for later in raw {
        let (Some(after), Some(interval)) = (&later.after_ms, &later.interval_ms) else {
            continue;
        };
        // A default has no place of its own in the file.
        let spot = if after.given {
            &after.spot
        } else {
            &interval.spot
        };
        if cadence
            .last()
            .is_some_and(|last| last.after_ms >= after.value)
        {
            let message = "this begins no later than the one before it";
            let hint = "write them in the order of time";
            report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
        }
        if after.value >= window_ms {
            let wrong = Wrong::new(Code::Contradiction, late.as_str());
            report.add(spot, wrong.hint(help.as_str()));
        } else if interval.value > window_ms {
            let wrong = Wrong::new(Code::Contradiction, long.as_str());
            report.add(&interval.spot, wrong);
        }
        cadence.push(Cadence {
            after_ms: after.value,
            interval_ms: interval.value,
        });
    }
    cadence
}
