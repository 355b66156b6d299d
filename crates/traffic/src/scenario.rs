//! How users ask, and how the two releases answer.

/// Traffic of two arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Requests a second of both arms, above 0; they come independently of each other (Poisson).
    pub requests_per_second: f64,
    /// The weights, one after the other; a gate is open at each.
    pub steps: Vec<Step>,
    /// The share of failed requests of the stable release over time, 0..=1.
    pub error_rate: Curve,
    /// How long answers take; `None` leaves times out, which is much faster.
    pub latency: Option<Latency>,
    /// How the canary differs.
    pub change: Change,
    /// Users who stay with an arm; `None` when each request is routed by chance.
    pub users: Option<Users>,
}

/// One weight of the canary and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The canary's share of requests (of users, where they stay with an arm), above 0 and at most 1.
    pub share: f64,
    /// How long, in milliseconds.
    pub window_ms: u64,
}

/// How the canary differs from the stable release.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// When the difference begins, in milliseconds since the first gate opened.
    pub from_ms: u64,
    /// How many times as many errors it makes, at least 0.
    pub error_factor: f64,
    /// How many times as long its answers take, above 0.
    pub latency_factor: f64,
    /// The share of its answers that take still longer, 0..=1.
    pub slow_share: f64,
    /// How many times as long those take.
    pub slow_factor: f64,
}

impl Change {
    /// No difference at all.
    pub const NONE: Change = Change {
        from_ms: 0,
        error_factor: 1.0,
        latency_factor: 1.0,
        slow_share: 0.0,
        slow_factor: 1.0,
    };
}

/// How long answers take: log-normal, the usual shape of latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// The median in milliseconds, above 0.
    pub median_ms: f64,
    /// The standard deviation of its logarithm, above 0.
    pub sigma: f64,
    /// A factor over time that meets both arms alike, above 0.
    pub factor: Curve,
}

/// Users who ask again and again.
///
/// Some ask far more often than others (Pareto), and errors belong to users: a few have a broken session
/// and see most of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Users {
    /// How many there are, at least 2.
    pub count: u32,
    /// The exponent of the Pareto distribution of how often they ask, above 1; smaller is more uneven.
    pub tail: f64,
    /// The share of users whose sessions are broken, above 0 and at most 1: all errors are theirs, as
    /// far as a request of theirs cannot fail more than every time.
    pub broken: f64,
}

/// A number over time: straight lines between points.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Times in milliseconds, not falling, and values. Two points at one time are a jump.
    points: Vec<(u64, f64)>,
}

impl Curve {
    /// The same number all the time.
    pub fn constant(value: f64) -> Curve {
        Curve {
            points: vec![(0, value)],
        }
    }

    /// Straight lines between these points, whose times do not fall.
    pub fn through(points: impl Into<Vec<(u64, f64)>>) -> Curve {
        Curve {
            points: points.into(),
        }
    }

    /// One value, but another one for a while.
    pub fn incident(usual: f64, from_ms: u64, length_ms: u64, then: f64) -> Curve {
        let to_ms = from_ms + length_ms;
        Curve::through([
            (from_ms, usual),
            (from_ms, then),
            (to_ms, then),
            (to_ms, usual),
        ])
    }

    /// The value at a time.
    pub fn at(&self, ms: u64) -> f64 {
        let next = self.points.partition_point(|(at, _)| *at <= ms);
        match (
            next.checked_sub(1).map(|at| self.points[at]),
            self.points.get(next),
        ) {
            (None, None) => 0.0,
            (Some((_, value)), None) => value,
            (None, Some((_, value))) => *value,
            (Some((from, start)), Some((to, end))) => {
                let share = (ms - from) as f64 / (to - from) as f64;
                start + (end - start) * share
            }
        }
    }

    fn all(&self, good: impl Fn(f64) -> bool) -> bool {
        !self.points.is_empty() && self.points.iter().all(|(_, value)| good(*value))
    }
}

/// Why a scenario cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {expected}")]
pub struct ScenarioProblem {
    /// Which number.
    pub what: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

impl Scenario {
    /// One weight for some time with these rates and no change, no times and no users.
    pub fn new(requests_per_second: f64, share: f64, window_ms: u64, error_rate: f64) -> Scenario {
        Scenario {
            requests_per_second,
            steps: vec![Step { share, window_ms }],
            error_rate: Curve::constant(error_rate),
            latency: None,
            change: Change::NONE,
            users: None,
        }
    }

    /// How long all steps last, in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.steps.iter().map(|step| step.window_ms).sum()
    }

    /// The step at a time, and when it ends; the last one after the end.
    pub(crate) fn step_at(&self, ms: u64) -> (usize, u64) {
        let mut end_ms = 0;
        for (at, step) in self.steps.iter().enumerate() {
            end_ms += step.window_ms;
            if ms < end_ms {
                return (at, end_ms);
            }
        }
        (self.steps.len().saturating_sub(1), end_ms)
    }

    /// The first number that cannot be simulated.
    pub(crate) fn problem(&self) -> Option<ScenarioProblem> {
        let above = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let change = &self.change;
        let latency = self.latency.as_ref();
        let users = self.users.as_ref();
        let wrong = [
            (
                !above(self.requests_per_second),
                "the number of requests a second",
                "above 0",
            ),
            (self.steps.is_empty(), "the number of steps", "at least 1"),
            (
                !self
                    .steps
                    .iter()
                    .all(|step| step.share > 0.0 && step.share <= 1.0),
                "the canary's share",
                "above 0 % and at most 100 %",
            ),
            (
                !self.error_rate.all(share),
                "the error rate",
                "between 0 % and 100 %",
            ),
            (
                !(change.error_factor.is_finite() && change.error_factor >= 0.0),
                "the factor of the errors",
                "at least 0",
            ),
            (
                !above(change.latency_factor) || !above(change.slow_factor),
                "the factor of the latency",
                "above 0",
            ),
            (
                !share(change.slow_share),
                "the share of slow answers",
                "between 0 % and 100 %",
            ),
            (
                latency.is_some_and(|l| {
                    !above(l.median_ms) || !above(l.sigma) || !l.factor.all(above)
                }),
                "the latency",
                "above 0",
            ),
            (
                users.is_some_and(|users| users.count < 2 || users.count > USERS_MAX),
                "the number of users",
                "between 2 and 1,000,000",
            ),
            (
                users.is_some_and(|users| !(users.tail.is_finite() && users.tail > 1.0)),
                "the tail of the users",
                "above 1",
            ),
            (
                users.is_some_and(|users| !(users.broken > 0.0 && users.broken <= 1.0)),
                "the share of broken sessions",
                "above 0 % and at most 100 %",
            ),
        ];
        let first = wrong.into_iter().find(|(is_wrong, _, _)| *is_wrong);
        first.map(|(_, what, expected)| ScenarioProblem { what, expected })
    }
}

/// The most users that are simulated.
const USERS_MAX: u32 = 1_000_000;

#[cfg(test)]
mod tests;
