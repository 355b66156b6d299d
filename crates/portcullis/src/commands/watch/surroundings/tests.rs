use super::*;

#[test]
fn colours_in_a_log_are_not_shown() {
    let line = "\x1b[2m12:00\x1b[0m \x1b[32mINFO\x1b[0m ready \x1b";
    assert_eq!(without_escapes(line), "12:00 INFO ready \x1b");
}
