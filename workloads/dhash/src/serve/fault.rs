//! Misbehaviour on demand, for rehearsing how a rollout deals with a bad release.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const RATE_DEFAULT: f64 = 0.05;
const DELAY_MS_DEFAULT: u64 = 250;
const CRASH_AFTER_DEFAULT: u64 = 150;
const CORRUPT_AFTER_DEFAULT: u64 = 100;

/// What the service does wrong. `/health` stays healthy under all of them, as it often does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// This share of `/hash` and `/lookup` answers is a 500, evenly spaced.
    Errors {
        /// From 0.0 to 1.0.
        rate: f64,
    },
    /// Every `/hash` and `/lookup` answer comes this much later.
    Latency {
        /// How much later.
        delay: Duration,
    },
    /// The process aborts at the request after this many.
    Crash {
        /// `/hash` and `/lookup` requests served before.
        after: u64,
    },
    /// The library file is overwritten with wrong hashes under its old digest after this many
    /// requests, and look-ups answer from them.
    Corrupt {
        /// `/hash` and `/lookup` requests served before.
        after: u64,
    },
}

/// The text does not name a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a fault: expected none, errors[:RATE], latency[:MILLISECONDS], \
     crash[:REQUESTS] or corrupt[:REQUESTS], with a rate from 0.0 to 1.0"
)]
pub struct FaultError {
    /// The text that was given.
    pub text: String,
}

impl Fault {
    /// Whether the answer to this request (counted from 0) is an error. The errors are evenly
    /// spaced, so that any window of requests has its share of them.
    pub(super) fn fails(self, request: u64) -> bool {
        let Self::Errors { rate } = self else {
            return false;
        };
        let failed = |requests: u64| (requests as f64 * rate).floor();
        failed(request + 1) > failed(request)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, value) = match text.split_once(':') {
            Some((kind, value)) => (kind, Some(value)),
            None => (text, None),
        };
        let wrong = || FaultError {
            text: text.to_owned(),
        };
        let number = |default| {
            value.map_or(Ok(default), |value| {
                value.parse::<u64>().map_err(|_| wrong())
            })
        };
        match kind {
            "none" if value.is_none() => Ok(Self::None),
            "errors" => {
                let rate = value
                    .map_or(Ok(RATE_DEFAULT), str::parse)
                    .map_err(|_| wrong())?;
                if (0.0..=1.0).contains(&rate) {
                    Ok(Self::Errors { rate })
                } else {
                    Err(wrong())
                }
            }
            "latency" => Ok(Self::Latency {
                delay: Duration::from_millis(number(DELAY_MS_DEFAULT)?),
            }),
            "crash" => Ok(Self::Crash {
                after: number(CRASH_AFTER_DEFAULT)?,
            }),
            "corrupt" => Ok(Self::Corrupt {
                after: number(CORRUPT_AFTER_DEFAULT)?,
            }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::Errors { rate } => write!(formatter, "errors:{rate}"),
            Self::Latency { delay } => write!(formatter, "latency:{}", delay.as_millis()),
            Self::Crash { after } => write!(formatter, "crash:{after}"),
            Self::Corrupt { after } => write!(formatter, "corrupt:{after}"),
        }
    }
}

#[cfg(test)]
mod tests;
