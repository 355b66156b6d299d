//! Requests whose length or shape is ambiguous are refused, and no second request hides in them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Rig, arm};
use crate::service::Service;

/// Requests that two servers could read in two ways, or that no server should accept.
const AMBIGUOUS: [(&str, &str); 19] = [
    (
        "both lengths",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\
         Host: shop\r\n\r\n",
    ),
    (
        "both, the other way",
        "POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\
         Content-Length: 4\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n",
    ),
    (
        "both, in odd case",
        "POST /a HTTP/1.1\r\nHost: shop\r\ncOnTeNt-LeNgTh: 4\r\n\
         tRANSFER-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\
         Host: shop\r\n\r\n",
    ),
    (
        "two lengths",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n\
         abcd",
    ),
    (
        "a list of lengths",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 3, 4\r\n\r\nabcd",
    ),
    (
        "a signed length",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: +4\r\n\r\nabcd",
    ),
    (
        "a negative length",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: -4\r\n\r\nabcd",
    ),
    (
        "a huge length",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 99999999999999999999\r\n\r\n\
         abcd",
    ),
    (
        "chunked is not last",
        "POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\
         \r\n",
    ),
    (
        "an unknown coding",
        "POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked in HTTP/1.0",
        "POST /a HTTP/1.0\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "space before the colon",
        "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length : 4\r\n\r\nabcd",
    ),
    (
        "a folded line",
        "POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\
         \r\n",
    ),
    (
        "a bare carriage return",
        "GET /a HTTP/1.1\r\nHost: shop\r\nX: a\rContent-Length: 4\r\n\r\n",
    ),
    (
        "a zero byte",
        "GET /a HTTP/1.1\r\nHost: shop\r\nX: a\0b\r\n\r\n",
    ),
    ("no host", "GET /a HTTP/1.1\r\n\r\n"),
    (
        "two hosts",
        "GET /a HTTP/1.1\r\nHost: shop\r\nHost: other\r\n\r\n",
    ),
    (
        "a host with a path",
        "GET /a HTTP/1.1\r\nHost: shop/evil\r\n\r\n",
    ),
    (
        "a user in the target",
        "GET http://a@shop/a HTTP/1.1\r\nHost: shop\r\n\r\n",
    ),
];

/// Sends raw bytes and reads all that comes back until the gateway closes.
async fn exchange(rig: &Rig, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end as well: the gateway closed without reading the rest.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn ambiguous_requests_are_400_and_reach_no_arm() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    for (name, bytes) in AMBIGUOUS {
        let answer = exchange(&rig, bytes.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{name}: {answer}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{name}: one answer only: {answer}"
        );
        assert_eq!(service.requests(), 0, "{name} reached the arm");
    }
    let both = exchange(&rig, AMBIGUOUS[0].1.as_bytes()).await;
    assert!(
        both.contains("urn:portcullis:problem:ambiguous-length"),
        "{both}"
    );
    assert!(both.contains("connection: close\r\n"), "{both}");
}

#[tokio::test]
async fn other_strange_requests_are_refused_with_the_right_status() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let many: String = (0..150)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    let long = "x".repeat(70_000);
    for (bytes, status) in [
        (
            "CONNECT shop:80 HTTP/1.1\r\nHost: shop\r\n\r\n".to_owned(),
            "501",
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: shop\r\n{many}\r\n"),
            "431",
        ),
        (
            format!("GET /a HTTP/1.1\r\nHost: shop\r\nX: {long}\r\n\r\n"),
            "431",
        ),
        (format!("GET /{long} HTTP/1.1\r\nHost: shop\r\n\r\n"), "431"),
    ] {
        let answer = exchange(&rig, bytes.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {answer}"
        );
    }
    assert_eq!(service.requests(), 0);
}

/// Requests behind one another on one connection are each looked at, also when they come in one
/// piece.
#[tokio::test]
async fn pipelined_requests_are_each_looked_at() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let good = "GET /who HTTP/1.1\r\nHost: shop\r\n\r\n";
    let bad = "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    stream
        .write_all(format!("{good}{good}{bad}{good}").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "200", "400"], "{answer}");
    assert_eq!(service.requests(), 2);
}

/// Many requests in one piece keep one task busy for longer than the runtime lets a task run at a
/// time.
#[tokio::test]
async fn a_long_pipeline_is_answered_in_full() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let requests = "GET /who HTTP/1.1\r\nHost: shop\r\n\r\n".repeat(1_000);
    let last = "GET /who HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    let mut answers = String::new();
    let (written, read) = tokio::join!(
        async {
            writer.write_all(requests.as_bytes()).await?;
            writer.write_all(last.as_bytes()).await
        },
        reader.read_to_string(&mut answers)
    );
    assert!(written.is_ok() && read.is_ok());
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1_001);
}

#[tokio::test]
async fn an_absolute_target_names_the_host() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let request =
        "GET http://real.example/headers?q HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("GET /headers?q\n"), "{answer}");
    assert!(
        answer.contains("host: real.example\n") && !answer.contains("other"),
        "{answer}"
    );
}

#[tokio::test]
async fn http_1_0_is_served() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    stream
        .write_all(b"GET /who HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.0 200") && answer.ends_with("\r\n\r\nold"),
        "{answer}"
    );
}
