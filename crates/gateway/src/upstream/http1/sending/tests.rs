use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::io::AsyncReadExt;

use super::*;

type Frames = Vec<Result<Frame<Bytes>, Infallible>>;

/// Sends a request through a pipe that takes few bytes at a time; returns what came out.
async fn sent(
    request: http::request::Builder,
    frames: Frames,
    pipe_bytes: usize,
) -> (Result<(), UpstreamError>, String) {
    let body = StreamBody::new(stream::iter(frames));
    let request = request
        .body(StreamBody::new(stream::iter(Frames::new())))
        .unwrap();
    let (mut near, mut far) = tokio::io::duplex(pipe_bytes);
    let mut sending = Sending::default();
    sending.begin(&request, body);
    let mut out = String::new();
    let send = async {
        let sent = std::future::poll_fn(|cx| sending.poll(&mut near, cx)).await;
        drop(near);
        sent
    };
    let (sent, read) = tokio::join!(send, far.read_to_string(&mut out));
    read.unwrap();
    (sent, out)
}

fn data(text: &'static str) -> Result<Frame<Bytes>, Infallible> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn trailers() -> Result<Frame<Bytes>, Infallible> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    trailers.insert("x-unsaid", HeaderValue::from_static("2"));
    trailers.insert("content-length", HeaderValue::from_static("3"));
    Ok(Frame::trailers(trailers))
}

#[tokio::test]
async fn a_body_of_known_length_is_sent_as_it_is() {
    for pipe_bytes in [1, 7, 4096] {
        let request = Request::post("/a?b")
            .header("host", "shop")
            .header("content-length", "10");
        let frames = vec![data("hello"), data(""), data("world")];
        let (result, out) = sent(request, frames, pipe_bytes).await;
        result.unwrap();
        assert_eq!(
            out,
            "POST /a?b HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nhelloworld"
        );
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_sent_in_chunks_with_the_trailers_that_were_announced() {
    for pipe_bytes in [1, 7, 4096] {
        let request = Request::put("/")
            .header("transfer-encoding", "chunked")
            .header("trailer", "X-Sum, Content-Length");
        let frames = vec![data("hello"), data("0123456789abcdef"), trailers()];
        let (result, out) = sent(request, frames, pipe_bytes).await;
        result.unwrap();
        assert_eq!(
            out,
            "PUT / HTTP/1.1\r\ntrailer: X-Sum, Content-Length\r\ntransfer-encoding: chunked\r\n\r\n\
             5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nx-sum: 1\r\n\r\n"
        );
    }
}

#[tokio::test]
async fn a_body_without_a_length_or_with_two_is_sent_in_chunks_and_says_no_length() {
    let lengths: [&[&str]; 3] = [&[], &["3", "4"], &["5", "x"]];
    for lengths in lengths {
        let mut request = Request::post("/");
        for length in lengths {
            request = request.header("content-length", *length);
        }
        let (result, out) = sent(request, vec![data("hello")], 4096).await;
        result.unwrap();
        let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(out, format!("{head}5\r\nhello\r\n0\r\n\r\n"), "{lengths:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_its_head_says_is_an_error() {
    for frames in [
        vec![data("hell")],
        vec![data("hello"), data("!")],
        vec![data("hello!")],
    ] {
        let request = Request::post("/").header("content-length", "5");
        let (result, out) = sent(request, frames, 4096).await;
        assert!(
            matches!(result, Err(UpstreamError::RequestLength)),
            "{result:?}"
        );
        assert!(!out.contains('!'), "{out}");
    }
}

/// A connection that takes nothing.
struct Dead;

impl AsyncWrite for Dead {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_a_dead_connection_did_not_take_is_given_back_whole() {
    let pieces: [&[&'static str]; 4] = [&[], &["hello"], &["", "hello"], &["he", "llo"]];
    for pieces in pieces {
        let request = Request::post("/").header("content-length", "5");
        let frames: Frames = pieces.iter().map(|piece| data(piece)).collect();
        let request = request
            .body(StreamBody::new(stream::iter(Frames::new())))
            .unwrap();
        let mut sending = Sending::default();
        sending.begin(&request, StreamBody::new(stream::iter(frames)));
        let sent = std::future::poll_fn(|cx| sending.poll(&mut Dead, cx)).await;
        if pieces.is_empty() {
            // The body's own fault.
            assert!(matches!(sent, Err(UpstreamError::RequestLength)));
            assert!(sending.take_unsent().is_none());
            continue;
        }
        assert!(matches!(sent, Err(UpstreamError::Io(_))), "{pieces:?}");
        let (first, rest) = sending.take_unsent().unwrap();
        let mut body = first.to_vec();
        let mut rest = rest.unwrap();
        while let Some(Ok(frame)) =
            std::future::poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await
        {
            body.extend_from_slice(frame.data_ref().unwrap());
        }
        assert_eq!(body, b"hello", "{pieces:?}");
    }
}

#[tokio::test]
async fn what_was_sent_in_part_is_not_given_back() {
    let request = Request::post("/")
        .header("content-length", "5")
        .body(StreamBody::new(stream::iter(Frames::new())))
        .unwrap();
    let mut sending = Sending::default();
    sending.begin(&request, StreamBody::new(stream::iter(vec![data("hello")])));
    let (mut near, far) = tokio::io::duplex(1);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(sending.poll(&mut near, &mut cx).is_pending());
    drop(far);
    let sent = std::future::poll_fn(|cx| sending.poll(&mut near, cx)).await;
    assert!(matches!(sent, Err(UpstreamError::Io(_))));
    assert!(sending.take_unsent().is_none());
}

#[tokio::test]
async fn a_request_whose_body_was_lost_is_not_sent_as_one_with_an_empty_body() {
    let request = Request::put("/").header("content-length", "5");
    let request = request.body(RequestBody::Empty).unwrap();
    let mut sending = Sending::default();
    for body in [RequestBody::Empty, RequestBody::Gone] {
        sending.begin(&request, body);
        let mut out = Vec::new();
        let sent = std::future::poll_fn(|cx| sending.poll(&mut out, cx)).await;
        assert!(sent.is_err() && out.is_empty(), "{sent:?}");
        assert!(sending.take_unsent().is_none());
    }
}
