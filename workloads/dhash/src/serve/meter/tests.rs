use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

#[test]
fn an_empty_window_has_no_figures() {
    let reading = Meter::default().read(clock::instant());
    assert_eq!(reading.samples, 0);
    assert_eq!(
        (reading.average_ms, reading.p95_ms, reading.failures_percent),
        (None, None, None)
    );
}

#[test]
fn figures_are_of_the_successes_and_the_rate_of_all() {
    let (meter, now) = (Meter::default(), clock::instant());
    for number in 1..=20 {
        meter.record(now, MS * number, false);
    }
    for _ in 0..5 {
        meter.record(now, MS * 9999, true);
    }
    let reading = meter.read(now);
    assert_eq!(reading.samples, 25);
    assert_eq!(reading.average_ms, Some(10.5));
    assert_eq!(reading.p95_ms, Some(19.0));
    assert_eq!(reading.failures_percent, Some(20.0));
}

#[test]
fn old_samples_leave_the_window_by_age_and_by_number() {
    let (meter, now) = (Meter::default(), clock::instant());
    meter.record(now, MS, true);
    let later = now + WINDOW_AGE_MAX + MS;
    meter.record(later, MS, false);
    assert_eq!(meter.read(later).failures_percent, Some(0.0));
    for _ in 0..WINDOW_SAMPLES_MAX + 10 {
        meter.record(later, MS * 2, false);
    }
    let reading = meter.read(later);
    assert_eq!(
        (reading.samples, reading.average_ms),
        (WINDOW_SAMPLES_MAX, Some(2.0))
    );
}
