//! Connections that change their protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, arm};
use crate::service::Service;

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
