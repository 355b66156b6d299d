//! The one request that is sent again without being counted: it met a kept connection just as the server closed it.

use std::time::Duration;

use portcullis_gateway::GatewaySettings;
use reqwest::{Method, StatusCode};

use crate::raw::{RawConnection, RawServer, ok};
use crate::rig::Rig;
use crate::ways::{upstream, way_to, with_upstream};

/// How a connection ends when its second request is there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    /// At once, without a word.
    AtOnce,
    /// At once, and with a reset.
    Reset,
    /// After work.
    Late,
    /// With these bytes of an answer.
    With(&'static str),
}

/// A server whose connection ends with the request behind `/first`; all others answer.
async fn ends(ending: Ending) -> RawServer {
    RawServer::start(move |_, mut connection| async move {
        let mut has_answered = false;
        loop {
            let head = connection.head().await?;
            if has_answered {
                return end(connection, ending).await;
            }
            has_answered = head.starts_with("GET /first ");
            connection.send(&ok("good")).await?;
        }
    })
    .await
}

async fn end(mut connection: RawConnection, ending: Ending) -> Option<()> {
    match ending {
        Ending::AtOnce => None,
        Ending::Reset => {
            connection.reset();
            None
        }
        Ending::Late => {
            tokio::time::sleep(Duration::from_millis(600)).await;
            None
        }
        Ending::With(bytes) => connection.send(bytes).await,
    }
}

/// The answer to a second request over a kept connection, and how often something was sent.
async fn second(ending: Ending, method: Method) -> (StatusCode, u64) {
    let server = ends(ending).await;
    let rig = Rig::start_with(with_upstream(
        way_to("api"),
        upstream("api", &[server.address]),
    ));
    assert_eq!(rig.get("/first").await.status(), StatusCode::OK);
    let request = rig.client.request(method, rig.url("/second"));
    (request.send().await.unwrap().status(), server.heads())
}

#[tokio::test]
async fn a_request_that_meets_a_kept_connection_as_it_closes_is_sent_over_a_new_one() {
    for ending in [Ending::AtOnce, Ending::Reset] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
            let answer = second(ending, method.clone()).await;
            assert_eq!(answer, (StatusCode::OK, 3), "{ending:?} {method}");
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_breaks_after_work_or_in_an_answer_is_a_failure_like_any_other() {
    for ending in [
        Ending::Late,
        Ending::With("HTTP/1.1 2"),
        Ending::With("HTTP/1.1 100 Continue\r\n\r\n"),
        Ending::With("SSH-2.0-OpenSSH\r\n\r\n"),
    ] {
        for method in [Method::GET, Method::DELETE] {
            let answer = second(ending, method.clone()).await;
            assert_eq!(answer, (StatusCode::BAD_GATEWAY, 2), "{ending:?} {method}");
        }
    }
}

#[tokio::test]
async fn a_post_over_a_kept_connection_that_closes_is_sent_once() {
    for ending in [Ending::AtOnce, Ending::Reset] {
        for method in [Method::POST, Method::PATCH] {
            let answer = second(ending, method.clone()).await;
            assert_eq!(answer, (StatusCode::BAD_GATEWAY, 2), "{ending:?} {method}");
        }
    }
}

#[tokio::test]
async fn what_a_release_broke_off_after_work_is_charged_to_it() {
    for (ending, errors) in [(Ending::AtOnce, 0), (Ending::Late, 1)] {
        let server = ends(ending).await;
        let rig = Rig::start_with(|settings: &mut GatewaySettings| {
            settings.workers = 1;
            settings.services[0].health.interval_ms = 60_000;
        });
        let arm = portcullis_api::gateway::Arm {
            release: "1.0".to_owned(),
            address: server.address.to_string(),
        };
        rig.split(&arm, None, 0).await;
        assert_eq!(rig.get("/first").await.status(), StatusCode::OK);
        rig.get("/second").await;
        let counted = rig.arm_when("1.0", |arm| arm.requests == 2).await;
        assert_eq!(counted.errors, errors, "{ending:?}");
    }
}
