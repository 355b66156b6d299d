//! A number out of a JSON document, and whether the document is fresh.

use portcullis_rollout::Freshness;
use serde_json::Value;

use super::{Missing, number};
use crate::clock::wall_ms;

/// Unix seconds above this would be in the year 5138, so the number is in milliseconds.
const SECONDS_MAX: f64 = 1e11;

pub(super) fn figure(
    document: &Value,
    pointer: &str,
    fresh: Option<&Freshness>,
) -> Result<f64, Missing> {
    if let Some(fresh) = fresh {
        is_fresh(document, fresh, wall_ms())?;
    }
    let found = document
        .pointer(pointer)
        .ok_or_else(|| format!("{pointer} is missing in the document"))?;
    number(found).map_err(|why| format!("{pointer}: {why}"))
}

fn is_fresh(document: &Value, fresh: &Freshness, now_ms: u64) -> Result<(), Missing> {
    let Freshness {
        pointer,
        max_age_ms,
    } = fresh;
    let found = document
        .pointer(pointer)
        .ok_or_else(|| format!("{pointer}, the document's moment, is missing"))?;
    let at_ms = moment_ms(found).ok_or_else(|| {
        format!("{pointer} is no moment: expected Unix seconds, milliseconds or RFC 3339")
    })?;
    let age_ms = now_ms.saturating_sub(at_ms);
    if age_ms > *max_age_ms {
        return Err(format!(
            "stale: the document is {} s old, at most {} s are allowed",
            age_ms / 1000,
            max_age_ms / 1000
        ));
    }
    Ok(())
}

/// Milliseconds since the Unix epoch.
fn moment_ms(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => return of_number(number.as_f64()?),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    match text.parse::<f64>() {
        Ok(number) => of_number(number),
        Err(_) => {
            let at: jiff::Timestamp = text.parse().ok()?;
            u64::try_from(at.as_millisecond()).ok()
        }
    }
}

fn of_number(number: f64) -> Option<u64> {
    if !(number.is_finite() && number >= 0.0) {
        return None;
    }
    let ms = if number < SECONDS_MAX {
        number * 1000.0
    } else {
        number
    };
    Some(ms as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_read_in_three_forms() {
        for (value, expected) in [
            (json!(1_700_000_000), Some(1_700_000_000_000)),
            (json!(1_700_000_000.5), Some(1_700_000_000_500)),
            (json!(1_700_000_000_123_u64), Some(1_700_000_000_123)),
            (json!("1700000000"), Some(1_700_000_000_000)),
            (json!("2023-11-14T22:13:20Z"), Some(1_700_000_000_000)),
            (json!("yesterday"), None),
            (json!(-1), None),
            (json!(null), None),
        ] {
            assert_eq!(moment_ms(&value), expected, "{value}");
        }
    }

    #[test]
    fn an_old_document_is_no_data_and_a_fresh_one_is() {
        let fresh = Freshness {
            pointer: "/timestamp".to_owned(),
            max_age_ms: 60_000,
        };
        let document = json!({"timestamp": 1_700_000_000});
        assert_eq!(is_fresh(&document, &fresh, 1_700_000_060_000), Ok(()));
        // A clock that is behind makes nothing stale.
        assert_eq!(is_fresh(&document, &fresh, 1_699_999_000_000), Ok(()));
        let why = is_fresh(&document, &fresh, 1_700_000_061_000).unwrap_err();
        assert_eq!(
            why,
            "stale: the document is 61 s old, at most 60 s are allowed"
        );
        let why = is_fresh(&json!({}), &fresh, 0).unwrap_err();
        assert!(why.contains("is missing"), "{why}");
    }
}
