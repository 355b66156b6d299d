use super::*;

fn read(method: &Method, bytes: &[u8]) -> Result<Option<AnswerHead>, UpstreamError> {
    let mut reader = HeadReader::default();
    reader.begin(method);
    reader.read(&mut BytesMut::from(bytes))
}

/// The rest of an answer to GET, and whether the connection is kept.
fn rest(bytes: &str) -> (Rest, bool) {
    let head = read(&Method::GET, bytes.as_bytes()).unwrap().unwrap();
    (head.rest, head.keeps)
}

#[test]
fn the_length_of_an_answer_is_as_the_standard_says() {
    let chunks = Rest::Chunks(Chunked::default());
    for (bytes, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            (Rest::Length(5), true),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            (Rest::Nothing, true),
        ),
        (
            "HTTP/1.1 200\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            (Rest::Length(5), true),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            (Rest::Length(5), true),
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", (Rest::UntilEnd, false)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            (chunks, true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked \r\n\r\n",
            (chunks, true),
        ),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            (Rest::Nothing, true),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            (Rest::Nothing, true),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            (Rest::Nothing, true),
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            (Rest::Nothing, false),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n",
            (Rest::Length(5), false),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
            (Rest::Length(5), false),
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
            (Rest::Length(5), false),
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
            (Rest::Length(5), true),
        ),
    ] {
        assert_eq!(rest(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn the_answer_to_head_has_no_body() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let head = read(&Method::HEAD, bytes).unwrap().unwrap();
    assert_eq!((head.rest, head.keeps), (Rest::Nothing, true));
    assert_eq!(head.head.headers[CONTENT_LENGTH], "5");
}

/// Where both are said, the coding counts, and what the connection says of a length is taken off later.
#[test]
fn a_coding_wins_over_a_length_and_the_connection_is_not_used_again() {
    let bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(rest(bytes), (Rest::Chunks(Chunked::default()), false));
}

#[test]
fn a_head_that_could_be_read_in_two_ways_is_refused() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5, 6\r\n\r\n",
        "HTTP/1.1 099 Strange\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
        "200 OK\r\n\r\n",
    ] {
        assert!(read(&Method::GET, bytes.as_bytes()).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_head_is_the_same_however_it_comes_and_heads_that_inform_are_passed_over() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n\
        HTTP/1.1 200 Fine\r\nX-One: 1\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 3\r\n\r\nabc";
    for step in 1..=bytes.len() {
        let mut reader = HeadReader::default();
        reader.begin(&Method::GET);
        let (mut read, mut found) = (BytesMut::new(), None);
        for piece in bytes.chunks(step) {
            read.extend_from_slice(piece);
            if found.is_none() {
                found = reader.read(&mut read).unwrap();
            }
        }
        let head = found.unwrap();
        assert_eq!(head.head.status, 200, "in pieces of {step}");
        assert_eq!(head.rest, Rest::Length(3));
        let names: Vec<&str> = head.head.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-one", "set-cookie", "content-length"]);
        let cookies: Vec<_> = head.head.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
        assert_eq!(&read[..], b"abc");
    }
}

#[test]
fn a_head_has_a_longest_length_and_so_many_fields() {
    let long = format!(
        "HTTP/1.1 200 OK\r\nX: {}",
        "x".repeat(CONNECTION_BUFFER_BYTES_MAX)
    );
    let mut reader = HeadReader::default();
    reader.begin(&Method::GET);
    let mut read = BytesMut::new();
    let mut refused = None;
    for piece in long.as_bytes().chunks(1000) {
        read.extend_from_slice(piece);
        if let Err(error) = reader.read(&mut read) {
            refused = Some(error);
            break;
        }
    }
    assert!(matches!(refused, Some(UpstreamError::HeadTooLong)));
    let many = "x: 1\r\n".repeat(ANSWER_HEADERS_MAX + 1);
    let many = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
    assert!(super::tests::read(&Method::GET, many.as_bytes()).is_err());
    let enough = "x: 1\r\n".repeat(ANSWER_HEADERS_MAX);
    let enough = format!("HTTP/1.1 200 OK\r\n{enough}\r\n");
    assert!(super::tests::read(&Method::GET, enough.as_bytes()).is_ok());
}
