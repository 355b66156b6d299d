//! Limits of a gate's rule, whose unit depends on the signal.

use toml::de::DeValue;

use super::{found, milliseconds, number, quoted, wrong_type};
use crate::Code;
use crate::bounds::{DURATION_MS_MAX, LATENCY_MS_MAX, QUANTILE_MAX};
use crate::keys::Kind;
use crate::report::Wrong;

/// A limit before it is known of what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Limit {
    /// A number without a unit.
    Number {
        /// The number.
        number: f64,
        /// Whether it was written without a decimal point.
        whole: bool,
    },
    /// A text, such as `1%` or `250ms`.
    Text(String),
}

/// A number or a text.
pub(crate) fn limit(value: &DeValue<'_>) -> Result<Limit, Wrong> {
    match value {
        DeValue::String(text) => Ok(Limit::Text(text.clone().into_owned())),
        DeValue::Integer(_) | DeValue::Float(_) => {
            let whole = value.is_integer();
            let wrong = |_| wrong_type(Kind::Limit, value);
            number(value)
                .map(|number| Limit::Number { number, whole })
                .map_err(wrong)
        }
        other => Err(wrong_type(Kind::Limit, other)),
    }
}

impl Limit {
    /// The limit as a message quotes it.
    pub(crate) fn found(&self) -> String {
        match self {
            // A number of 300 digits is no help.
            Limit::Number { number, .. } if *number != 0.0 && number.abs() < 1e-9 => {
                format!("the number {number:e}")
            }
            Limit::Number { number, .. } => format!("the number {number}"),
            Limit::Text(text) => quoted(text),
        }
    }
}

/// A share of requests from 0 to below 1: a percentage such as `1%`, or a fraction such as `0.01`.
pub(crate) fn rate(limit: &Limit) -> Result<f64, Wrong> {
    let expected = "expected a percentage such as \"1%\" or a fraction such as 0.01";
    let wrong = Wrong::new(
        Code::BadValue,
        format!("{expected}, found {}", limit.found()),
    );
    let all = || {
        let text = format!("expected less than 100%, found {}", limit.found());
        Wrong::new(
            Code::BadValue,
            format!("{text}, which allows every request to fail"),
        )
    };
    match limit {
        Limit::Number { number, .. } if (0.0..1.0).contains(number) => Ok(*number),
        Limit::Number { number, .. } if (1.0..100.0).contains(number) => Err(wrong.hint(format!(
            "did you mean \"{number}%\"? a bare number is a fraction of 1"
        ))),
        Limit::Number { number, .. } if *number >= 100.0 => Err(all()),
        Limit::Number { .. } => Err(wrong),
        Limit::Text(text) => match text.trim().strip_suffix('%').map(str::trim_end) {
            Some(percent) => match percent.parse::<f64>() {
                Ok(percent) if (0.0..100.0).contains(&percent) => Ok(percent / 100.0),
                Ok(percent) if percent >= 100.0 => Err(all()),
                _ => Err(wrong),
            },
            None => {
                let percent = text.trim().parse::<f64>().ok();
                let near = percent.filter(|percent| (1.0..100.0).contains(percent));
                let hint = near.map(|percent| format!("did you mean \"{percent}%\"?"));
                let fraction = percent.filter(|fraction| (0.0..1.0).contains(fraction));
                let bare = fraction.map(|number| format!("write it without quotes: {number}"));
                Err(wrong.maybe(hint.or(bare)))
            }
        },
    }
}

/// A latency in milliseconds, from a duration such as `250ms`. Zero is allowed.
pub(crate) fn latency_ms(limit: &Limit) -> Result<f64, Wrong> {
    let expected = "expected a duration such as \"250ms\"";
    let wrong = || {
        Wrong::new(
            Code::BadValue,
            format!("{expected}, found {}", limit.found()),
        )
    };
    match limit {
        Limit::Number { number, .. } => Err(wrong().hint(format!(
            "a number needs a unit: did you mean \"{number}ms\"?"
        ))),
        Limit::Text(text) => match milliseconds(text) {
            Some(ms) if ms <= LATENCY_MS_MAX => Ok(ms as f64),
            Some(ms) if ms <= DURATION_MS_MAX => {
                let message = format!("expected a time of at most 1h, found {}", limit.found());
                let hint =
                    "no answer takes so long, so the rule could never fail; did you mean ms or s?";
                Err(Wrong::new(Code::BadValue, message).hint(hint))
            }
            _ => {
                let value = DeValue::String(text.as_str().into());
                let hint = super::duration_ms(Kind::Duration, &value)
                    .err()
                    .and_then(|wrong| wrong.hint);
                let message = format!("{expected}, found {}", found(&value));
                Err(Wrong::new(Code::BadValue, message).maybe(hint))
            }
        },
    }
}

/// A quantile above 0 and below 1.
pub(crate) fn quantile(value: &DeValue<'_>) -> Result<f64, Wrong> {
    let expected = "expected a quantile above 0 and below 1, such as 0.95";
    let wrong = |code| Wrong::new(code, format!("{expected}, found {}", found(value)));
    let near = |percent: f64| {
        let meant = (percent > 1.0 && percent < 100.0).then_some(percent / 100.0);
        meant.map(|quantile| format!("did you mean {quantile}?"))
    };
    match number(value) {
        Ok(quantile) if quantile > QUANTILE_MAX && quantile < 1.0 => {
            let message = format!(
                "expected a quantile of at most {QUANTILE_MAX}, found {}",
                found(value)
            );
            let hint = "slower answers are so rare that no gate sees enough of them; 0.99 needs hundreds of requests \
                        already";
            Err(Wrong::new(Code::BadValue, message).hint(hint))
        }
        Ok(quantile) if quantile > 0.0 && quantile < 1.0 => Ok(quantile),
        Ok(other) => Err(wrong(Code::BadValue).maybe(near(other))),
        Err(_) => {
            let digits = value
                .as_str()
                .map(|text| text.trim_matches(['p', 'P', '%', ' ']));
            let meant = digits.and_then(|digits| digits.parse().ok()).and_then(near);
            Err(wrong(Code::WrongType).maybe(meant))
        }
    }
}

/// A number of failed checks in a row.
pub(crate) fn failures(limit: &Limit) -> Result<f64, Wrong> {
    match limit {
        Limit::Number {
            number,
            whole: true,
        } if *number >= 0.0 => Ok(*number),
        other => {
            let message = format!(
                "expected how many checks in a row may fail, a whole number, found {}",
                other.found()
            );
            Err(Wrong::new(Code::BadValue, message).maybe(unquoted(other)))
        }
    }
}

/// A figure of the service.
pub(crate) fn figure(limit: &Limit) -> Result<f64, Wrong> {
    match limit {
        Limit::Number { number, .. } if *number >= 0.0 => Ok(*number),
        other => {
            let message = format!("expected a number of at least 0, found {}", other.found());
            Err(Wrong::new(Code::BadValue, message).maybe(unquoted(other)))
        }
    }
}

fn unquoted(limit: &Limit) -> Option<String> {
    let Limit::Text(text) = limit else {
        return None;
    };
    let number = text
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| *number >= 0.0 && number.is_finite())?;
    Some(format!("write it without quotes: {number}"))
}
