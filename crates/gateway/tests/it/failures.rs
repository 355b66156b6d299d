//! What clients get, and what is counted, when an arm or a client fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use portcullis_gateway::TimeoutSettings;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{Rig, arm, release, until};
use crate::service::Service;

fn patient_checks(settings: &mut portcullis_gateway::GatewaySettings) {
    // One check at the beginning and none after it: the data path is on its own.
    settings.services[0].health.interval_ms = 3_600_000;
}

#[tokio::test]
async fn a_canary_that_cannot_be_reached_costs_its_users_nothing() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Rig::start_with(patient_checks);
    rig.split(&arm("1.0", &old), Some(&arm("1.1", &new)), 100)
        .await;
    assert_eq!(rig.get_as("anyone").await, "1.1");
    let address = new.address;
    drop(new);
    until("the canary is gone", || {
        std::net::TcpListener::bind(address).is_ok()
    })
    .await;
    let request = rig
        .client
        .post(rig.url("/echo"))
        .header("x-user", "anyone")
        .body("kept");
    let answer = request.send().await.unwrap();
    assert_eq!(release(&answer), "1.0");
    assert_eq!(
        answer.text().await.unwrap(),
        "kept",
        "the body was not touched by the failure"
    );
    let canary = rig.arm_when("1.1", |arm| arm.requests == 2).await;
    assert_eq!(
        (canary.errors, canary.failed_over, canary.in_flight),
        (1, 1, 0)
    );
    assert_eq!(rig.arm_when("1.0", |arm| arm.requests == 1).await.errors, 0);
}

/// The canary dies under load, with requests on their way: nobody sees a failure to connect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_killed_under_load_costs_only_what_was_sent_to_it() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let rig = Arc::new(Rig::start());
    rig.split(&arm("1.0", &old), Some(&arm("1.1", &new)), 50)
        .await;
    let stop = Arc::new(AtomicBool::new(false));
    let load = (0..8).map(|user| {
        let (rig, stop) = (Arc::clone(&rig), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut good, mut bad) = (0_u64, 0_u64);
            while !stop.load(SeqCst) {
                let user = format!("{user}-{good}");
                let request = rig.client.get(rig.url("/who")).header("x-user", user);
                match request.send().await.unwrap().status() {
                    StatusCode::OK => good += 1,
                    _ => bad += 1,
                }
            }
            (good, bad)
        })
    });
    let load: Vec<_> = load.collect();
    until("the canary serves", || new.requests() > 200).await;
    drop(new);
    rig.arm_when("1.1", |arm| !arm.health.healthy).await;
    let after = old.requests();
    until("the stable arm serves everyone", || {
        old.requests() > after + 200
    })
    .await;
    stop.store(true, SeqCst);
    let (mut good, mut bad) = (0, 0);
    for task in load {
        let (more_good, more_bad) = task.await.unwrap();
        (good, bad) = (good + more_good, bad + more_bad);
    }
    // Eight clients have at most one request each on the canary at the moment it is killed.
    assert!(bad <= 8 && good > 400, "{bad} failed of {}", good + bad);
    let canary = rig.arm("1.1").await;
    assert_eq!(canary.errors, bad + canary.failed_over);
    assert!(canary.failed_over > 0);
}

#[tokio::test]
async fn an_unreachable_stable_arm_is_502_without_internals() {
    let service = Service::start("old");
    let rig = Rig::start_with(patient_checks);
    rig.split(&arm("1.0", &service), None, 0).await;
    let address = service.address;
    drop(service);
    until("the service is gone", || {
        std::net::TcpListener::bind(address).is_ok()
    })
    .await;
    let answer = rig.get("/who").await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let text = answer.text().await.unwrap();
    assert!(text.contains("urn:portcullis:problem:unreachable") && text.contains("request_id"));
    assert!(!text.contains(&address.port().to_string()), "{text}");
    let status = rig.arm_when("1.0", |arm| arm.requests == 1).await;
    assert_eq!(
        (status.errors, status.failed_over, status.by_class[4]),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn an_arm_that_breaks_off_after_the_request_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).await.unwrap();
            if request[..count].starts_with(b"GET /health") {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
            // Anything else: read, and closed without an answer.
        }
    });
    let rig = Rig::start_with(patient_checks);
    let stable = portcullis_api::gateway::Arm {
        release: "1.0".to_owned(),
        address,
    };
    rig.split(&stable, None, 0).await;
    let answer = rig.get("/who").await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["x-portcullis-release"], "1.0");
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("urn:portcullis:problem:broken")
    );
    assert_eq!(rig.arm_when("1.0", |arm| arm.requests == 1).await.errors, 1);
}

#[tokio::test]
async fn an_arm_that_does_not_answer_in_time_is_504() {
    let service = Service::start("old");
    let rig = Rig::start_with(|s| {
        s.services[0].timeouts = TimeoutSettings {
            first_byte_ms: 150,
            ..TimeoutSettings::default()
        };
    });
    rig.split(&arm("1.0", &service), None, 0).await;
    let answer = rig.get("/slow").await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("urn:portcullis:problem:timed-out")
    );
    let status = rig.arm_when("1.0", |arm| arm.requests == 1).await;
    assert_eq!((status.errors, status.in_flight), (1, 0));
    assert!(status.latency.quantile_us(1.0).unwrap() >= 150_000);
}

#[tokio::test]
async fn a_stream_that_pauses_too_long_is_broken_off() {
    let service = Service::start("old");
    let rig = Rig::start_with(|s| {
        s.services[0].timeouts = TimeoutSettings {
            idle_ms: 150,
            ..TimeoutSettings::default()
        };
    });
    rig.split(&arm("1.0", &service), None, 0).await;
    assert!(rig.get("/sse").await.text().await.is_err());
    let status = rig.arm_when("1.0", |arm| arm.requests == 1).await;
    assert_eq!((status.errors, status.by_class[1]), (1, 1));
}

#[tokio::test]
async fn an_arm_that_dies_in_the_middle_of_a_body_is_an_error_for_both() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut answer = rig.get("/break").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "half");
    service.seen.gate.add_permits(1);
    assert!(
        answer.chunk().await.is_err(),
        "a broken body must not look whole"
    );
    let status = rig.arm_when("1.0", |arm| arm.requests == 1).await;
    assert_eq!((status.errors, status.in_flight), (1, 0));
}

#[tokio::test]
async fn a_client_that_goes_away_is_not_the_arms_error() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    // In the middle of an answer.
    let mut answer = rig.get("/sse").await;
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    rig.arm_when("1.0", |arm| arm.requests == 1 && arm.in_flight == 0)
        .await;
    // Before an answer, and in the middle of a request's body.
    for head in [
        "GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n",
        "POST /swallow HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nhalf",
    ] {
        let mut client = TcpStream::connect(rig.listen).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        rig.arm_when("1.0", |arm| arm.in_flight == 1).await;
        drop(client);
        rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
    }
    let status = rig.arm("1.0").await;
    assert_eq!((status.requests, status.errors), (3, 0));
}

/// Also one whose request had a body, however that came: the arm is free long before any timeout.
#[tokio::test]
async fn a_client_that_posted_and_goes_away_frees_the_arm_at_once() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let length = "POST /sse HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n";
    let chunked = "POST /sse HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: [&[&str]; 4] = [
        &[length, "hello"],
        &[chunked, "5\r\nhello\r\n0\r\n\r\n"],
        &[&format!("{length}hello")],
        &[&format!("{chunked}5\r\nhello\r\n0\r\n\r\n")],
    ];
    for pieces in cases {
        let mut client = TcpStream::connect(rig.listen).await.unwrap();
        client.set_nodelay(true).unwrap();
        let requests = service.requests();
        for piece in pieces {
            client.write_all(piece.as_bytes()).await.unwrap();
            until("the head is at the arm", || service.requests() > requests).await;
        }
        let mut answer = Vec::new();
        while !answer.windows(7).any(|bytes| bytes == b"data: 0") {
            assert!(client.read_buf(&mut answer).await.unwrap() > 0);
        }
        assert_eq!(rig.arm("1.0").await.in_flight, 1);
        drop(client);
        let left = std::time::Duration::from_secs(5);
        let free = rig.arm_when("1.0", |arm| arm.in_flight == 0);
        let free = tokio::time::timeout(left, free).await;
        assert!(free.is_ok(), "the arm still answers after {pieces:?}");
    }
    assert_eq!(rig.arm("1.0").await.errors, 0);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.connections_per_address_max = 3);
    rig.split(&arm("1.0", &service), None, 0).await;
    let asked = b"GET /who HTTP/1.1\r\nHost: shop\r\n\r\n";
    let ask = async |stream: &mut TcpStream| {
        let mut answer = vec![0; 1024];
        stream.write_all(asked).await?;
        let count = stream.read(&mut answer).await?;
        Ok::<_, std::io::Error>(count > 0)
    };
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(rig.listen).await.unwrap();
        assert!(ask(&mut stream).await.unwrap());
        open.push(stream);
    }
    let mut more = TcpStream::connect(rig.listen).await.unwrap();
    assert!(!ask(&mut more).await.unwrap_or(false));
    // One that goes makes room for another.
    drop(open.pop());
    let room = async {
        loop {
            let mut stream = TcpStream::connect(rig.listen).await.unwrap();
            if ask(&mut stream).await.unwrap_or(false) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), room)
        .await
        .unwrap();
    assert!(ask(&mut open[0]).await.unwrap());
}

#[tokio::test]
async fn a_body_that_drips_is_refused_and_is_not_the_arms_error() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.body_bytes_per_second_min = 1_000);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut client = TcpStream::connect(rig.listen).await.unwrap();
    let head = b"POST /swallow HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000\r\n\r\n";
    client.write_all(head).await.unwrap();
    let dripping = async {
        while client.write_all(b"drip").await.is_ok() {
            let pause = tokio::time::sleep(Duration::from_millis(500));
            let mut answer = [0; 1024];
            tokio::select! {
                _ = pause => {}
                read = client.read(&mut answer) => {
                    let count = read.unwrap_or(0);
                    return String::from_utf8_lossy(&answer[..count]).into_owned();
                }
            }
        }
        String::new()
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), dripping)
        .await
        .unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
    rig.arm_when("1.0", |arm| {
        arm.in_flight == 0 && arm.requests == 1 && arm.errors == 0
    })
    .await;
}
