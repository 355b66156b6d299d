use super::{backoff_ms, renewal_at_ms};

const DAY_MS: u64 = 86_400_000;

#[test]
fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
    let at = renewal_at_ms(100 * DAY_MS, 190 * DAY_MS, 100 * DAY_MS, 101 * DAY_MS);
    assert_eq!(at, 160 * DAY_MS);
    let at = renewal_at_ms(100 * DAY_MS, 106 * DAY_MS, 100 * DAY_MS, 101 * DAY_MS);
    assert_eq!(at, 104 * DAY_MS);
}

#[test]
fn a_clock_that_is_ahead_does_not_order_one_certificate_after_the_other() {
    // It came on day 300 by our clock, and expired on day 190.
    let at = renewal_at_ms(100 * DAY_MS, 190 * DAY_MS, 300 * DAY_MS, 300 * DAY_MS);
    assert_eq!(at, 330 * DAY_MS);
}

#[test]
fn a_clock_that_was_ahead_does_not_put_off_the_renewal() {
    let at = renewal_at_ms(100 * DAY_MS, 190 * DAY_MS, 900 * DAY_MS, 120 * DAY_MS);
    assert_eq!(at, 160 * DAY_MS);
}

#[test]
fn failures_are_followed_by_longer_and_longer_pauses() {
    let minutes: Vec<u64> = (1..=9).map(|n| backoff_ms(n) / 60_000).collect();
    assert_eq!(minutes, [5, 10, 20, 40, 80, 160, 320, 360, 360]);
    assert_eq!(backoff_ms(u32::MAX), 6 * 60 * 60_000);
    assert_eq!(backoff_ms(0), 5 * 60_000);
}
