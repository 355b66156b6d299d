//! From the parts of a drill to its verdict: pure.

use portcullis_analysis::counted;

use super::report::{
    DrillFrom, DrillPart, DrillReport, DrillVerdict, PartName, PartOutcome, Rpo, Rto,
};

/// The verdict. A drill passes only if every part was held and passed, and every target that is set was measured
/// and met; what was not held, or not measured, shows nothing.
pub(super) fn verdict(parts: &[DrillPart], rto: &Rto, rpo: &Rpo) -> DrillVerdict {
    if parts.iter().any(|part| part.outcome == PartOutcome::Failed) {
        return DrillVerdict::Failed;
    }
    if !is_complete(parts) {
        return DrillVerdict::CouldNotRun;
    }
    let targets = [(rto.target_ms, rto.met), (rpo.target_ms, rpo.met)];
    let set = targets.iter().filter(|(target, _)| target.is_some());
    let mut verdict = DrillVerdict::Passed;
    for (_, met) in set {
        match met {
            Some(true) => {}
            Some(false) => return DrillVerdict::Failed,
            None => verdict = DrillVerdict::CouldNotRun,
        }
    }
    verdict
}

/// Whether every part was held and passed.
pub(super) fn is_complete(parts: &[DrillPart]) -> bool {
    let passed = |name: &PartName| {
        let mut of_name = parts.iter().filter(|part| part.name == *name);
        of_name
            .next()
            .is_some_and(|part| part.outcome == PartOutcome::Passed)
            && of_name.next().is_none()
    };
    PartName::ALL.iter().all(passed)
}

/// Whether a measurement meets its target; exactly as much is still met.
pub(super) fn met(measured_ms: Option<u64>, target_ms: Option<u64>) -> Option<bool> {
    Some(measured_ms? <= target_ms?)
}

/// The verdict in one sentence with its numbers.
pub(super) fn sentence(report: &DrillReport) -> String {
    let what = what(report);
    if let Some(part) = report.ended_at() {
        let of = what.map_or_else(
            || "The drill".to_owned(),
            |what| format!("The drill of {what}"),
        );
        let why = part.why.as_deref().unwrap_or("nobody knows why");
        let (verb, nothing) = match part.outcome {
            PartOutcome::CouldNotRun => ("could not run", ", so it shows nothing"),
            PartOutcome::Failed | PartOutcome::Passed => ("failed", ""),
        };
        return format!("{of} {verb} at {}{nothing}: {why}.", part.name.word());
    }
    let (Some(rto_ms), Some(what)) = (report.rto.measured_ms, what) else {
        return "The drill could not run, so it shows nothing.".to_owned();
    };
    let begin = match report.verdict {
        DrillVerdict::Passed => "The drill passed",
        DrillVerdict::Failed => "The drill failed, because a target was missed",
        DrillVerdict::CouldNotRun => {
            "The drill shows nothing, because a target could not be compared"
        }
    };
    let of_backup = report
        .backup
        .as_ref()
        .and_then(|backup| backup.release.as_deref());
    let release = report.release.as_deref().or(of_backup);
    let release = release.unwrap_or("the release");
    let recovered = compared(rto_ms, report.rto.target_ms, report.rto.met);
    let lost = match report.rpo.measured_ms {
        Some(ms) => {
            let cost = compared(ms, report.rpo.target_ms, report.rpo.met);
            let by = match (&report.rpo.by, report.from) {
                // The backup that was drilled is named already.
                (Some(by), DrillFrom::Archive) => format!(", by {by}"),
                (Some(by), _) if by.contains("archive") => format!(", by {by}"),
                _ => String::new(),
            };
            format!("a loss when the drill began would have cost the data of {cost}{by}")
        }
        None => {
            "there is no verified backup by which to say what a loss would have cost".to_owned()
        }
    };
    format!(
        "{begin}: {what} was restored, and {release} answered rightly on it after {recovered}; {lost}."
    )
}

/// What was tried out, if that was known.
fn what(report: &DrillReport) -> Option<String> {
    let backup = report.backup.as_ref().map(|backup| backup.name.clone());
    if report.archives.is_empty() {
        return backup.filter(|_| report.from == DrillFrom::Backup);
    }
    let stores = report.archives.iter().map(|one| one.store.as_str());
    let stores: Vec<&str> = stores.collect();
    let moments = report
        .archives
        .iter()
        .filter_map(|one| one.complete_until_ms);
    let moment = moments
        .min()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms as i64).ok());
    let until = moment.map_or_else(String::new, |moment| format!(" as of {moment}"));
    let rest = backup.map_or_else(String::new, |backup| {
        format!(", with {backup} for the rest,")
    });
    Some(format!("the archive of {}{until}{rest}", stores.join(", ")))
}

fn compared(ms: u64, target_ms: Option<u64>, met: Option<bool>) -> String {
    let words = span_words(ms);
    match (target_ms, met) {
        (Some(target_ms), Some(false)) => {
            format!(
                "{words} (more than the target of {})",
                span_words(target_ms)
            )
        }
        (Some(target_ms), _) => format!("{words} (target {})", span_words(target_ms)),
        (None, _) => words,
    }
}

/// A span of time as people read it: `820 ms`, `4.2 s`, `12 min 5 s`, `3 h 4 min`, `2 days 5 h`.
#[must_use]
pub fn span_words(ms: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let two = |large: String, rest: u64, unit: &str| match rest {
        0 => large,
        rest => format!("{large} {rest} {unit}"),
    };
    match ms {
        ..SECOND => format!("{ms} ms"),
        SECOND..MINUTE if ms.is_multiple_of(SECOND) => format!("{} s", ms / SECOND),
        SECOND..MINUTE => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        MINUTE..HOUR => two(format!("{} min", ms / MINUTE), ms % MINUTE / SECOND, "s"),
        HOUR..DAY => two(format!("{} h", ms / HOUR), ms % HOUR / MINUTE, "min"),
        DAY.. => two(counted(ms / DAY, "day", "days"), ms % DAY / HOUR, "h"),
    }
}

#[cfg(test)]
mod tests;
