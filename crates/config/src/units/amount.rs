//! Sizes, percentages, and requests per time.

use portcullis_mask::Score;
use toml::de::DeValue;

use super::{bad_value, found, milliseconds, text, wrong_type};
use crate::Code;
use crate::bounds::DURATION_MS_MAX;
use crate::keys::Kind;
use crate::report::Wrong;
use crate::units::duration_text;

/// The units of sizes and their length in bytes, the larger first.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes within the bounds of its kind.
pub(crate) fn bytes(kind: Kind, value: &DeValue<'_>) -> Result<u64, Wrong> {
    let (min, max) = match kind {
        Kind::Bytes(min, max) => (min, max),
        _ => (0, u64::MAX),
    };
    if let DeValue::Integer(number) = value {
        let hint = format!("a number needs a unit: did you mean \"{number}B\" or \"{number}MB\"?");
        return Err(wrong_type(kind, value).hint(hint));
    }
    let text = text(kind, value).map_err(|wrong| wrong.maybe(None))?;
    let (number, unit) = split(text);
    let length = UNITS.iter().find(|(name, _)| *name == unit);
    let size = length.and_then(|(_, length)| number.parse::<u64>().ok()?.checked_mul(*length));
    match size {
        Some(size) if (min..=max).contains(&size) => Ok(size),
        Some(_) => Err(bad_value(kind, text)),
        None => Err(bad_value(kind, text).maybe(bytes_hint(text))),
    }
}

/// The text of a size, with the largest unit that divides it.
pub(crate) fn bytes_text(size: u64) -> String {
    let fits = |(_, length): &&(&str, u64)| size >= *length && size.is_multiple_of(*length);
    match UNITS.iter().find(fits) {
        Some((unit, length)) => format!("{}{unit}", size / length),
        None => format!("{size}B"),
    }
}

/// The spelling that was probably meant.
fn bytes_hint(text: &str) -> Option<String> {
    let (number, unit) = split(text.trim());
    if number.is_empty() || number.parse::<u64>().is_err() {
        return None;
    }
    let unit = match unit.trim().to_lowercase().as_str() {
        "" => {
            return Some(format!(
                "a number needs a unit: did you mean \"{number}B\" or \"{number}MB\"?"
            ));
        }
        "b" | "byte" | "bytes" => "B",
        "k" | "kb" => "KB",
        "m" | "mb" => "MB",
        "g" | "gb" => "GB",
        "ki" | "kib" => "KiB",
        "mi" | "mib" => "MiB",
        "gi" | "gib" => "GiB",
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    (meant != text).then(|| format!("did you mean \"{meant}\"?"))
}

/// The digits at the beginning, and the rest.
fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

/// A whole percentage, from that of its kind to 100.
pub(crate) fn percent(kind: Kind, value: &DeValue<'_>) -> Result<u8, Wrong> {
    let min = match kind {
        Kind::Percent(min) => min,
        _ => 0,
    };
    let near = |percent: f64| {
        let whole = percent.fract() == 0.0 && (f64::from(min)..=100.0).contains(&percent);
        whole.then(|| format!("did you mean \"{percent}%\"?"))
    };
    let written = match value {
        DeValue::String(text) => text,
        DeValue::Integer(number) => {
            let near = number.as_str().parse().ok().and_then(near);
            return Err(wrong_type(kind, value).maybe(near));
        }
        // A fraction of 1.
        DeValue::Float(number) => {
            let share = number.as_str().parse::<f64>().ok();
            let near = share.and_then(|share| near(share * 100.0));
            return Err(wrong_type(kind, value).maybe(near));
        }
        other => return Err(wrong_type(kind, other)),
    };
    let (number, unit) = split(written);
    let percent = number.parse::<u8>().ok().filter(|_| unit == "%");
    percent
        .filter(|percent| (min..=100).contains(percent))
        .ok_or_else(|| {
            let bare = written.trim().trim_end_matches('%').trim_end();
            bad_value(kind, written).maybe(bare.parse().ok().and_then(near))
        })
}

/// Requests in a number of milliseconds: `10/s`, `60/1m`.
pub(crate) fn request_rate(kind: Kind, value: &DeValue<'_>) -> Result<(u32, u64), Wrong> {
    if let DeValue::Integer(_) | DeValue::Float(_) = value {
        let hint = format!(
            "a number needs a time: did you mean \"{number}/s\" or \"{number}/1m\"?",
            number = found(value).trim_start_matches("the number ")
        );
        return Err(wrong_type(kind, value).hint(hint));
    }
    let text = text(kind, value).map_err(|wrong| wrong.maybe(None))?;
    rate_of(text).ok_or_else(|| bad_value(kind, text).maybe(rate_hint(text)))
}

fn rate_of(text: &str) -> Option<(u32, u64)> {
    let (requests, time) = text.split_once('/')?;
    let digits = requests.bytes().all(|byte| byte.is_ascii_digit());
    let requests = requests.parse().ok().filter(|n| digits && *n > 0)?;
    let whole = if time.starts_with(|first: char| first.is_ascii_digit()) {
        milliseconds(time)
    } else {
        milliseconds(&format!("1{time}"))
    };
    let per_ms = whole.filter(|ms| (1..=DURATION_MS_MAX).contains(ms))?;
    Some((requests, per_ms))
}

fn rate_hint(text: &str) -> Option<String> {
    let plain = text.to_lowercase().replace(" per ", "/").replace(' ', "");
    let (requests, time) = plain.split_once('/').unwrap_or((&plain, ""));
    let requests = requests.trim_end_matches(|last: char| !last.is_ascii_digit());
    let time = match time {
        "" => return None,
        "sec" | "second" => "s",
        "min" | "minute" => "m",
        "hour" => "h",
        "day" => "d",
        other => other,
    };
    let meant = format!("{requests}/{time}");
    rate_of(&meant).map(|_| format!("did you mean \"{meant}\"?"))
}

/// The text of requests per time.
pub(crate) fn rate_text(requests: u32, per_ms: u64) -> String {
    format!("{requests}/{}", duration_text(per_ms))
}

/// A duration in whole seconds.
pub(crate) fn seconds(kind: Kind, value: &DeValue<'_>) -> Result<u64, Wrong> {
    let ms = super::duration_ms(kind, value)?;
    if ms % 1_000 != 0 {
        let message = format!("expected whole seconds, found {}", found(value));
        return Err(Wrong::new(Code::BadValue, message));
    }
    Ok(ms / 1_000)
}

/// How sure something is: from 0 to 1, of which two digits count.
pub(crate) fn score(value: &DeValue<'_>) -> Result<Score, Wrong> {
    let kind = Kind::Score;
    let number = super::number(value).map_err(|wrong| wrong_type(kind, value).maybe(wrong.hint))?;
    let hundredths = number * 100.0;
    let wrong = || {
        let message = format!("expected {}, found {}", kind.expected(), found(value));
        Wrong::new(Code::BadValue, message)
    };
    if (0.0..=1.0).contains(&number) {
        let is_whole = (hundredths - hundredths.round()).abs() < 1e-9;
        return match is_whole {
            true => Ok(Score::of(hundredths.round() as u8)),
            false => Err(wrong().hint("write at most two digits after the point")),
        };
    }
    let is_percent = number.fract() == 0.0 && (2.0..=100.0).contains(&number);
    let near = is_percent.then(|| format!("did you mean {}?", number / 100.0));
    Err(wrong().maybe(near))
}
