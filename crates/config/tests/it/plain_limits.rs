//! The rules as they stand of `examples/plain-limits`: what sends a release back, in each environment.

use std::path::Path;

use portcullis_analysis::{Analysis, Cadence, HealthSample, Sample, Tally, Verdict};
use portcullis_config::load_environment;

fn gate(environment: Option<&str>) -> Analysis {
    let file = "../../examples/plain-limits/portcullis.toml";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let config =
        load_environment(&file, environment).unwrap_or_else(|problems| panic!("{problems}"));
    config.analysis
}

/// A gate that is measured at its own pace.
struct Watched {
    analysis: Analysis,
    tally: Tally,
    at_ms: u64,
}

impl Watched {
    fn new(environment: Option<&str>) -> Watched {
        let analysis = gate(environment);
        Watched {
            tally: Tally::new(&analysis),
            analysis,
            at_ms: 0,
        }
    }

    /// One measurement with these figures and so many failed checks in a row.
    fn measure(&mut self, figures: [f64; 3], failures: u32) -> Verdict {
        let from_ms = self.at_ms;
        self.at_ms += self.analysis.interval_ms_after(from_ms);
        let names = ["failures", "hash-time", "queue"].map(str::to_owned);
        let sample = Sample {
            from_ms,
            to_ms: self.at_ms,
            health: Some(HealthSample {
                passed: u32::from(failures == 0),
                failed: u32::from(failures > 0),
                consecutive_failures: failures,
                ..HealthSample::default()
            }),
            metrics: names.into_iter().zip(figures).collect(),
            ..Sample::default()
        };
        self.tally.observe(&self.analysis, &sample);
        self.tally.judge(&self.analysis).verdict
    }

    /// The last of so many measurements.
    fn many(&mut self, count: u32, figures: [f64; 3]) -> Verdict {
        let measure = |_, _| self.measure(figures, 0);
        (0..count).fold(Verdict::Undecided, measure)
    }
}

const WELL: [f64; 3] = [1.0, 100.0, 10.0];

#[test]
fn each_environment_has_its_duration_and_its_pace() {
    let paces = [
        (None, 60, 30, 120),
        (Some("staging"), 30, 30, 60),
        (Some("canary"), 15, 15, 30),
    ];
    for (environment, minutes, first_s, then_s) in paces {
        let analysis = gate(environment);
        assert_eq!(analysis.problems(), []);
        assert_eq!(analysis.window_ms, minutes * 60_000, "{environment:?}");
        assert_eq!(analysis.interval_ms, first_s * 1000, "{environment:?}");
        let later = Cadence {
            after_ms: 300_000,
            interval_ms: then_s * 1000,
        };
        assert_eq!(analysis.cadence, [later], "{environment:?}");
        assert_eq!(analysis.rules.len(), 4);
    }
}

#[test]
fn a_release_that_stays_well_passes_after_the_whole_time() {
    let mut production = Watched::new(None);
    // 5 minutes every 30 s and 55 minutes every 2 minutes.
    assert_eq!(production.many(10 + 27, WELL), Verdict::Undecided);
    assert_eq!(production.measure(WELL, 0), Verdict::Pass);
    assert_eq!(production.at_ms, 3_660_000);
}

#[test]
fn so_many_failed_checks_in_a_row_send_it_back() {
    for (environment, needed) in [(None, 2), (Some("staging"), 3), (Some("canary"), 1)] {
        let mut watched = Watched::new(environment);
        for failures in 1..needed {
            assert_eq!(
                watched.measure(WELL, failures),
                Verdict::Undecided,
                "{environment:?}"
            );
        }
        assert_eq!(
            watched.measure(WELL, needed),
            Verdict::Fail,
            "{environment:?}"
        );
    }
}

#[test]
fn the_mean_of_a_rate_over_its_minutes_sends_it_back() {
    let limits = [(None, 5.0), (Some("staging"), 8.0), (Some("canary"), 2.0)];
    for (environment, limit) in limits {
        let mut watched = Watched::new(environment);
        assert_eq!(watched.many(3, [limit, 100.0, 10.0]), Verdict::Undecided);
        assert_eq!(watched.many(1, [limit + 0.1, 100.0, 10.0]), Verdict::Fail);
    }
    // 7.63 % in production, and one look above the limit among many below it is none.
    let mut production = Watched::new(None);
    assert_eq!(production.many(9, WELL), Verdict::Undecided);
    assert_eq!(production.many(1, [7.63, 100.0, 10.0]), Verdict::Undecided);
    assert_eq!(
        Watched::new(None).many(1, [7.63, 100.0, 10.0]),
        Verdict::Fail
    );
}

#[test]
fn the_percentile_over_its_minutes_sends_it_back() {
    let limits = [
        (None, 2000.0),
        (Some("staging"), 3000.0),
        (Some("canary"), 1500.0),
    ];
    for (environment, limit) in limits {
        assert_eq!(
            Watched::new(environment).many(2, [1.0, limit, 10.0]),
            Verdict::Undecided
        );
        assert_eq!(
            Watched::new(environment).many(2, [1.0, limit + 1.0, 10.0]),
            Verdict::Fail
        );
    }
}

#[test]
fn the_latest_length_of_the_queue_sends_it_back() {
    let queue = |environment, length| Watched::new(environment).many(1, [1.0, 100.0, length]);
    assert_eq!(queue(None, 1018.0), Verdict::Fail);
    assert_eq!(queue(None, 1000.0), Verdict::Undecided);
    assert_eq!(queue(Some("staging"), 1018.0), Verdict::Undecided);
    assert_eq!(queue(Some("canary"), 501.0), Verdict::Fail);
}
