use super::*;
use crate::bounds::{LINES_OF_A_KIND_MAX, LINES_WINDOW_MS};

/// How many of `requests` are written, at one moment.
fn written(limit: &mut LineLimit, kind: (&str, &'static str), requests: u32, now_ms: u64) -> u32 {
    let (route, cause) = kind;
    (0..requests)
        .map(|_| u32::from(limit.may_write(route, cause, now_ms)))
        .sum()
}

fn left_out(route: &str, cause: &'static str, lines: u64) -> LeftOut {
    LeftOut {
        route: route.into(),
        cause,
        lines,
    }
}

#[test]
fn of_a_flood_few_lines_a_second_are_written_and_the_rest_is_told_as_a_number() {
    let mut limit = LineLimit::default();
    let flood = ("api", "unknown-path");
    assert_eq!(written(&mut limit, flood, 1_000, 0), LINES_OF_A_KIND_MAX);
    assert!(limit.take_left_out(LINES_WINDOW_MS - 1).is_empty());
    let most = u64::from(1_000 - LINES_OF_A_KIND_MAX);
    assert_eq!(
        limit.take_left_out(LINES_WINDOW_MS),
        [left_out("api", "unknown-path", most)]
    );
    assert!(limit.is_empty());
    assert!(limit.take_left_out(LINES_WINDOW_MS).is_empty());
}

#[test]
fn a_flood_that_goes_on_is_told_of_every_second_without_anybody_asking() {
    let mut limit = LineLimit::default();
    let flood = ("api", "overloaded");
    for second in 0..3 {
        let now_ms = second * LINES_WINDOW_MS;
        assert_eq!(written(&mut limit, flood, 50, now_ms), LINES_OF_A_KIND_MAX);
    }
    let lines = u64::from(50 - LINES_OF_A_KIND_MAX);
    let told = limit.take_left_out(3 * LINES_WINDOW_MS);
    assert_eq!(told, vec![left_out("api", "overloaded", lines); 3]);
}

#[test]
fn one_kind_takes_no_lines_from_another_and_few_lines_are_all_written() {
    let mut limit = LineLimit::default();
    written(&mut limit, ("api", "unknown-path"), 1_000, 0);
    assert_eq!(written(&mut limit, ("api", "bad-head"), 3, 0), 3);
    assert_eq!(written(&mut limit, ("web", "unknown-path"), 3, 0), 3);
    let told = limit.take_left_out(LINES_WINDOW_MS);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(limit.is_empty(), "what is quiet is forgotten");
}
