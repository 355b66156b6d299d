use super::*;

#[test]
fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
    let line = "4242 (a) b (c)) S 1 4242 4240 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 11 12 13";
    let stat = parse_stat(4242, line).unwrap();
    assert_eq!(
        stat.id,
        ProcessId {
            pid: 4242,
            start_ticks: 98765
        }
    );
    assert_eq!(stat.session, 4240);
    assert!(!stat.ended);
    assert!(parse_stat(4242, &line.replace(" S ", " Z ")).unwrap().ended);
    assert_eq!(parse_stat(4242, "4242 (cut"), None);
}

#[test]
fn this_process_lives_and_another_start_time_does_not() {
    let own = stat(std::process::id() as i32).unwrap();
    assert_eq!(living(own.id), Some(own));
    let other = ProcessId {
        start_ticks: own.id.start_ticks + 1,
        ..own.id
    };
    assert_eq!(living(other), None);
    assert!(!boot_id().unwrap().is_empty());
}
