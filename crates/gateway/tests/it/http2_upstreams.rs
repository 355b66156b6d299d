//! Servers that speak HTTP/2, written frame by frame: what they refuse, how many streams they take, and how their
//! connections end.

use std::sync::Arc;

use bytes::Bytes;
use futures::channel::mpsc::unbounded;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use portcullis_config::UpstreamProtocol;
use reqwest::StatusCode;

use crate::http2;
use crate::raw::RawServer;
use crate::rig::{Rig, until};
use crate::ways::{patient_way_to, upstream, way_to, with_upstream};
use peer::{Act, Peer};

mod peer;

/// A gateway with one worker whose requests go to the peers; a request is tried `attempts` times.
fn rig(peers: &[&Peer], attempts: u32) -> Rig {
    let addresses: Vec<_> = peers.iter().map(|peer| peer.address).collect();
    let mut set = upstream("api", &addresses);
    set.protocol = UpstreamProtocol::Http2;
    let way = match attempts {
        1 => way_to("api"),
        attempts => patient_way_to("api", attempts),
    };
    Rig::start_with(with_upstream(way, set))
}

async fn post(rig: &Rig, body: &[u8]) -> (StatusCode, String) {
    let answer = rig.client.post(rig.url("/")).body(body.to_vec()).send();
    let answer = answer.await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn get(rig: &Rig) -> (StatusCode, String) {
    let answer = rig.get("/").await;
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_stream_that_was_refused_is_sent_again_whatever_its_method() {
    for attempts in [1, 3] {
        for body in ["", "hello"] {
            let peer = Peer::start(&[], |request| match (request.connection, request.stream) {
                (1, 3) => Act::Refuse,
                _ => Act::Answer,
            })
            .await;
            let rig = rig(&[&peer], attempts);
            assert_eq!(get(&rig).await, (StatusCode::OK, "1/1".to_owned()));
            let (status, text) = post(&rig, body.as_bytes()).await;
            assert_eq!(status, StatusCode::OK, "{text}");
            let bodies: Vec<_> = peer.requests().into_iter().map(|it| it.body).collect();
            let body = body.as_bytes();
            assert_eq!(bodies, [b"", body, body], "it came whole both times");
        }
    }
}

#[tokio::test]
async fn the_first_stream_of_a_connection_may_be_refused_too() {
    let peer = Peer::start(&[], |request| match request.connection {
        1 => Act::Refuse,
        _ => Act::Answer,
    })
    .await;
    let rig = rig(&[&peer], 1);
    assert_eq!(post(&rig, b"hello").await.0, StatusCode::OK);
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_not_asked_for_ever() {
    let peer = Peer::start(&[], |_| Act::Refuse).await;
    let rig = rig(&[&peer], 1);
    assert_eq!(post(&rig, b"hello").await.0, StatusCode::BAD_GATEWAY);
    let asked = peer.requests().len();
    assert!((2..=4).contains(&asked), "{asked}");
}

/// However many connections there are that it refuses on.
#[tokio::test]
async fn a_server_that_begins_to_refuse_is_not_asked_on_each_of_its_connections() {
    let peer = Peer::start(&[(MAX_CONCURRENT_STREAMS, 1)], |request| {
        match (request.connection, request.stream) {
            (1..=16, 1) => Act::Wait,
            _ => Act::Refuse,
        }
    })
    .await;
    let rig = Arc::new(rig(&[&peer], 1));
    let asked: Vec<_> = (0..16)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { get(&rig).await.0 })
        })
        .collect();
    until("all are under way", || peer.under_way() == 16).await;
    peer.go_on();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(post(&rig, b"hello").await.0, StatusCode::BAD_GATEWAY);
    let asked = peer.requests().len() - 16;
    assert!((2..=4).contains(&asked), "{asked}");
}

/// A server may refuse a stream because it has enough of them for now, and take the next one.
#[tokio::test]
async fn a_connection_on_which_a_stream_was_refused_is_used_again_after_an_answer() {
    let peer = Peer::start(&[], |request| match (request.connection, request.stream) {
        (1, 1) => Act::Wait,
        (1, 3) => Act::Refuse,
        _ => Act::Answer,
    })
    .await;
    let rig = Arc::new(rig(&[&peer], 1));
    let asking = Arc::clone(&rig);
    let waits = tokio::spawn(async move { get(&asking).await.1 });
    until("the first is under way", || peer.under_way() == 1).await;
    for stream in [1, 3] {
        let posted = post(&rig, b"hello").await;
        assert_eq!(posted, (StatusCode::OK, format!("2/{stream}")));
    }
    peer.go_on();
    assert_eq!(waits.await.unwrap(), "1/1");
    assert_eq!(get(&rig).await.1, "1/5");
}

/// Both ends of the request are over then, and the connections on both sides go on.
#[tokio::test]
async fn a_request_whose_answer_ended_before_its_body_gives_its_stream_back() {
    let peer = Peer::start(&[(MAX_CONCURRENT_STREAMS, 1)], |_| Act::Answer).await;
    let rig = rig(&[&peer], 1);
    let mut client = http2::Client::connect(&rig).await;
    let (sender, receiver) = unbounded();
    let body = BodyExt::boxed(StreamBody::new(receiver));
    // The peer answers when so much is there; the rest never comes.
    let piece = Frame::data(Bytes::from(vec![b'x'; 60_001]));
    sender.unbounded_send(Ok(piece)).unwrap();
    let asked = http2::request("/").method("POST").body(body).unwrap();
    assert_eq!(http2::text(client.send(asked).await).await, "1/1");
    until("its stream is reset", || peer.resets() == [(1, 1)]).await;
    until("the client's body is not wanted", || sender.is_closed()).await;
    for stream in [3, 5] {
        let text = http2::text(client.get("/").await).await;
        assert_eq!(text, format!("1/{stream}"));
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn streams_beyond_the_last_one_of_a_goodbye_are_sent_again() {
    // With a reason, and without one: NO_ERROR and ENHANCE_YOUR_CALM.
    for reason in [0, 11] {
        let peer = Peer::start(&[], move |request| {
            match (request.connection, request.stream) {
                (1, 3) => Act::SayGoodbye { last: 1, reason },
                _ => Act::Answer,
            }
        })
        .await;
        let rig = rig(&[&peer], 1);
        assert_eq!(get(&rig).await.1, "1/1");
        let posted = post(&rig, b"hello").await;
        assert_eq!(posted, (StatusCode::OK, "2/1".to_owned()));
        assert_eq!(get(&rig).await.1, "2/3");
    }
}

#[tokio::test]
async fn what_a_server_may_have_looked_at_is_not_sent_again() {
    let reset = |reason| Act::Reset { reason };
    let goodbye = |reason| Act::SayGoodbye { last: 3, reason };
    // INTERNAL_ERROR, CANCEL, a goodbye that includes the stream, and none at all.
    for act in [reset(2), reset(8), goodbye(2), goodbye(0), Act::Close] {
        let peer = Peer::start(&[], move |request| {
            match (request.connection, request.stream) {
                (1, 3) => act,
                _ => Act::Answer,
            }
        })
        .await;
        let rig = rig(&[&peer], 3);
        assert_eq!(get(&rig).await.1, "1/1");
        let status = post(&rig, b"hello").await.0;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{act:?}");
        assert_eq!(peer.requests().len(), 2, "{act:?}");
        // Whoever comes next is served, on a new connection if need be.
        assert_eq!(get(&rig).await.0, StatusCode::OK, "{act:?}");
    }
}

/// What was sent of a long body is not kept, so nobody could send it again.
#[tokio::test]
async fn a_long_body_that_was_refused_is_not_sent_in_part() {
    let peer = Peer::start(&[], |request| match request.body.len() > 60_000 {
        true => Act::Refuse,
        false => Act::Answer,
    })
    .await;
    let rig = rig(&[&peer], 3);
    let status = post(&rig, &vec![b'x'; 1024 * 1024]).await.0;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(peer.requests().len(), 1);
}

const MAX_CONCURRENT_STREAMS: u16 = 3;

#[tokio::test]
async fn a_server_that_takes_few_streams_gets_more_connections() {
    let peer = Peer::start(&[(MAX_CONCURRENT_STREAMS, 2)], |_| Act::Wait).await;
    let rig = Arc::new(rig(&[&peer], 1));
    for _ in 0..2 {
        let asked: Vec<_> = (0..6)
            .map(|_| {
                let rig = Arc::clone(&rig);
                tokio::spawn(async move { get(&rig).await.0 })
            })
            .collect();
        until("all six are under way", || peer.under_way() == 6).await;
        peer.go_on();
        for asked in asked {
            assert_eq!(asked.await.unwrap(), StatusCode::OK);
        }
        assert_eq!(peer.connections(), 3, "they are used again");
    }
    // A server without a limit gets one connection.
    let peer = Peer::start(&[], |_| Act::Wait).await;
    let rig = Arc::new(self::rig(&[&peer], 1));
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { get(&rig).await.0 })
        })
        .collect();
    until("all six are under way", || peer.under_way() == 6).await;
    peer.go_on();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn beyond_the_most_connections_requests_wait_for_a_stream() {
    let peer = Peer::start(&[(MAX_CONCURRENT_STREAMS, 1)], |_| Act::Wait).await;
    let rig = Arc::new(rig(&[&peer], 1));
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { get(&rig).await.0 })
        })
        .collect();
    until("sixteen are under way", || peer.under_way() == 16).await;
    assert_eq!(peer.connections(), 16);
    peer.go_on();
    until("the others are", || peer.requests().len() == 20).await;
    until("and wait", || peer.under_way() == 4).await;
    peer.go_on();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(peer.connections(), 16);
}

/// Its client may be to blame for the silence, and others use the connection.
#[tokio::test]
async fn a_call_that_was_silent_for_too_long_does_not_end_the_connection_it_was_on() {
    let peer = Peer::start(&[], |_| Act::Answer).await;
    let mut set = upstream("api", &[peer.address]);
    set.protocol = UpstreamProtocol::Http2;
    let mut way = way_to("api");
    way.timeouts.idle_ms = 300;
    let rig = Rig::start_with(with_upstream(way, set));
    assert_eq!(get(&rig).await.1, "1/1");
    let mut client = crate::http2::Client::connect(&rig).await;
    let body = StreamBody::new(futures::stream::pending());
    let call = crate::http2::request("/")
        .method("POST")
        .header("content-type", "application/grpc")
        .body(BodyExt::boxed(body))
        .unwrap();
    let answer = client.send(call).await;
    assert_eq!(answer.headers()["grpc-status"], "4");
    assert_eq!(get(&rig).await.1, "1/5");
}

#[tokio::test]
async fn a_connection_that_died_while_nobody_used_it_is_replaced() {
    let peer = Peer::start(&[], |request| match request.stream {
        1 => Act::Answer,
        _ => Act::Close,
    })
    .await;
    let rig = rig(&[&peer], 1);
    for connection in 1..4 {
        assert_eq!(get(&rig).await.1, format!("{connection}/1"));
        // The second request ends the connection.
        let answer = rig.client.post(rig.url("/")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        until("it is closed", || peer.open() == 0).await;
    }
}

#[tokio::test]
async fn a_connection_that_its_server_ended_is_replaced() {
    let peer = Peer::start(&[], |request| match request.stream {
        1 => Act::Answer,
        _ => Act::AnswerLast,
    })
    .await;
    let rig = rig(&[&peer], 1);
    for connection in 1..4 {
        for stream in [1, 3] {
            let (status, text) = post(&rig, b"hello").await;
            assert_eq!(
                (status.as_u16(), text),
                (200, format!("{connection}/{stream}"))
            );
        }
    }
}

#[tokio::test]
async fn a_connection_on_which_no_answer_comes_in_time_is_not_used_again() {
    let peer = Peer::start(&[], |request| match (request.connection, request.stream) {
        (1, 3..) => Act::Ignore,
        _ => Act::Answer,
    })
    .await;
    let mut set = upstream("api", &[peer.address]);
    set.protocol = UpstreamProtocol::Http2;
    let mut way = way_to("api");
    way.timeouts.first_byte_ms = 200;
    let rig = Rig::start_with(with_upstream(way, set));
    assert_eq!(get(&rig).await.1, "1/1");
    assert_eq!(get(&rig).await.0, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(get(&rig).await.1, "2/1");
    until("the other one is closed", || peer.open() == 1).await;
}

/// Connecting ends with the server's settings, so what is no HTTP/2 has had no request.
#[tokio::test]
async fn a_server_that_speaks_something_else_is_unreachable() {
    for says in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let server = RawServer::start(move |_, mut connection| async move {
            connection.send(says).await?;
            None
        })
        .await;
        let mut set = upstream("api", &[server.address]);
        set.protocol = UpstreamProtocol::Http2;
        let rig = Rig::start_with(with_upstream(way_to("api"), set));
        let (status, text) = post(&rig, b"hello").await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
        assert!(text.contains("unreachable"), "{text}");
    }
}
