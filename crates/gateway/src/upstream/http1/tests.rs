use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderMap;
use portcullis_config::ClientsConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A connection and the server's end of it.
async fn connection() -> (Http1, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let far = accepted.unwrap().0;
    far.set_nodelay(true).unwrap();
    (Http1::over(UpstreamStream::Plain(near.unwrap())), far)
}

fn state() -> ConnectionState {
    let client = "127.0.0.1".parse().unwrap();
    let clients = Arc::new(ClientsConfig::default());
    ConnectionState::new(client, false, clients, Rc::new(Cell::new(0)))
}

fn get() -> Request<RequestBody> {
    let request = Request::get("/a").header("host", "shop");
    request.body(RequestBody::Empty).unwrap()
}

/// Reads one head.
async fn read_head(far: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(far.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

type Whole = (response::Parts, Vec<u8>, HeaderMap);

/// Asks and reads the answer to its end.
async fn ask(near: &mut Http1, request: &mut Request<RequestBody>) -> Result<Whole, ExchangeError> {
    let head = near.exchange(request, &state()).await?;
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = std::future::poll_fn(|cx| near.poll_frame(cx)).await {
        match frame.map_err(ExchangeError::Broken)?.into_data() {
            Ok(data) => body.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    assert!(near.is_end_stream());
    Ok((head, body, trailers))
}

/// Waits until the other side's last word is there.
async fn until_readable(near: &Http1) {
    if let UpstreamStream::Plain(stream) = &near.0.stream {
        stream.readable().await.unwrap();
    }
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (mut near, mut far) = connection().await;
    let long = "x".repeat(300_000);
    let answers = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_owned(), "hello"),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), ""),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nx-sum: 1\r\n\r\n"
                .to_owned(),
            "hello",
        ),
        (format!("HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{long}"), &long),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno".to_owned(), "no"),
    ];
    for (answer, body) in answers {
        let server = async {
            let head = read_head(&mut far).await;
            assert_eq!(head, "GET /a HTTP/1.1\r\nhost: shop\r\n\r\n");
            far.write_all(answer.as_bytes()).await.unwrap();
        };
        let mut request = get();
        let (asked, ()) = tokio::join!(ask(&mut near, &mut request), server);
        let Ok((head, read, trailers)) = asked else {
            panic!("no answer: {answer:?}");
        };
        assert_eq!(read, body.as_bytes());
        assert_eq!(trailers.contains_key("x-sum"), answer.contains("x-sum"));
        assert!(answer.contains(head.status.as_str()));
        assert_eq!(
            request.headers()["host"],
            "shop",
            "the head can be sent again"
        );
        assert!(near.is_reusable(), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_the_same() {
    let (mut near, mut far) = connection().await;
    let server = async {
        read_head(&mut far).await;
        let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        for byte in answer {
            far.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let mut request = get();
    let (asked, ()) = tokio::join!(ask(&mut near, &mut request), server);
    assert!(matches!(asked, Ok((_, body, _)) if body == b"abc"));
    assert!(near.is_reusable());
}

#[tokio::test]
async fn a_connection_that_cannot_be_trusted_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        // Something comes behind the answer.
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let (mut near, mut far) = connection().await;
        let server = async {
            read_head(&mut far).await;
            far.write_all(answer.as_bytes()).await.unwrap();
        };
        let mut request = get();
        let (asked, ()) = tokio::join!(ask(&mut near, &mut request), server);
        assert!(asked.is_ok(), "{answer:?}");
        assert!(!near.is_reusable(), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_until_the_end_ends_with_the_connection() {
    let (mut near, mut far) = connection().await;
    let server = async move {
        read_head(&mut far).await;
        far.write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            .await
            .unwrap();
    };
    let mut request = get();
    let (asked, ()) = tokio::join!(ask(&mut near, &mut request), server);
    assert!(matches!(asked, Ok((_, body, _)) if body == b"all of it"));
    assert!(!near.is_reusable());
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_an_error() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let (mut near, mut far) = connection().await;
        let server = async move {
            read_head(&mut far).await;
            far.write_all(answer.as_bytes()).await.unwrap();
        };
        let mut request = get();
        let (asked, ()) = tokio::join!(ask(&mut near, &mut request), server);
        assert!(
            matches!(asked, Err(ExchangeError::Broken(UpstreamError::Closed))),
            "{answer:?}"
        );
        assert!(!near.is_reusable(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_or_spoken_on_while_idle_is_not_reusable() {
    let (mut near, far) = connection().await;
    assert!(near.is_reusable());
    drop(far);
    until_readable(&near).await;
    assert!(!near.is_reusable());
    let (mut near, mut far) = connection().await;
    far.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        .await
        .unwrap();
    until_readable(&near).await;
    assert!(near.is_free() && !near.is_reusable());
}

/// The server resets the connection just before the request is written, so nothing of it is taken.
#[tokio::test]
async fn a_post_on_a_connection_that_was_reset_is_not_sent_and_keeps_its_body() {
    let (mut near, far) = connection().await;
    socket2::SockRef::from(&far)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(far);
    until_readable(&near).await;
    let body = RequestBody::begun(Bytes::from_static(b"hello"), None);
    let request = Request::post("/a").header("content-length", "5");
    let mut request = request.body(body).unwrap();
    let asked = ask(&mut near, &mut request).await;
    assert!(matches!(asked, Err(ExchangeError::NotSent(_))));
    let (mut near, mut far) = connection().await;
    let server = async {
        let head = read_head(&mut far).await;
        let mut body = [0; 5];
        far.read_exact(&mut body).await.unwrap();
        far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
        (head, body)
    };
    let (asked, (head, body)) = tokio::join!(ask(&mut near, &mut request), server);
    assert!(asked.is_ok());
    assert_eq!(head, "POST /a HTTP/1.1\r\ncontent-length: 5\r\n\r\n");
    assert_eq!(&body, b"hello");
}

#[tokio::test]
async fn a_protocol_that_changes_gives_the_stream_and_what_came_with_it() {
    let (mut near, mut far) = connection().await;
    let server = async {
        read_head(&mut far).await;
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\nfirst";
        far.write_all(answer).await.unwrap();
    };
    let mut request = get();
    let (state, mut stream) = (state(), Vec::new());
    let (answer, ()) = tokio::join!(near.exchange(&mut request, &state), server);
    assert!(matches!(answer, Ok(head) if head.status == 101));
    assert!(!near.is_reusable());
    let (mut raw, early) = near.into_stream().await.unwrap();
    assert_eq!(&early[..], b"first");
    far.write_all(b"second").await.unwrap();
    drop(far);
    raw.read_to_end(&mut stream).await.unwrap();
    assert_eq!(stream, b"second");
}
