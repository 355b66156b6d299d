//! From many measurements to the few figures that are printed.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

/// Measurements in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    sorted_ms: Vec<f64>,
}

impl Spread {
    /// The spread of these measurements.
    pub fn new(mut measured_ms: Vec<f64>) -> Spread {
        measured_ms.sort_by(f64::total_cmp);
        Spread {
            sorted_ms: measured_ms,
        }
    }

    /// The spread of the numbers in a JSON list.
    pub fn of(list: &Value) -> Result<Spread> {
        let list = list.as_array().context("a list of numbers is missing")?;
        Ok(Spread::new(list.iter().filter_map(Value::as_f64).collect()))
    }

    /// The value that the share `quantile` (0..=1) of the measurements did not exceed, by nearest rank.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.sorted_ms.len() as f64).ceil() as usize;
        let at = rank.clamp(1, self.sorted_ms.len().max(1)) - 1;
        self.sorted_ms.get(at).copied().unwrap_or(f64::NAN)
    }

    /// How many measurements there are.
    pub fn count(&self) -> usize {
        self.sorted_ms.len()
    }

    /// The largest measurement.
    pub fn max_ms(&self) -> f64 {
        self.quantile_ms(1.0)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms ({} times)",
            self.quantile_ms(0.5),
            self.quantile_ms(0.99),
            self.max_ms(),
            self.sorted_ms.len()
        )
    }
}

/// `met` or `MISSED`, with the target.
pub fn against(value: f64, target: f64, unit: &str) -> String {
    let word = if value <= target { "met" } else { "MISSED" };
    format!("{word}: {value:.1} {unit}, target {target} {unit}")
}

/// The machine's load over the last minute: figures stand beside it, for others may use the machine too.
pub fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
