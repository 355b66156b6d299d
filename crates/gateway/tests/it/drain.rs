//! Removed arms and a stopping gateway finish what they began.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use portcullis_gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, arm, settings, until};
use crate::service::Service;

#[tokio::test]
async fn a_removed_arm_keeps_its_requests_until_they_end() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start();
    rig.split(&arm("1.0", &old), None, 0).await;
    let mut answer = rig.get("/sse").await;
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 0\n\n");
    rig.split(&arm("1.1", &new), None, 0).await;
    assert_eq!(rig.get("/who").await.text().await.unwrap(), "new");
    assert_eq!(
        rig.arm("1.0").await.in_flight,
        1,
        "which is what retiring waits for"
    );
    old.seen.gate.add_permits(3);
    assert_eq!(answer.text().await.unwrap(), "data: 1\n\ndata: 2\n\n");
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 0));
}

#[tokio::test]
async fn idle_connections_to_a_removed_arm_are_closed() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start();
    rig.split(&arm("1.0", &old), None, 0).await;
    for _ in 0..5 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");
    }
    rig.split(&arm("1.1", &new), None, 0).await;
    // Sooner than an idle connection is closed anyway.
    let closed = until("the connections are closed", || {
        old.seen.open_connections.load(SeqCst) == 0
    });
    let in_time = tokio::time::timeout(Duration::from_secs(3), closed).await;
    assert!(in_time.is_ok(), "a removed arm keeps no idle connection");
    let checks = old.seen.checks.load(SeqCst);
    rig.arm_when("1.1", |arm| arm.health.passed > 5).await;
    assert_eq!(
        old.seen.checks.load(SeqCst),
        checks,
        "nor is a removed arm checked"
    );
}

#[tokio::test]
async fn stopping_waits_for_requests_and_closes_connections() {
    let service = Service::start("old");
    let mut rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut idle = TcpStream::connect(rig.listen).await.unwrap();
    let url = rig.url("/slow");
    let client = rig.client.clone();
    let slow = tokio::spawn(async move { client.get(url).send().await.unwrap() });
    rig.arm_when("1.0", |arm| arm.in_flight == 1).await;
    let mut gateway = rig.gateway.take().unwrap();
    // The idle client below may be slow on a busy machine: it has all the time.
    gateway.retire(Duration::from_secs(20), Duration::from_secs(20));
    let stopping = tokio::spawn(gateway.stop(Duration::from_secs(20)));
    // Once new connections are refused, the gateway drains.
    loop {
        match TcpStream::connect(rig.listen).await {
            Err(_) => break,
            Ok(_) => tokio::task::yield_now().await,
        }
    }
    idle.write_all(b"GET /who HTTP/1.1\r\nHost: shop\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    idle.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n"),
        "a kept-alive client is served: {answer}"
    );
    assert!(
        answer.contains("connection: close\r\n"),
        "and told to come back elsewhere: {answer}"
    );
    assert!(!stopping.is_finished());
    service.seen.gate.add_permits(1);
    let answer = slow.await.unwrap();
    assert_eq!(answer.headers()["connection"], "close");
    assert_eq!(answer.text().await.unwrap(), "at last");
    assert_eq!(stopping.await.unwrap(), 0, "nothing was cut off");
}

#[tokio::test]
async fn stopping_serves_every_connection_that_waits_in_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    // Held, so that nothing is accepted before the stop.
    let settings = settings(folder.path().join("splits.json"));
    let gateway = Gateway::start_held(settings, Vec::new()).unwrap();
    let mut clients = Vec::new();
    for _ in 0..600 {
        let mut client = TcpStream::connect(gateway.listen_address()).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n";
        client.write_all(request).await.unwrap();
        clients.push(client);
    }
    let stopping = tokio::spawn(gateway.stop(Duration::from_secs(20)));
    for (number, mut client) in clients.into_iter().enumerate() {
        let mut answer = String::new();
        let read = client.read_to_string(&mut answer).await;
        assert!(read.is_ok(), "client {number}: {read:?}");
        let unrouted = answer.starts_with("HTTP/1.1 503 ");
        assert!(unrouted, "client {number}: {answer}");
    }
    assert_eq!(stopping.await.unwrap(), 0);
}

#[tokio::test]
async fn stopping_cuts_what_takes_too_long() {
    let service = Service::start("old");
    let mut rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let answer = rig.get("/sse").await;
    rig.arm_when("1.0", |arm| arm.in_flight == 1).await;
    assert_eq!(rig.stop(Duration::from_millis(100)).await, 1);
    assert!(answer.text().await.is_err());
}

#[tokio::test]
async fn stopping_does_not_wait_for_idle_clients() {
    let service = Service::start("old");
    let mut rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut used = TcpStream::connect(rig.listen).await.unwrap();
    used.write_all(b"GET /who HTTP/1.1\r\nHost: shop\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"old") {
        assert!(used.read_buf(&mut answer).await.unwrap() > 0);
    }
    let mut unused = TcpStream::connect(rig.listen).await.unwrap();
    let stopping = tokio::time::timeout(Duration::from_secs(10), rig.stop(Duration::from_secs(60)));
    assert_eq!(stopping.await, Ok(0));
    for stream in [&mut used, &mut unused] {
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }
}
