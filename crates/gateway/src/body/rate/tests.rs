use super::*;

#[test]
fn a_client_that_trickles_is_too_slow_once_it_was_waited_for_long_enough() {
    let mut rate = BodyRate::default();
    for number in 0..19 {
        rate.wait(number * 500);
        // Asked again, and still nothing.
        rate.wait(number * 500 + 200);
        assert!(!rate.came((number + 1) * 500, 4, 100), "{number}");
    }
    rate.wait(9_500);
    assert!(rate.came(10_000, 4, 100));
}

#[test]
fn a_client_that_sends_enough_is_measured_anew_in_every_window() {
    let mut rate = BodyRate::default();
    rate.wait(0);
    assert!(!rate.came(10_000, 1_000, 100));
    // What came before does not count for this one.
    rate.wait(10_000);
    assert!(rate.came(20_000, 999, 100));
}

#[test]
fn time_in_which_the_client_is_not_waited_for_does_not_count() {
    let mut rate = BodyRate::default();
    for number in 0..100 {
        // The arm takes a minute for each piece, and the next one is there already.
        assert!(!rate.came(number * 60_000, 1, 100));
    }
    rate.wait(6_000_000);
    assert!(
        !rate.came(6_003_000, 1, 100),
        "three seconds are too few to tell"
    );
    assert!(!rate.came(9_000_000, 1, 100));
}
