use super::*;

const DAY_S: i64 = 86_400;

fn life(days: i64) -> Life {
    Life {
        file: "shop.pem".to_owned(),
        not_before_s: 0,
        not_after_s: days * DAY_S,
    }
}

fn ms(days: i64) -> u64 {
    (days * DAY_S * 1_000).unsigned_abs()
}

#[test]
fn the_end_of_a_certificate_is_told_in_time_and_once_a_day() {
    // How long it lives, and from which day on its end is told.
    for (days, from) in [(90, 76), (365, 351), (10, 8)] {
        let lives = [life(days)];
        let mut told = EndsTold::default();
        for day in 0..days + 3 {
            let due = told.due(&lives, ms(day) + 1_000).len();
            assert_eq!(due, usize::from(day >= from), "{days} days, day {day}");
            assert!(told.due(&lives, ms(day) + 2_000).is_empty(), "told again");
        }
    }
}

#[test]
fn a_renewed_certificate_is_told_of_anew() {
    let (old, new) = ([life(90)], [life(180)]);
    let mut told = EndsTold::default();
    assert_eq!(told.due(&old, ms(89)).len(), 1);
    assert!(told.due(&new, ms(89)).is_empty());
    assert_eq!(told.due(&old, ms(89)).len(), 1, "the old one came back");
    assert!(told.due(&old, ms(89)).is_empty());
    assert_eq!(told.due(&old, ms(87)).len(), 1, "the clock was set back");
}
