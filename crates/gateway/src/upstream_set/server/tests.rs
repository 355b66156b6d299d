use portcullis_config::UpstreamProtocol;

use super::*;

const HEALTH: HealthConfig = HealthConfig {
    path: String::new(),
    interval_ms: 1,
    timeout_ms: 1,
    unhealthy_after: 2,
    healthy_after: 3,
};

fn server() -> Arc<UpstreamServer> {
    let endpoint = Endpoint::new("127.0.0.1:8080", UpstreamProtocol::Http1, None);
    let server = UpstreamServer::new(endpoint.expect("endpoint"), 2);
    server.set_eject(&EjectConfig {
        failures: 2,
        min_ms: 100,
        max_ms: 1000,
        share_max_percent: 100,
    });
    Arc::new(server)
}

#[test]
fn checks_change_health_only_after_enough_in_a_row() {
    let server = server();
    let fail = || server.record_check(Err("refused".to_owned()), &HEALTH);
    let pass = || server.record_check(Ok(()), &HEALTH);
    assert!(!fail() && !pass() && !fail() && !server.is_unhealthy());
    assert!(fail() && server.is_unhealthy());
    assert!(!pass() && !pass() && !fail() && server.is_unhealthy());
    assert!(!pass() && !pass() && pass() && !server.is_unhealthy());
    assert_eq!(server.last_failure().as_deref(), Some("refused"));
}

#[test]
fn requests_are_counted_by_worker_and_added_up() {
    let server = server();
    let first = server.begin(0);
    let second = server.begin(1);
    assert_eq!((server.in_flight(), server.requests()), (2, 2));
    first.ended(Outcome::Failed, 0);
    second.ended(Outcome::Answered(StatusCode::NOT_FOUND), 0);
    drop((first, second));
    assert_eq!((server.in_flight(), server.failures()), (0, 1));
}

#[test]
fn answers_of_a_server_that_works_do_not_speak_against_it() {
    for status in [200, 404, 429, 500, 501, 505] {
        let status = StatusCode::from_u16(status).expect("status");
        assert!(!Outcome::Answered(status).is_failure(), "{status}");
    }
    for status in [502, 503, 504] {
        let status = StatusCode::from_u16(status).expect("status");
        assert!(Outcome::Answered(status).is_failure(), "{status}");
    }
}

#[test]
fn failures_in_a_row_eject_and_the_time_brings_it_back() {
    let server = server();
    let request = server.begin(0);
    assert_eq!(request.ended(Outcome::Failed, 10), None);
    assert_eq!(request.ended(Outcome::Answered(StatusCode::OK), 11), None);
    assert_eq!(request.ended(Outcome::Failed, 12), None);
    assert_eq!(request.ended(Outcome::Failed, 13), Some(100));
    assert!(server.is_ejected(112) && !server.is_ejected(113));
    assert_eq!(server.ejections(), 1);
    assert_eq!(request.ended(Outcome::Failed, 120), Some(200), "on trial");
    let off = EjectConfig {
        failures: 0,
        min_ms: 1,
        max_ms: 1,
        share_max_percent: 0,
    };
    server.set_eject(&off);
    assert!(!server.is_ejected(121), "turned off");
}
