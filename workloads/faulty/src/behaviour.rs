//! What the service does wrong, as a file says.

use std::path::{Path, PathBuf};

use rand::RngExt;
use rand_distr::{Distribution, LogNormal};
use serde::Deserialize;

/// What the service does wrong; nothing, where the file says nothing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Behaviour {
    /// The share of the requests that are answered with 500, 0..=1.
    pub(crate) errors: f64,
    /// The median of how long answers take, in milliseconds; 0 answers at once.
    pub(crate) median_ms: f64,
    /// The standard deviation of the logarithm of that time; 0 makes all answers take the median.
    pub(crate) spread: f64,
    /// How many times as long answers take.
    pub(crate) slower: f64,
    /// What each request that was served adds to that factor.
    pub(crate) slower_per_request: f64,
    /// Memory that each request keeps, in KiB.
    pub(crate) leak_kib: usize,
    /// The process aborts at the request after this many; 0 for never.
    pub(crate) exit_after: u64,
    /// Users whose requests all fail.
    pub(crate) broken_users: Vec<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            errors: 0.0,
            median_ms: 0.0,
            spread: 0.0,
            slower: 1.0,
            slower_per_request: 0.0,
            leak_kib: 0,
            exit_after: 0,
            broken_users: Vec::new(),
        }
    }
}

/// Why a file does not say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BehaviourError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML with the known keys.
    #[error("{} does not describe a behaviour", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason, with the place.
        #[source]
        source: toml::de::Error,
    },
}

impl Behaviour {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or has something in it that is not known.
    pub(crate) fn read(path: &Path) -> Result<Behaviour, BehaviourError> {
        let text = std::fs::read_to_string(path).map_err(|source| BehaviourError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| BehaviourError::Parse {
            path: path.to_owned(),
            source,
        })
    }

    /// How long the answer takes that comes after so many others, in milliseconds.
    pub(crate) fn takes_ms(&self, served: u64, random: &mut impl RngExt) -> f64 {
        let factor = self.slower + self.slower_per_request * served as f64;
        let times = LogNormal::new(0.0, self.spread.max(0.0));
        let times = times.map_or(1.0, |times| times.sample(random));
        (self.median_ms * factor * times).max(0.0)
    }

    /// Whether a request of this user fails.
    pub(crate) fn fails(&self, user: &str, random: &mut impl RngExt) -> bool {
        self.broken_users.iter().any(|broken| broken == user)
            || random.random_bool(self.errors.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn answers_fail_and_take_as_long_as_the_file_says() {
        let text = "errors = 0.25\nmedian_ms = 100\nspread = 0.6\nslower = 1.5\nbroken_users = [\"anna\"]\n";
        let behaviour: Behaviour = toml::from_str(text).unwrap();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let failed = (0..10_000).filter(|_| behaviour.fails("tom", &mut random));
        let failed = failed.count();
        assert!((2_300..2_700).contains(&failed), "{failed}");
        assert!(behaviour.fails("anna", &mut random));
        let mut times: Vec<f64> = (0..10_001)
            .map(|_| behaviour.takes_ms(0, &mut random))
            .collect();
        times.sort_by(f64::total_cmp);
        assert!((140.0..160.0).contains(&times[5_000]), "{}", times[5_000]);
        // The p95 of this distribution is exp(0.6 * 1.645) medians.
        assert!((385.0..420.0).contains(&times[9_500]), "{}", times[9_500]);
    }

    #[test]
    fn a_leak_makes_answers_slower_with_each_one_and_a_typing_error_is_refused() {
        let behaviour: Behaviour =
            toml::from_str("median_ms = 10\nslower_per_request = 0.01\n").unwrap();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        assert!((behaviour.takes_ms(0, &mut random) - 10.0).abs() < 1e-9);
        assert!((behaviour.takes_ms(100, &mut random) - 20.0).abs() < 1e-9);
        assert!(toml::from_str::<Behaviour>("error = 0.1").is_err());
    }
}
