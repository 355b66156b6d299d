use super::*;

fn status(value: &str) -> Option<GrpcStatus> {
    let value = value.parse().expect("a value");
    GrpcStatus::of(&HeaderMap::from_iter([(
        http::HeaderName::from_static(STATUS_FIELD),
        value,
    )]))
}

#[test]
fn a_call_ends_with_one_of_seventeen_statuses_whatever_a_server_writes() {
    assert_eq!(GrpcStatus::of(&HeaderMap::new()), None);
    for (number, name) in NAMES.iter().enumerate() {
        let status = status(&number.to_string()).expect("a status");
        assert_eq!(usize::from(status.number()), number);
        assert_eq!(status.is_ok(), *name == "OK");
    }
    for odd in [
        "17",
        "255",
        "256",
        "-1",
        "",
        "OK",
        "0x0",
        "14 ",
        "jane@example.org",
    ] {
        assert_eq!(status(odd), Some(GrpcStatus(UNKNOWN)), "{odd}");
    }
}

#[test]
fn the_server_is_to_blame_for_what_it_could_have_done_better() {
    let blamed: Vec<&str> = (0..17)
        .filter(|number| GrpcStatus(*number).is_servers_fault())
        .map(|number| NAMES[usize::from(number)])
        .collect();
    let expected = [
        "UNKNOWN",
        "DEADLINE_EXCEEDED",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
    ];
    assert_eq!(blamed, expected);
}
