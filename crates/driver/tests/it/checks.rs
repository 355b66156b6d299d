//! Questions and answers.

use portcullis_driver::{CheckClient, CheckProtocol, Driver, SmokeDriver};
use portcullis_rollout::{Action, Check, Direction, Presence, ReleaseId, SmokeOrder};
use serde_json::json;

use crate::world::{World, fact, free_address, health, op, start};

fn get(path: &str) -> Check {
    Check {
        path: path.to_owned(),
        json: Default::default(),
        ..health("1.0")
    }
}

#[tokio::test]
async fn every_difference_is_told_in_one_sentence() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let checks = CheckClient::new().unwrap();
    let address = &launch.target.address;
    let body_file = world.path("body");
    std::fs::write(&body_file, "some words").unwrap();
    let echo = Check {
        method: "POST".to_owned(),
        body_file: Some(body_file),
        ..get("/echo")
    };

    assert!(checks.run(&health("1.0"), address).await.is_ok());
    let some = Check {
        contains: Some("some".to_owned()),
        ..echo.clone()
    };
    checks.run(&some, address).await.unwrap();
    let json = |pointer: &str, value| Check {
        json: [(pointer.to_owned(), value)].into(),
        ..get("/figures")
    };
    checks
        .run(&json("/queue/low", json!(7.0)), address)
        .await
        .unwrap();

    let cases = [
        (get("/none"), "GET /none answered 404, expected 200"),
        (get("/moved"), "GET /moved answered 302, expected 200"),
        (
            health("1.1"),
            "GET /health: /version is \"1.0\", expected \"1.1\"",
        ),
        (
            json("/queue/high", json!(7)),
            "GET /figures: /queue/high is missing, expected 7",
        ),
        (
            Check {
                contains: Some("other".to_owned()),
                ..echo.clone()
            },
            "POST /echo: the answer does not contain \"other\"",
        ),
        (
            Check {
                timeout_ms: 100,
                ..get("/hang")
            },
            "GET /hang got no answer within 100 ms",
        ),
    ];
    for (check, expected) in cases {
        let failed = checks.run(&check, address).await.unwrap_err();
        assert_eq!(failed.message, expected);
    }
    let failed = checks
        .run(
            &Check {
                json: health("1.0").json,
                ..echo
            },
            address,
        )
        .await
        .unwrap_err();
    assert!(
        failed
            .message
            .starts_with("POST /echo: the answer is not JSON"),
        "{failed:?}"
    );
    assert_eq!(failed.body_excerpt.as_deref(), Some("some words"));
    let nobody = free_address();
    let failed = checks.run(&get("/"), &nobody).await.unwrap_err();
    assert!(
        failed
            .message
            .starts_with(&format!("GET / could not connect to {nobody}: "))
    );
    let gone = Check {
        body_file: Some(world.path("gone")),
        ..get("/")
    };
    let failed = checks.run(&gone, address).await.unwrap_err();
    assert!(failed.message.contains("gone cannot be read"), "{failed:?}");
}

#[tokio::test]
async fn the_first_wrong_answer_fails_a_smoke_step() {
    let world = World::new();
    let launch = world.launch("1.0");
    world.driver.apply(&start(&launch)).await.unwrap();
    let smoke = |checks: Vec<Check>| {
        let address = launch.target.address.clone();
        let order = SmokeOrder {
            release: ReleaseId::new("1.0"),
            address,
            checks,
        };
        op(Direction::Do, Action::Smoke(order))
    };
    let driver = SmokeDriver::new(CheckClient::new().unwrap());
    let good = smoke(vec![health("1.0"), get("/figures")]);
    let facts = driver.apply(&good).await.unwrap();
    assert_eq!(facts.len(), 2);
    assert!(fact(&facts, "GET /figures").starts_with("as expected"));
    assert_eq!(driver.probe(&good).await.presence, Presence::Applied);

    let bad = smoke(vec![health("1.0"), get("/none"), get("/moved")]);
    let failure = driver.apply(&bad).await.unwrap_err();
    assert!(
        failure
            .message
            .ends_with("GET /none answered 404, expected 200"),
        "{failure:?}"
    );
    assert_eq!(fact(&failure.facts, "answer"), "no such path");
    assert_eq!(driver.probe(&bad).await.presence, Presence::Absent);
    assert!(
        !driver.apply(&start(&launch)).await.unwrap_err().retryable,
        "not its action"
    );
}

/// A server of both versions of HTTP, whose health service of gRPC answers this; none has no such service.
async fn grpc_server(state: Option<&'static [u8]>) -> String {
    use axum::extract::Request;
    use axum::response::IntoResponse;
    use axum::routing::{get, post};
    let version = async |request: Request| format!("{:?}", request.version());
    let health = async move |request: Request| {
        assert_eq!(request.version(), axum::http::Version::HTTP_2);
        assert_eq!(request.headers()["content-type"], "application/grpc");
        assert_eq!(request.headers()["te"], "trailers");
        let body = axum::body::to_bytes(request.into_body(), 100)
            .await
            .unwrap();
        assert_eq!(body.as_ref(), [0; 5]);
        match state {
            Some(state) => state.into_response(),
            None => [("grpc-status", "12")].into_response(),
        }
    };
    let routes = axum::Router::new()
        .route("/version", get(version))
        .route(GRPC_HEALTH, post(health));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async { axum::serve(listener, routes).await });
    address
}

const GRPC_HEALTH: &str = "/grpc.health.v1.Health/Check";

#[tokio::test]
async fn releases_are_asked_in_the_protocol_that_they_speak() {
    let serving = grpc_server(Some(&[0, 0, 0, 0, 2, 8, 1])).await;
    for (protocol, wanted) in [
        (CheckProtocol::Http1, "HTTP/1.1"),
        (CheckProtocol::Http2, "HTTP/2.0"),
    ] {
        let checks = CheckClient::speaking(protocol).unwrap();
        let version = Check {
            contains: Some(wanted.to_owned()),
            ..get("/version")
        };
        checks.run(&version, &serving).await.unwrap();
    }
    let checks = CheckClient::speaking(CheckProtocol::Http2).unwrap();
    checks.run(&get(GRPC_HEALTH), &serving).await.unwrap();
    let cases: [(Option<&[u8]>, &str); 3] = [
        (Some(&[0, 0, 0, 0, 2, 8, 2]), "answered NOT_SERVING"),
        (Some(b"<html>"), "answered something else"),
        (None, "gRPC status 12, the server has no health service"),
    ];
    for (state, wanted) in cases {
        let failed = checks
            .run(&get(GRPC_HEALTH), &grpc_server(state).await)
            .await;
        let message = failed.unwrap_err().message;
        assert!(
            message.starts_with("POST /grpc.health.v1.Health/Check answered"),
            "{message}"
        );
        assert!(message.contains(wanted), "{message}");
    }
}
