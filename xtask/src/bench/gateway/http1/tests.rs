use std::io::{Cursor, Read, Write};

use super::{Connection, Failure};

/// A server that has said what it will say, and takes anything. It gives three bytes at a time.
struct Recorded(Cursor<&'static [u8]>);

impl Read for Recorded {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(3);
        self.0.read(&mut into[..most])
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn answering(text: &'static str) -> Connection<Recorded> {
    Connection::new(Recorded(Cursor::new(text.as_bytes())))
}

#[test]
fn answers_with_a_length_and_in_chunks_are_read_one_after_the_other() {
    let mut connection = answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nTransfer-Encoding: \
         chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    connection.expect(b"GET", b"hello").unwrap();
    assert!(!connection.closes());
    connection.expect(b"GET", b"abcde").unwrap();
    assert!(connection.closes());
}

#[test]
fn a_connection_that_ends_says_whether_there_was_a_part_of_an_answer() {
    let failure = |text| answering(text).ask(b"GET").map(<[u8]>::to_vec).unwrap_err();
    assert!(matches!(failure(""), Failure::Unanswered(_)));
    assert!(matches!(failure("HTTP/1.1 20"), Failure::Cut(_)));
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
    assert!(matches!(failure(short), Failure::Cut(_)));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    assert!(matches!(failure(chunked), Failure::Cut(_)));
}

#[test]
fn another_status_or_another_body_is_a_failure() {
    let mut refused = answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(refused.ask(b"GET"), Err(Failure::Status(503))));
    let mut wrong = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    assert!(matches!(
        wrong.expect(b"GET", b"ok"),
        Err(Failure::Wrong(_))
    ));
    let mut endless = answering("HTTP/1.1 200 OK\r\n\r\nno");
    assert!(matches!(endless.ask(b"GET"), Err(Failure::Wrong(_))));
}
