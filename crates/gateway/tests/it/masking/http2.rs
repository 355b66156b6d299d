//! Clients that speak HTTP/2, through a mask.

use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::Value;

use super::settings::dify;
use super::{EMAIL, OTHER, WITHIN, masked, start, told, turn};
use crate::http2::{Body, Client, request, text};
use crate::raw::RawServer;
use crate::rig::{Rig, until};
use crate::ways::upstream;

fn chat(query: &str, mode: &str) -> Request<Body> {
    let body = turn(query, "", mode).to_string();
    let body = Full::from(body).map_err(|never| match never {}).boxed();
    let request = request("/v1/chat-messages").method("POST");
    let request = request.header("content-type", "application/json");
    request
        .header("authorization", "Bearer app-1")
        .body(body)
        .unwrap()
}

/// The data of a body, and the error or the trailers that ended it.
async fn read(answer: http::Response<hyper::body::Incoming>) -> (String, Option<HeaderMap>, bool) {
    let mut body = answer.into_body();
    let (mut data, mut trailers, mut is_whole) = (Vec::new(), None, true);
    let reading = async {
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(bytes)) => data.extend_from_slice(&bytes),
                Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
                Err(_) => {
                    is_whole = false;
                    break;
                }
            }
        }
    };
    tokio::time::timeout(WITHIN, reading)
        .await
        .expect("the answer never ends");
    (String::from_utf8(data).unwrap(), trailers, is_whole)
}

#[tokio::test]
async fn many_masked_streams_of_one_connection_are_restored_each_with_its_own_values() {
    let (application, rig) = start(dify(), |_| {}).await;
    application.go_on();
    let mut client = Client::connect(&rig).await;
    let mut answers = Vec::new();
    for number in 0..20 {
        let query = format!("I am person.{number}@example.com");
        let mode = if number % 3 == 0 {
            "blocking"
        } else {
            "streaming"
        };
        client.sender.ready().await.unwrap();
        let answer = client.sender.send_request(chat(&query, mode));
        answers.push(async move {
            let text = text(answer.await.unwrap()).await;
            let said = match mode {
                "blocking" => serde_json::from_str::<Value>(&text).unwrap()["answer"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                _ => told(&text),
            };
            assert_eq!(said, format!("You said: {query}"));
        });
    }
    futures::future::join_all(answers).await;
    application.assert_unseen(&["person."]);
}

#[tokio::test]
async fn a_stream_that_its_client_resets_ends_at_the_application_and_disturbs_no_other() {
    let (application, rig) = start(dify(), |_| {}).await;
    let mut client = Client::connect(&rig).await;
    let (gone, stays) = (
        chat(&format!("I am {EMAIL}"), "streaming"),
        chat(&format!("I am {OTHER}"), "streaming"),
    );
    let mut gone = client.send(gone).await.into_body();
    let stays = client.send(stays).await;
    gone.frame().await.unwrap().unwrap();
    drop(gone);
    until("the application's connection is closed", || {
        application.broken() == 1
    })
    .await;
    application.go_on();
    let (read, _, is_whole) = read(stays).await;
    assert_eq!(told(&read), format!("You said: I am {OTHER}"));
    assert!(is_whole);
    // What was said before the reset is counted once, and the conversation goes on.
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("portcullis_masking_requests_total{mask=\"dify\",mode=\"enforce\"} 2"),
        "{metrics}"
    );
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_stream_that_the_application_cuts_gives_its_tail_and_is_reset() {
    let (application, rig) = start(dify(), |_| {}).await;
    application.cut_streams();
    let mut client = Client::connect(&rig).await;
    for _ in 0..3 {
        let answer = client
            .send(chat(&format!("I am {EMAIL}"), "streaming"))
            .await;
        let (read, _, is_whole) = read(answer).await;
        assert!(!is_whole, "{read}");
        assert!(told(&read).ends_with("EMA"), "{read}");
    }
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn trailers_come_behind_what_was_held_back() {
    let server = RawServer::start(|_, mut connection| async move {
        loop {
            connection.head().await?;
            let asked = connection.body(|bytes| bytes.ends_with(b"}")).await?;
            let asked = String::from_utf8(asked).unwrap();
            assert!(asked.contains("EMAIL_1") && !asked.contains("x-late"), "{asked}");
            // It ends where a digit could follow, and without the event that ends a message.
            let event = "data: {\"event\":\"message\",\"message_id\":\"m\",\"conversation_id\":\"c\",\"answer\":\"EMAIL_1\"}\n\n";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nTrailer: x-usage\r\n\r\n";
            let body = format!("{:x}\r\n{event}\r\n0\r\nx-usage: 7\r\n\r\n", event.len());
            connection.send(&format!("{head}{body}")).await?;
        }
    })
    .await;
    let application = super::application::Application::start().await;
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, dify());
        settings.routing.upstreams = vec![upstream("application", &[server.address])];
    });
    let mut client = Client::connect(&rig).await;
    // Trailers of a request belong to a body that is not sent on.
    let body = turn(&format!("I am {EMAIL}"), "", "streaming").to_string();
    let late = HeaderMap::from_iter([("x-late".parse().unwrap(), "1".parse().unwrap())]);
    let frames = [
        Ok(Frame::data(Bytes::from(body))),
        Ok(Frame::trailers(late)),
    ];
    let (parts, _) = chat("", "streaming").into_parts();
    let body = BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)));
    let answer = client.send(Request::from_parts(parts, body)).await;
    let (read, trailers, is_whole) = read(answer).await;
    assert_eq!(told(&read), EMAIL);
    assert_eq!(trailers.expect("the trailers are lost")["x-usage"], "7");
    assert!(is_whole);
}

#[tokio::test]
async fn a_refusal_over_http2_is_a_problem_and_the_connection_goes_on() {
    let (application, rig) = start(dify(), |_| {}).await;
    let mut client = Client::connect(&rig).await;
    let body = Full::from("{\"query\": ")
        .map_err(|never| match never {})
        .boxed();
    let (parts, _) = chat("", "blocking").into_parts();
    let answer = client.send(Request::from_parts(parts, body)).await;
    assert_eq!(answer.status(), 400);
    let problem: Value = serde_json::from_str(&text(answer).await).unwrap();
    assert_eq!(problem["code"], "masking_unreadable");
    let answer = client
        .send(chat(&format!("I am {EMAIL}"), "blocking"))
        .await;
    assert!(text(answer).await.contains(EMAIL));
    application.assert_unseen(&[EMAIL]);
}
