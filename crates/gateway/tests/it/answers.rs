//! How long an answer is, as servers say it and as clients of both protocols are told.

use reqwest::{Client, Method, StatusCode, Version};

use crate::raw::RawServer;
use crate::rig::Rig;
use crate::ways::{upstream, way_to, with_upstream};

/// What a client is told: the status, the lengths, and the body.
type Told = (u16, Vec<String>, String);

/// What clients of HTTP/1.1 and of HTTP/2 are told of an answer, which must be the same.
async fn told(method: &Method, answer: &'static str) -> Told {
    let server = RawServer::start(move |_, mut connection| async move {
        connection.head().await?;
        connection.send(answer).await
    })
    .await;
    let rig = Rig::start_with(with_upstream(
        way_to("api"),
        upstream("api", &[server.address]),
    ));
    let mut told = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let builder = Client::builder().no_proxy();
        let client = match version {
            Version::HTTP_2 => builder.http2_prior_knowledge(),
            _ => builder.http1_only(),
        };
        let request = client
            .build()
            .unwrap()
            .request(method.clone(), rig.url("/"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.version(), version);
        let lengths = answer.headers().get_all("content-length").iter();
        let lengths = lengths.map(|length| length.to_str().unwrap().to_owned());
        let (status, lengths) = (answer.status().as_u16(), lengths.collect::<Vec<_>>());
        assert!(!answer.headers().contains_key("transfer-encoding") || lengths.is_empty());
        told.push((status, lengths, answer.text().await.unwrap()));
    }
    let [mut one, other] = <[Told; 2]>::try_from(told).unwrap();
    match StatusCode::from_u16(one.0).unwrap() {
        // A refusal names its request.
        StatusCode::BAD_GATEWAY => assert_eq!(one.0, other.0, "{answer:?}"),
        StatusCode::NOT_MODIFIED => {
            assert!(one.1.is_empty(), "hyper says none over HTTP/1.1");
            one = other;
        }
        _ => assert_eq!(one, other, "{answer:?}"),
    }
    one
}

#[tokio::test]
async fn an_answer_in_a_coding_that_would_be_lost_is_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let (status, ..) = told(&Method::GET, answer).await;
        assert_eq!(status, 502, "{answer:?}");
    }
}

#[tokio::test]
async fn a_length_that_is_said_several_times_alike_is_told_once() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2,2\r\nContent-Length: 02\r\n\r\nok",
    ] {
        let told = told(&Method::GET, answer).await;
        let expected = (200, vec!["2".to_owned()], "ok".to_owned());
        assert_eq!(told, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_length_that_is_none_is_502_also_where_no_body_comes() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let (status, ..) = told(&method, answer).await;
            assert_eq!(status, 502, "{method} {answer:?}");
        }
    }
    let answer = "HTTP/1.1 304 Not Modified\r\nContent-Length: 2, 3\r\n\r\n";
    assert_eq!(told(&Method::GET, answer).await.0, 502);
}

#[tokio::test]
async fn the_length_of_a_body_that_does_not_come_is_told_once_or_not_at_all() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 7, 7\r\nContent-Length: 7\r\n\r\n";
    let expected = |status, length: &[&str]| {
        let length = length.iter().map(|length| (*length).to_owned()).collect();
        (status, length, String::new())
    };
    assert_eq!(told(&Method::HEAD, head).await, expected(200, &["7"]));
    let unchanged = "HTTP/1.1 304 Not Modified\r\nContent-Length: 7, 7\r\n\r\n";
    assert_eq!(told(&Method::GET, unchanged).await, expected(304, &["7"]));
    for none in [
        "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: many\r\n\r\n",
    ] {
        assert_eq!(told(&Method::GET, none).await, expected(204, &[]));
    }
}
