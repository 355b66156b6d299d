use proptest::prelude::*;

use super::*;

const CONFIG: EjectConfig = EjectConfig {
    failures: 3,
    min_ms: 100,
    max_ms: 700,
    share_max_percent: 50,
};

/// Ejects a server that is in and not on trial.
fn eject(ejection: &mut Ejection, now_ms: u64) -> u64 {
    assert_eq!(ejection.failed(now_ms, &CONFIG), None);
    assert_eq!(ejection.failed(now_ms, &CONFIG), None);
    ejection.failed(now_ms, &CONFIG).expect("ejected")
}

#[test]
fn only_failures_in_a_row_eject() {
    let mut ejection = Ejection::default();
    for now_ms in 0..10 {
        assert_eq!(ejection.failed(now_ms, &CONFIG), None);
        assert_eq!(ejection.failed(now_ms, &CONFIG), None);
        assert!(!ejection.is_clean());
        ejection.succeeded(now_ms);
        assert!(ejection.is_clean());
    }
    assert_eq!(eject(&mut ejection, 50), 150);
}

#[test]
fn on_trial_one_failure_ejects_for_twice_as_long_up_to_the_bound() {
    let mut ejection = Ejection::default();
    let mut now_ms = eject(&mut ejection, 0);
    let mut times = Vec::new();
    for _ in 0..5 {
        let until_ms = ejection.failed(now_ms, &CONFIG).expect("ejected");
        times.push(until_ms - now_ms);
        now_ms = until_ms;
    }
    assert_eq!(times, [200, 400, 700, 700, 700]);
}

#[test]
fn answers_that_were_on_their_way_change_nothing() {
    let mut ejection = Ejection::default();
    eject(&mut ejection, 0);
    let before = ejection.clone();
    assert_eq!(ejection.failed(99, &CONFIG), None);
    ejection.succeeded(99);
    assert_eq!(ejection, before);
}

#[test]
fn a_server_that_stayed_in_long_enough_is_forgiven() {
    let mut ejection = Ejection::default();
    let back_ms = eject(&mut ejection, 0);
    ejection.succeeded(back_ms);
    assert_eq!(eject(&mut ejection, back_ms + 50), back_ms + 250, "doubled");
    ejection.succeeded(back_ms + 260);
    ejection.succeeded(back_ms + 460);
    assert!(ejection.is_clean());
    assert_eq!(eject(&mut ejection, back_ms + 500), back_ms + 600);
}

#[test]
fn nothing_is_ejected_when_the_settings_say_so() {
    let never = EjectConfig {
        failures: 0,
        ..CONFIG
    };
    let mut ejection = Ejection::default();
    assert!((0..1000).all(|now_ms| ejection.failed(now_ms, &never).is_none()));
    assert!(ejection.is_clean());
}

proptest! {
    #[test]
    fn times_out_stay_within_the_bounds_and_a_server_always_comes_back(
        steps in prop::collection::vec((0..300u64, any::<bool>()), 0..200),
        min_ms in 1..500u64,
        max_ms in 1..500u64,
        failures in 1..5u32,
    ) {
        let config = EjectConfig { failures, min_ms, max_ms, share_max_percent: 50 };
        let (mut ejection, mut now_ms, mut until_ms) = (Ejection::default(), 0, 0);
        for (pause_ms, good) in steps {
            now_ms += pause_ms;
            if good {
                ejection.succeeded(now_ms);
            } else if let Some(until) = ejection.failed(now_ms, &config) {
                prop_assert!(now_ms >= until_ms, "never while it is out");
                prop_assert!(until - now_ms <= max_ms);
                prop_assert!(until - now_ms >= min_ms.min(max_ms));
                until_ms = until;
            }
        }
    }
}
