use super::*;
use crate::{Change, Curve, Latency, Users};

fn total(scenario: Scenario, seconds: u64) -> Sample {
    let mut simulator = Simulator::new(scenario).unwrap();
    let mut run = simulator.begin(7);
    simulator.measure(&mut run, seconds * 1000)
}

fn is_near(found: f64, expected: f64, by: f64) -> bool {
    (found / expected - 1.0).abs() < by
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let scenario = Scenario {
        users: Some(Users {
            count: 50,
            tail: 1.3,
            broken: 0.1,
        }),
        ..Scenario::new(50.0, 0.2, 60_000, 0.05)
    };
    let mut simulator = Simulator::new(scenario).unwrap();
    let (mut one, mut other) = (simulator.begin(3), simulator.begin(3));
    for _ in 0..5 {
        let sample = simulator.measure(&mut one, 1000);
        assert_eq!(sample, simulator.measure(&mut other, 1000));
    }
    let first = simulator.begin(4);
    assert_ne!(simulator.measure(&mut first.clone(), 9000).canary, {
        let mut later = simulator.begin(5);
        simulator.measure(&mut later, 9000).canary
    });
}

#[test]
fn requests_and_errors_come_as_often_as_was_said() {
    let mut scenario = Scenario::new(1000.0, 0.1, 600_000, 0.02);
    scenario.change.error_factor = 5.0;
    let sample = total(scenario, 600);
    let (canary, stable) = (sample.canary.unwrap(), sample.baseline.unwrap());
    assert!(is_near(canary.requests as f64, 60_000.0, 0.03));
    assert!(is_near(stable.requests as f64, 540_000.0, 0.01));
    assert!(is_near(canary.error_rate().unwrap(), 0.1, 0.05));
    assert!(is_near(stable.error_rate().unwrap(), 0.02, 0.05));
}

#[test]
fn times_are_log_normal_and_changed_at_the_canary_only() {
    let scenario = Scenario {
        latency: Some(Latency {
            median_ms: 100.0,
            sigma: 0.6,
            factor: Curve::constant(1.0),
        }),
        change: Change {
            latency_factor: 1.5,
            ..Change::NONE
        },
        ..Scenario::new(1000.0, 0.5, 600_000, 0.0)
    };
    let sample = total(scenario, 100);
    let p = |arm: &ArmSample, q| arm.latency.quantile_us(q).unwrap() as f64 / 1000.0;
    let (canary, stable) = (sample.canary.unwrap(), sample.baseline.unwrap());
    assert!(is_near(p(&stable, 0.5), 100.0, 0.04));
    assert!(is_near(p(&stable, 0.95), 268.0, 0.04));
    assert!(is_near(p(&canary, 0.95), 402.0, 0.04));
    assert_eq!(stable.latency.count(), stable.requests);
}

#[test]
fn a_user_has_a_first_error_once_and_stays_with_an_arm() {
    let scenario = Scenario {
        users: Some(Users {
            count: 100,
            tail: 1.5,
            broken: 0.1,
        }),
        ..Scenario::new(100.0, 0.3, 600_000, 0.05)
    };
    let mut simulator = Simulator::new(scenario).unwrap();
    let mut run = simulator.begin(1);
    let (mut first, mut errors) = (0, 0);
    for _ in 0..600 {
        let sample = simulator.measure(&mut run, 1000);
        assert_eq!(sample.key_share, Some(0.3));
        for arm in [sample.canary.unwrap(), sample.baseline.unwrap()] {
            first += arm.first_errors.unwrap();
            errors += arm.errors;
        }
    }
    assert!(errors > 2000, "{errors}");
    assert_eq!(first, 10, "each broken session once");
}
