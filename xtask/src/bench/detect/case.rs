//! Faults that are both simulated and made.

/// Requests a second of both releases.
pub const REQUESTS_PER_SECOND: f64 = 100.0;

/// One fault.
pub struct Case {
    /// In words.
    pub name: &'static str,
    /// How many times as many errors the canary makes.
    error_factor: f64,
    /// How many times as long its answers take.
    latency_factor: f64,
}

/// A release that fails half a percent of its requests and answers in 100 ms in the median, log-normal: what `gate
/// simulate` takes for a usual one.
const ERROR_RATE: f64 = 0.005;
const MEDIAN_MS: f64 = 100.0;
const SPREAD: f64 = 0.6;

/// The releases that are worse.
pub const BAD: [Case; 2] = [
    Case {
        name: "errors x10 (5 %)",
        error_factor: 10.0,
        latency_factor: 1.0,
    },
    Case {
        name: "latency x1.5",
        error_factor: 1.0,
        latency_factor: 1.5,
    },
];

/// A release that is no worse.
pub const GOOD: Case = Case {
    name: "no difference",
    error_factor: 1.0,
    latency_factor: 1.0,
};

impl Case {
    /// What the stable release does.
    pub fn stable() -> String {
        behaviour(1.0, 1.0)
    }

    /// What the canary does.
    pub fn canary(&self) -> String {
        behaviour(self.error_factor, self.latency_factor)
    }

    /// The arguments of `gate simulate` for the same.
    pub fn simulation(&self, runs: u32) -> Vec<String> {
        let words = [
            ("--rps", REQUESTS_PER_SECOND.to_string()),
            ("--error-rate", ERROR_RATE.to_string()),
            ("--factor", self.error_factor.to_string()),
            ("--latency-factor", self.latency_factor.to_string()),
            ("--runs", runs.to_string()),
        ];
        let words = words.into_iter();
        words
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }
}

fn behaviour(error_factor: f64, latency_factor: f64) -> String {
    format!(
        "errors = {}\nmedian_ms = {MEDIAN_MS:?}\nspread = {SPREAD}\nslower = {latency_factor:?}\n",
        ERROR_RATE * error_factor
    )
}
