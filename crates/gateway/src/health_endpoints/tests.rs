use super::*;

fn ready(accepting: bool, draining: bool, routes: Vec<(&str, Behind)>) -> HealthAnswer {
    readyz(&Readiness {
        accepting,
        draining,
        routes,
    })
}

#[test]
fn who_answers_is_alive() {
    let alive = healthz(61_500);
    assert_eq!(alive.status, StatusCode::OK);
    assert_eq!(alive.body, r#"{"status":"alive","uptime_s":61}"#);
}

#[test]
fn ready_needs_something_healthy_behind_every_route() {
    let good = vec![("api", Behind::Healthy), ("old", Behind::Gateway)];
    let answer = ready(true, false, good.clone());
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.body,
        r#"{"status":"ready","accepting":true,"draining":false,"routes":2,"routes_not_ready":0}"#
    );
    for (behind, reason) in [
        (Behind::NoRelease, "no release was put into service yet"),
        (Behind::Unhealthy, "no server is healthy"),
    ] {
        let mut routes = good.clone();
        routes.push(("chat \"x\"", behind));
        let answer = ready(true, false, routes);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body["status"], "not_ready");
        assert_eq!(body["not_ready"][0]["route"], "chat \"x\"");
        assert_eq!(body["not_ready"][0]["reason"], reason);
    }
}

#[test]
fn who_drains_or_does_not_accept_is_not_ready() {
    for (accepting, draining) in [(false, false), (true, true), (false, true)] {
        let answer = ready(accepting, draining, Vec::new());
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(ready(true, false, Vec::new()).status, StatusCode::OK);
}

#[test]
fn a_thousand_routes_do_not_make_a_long_answer() {
    let routes = vec![("r", Behind::Unhealthy); 1000];
    let answer = ready(true, false, routes);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body["routes_not_ready"], 1000);
    assert_eq!(body["not_ready"].as_array().map(Vec::len), Some(20));
}
