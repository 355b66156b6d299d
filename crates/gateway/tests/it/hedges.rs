//! What counts against a server whose request was also sent to another one.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::StatusCode;

use crate::raw::{RawServer, ok};
use crate::rig::Rig;
use crate::ways::{patient_way_to, upstream, with_upstream};

/// A server that does `answer` a while after each request; nothing is a broken connection.
async fn after(pause_ms: u64, answer: &'static str) -> RawServer {
    RawServer::start(move |_, mut connection| async move {
        connection.head().await?;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        connection.send(answer).await
    })
    .await
}

/// The status of a hedged request, and the failures of both servers.
async fn hedged(first: &RawServer, second: &RawServer) -> (StatusCode, [u64; 2]) {
    let mut way = patient_way_to("api", 2);
    way.retries.hedge_after_ms = Some(10);
    let servers = upstream("api", &[first.address, second.address]);
    let rig = Rig::start_with(|settings| {
        with_upstream(way, servers)(settings);
        settings.observe.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
    });
    let status = rig.get("/").await.status();
    assert_eq!((first.heads(), second.heads()), (1, 1), "it was hedged");
    let metrics = rig.gateway.as_ref().unwrap().metrics_address().unwrap();
    let told = rig.client.get(format!("http://{metrics}/metrics")).send();
    let told = told.await.unwrap().text().await.unwrap();
    let failures = |server: SocketAddr| {
        let mut lines = told.lines().filter(|line| {
            line.starts_with("portcullis_upstream_failures_total{")
                && line.contains(&server.to_string())
        });
        let line = lines.next().unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    (status, [failures(first.address), failures(second.address)])
}

#[tokio::test]
async fn whoever_of_two_hedged_servers_fails_is_charged_and_nobody_else() {
    let good = ok("good").leak();
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    for (first, second, status, failures) in [
        ((60, ""), (150, &*good), 200, [1, 0]),
        ((150, good), (60, ""), 200, [0, 1]),
        ((60, ""), (150, ""), 502, [1, 1]),
        ((150, ""), (60, ""), 502, [1, 1]),
        ((60, ""), (150, BUSY), 503, [1, 1]),
        // One that is only slower did nothing wrong.
        ((600, good), (60, good), 200, [0, 0]),
    ] {
        let (one, other) = (
            after(first.0, first.1).await,
            after(second.0, second.1).await,
        );
        let told = hedged(&one, &other).await;
        let expected = (StatusCode::from_u16(status).unwrap(), failures);
        assert_eq!(told, expected, "{first:?} {second:?}");
    }
}
