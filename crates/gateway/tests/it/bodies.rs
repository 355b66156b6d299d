//! Bodies that are too long: what the client is told, and what a server sees of them.

use bytes::Bytes;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt;

use crate::http2;
use crate::raw::{self, RawServer};
use crate::rig::{Rig, until};
use crate::service::Service;
use crate::ways::{patient_way_to, upstream, way_to, with_upstream};

fn chunks(count: usize) -> reqwest::Body {
    let chunks = (0..count).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 100])));
    reqwest::Body::wrap_stream(futures::stream::iter(chunks))
}

#[tokio::test]
async fn a_body_of_the_allowed_length_passes_and_one_byte_more_does_not() {
    let service = Service::start("one");
    let mut way = way_to("api");
    way.body_bytes_max = 1_000;
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[service.address])));
    for (length, status) in [(1_000, 200), (1_001, 413)] {
        let request = rig
            .client
            .post(rig.url("/collect"))
            .body(vec![b'x'; length]);
        assert_eq!(request.send().await.unwrap().status().as_u16(), status);
    }
    assert_eq!(
        service.requests(),
        1,
        "a length that is too large is refused at once"
    );
    for (count, status) in [(10, 200), (11, 413)] {
        let request = rig.client.post(rig.url("/collect")).body(chunks(count));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        if status == 413 {
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
    }
    assert_eq!(
        service.bodies().len(),
        2,
        "what was too long never came to its end"
    );
    assert!(service.bodies().iter().all(|body| body.len() == 1_000));
}

/// A client that sends all of its body before it reads gets the answer all the same.
#[tokio::test]
async fn a_client_that_sends_megabytes_too_much_can_read_why_not() {
    let service = Service::start("one");
    let mut way = way_to("api");
    way.body_bytes_max = 1_000;
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[service.address])));
    for _ in 0..20 {
        let request = rig
            .client
            .post(rig.url("/collect"))
            .body(vec![b'x'; 4 << 20]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let answer = rig
            .client
            .post(rig.url("/collect"))
            .body(chunks(40_000))
            .send()
            .await;
        assert_eq!(answer.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn a_body_that_becomes_too_long_is_broken_off_and_not_sent_again() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        let body = connection.rest().await;
        assert!(!body.ends_with(b"0\r\n\r\n"), "it must not look whole");
        assert!(body.len() < 1_200, "{}", body.len());
        connection.send("").await
    })
    .await;
    let mut way = patient_way_to("api", 3);
    way.body_bytes_max = 1_000;
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[server.address])));
    for _ in 0..5 {
        let request = rig.client.put(rig.url("/")).body(chunks(20));
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }
    assert_eq!(server.heads(), 5);
}

#[tokio::test]
async fn streams_of_http2_have_the_same_limit_and_the_connection_goes_on() {
    use http_body_util::{BodyExt, Full};

    let service = Service::start_http2("one");
    let mut way = way_to("api");
    way.body_bytes_max = 1_000;
    let mut set = upstream("api", &[service.address]);
    set.protocol = portcullis_config::UpstreamProtocol::Http2;
    let rig = Rig::start_with(with_upstream(way, set));
    let mut client = http2::Client::connect(&rig).await;
    for (length, status) in [(1_000, 200), (1_001, 413), (1_000, 200)] {
        let body = Full::from(vec![b'x'; length])
            .map_err(|never| match never {})
            .boxed();
        let request = http2::request("/collect").method("POST").body(body);
        let answer = client.send(request.unwrap()).await;
        assert_eq!(answer.status().as_u16(), status, "{length}");
    }
    assert_eq!(service.bodies().len(), 2);
}

/// What was counted and found of one request must not be held against the next on the same connection.
#[tokio::test]
async fn requests_on_one_connection_are_counted_each_for_itself() {
    let service = Service::start("one");
    let mut way = way_to("api");
    way.body_bytes_max = 1_000;
    let rig = Rig::start_with(with_upstream(way, upstream("api", &[service.address])));
    let mut stream = raw::connect(&rig).await;
    let body = "x".repeat(900);
    for number in 0..5 {
        let head = "POST /swallow HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        until("it was answered", || service.requests() == number + 1).await;
        assert!(
            raw::read_head(&mut stream)
                .await
                .starts_with("HTTP/1.1 200 ")
        );
        // The length of what was swallowed so far, behind the head.
        let text = (900 * (number + 1)).to_string();
        let mut read = vec![0; text.len()];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut read)
            .await
            .unwrap();
        assert_eq!(read, text.as_bytes());
    }
}

/// A short body that nobody wants is read, so that the connection can go on; a long one ends it, and it is said.
#[tokio::test]
async fn a_connection_goes_on_behind_a_short_body_that_was_not_sent_on() {
    let rig = Rig::start();
    let mut stream = raw::connect(&rig).await;
    for _ in 0..3 {
        // There is no release. The body comes behind the head.
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all("x".repeat(900).as_bytes()).await.unwrap();
        let head = raw::read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body)
            .await
            .unwrap();
    }
    for head in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        // It is waited for, and does not come.
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    ] {
        let mut stream = raw::connect(&rig).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = raw::read_all(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}

/// The answer's head is at the client before the body was sent; both come to their end, so the connection goes on.
#[tokio::test]
async fn a_connection_goes_on_behind_an_answer_that_began_before_the_body_was_sent() {
    let server = RawServer::start(|_, mut connection| async move {
        loop {
            connection.head().await?;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            connection.send(head).await?;
            connection.body(|body| body.len() == 900).await?;
            connection.send("5\r\ntaken\r\n0\r\n\r\n").await?;
        }
    })
    .await;
    let rig = Rig::start_with(with_upstream(
        way_to("api"),
        upstream("api", &[server.address]),
    ));
    let mut stream = raw::connect(&rig).await;
    for number in 0..3 {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let head = raw::read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{number}: {head}");
        assert!(!head.contains("connection: close"), "{head}");
        stream.write_all("x".repeat(900).as_bytes()).await.unwrap();
        let mut body = [0; "5\r\ntaken\r\n0\r\n\r\n".len()];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body)
            .await
            .unwrap();
        assert_eq!(&body, b"5\r\ntaken\r\n0\r\n\r\n");
    }
    assert_eq!(server.heads(), 3);
}
