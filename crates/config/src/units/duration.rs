//! Durations: a whole number and one unit.
//!
//! `250ms`, `8s`, `10m`, `2h`, `1d`; nothing else. Sums (`1m 30s`), fractions (`1.5s`), long names and
//! capital letters are refused with the right spelling as a hint, because in formats that take all of
//! them a slip such as `10M` quietly becomes ten months.

use toml::de::DeValue;

use super::{bad_value, text, wrong_type};
use crate::Code;
use crate::bounds::DURATION_MS_MAX;
use crate::keys::Kind;
use crate::report::Wrong;

/// The units and their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A duration in milliseconds, within what its kind asks for, or else from 1 to seven days.
pub(crate) fn duration_ms(kind: Kind, value: &DeValue<'_>) -> Result<u64, Wrong> {
    let (min_ms, max_ms) = match kind {
        Kind::DurationFrom(min_ms) => (min_ms, DURATION_MS_MAX),
        Kind::DurationWithin(min_ms, max_ms) => (min_ms, max_ms),
        _ => (1, DURATION_MS_MAX),
    };
    if let DeValue::Integer(number) = value {
        let hint = format!("a number needs a unit: did you mean \"{number}s\" or \"{number}ms\"?");
        return Err(wrong_type(kind, value).hint(hint));
    }
    let text = text(kind, value).map_err(|wrong| wrong.maybe(None))?;
    match milliseconds(text) {
        Some(ms) if (min_ms..=max_ms).contains(&ms) => Ok(ms),
        Some(ms) if ms < min_ms && min_ms > 1 => Err(Wrong::new(
            Code::BadValue,
            format!(
                "expected at least {}, found \"{text}\"",
                duration_text(min_ms)
            ),
        )),
        Some(0) => Err(Wrong::new(Code::BadValue, "expected a duration above 0")),
        Some(_) => Err(Wrong::new(
            Code::BadValue,
            format!(
                "expected at most {}, found \"{text}\"; is the unit right?",
                duration_text(max_ms)
            ),
        )),
        None => Err(bad_value(kind, text).maybe(hint(text))),
    }
}

/// The milliseconds of a text such as `250ms`; `None` when it is not a duration or too large to count.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, length_ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*length_ms)
}

/// The text of a duration, with the largest unit that divides it.
pub(crate) fn duration_text(ms: u64) -> String {
    let fits = |(_, length_ms): &&(&str, u64)| ms.is_multiple_of(*length_ms);
    if ms == 0 {
        return "0s".to_owned();
    }
    match UNITS.iter().find(fits) {
        Some((unit, length_ms)) => format!("{}{unit}", ms / length_ms),
        None => format!("{ms}ms"),
    }
}

/// The spelling that was probably meant.
fn hint(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return None;
    }
    if unit.is_empty() {
        return Some(format!(
            "a number needs a unit: did you mean \"{number}s\" or \"{number}ms\"?"
        ));
    }
    let short = match unit.trim().to_lowercase().as_str() {
        "ms" | "msec" | "millis" | "milliseconds" | "millisecond" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    let (_, length_ms) = UNITS.iter().find(|(name, _)| *name == short)?;
    let ms = number.parse::<f64>().ok()? * *length_ms as f64;
    let countable = ms.fract() == 0.0 && (1.0..=DURATION_MS_MAX as f64).contains(&ms);
    countable.then(|| format!("did you mean \"{}\"?", duration_text(ms as u64)))
}
