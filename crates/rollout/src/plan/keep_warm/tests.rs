use super::*;

const MINUTE: u64 = 60_000;

fn gates() -> Analysis {
    let tolerated = Bound {
        ratio: 1.5,
        margin: 0.0,
    };
    let matters = Bound {
        ratio: 2.0,
        margin: 0.0,
    };
    let mut breaker = Rule::new(Signal::ErrorRate, Test::Limit { max: 0.5 });
    breaker.breaker = true;
    let figure = Signal::Metric {
        name: "memory".to_owned(),
    };
    let rules = vec![
        Rule::new(Signal::Latencies, Test::NotWorse { tolerated, matters }),
        breaker,
        Rule::new(figure, Test::Limit { max: 9.0 }),
        Rule::new(Signal::HealthFailures, Test::Limit { max: 2.0 }),
    ];
    Analysis {
        extend_ms: 10 * MINUTE,
        early: true,
        inconclusive: WhenInconclusive::RollBack,
        samples_min: 3,
        ..Analysis::new(rules, MINUTE, 5000)
    }
}

#[test]
fn comparisons_become_warnings_and_breakers_look_at_the_latest_minute() {
    let watch = KeepWarm::lasting(60 * MINUTE).analysis(&gates());
    let tests: Vec<&Test> = watch.rules.iter().map(|rule| &rule.test).collect();
    assert!(tests[0].only_warns());
    assert_eq!(watch.rules[0].signal, Signal::Latency { quantile: 0.95 });
    let breaker = Test::Window {
        reading: Reading::Mean,
        over_ms: MINUTE,
        max: 0.5,
    };
    assert_eq!(*tests[1], breaker);
    assert!(watch.rules[1].breaker);
    assert_eq!(watch.rules[2..], gates().rules[2..]);
    assert_eq!(watch.problems(), []);
}

#[test]
fn the_time_is_neither_extended_nor_cut_short() {
    let watch = KeepWarm::lasting(60 * MINUTE).analysis(&gates());
    assert_eq!(watch.window_ms, 60 * MINUTE);
    assert_eq!((watch.extend_ms, watch.early), (0, false));
    assert_eq!(watch.samples_min, 1);
}

#[test]
fn it_is_measured_as_often_as_a_gate_and_recorded_more_seldom() {
    for (minutes, record_ms) in [(10, 10_000), (60, 60_000), (24 * 60, 60_000), (1, 0)] {
        let warm = KeepWarm::lasting(minutes * MINUTE);
        let watch = warm.analysis(&gates());
        assert_eq!(watch.interval_ms, 5000);
        assert_eq!(warm.record_ms(&watch), record_ms, "{minutes} min");
    }
}

#[test]
fn a_cadence_of_its_own_is_kept_and_each_measurement_recorded() {
    let at = |after_ms, interval_ms| Cadence {
        after_ms,
        interval_ms,
    };
    let warm = KeepWarm {
        window_ms: 60 * MINUTE,
        cadence: vec![at(0, 30_000), at(5 * MINUTE, 2 * MINUTE)],
    };
    let watch = warm.analysis(&gates());
    assert_eq!(watch.interval_ms_after(0), 30_000);
    assert_eq!(watch.interval_ms_after(5 * MINUTE - 1), 30_000);
    assert_eq!(watch.interval_ms_after(5 * MINUTE), 2 * MINUTE);
    assert_eq!(warm.record_ms(&watch), 0);
    assert!(matches!(watch.rules[1].test, Test::Window { over_ms, .. } if over_ms == 2 * MINUTE));

    // That of the gates is followed where there is no other.
    let mut following = gates();
    following.cadence = vec![at(MINUTE / 2, 10_000)];
    let warm = KeepWarm::lasting(10 * MINUTE);
    let watch = warm.analysis(&following);
    assert_eq!(watch.interval_ms_after(MINUTE), 10_000);
    assert_eq!(warm.record_ms(&watch), 0);
}

#[test]
fn nothing_is_longer_than_the_time_itself() {
    let warm = KeepWarm {
        window_ms: 2000,
        cadence: vec![Cadence {
            after_ms: 3000,
            interval_ms: 9000,
        }],
    };
    let watch = warm.analysis(&gates());
    assert_eq!(watch.interval_ms, 2000);
    assert_eq!(watch.cadence, []);
    assert_eq!(watch.problems(), []);
}
