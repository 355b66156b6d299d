//! The split changes under load and no request is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, arm};
use crate::service::Service;

/// Requests over one kept-alive connection until told to stop; every answer must be a 200.
async fn hammer(rig: Arc<Rig>, stop: Arc<AtomicBool>, served: Arc<AtomicU64>, user: usize) {
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let mut buffer = Vec::new();
    let mut number = 0;
    while !stop.load(SeqCst) {
        let body = match number % 2 {
            0 => format!("GET /who HTTP/1.1\r\nHost: shop\r\nX-User: {user}-{number}\r\n\r\n"),
            _ => format!(
                "POST /echo HTTP/1.1\r\nHost: shop\r\nX-User: {user}\r\nContent-Length: 3\r\n\r\nend"
            ),
        };
        stream.write_all(body.as_bytes()).await.unwrap();
        buffer.clear();
        let end: &[u8] = if number % 2 == 0 { b"same" } else { b"end" };
        while !buffer.ends_with(end) {
            assert!(
                stream.read_buf(&mut buffer).await.unwrap() > 0,
                "the connection was closed"
            );
        }
        let answer = String::from_utf8_lossy(&buffer);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        number += 1;
        served.fetch_add(1, SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_flips_lose_no_request() {
    let (old, new) = (Service::start("same"), Service::start("same"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let rig = Arc::new(Rig::start());
    rig.split(&stable, Some(&canary), 0).await;
    let (stop, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let load: Vec<_> = (0..16)
        .map(|user| tokio::spawn(hammer(Arc::clone(&rig), stop.clone(), served.clone(), user)))
        .collect();
    for round in 0..100 {
        // Every fifth flip takes the canary out altogether and brings it back.
        match round % 5 {
            4 => rig.split(&stable, None, 0).await,
            _ if round % 2 == 0 => rig.split(&stable, Some(&canary), 100).await,
            _ => rig.split(&stable, Some(&canary), 0).await,
        };
        let before = served.load(SeqCst);
        crate::rig::until("the load goes on", || served.load(SeqCst) >= before + 20).await;
    }
    stop.store(true, SeqCst);
    for task in load {
        task.await.unwrap();
    }
    let served = served.load(SeqCst);
    let arms = rig.route().await.arms;
    let counted: u64 = arms.iter().map(|arm| arm.requests).sum();
    assert_eq!(counted, served);
    assert_eq!(arms.iter().map(|arm| arm.errors).sum::<u64>(), 0);
    assert!(
        arms.iter()
            .all(|arm| arm.requests > 100 && arm.in_flight == 0),
        "both arms served"
    );
}
