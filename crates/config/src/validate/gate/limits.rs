//! What a rule must satisfy: a fixed limit, a comparison, a stretch of time, a circuit breaker.

use portcullis_analysis::{Bound, Reading, Signal, SignalKind, Test};

use super::{QUANTILE, text};
use crate::Code;
use crate::raw::RawRule;
use crate::report::{At, Report, Spot, Wrong};
use crate::units::{self, Limit};

/// How many times a limit of a share matters, unless the rule says so.
const SHARE_MATTERS: f64 = 2.0;
/// How many times a limit of a time, or a factor of a share, matters.
const RATIO_MATTERS: f64 = 1.5;
/// How many times a factor of a time matters. Times tell much more than errors: so small a difference is
/// shown by a few hundred requests.
const TIME_RATIO_MATTERS: f64 = 1.2;
/// The margin of a share that matters, as a multiple of what is tolerated, and at least: less than a
/// percentage point takes thousands of requests to show.
const MARGIN_MATTERS: (f64, f64) = (3.0, 0.01);
/// The margin of a time that matters, as a multiple of what is tolerated.
const TIME_MARGIN_MATTERS: f64 = 2.0;
/// What matters for a share whose limit is 0: no number of good requests would show less than nothing.
const NOTHING_MATTERS: f64 = 0.005;

/// What the rule must satisfy; `None` when something in it is wrong, which is reported.
pub(super) fn test(
    raw: &RawRule,
    signal: &Signal,
    window_ms: u64,
    report: &Report<'_>,
) -> Option<Test> {
    let comparison = [
        raw.worse_than_stable_by.as_ref().map(|at| &at.spot),
        raw.ratio_max.as_ref().map(|at| &at.spot),
    ];
    let compared = comparison.into_iter().flatten().next();
    match (&raw.max, compared) {
        (Some(max), None) => {
            let good = unfit(raw, signal, false, report);
            let max = convert(max, signal, true, report)?;
            fixed(raw, signal, max, report).filter(|_| good)
        }
        (None, Some(spot)) => {
            let good = unfit(raw, signal, true, report);
            let test = match signal.kind() {
                SignalKind::Figure => beside(raw, signal, window_ms, report),
                _ => compare(raw, signal, spot, report),
            };
            test.filter(|_| good)
        }
        (Some(max), Some(_)) => {
            let message = "a rule has either a fixed limit or a comparison, not both";
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(&max.spot, wrong.hint("write two rules"));
            None
        }
        (None, None) => {
            // A limit that is there but could not be read is already reported.
            if !raw.limit_given {
                let hint = match signal.kind() {
                    SignalKind::Share => "add max = \"1%\" or worse_than_stable_by = \"0.5%\"",
                    SignalKind::Time => "add max = \"250ms\" or worse_than_stable_by = \"20ms\"",
                    SignalKind::Checks => "add max = 2, or whichever number it must not pass",
                    SignalKind::Figure => {
                        "add max = 2, or whichever number it must not pass, or ratio_max = 1.5 to compare it with \
                         the stable release's"
                    }
                };
                let message = "the rule has no limit";
                report.add(&raw.spot, Wrong::new(Code::MissingKey, message).hint(hint));
            }
            None
        }
    }
}

/// Keys that do not go together; false when there are some, which is reported.
fn unfit(raw: &RawRule, signal: &Signal, compared: bool, report: &Report<'_>) -> bool {
    let mut good = true;
    let mut refuse = |spot: Option<&Spot>, message: &str| {
        if let Some(spot) = spot {
            good = false;
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(spot, wrong.hint("remove it"));
        }
    };
    let matters = raw.matters.as_ref().map(|at| &at.spot);
    let matters_by = raw.matters_by.as_ref().map(|at| &at.spot);
    let matters_ratio = raw.matters_ratio.as_ref().map(|at| &at.spot);
    let over = raw.over_ms.as_ref().map(|at| &at.spot);
    let reading = raw.reading.as_ref().map(|at| &at.spot);
    let set = |at: &Option<At<bool>>| at.as_ref().filter(|at| at.value).map(|at| at.spot.clone());
    let (breaker, alone) = (set(&raw.breaker), set(&raw.alone));
    let of_figure = signal.kind() == SignalKind::Figure;
    if compared {
        let fixed = "a circuit breaker has a fixed limit, not a comparison";
        refuse(breaker.as_ref(), fixed);
        let beside = "a comparison needs the stable release beside the new one";
        refuse(alone.as_ref(), beside);
    }
    if compared && of_figure {
        for spot in [matters, matters_by, matters_ratio] {
            refuse(
                spot,
                "a figure is compared as it stands, which needs no evidence",
            );
        }
    } else if compared {
        refuse(
            matters,
            "a comparison has `matters_by` and `matters_ratio` instead",
        );
        refuse(over, "a comparison looks at all that the gate has measured");
    } else {
        refuse(
            matters_by,
            "only a comparison has this key; a fixed limit has `matters`",
        );
        refuse(
            matters_ratio,
            "only a comparison has this key; a fixed limit has `matters`",
        );
    }
    if raw.over_ms.is_none() && !(compared && of_figure) {
        refuse(
            reading,
            "only a rule with `over`, or a comparison of figures, has this key",
        );
    }
    let plain = raw.over_ms.is_some() || breaker.is_some() || !signal.is_of_traffic();
    if plain && !compared {
        refuse(
            matters,
            "a limit that is looked at as it stands needs no evidence",
        );
    }
    if *signal == Signal::HealthFailures {
        refuse(
            over,
            "checks have no stretch of time: they count failures in a row",
        );
    }
    good
}

/// A fixed limit: sequential for traffic, as it stands for everything else.
fn fixed(raw: &RawRule, signal: &Signal, max: f64, report: &Report<'_>) -> Option<Test> {
    if let Some(over) = &raw.over_ms {
        let reading = reading(raw, signal, report)?;
        return Some(Test::Window {
            reading,
            over_ms: over.value,
            max,
        });
    }
    let breaker = raw.breaker.as_ref().is_some_and(|at| at.value);
    if breaker || !signal.is_of_traffic() {
        return Some(Test::Limit { max });
    }
    let share = signal.kind() == SignalKind::Share;
    let matters = match &raw.matters {
        Some(at) => {
            let matters = convert(at, signal, true, report)?;
            if matters <= max {
                let message = format!(
                    "what matters must be above the limit, {}",
                    signal.format(max)
                );
                let hint = "between the two lies what is neither proven good nor proven bad";
                report.add(
                    &at.spot,
                    Wrong::new(Code::Contradiction, message).hint(hint),
                );
                return None;
            }
            matters
        }
        None if share && max == 0.0 => NOTHING_MATTERS,
        // Half of the way to 100 % where twice would be beyond it.
        None if share => (max * SHARE_MATTERS).min((1.0 + max) / 2.0),
        // In whole milliseconds, as a file writes them.
        None => (max * RATIO_MATTERS).round().max(max + 1.0),
    };
    Some(Test::AtMost { max, matters })
}

fn reading(raw: &RawRule, signal: &Signal, report: &Report<'_>) -> Option<Reading> {
    let kind = signal.kind();
    let word = text(raw.reading.as_ref());
    let reading = match word {
        Some("latest") => Reading::Latest,
        Some("mean") => Reading::Mean,
        Some("p50") => Reading::Quantile(0.5),
        Some("p90") => Reading::Quantile(0.9),
        Some("p95") => Reading::Quantile(0.95),
        Some("p99") => Reading::Quantile(0.99),
        _ => match kind {
            SignalKind::Share => Reading::Mean,
            SignalKind::Time => Reading::Quantile(signal.quantile().unwrap_or(QUANTILE)),
            SignalKind::Checks | SignalKind::Figure => Reading::Latest,
        },
    };
    let wrong = match (kind, reading) {
        (SignalKind::Share, Reading::Mean) | (SignalKind::Time, Reading::Quantile(_)) => None,
        (SignalKind::Share, _) => Some("a share of requests has a mean"),
        (SignalKind::Time, _) => Some("times are counted by quantile: p50, p90, p95 or p99"),
        (SignalKind::Checks | SignalKind::Figure, _) => None,
    };
    let (Some(message), Some(at)) = (wrong, &raw.reading) else {
        return Some(reading);
    };
    let wrong = Wrong::new(Code::Contradiction, message);
    report.add(&at.spot, wrong.hint("remove it"));
    None
}

fn compare(raw: &RawRule, signal: &Signal, spot: &Spot, report: &Report<'_>) -> Option<Test> {
    if !signal.is_of_traffic() {
        let message = "only what the gateway counts (errors, times, refusals) and figures can be compared \
                       with the stable release";
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(spot, wrong.hint("give a fixed limit with `max`"));
        return None;
    }
    if raw.comparison_broken {
        return None;
    }
    factor(raw.ratio_max.as_ref(), report)?;
    factor(raw.matters_ratio.as_ref(), report)?;
    let margin = match &raw.worse_than_stable_by {
        Some(at) => convert(at, signal, false, report)?,
        None => 0.0,
    };
    let tolerated = Bound {
        ratio: raw.ratio_max.as_ref().map_or(1.0, |at| at.value),
        margin,
    };
    let matters = Bound {
        ratio: match &raw.matters_ratio {
            Some(at) => at.value,
            None => match signal.kind() {
                SignalKind::Time => tolerated.ratio * TIME_RATIO_MATTERS,
                _ => tolerated.ratio * RATIO_MATTERS,
            },
        },
        margin: match (&raw.matters_by, signal.kind()) {
            (Some(at), _) => convert(at, signal, false, report)?,
            (None, SignalKind::Share) => (margin * MARGIN_MATTERS.0).max(MARGIN_MATTERS.1),
            (None, _) => margin * TIME_MARGIN_MATTERS,
        },
    };
    let beyond =
        matters.ratio >= tolerated.ratio && matters.margin >= margin && matters != tolerated;
    if !beyond {
        let at = raw.matters_by.as_ref().map(|at| &at.spot);
        let at = at.or(raw.matters_ratio.as_ref().map(|at| &at.spot));
        let message = "what matters must be beyond what is tolerated (`ratio_max`, \
                       `worse_than_stable_by`)";
        report.add(at.unwrap_or(spot), Wrong::new(Code::Contradiction, message));
        return None;
    }
    Some(Test::NotWorse { tolerated, matters })
}

/// A figure against the stable release's, as it stands: over the whole window unless the rule says otherwise.
fn beside(raw: &RawRule, signal: &Signal, window_ms: u64, report: &Report<'_>) -> Option<Test> {
    if raw.comparison_broken {
        return None;
    }
    factor(raw.ratio_max.as_ref(), report)?;
    let margin = match &raw.worse_than_stable_by {
        Some(at) => convert(at, signal, false, report)?,
        None => 0.0,
    };
    Some(Test::Beside {
        reading: match &raw.reading {
            Some(_) => reading(raw, signal, report)?,
            None => Reading::Mean,
        },
        over_ms: raw.over_ms.as_ref().map_or(window_ms, |at| at.value),
        tolerated: Bound {
            ratio: raw.ratio_max.as_ref().map_or(1.0, |at| at.value),
            margin,
        },
    })
}

/// A factor is at least 1; `None` when it is not, which is reported.
fn factor(at: Option<&At<f64>>, report: &Report<'_>) -> Option<()> {
    let Some(at) = at.filter(|at| at.value < 1.0) else {
        return Some(());
    };
    let message = format!(
        "expected a factor of at least 1, found the number {}",
        at.value
    );
    let hint = format!(
        "did you mean {}? the canary may be that many times the stable value",
        1.0 + at.value
    );
    let wrong = Wrong::new(Code::BadValue, message);
    report.add(
        &at.spot,
        if at.value > 0.0 {
            wrong.hint(hint)
        } else {
            wrong
        },
    );
    None
}

/// A limit in the signal's unit.
fn convert(at: &At<Limit>, signal: &Signal, fixed: bool, report: &Report<'_>) -> Option<f64> {
    let converted = match signal.kind() {
        SignalKind::Share => units::rate(&at.value),
        SignalKind::Time => units::latency_ms(&at.value).and_then(|ms| {
            if fixed && ms == 0.0 {
                Err(Wrong::new(
                    Code::BadValue,
                    "no answer takes no time; expected more than 0ms",
                ))
            } else {
                Ok(ms)
            }
        }),
        SignalKind::Checks => units::failures(&at.value),
        SignalKind::Figure => units::figure(&at.value),
    };
    match converted {
        Ok(value) => Some(value),
        Err(wrong) => {
            report.add(&at.spot, wrong);
            None
        }
    }
}
