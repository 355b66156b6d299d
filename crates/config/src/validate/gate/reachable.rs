//! Whether a gate can ever decide in the time that it has.

use super::text;
use crate::Code;
use crate::raw::{RawGate, RawRule, RawService};
use crate::report::{Report, Wrong};
use crate::units::{self, duration_text};

/// Everything that a gate waits for fits into its time.
pub(super) fn check(raw: &RawGate, service: &RawService, report: &Report<'_>) {
    samples(raw, report);
    for rule in &raw.rules {
        reach(raw, rule, service.keep_warm_ms, report);
        enough(raw, rule, report);
        checks(raw, rule, service, report);
    }
}

/// As many checks as are asked for, and as many failures in a row as a rule bears, can be had: each question is asked once
/// at each measurement.
fn checks(raw: &RawGate, rule: &RawRule, service: &RawService, report: &Report<'_>) {
    let (Some("health"), Some(shortest_ms), Some(window)) =
        (text(rule.signal.as_ref()), shortest_ms(raw), &raw.window_ms)
    else {
        return;
    };
    let holds = text(raw.inconclusive.as_ref()) == Some("hold");
    let extend_ms = raw.extend_ms.as_ref().map_or(0, |at| at.value);
    let open_ms = match holds {
        true => u64::MAX,
        false => window.value.saturating_add(extend_ms),
    };
    // The ready check is asked too.
    let questions = 1 + service.smoke.len() as u64;
    let made = (open_ms / shortest_ms).saturating_mul(questions);
    if let Some(least) = rule.requests_min.filter(|least| *least > made) {
        let message = format!(
            "it asks for {least} checks; there are at most {questions} every {}, so the gate ({}) has at most {made}",
            duration_text(shortest_ms),
            duration_text(open_ms)
        );
        let hint = "a smaller requests_min, a shorter interval, or more time";
        report.add(
            &rule.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    let cadence = service.keep_warm_cadence.iter();
    let warm_ms = cadence.filter_map(|later| later.interval_ms.as_ref());
    let warm_ms = warm_ms.map(|at| at.value).filter(|ms| *ms > 0);
    let warm_ms = warm_ms.fold(shortest_ms, u64::min);
    let in_a_row =
        (window.value.saturating_add(extend_ms) / shortest_ms).max(service.keep_warm_ms / warm_ms);
    let max = rule.max.as_ref();
    let bears = max.and_then(|at| Some((at, units::failures(&at.value).ok()?)));
    if let Some((at, max)) = bears.filter(|(_, max)| *max >= in_a_row as f64) {
        let message = format!(
            "more than {max} failures in a row of one check fail this rule, and a check is asked at most {in_a_row} \
             times: it could never fail"
        );
        let hint = "a smaller max, such as 2, a shorter interval, or more time";
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
}

/// How many measurements there must be: what the file says, else the default or as many as fit into the window.
pub(super) fn samples_min(raw: &RawGate) -> u32 {
    let least = raw.samples_min.as_ref();
    let window_ms = raw.window_ms.as_ref().map(|at| at.value);
    let (Some(least), Some(window_ms), Some(shortest_ms)) = (least, window_ms, shortest_ms(raw))
    else {
        return 1;
    };
    match least.given {
        true => least.value,
        false => {
            let fitting = u32::try_from(window_ms / shortest_ms).unwrap_or(u32::MAX);
            least.value.min(fitting).max(1)
        }
    }
}

/// The shortest time between two measurements.
fn shortest_ms(raw: &RawGate) -> Option<u64> {
    let later = raw.cadence.iter();
    let later = later.filter_map(|later| later.interval_ms.as_ref());
    let all = later.chain(raw.interval_ms.as_ref());
    all.map(|at| at.value).filter(|ms| *ms > 0).min()
}

/// As many measurements as are asked for fit into the window.
fn samples(raw: &RawGate, report: &Report<'_>) {
    let (Some(least), Some(window), Some(interval)) =
        (&raw.samples_min, &raw.window_ms, &raw.interval_ms)
    else {
        return;
    };
    let Some(shortest_ms) = shortest_ms(raw) else {
        return;
    };
    let needed_ms = shortest_ms.saturating_mul(u64::from(least.value));
    if !least.given || interval.value > window.value || needed_ms <= window.value {
        return;
    }
    let message = format!(
        "{} measurements every {} take {}, and the window is {}: it would be over before",
        least.value,
        duration_text(shortest_ms),
        duration_text(needed_ms),
        duration_text(window.value)
    );
    let wrong = Wrong::new(Code::Contradiction, message);
    report.add(
        &least.spot,
        wrong.hint("a longer window, a shorter interval, or fewer measurements"),
    );
}

/// A trailing stretch fits into the time that a gate is open, or into that in which the old release is kept warm: rules
/// are looked at there too.
fn reach(raw: &RawGate, rule: &RawRule, keep_warm_ms: u64, report: &Report<'_>) {
    let (Some(over), Some(window)) = (&rule.over_ms, &raw.window_ms) else {
        return;
    };
    if over.value > window.value.max(keep_warm_ms) {
        let message = format!(
            "this looks back over {}, and the gate's window is {}: it would never have seen so much",
            duration_text(over.value),
            duration_text(window.value)
        );
        let hint = "a longer window, or a shorter stretch";
        report.add(
            &over.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
}

/// How many readings of a figure there are in so many milliseconds: one at each measurement.
pub(super) fn readings(raw: &RawGate, within_ms: u64) -> u64 {
    within_ms / shortest_ms(raw).unwrap_or(1)
}

/// As many readings of a figure as are asked for can be had.
fn enough(raw: &RawGate, rule: &RawRule, report: &Report<'_>) {
    let is_figure = text(rule.signal.as_ref()) == Some("metric");
    let holds = text(raw.inconclusive.as_ref()) == Some("hold");
    let (Some(least), Some(shortest_ms), Some(window)) =
        (rule.requests_min, shortest_ms(raw), &raw.window_ms)
    else {
        return;
    };
    let compares = rule.worse_than_stable_by.is_some() || rule.ratio_max.is_some();
    let (within_ms, what) = match &rule.over_ms {
        Some(over) => (over.value, "stretch that it looks back over"),
        None if compares => (window.value, "window"),
        None => {
            let extend_ms = raw.extend_ms.as_ref().map_or(0, |at| at.value);
            (window.value.saturating_add(extend_ms), "gate")
        }
    };
    // A gate that holds goes on for as long as it takes.
    let waits = holds && rule.over_ms.is_none() && !compares;
    if !is_figure || waits || least <= within_ms / shortest_ms {
        return;
    }
    let message = format!(
        "it asks for {least} readings; there is one every {}, so the {what} ({}) has at most {}",
        duration_text(shortest_ms),
        duration_text(within_ms),
        within_ms / shortest_ms
    );
    let hint = "a smaller requests_min, a shorter interval, or more time";
    report.add(
        &rule.spot,
        Wrong::new(Code::Contradiction, message).hint(hint),
    );
}
