//! Connections that change their protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, arm, until};
use crate::service::Service;
use crate::ways::{way, with_ways};

async fn open(rig: &Rig) -> TcpStream {
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let request =
        "GET /switch HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.unwrap() > 0);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: shout\r\n"));
    assert!(head.contains("x-portcullis-release: 1.0\r\n"));
    stream
}

#[tokio::test]
async fn bytes_pass_both_ways_and_count_as_in_flight() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = open(&rig).await;
    for word in ["hello", "world"] {
        stream.write_all(word.as_bytes()).await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, word.to_uppercase().as_bytes());
    }
    assert_eq!(rig.arm("1.0").await.in_flight, 1);
    drop(stream);
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!(
        (status.requests, status.errors, status.by_class),
        (1, 0, [1, 0, 0, 0, 0])
    );
}

#[tokio::test]
async fn stopping_counts_an_open_tunnel_as_cut_off() {
    let service = Service::start("old");
    let mut rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = open(&rig).await;
    assert_eq!(rig.stop(Duration::from_millis(50)).await, 1);
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

async fn patient_for(idle_ms: u64, service: &Service) -> Rig {
    let rig = Rig::start_with(|settings| settings.services[0].timeouts.idle_ms = idle_ms);
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

#[tokio::test]
async fn a_tunnel_in_which_nobody_speaks_is_closed_and_nobody_is_to_blame() {
    let service = Service::start("old");
    let rig = patient_for(300, &service).await;
    let mut stream = open(&rig).await;
    // What comes now and then keeps it open, for much longer than it may be silent.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"PING");
    }
    let closed = async { stream.read(&mut [0; 8]).await.unwrap_or(0) };
    let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert_eq!(closed.expect("it stays open"), 0);
    let status = rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    assert_eq!((status.requests, status.errors), (1, 0));
    let open = || {
        service
            .seen
            .open_connections
            .load(std::sync::atomic::Ordering::SeqCst)
    };
    until("the arm's side is closed", || open() <= 1).await;
}

/// A time for the whole request is one for the answer, which is over when the tunnel begins.
#[tokio::test]
async fn the_time_for_a_whole_request_does_not_end_a_tunnel() {
    const WHOLE_MS: u64 = 400;
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| {
        let mut way = way("tunnels");
        way.timeouts.whole_ms = Some(WHOLE_MS);
        with_ways(vec![way])(settings);
    });
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = open(&rig).await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(WHOLE_MS / 2)).await;
        stream.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"PING");
    }
    // An answer without an end is ended.
    let endless = rig.get("/sse").await;
    assert!(endless.bytes().await.is_err());
}

/// The system asks whether the other side is there, so that one that is gone without a word is noticed.
#[tokio::test]
async fn connections_of_both_sides_are_kept_alive_by_the_system() {
    let service = Service::start("old");
    let rig = patient_for(20_000, &service).await;
    let mut stream = open(&rig).await;
    stream.write_all(b"a").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    let client = (rig.listen.port(), stream.local_addr().unwrap().port());
    until("the client's side has a timer", || {
        keep_alive_in_s(|own, other| (own, other) == client).contains(&60)
    })
    .await;
    let arm = service.address.port();
    until("the arm's side has a timer", || {
        keep_alive_in_s(|_, other| other == arm).contains(&15)
    })
    .await;
}

/// In how many seconds, rounded up, the system asks on the connections with these ports (proc(5), `net/tcp`).
fn keep_alive_in_s(wanted: impl Fn(u16, u16) -> bool) -> Vec<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let timers = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if !wanted(port(fields[1])?, port(fields[2])?) {
            return None;
        }
        // The kind of the timer, and when it fires, in hundredths of a second.
        let (kind, when) = fields[5].split_once(':')?;
        let when = u64::from_str_radix(when, 16).ok()?;
        (kind == "02").then_some(when.div_ceil(100))
    });
    timers.collect()
}
