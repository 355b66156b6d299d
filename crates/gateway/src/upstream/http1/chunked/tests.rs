use super::*;

/// Reads a body that comes in two pieces: its data, its trailers, and what came behind it.
fn read_in_two(bytes: &[u8], at: usize) -> Result<(Vec<u8>, HeaderMap, Vec<u8>), UpstreamError> {
    let mut chunked = Chunked::default();
    let (mut read, mut data, mut trailers) = (BytesMut::new(), Vec::new(), HeaderMap::new());
    for piece in [&bytes[..at], &bytes[at..]] {
        read.extend_from_slice(piece);
        while let Some(frame) = chunked.read(&mut read)? {
            match frame.into_data() {
                Ok(bytes) => data.extend_from_slice(&bytes),
                Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
    }
    match chunked.is_done() {
        true => Ok((data, trailers, read.to_vec())),
        false => Err(UpstreamError::Closed),
    }
}

#[test]
fn a_body_is_the_same_wherever_it_is_cut() {
    let bytes =
        b"5;a=\"b;c\"\r\nhello\r\nA \r\n 123456789\r\n0\r\nx-sum: 1\r\nx-sum: 2\r\n\r\nHTTP";
    for at in 0..=bytes.len() {
        let (data, trailers, rest) = read_in_two(bytes, at).unwrap();
        assert_eq!(data, b"hello 123456789", "cut at {at}");
        let sums: Vec<_> = trailers.get_all("x-sum").iter().collect();
        assert_eq!(sums, ["1", "2"], "cut at {at}");
        assert_eq!(rest, b"HTTP", "cut at {at}");
    }
}

#[test]
fn a_body_that_is_cut_off_is_not_whole() {
    let bytes = b"5\r\nhello\r\n0\r\n\r\n";
    for end in 0..bytes.len() {
        let read = read_in_two(&bytes[..end], 0);
        assert!(
            matches!(read, Err(UpstreamError::Closed)),
            "{end}: {read:?}"
        );
    }
}

#[test]
fn chunks_that_could_be_read_in_two_ways_are_refused() {
    for bytes in [
        &b"\r\n\r\n"[..],
        b";a=b\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhelloX0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFF\r\nhello",
        b"0\r\nx y: 1\r\n\r\n",
        b"0\r\n: 1\r\n\r\n",
    ] {
        for at in 0..=bytes.len() {
            let read = read_in_two(bytes, at);
            let is_refused = matches!(read, Err(UpstreamError::Chunk | UpstreamError::Head(_)));
            assert!(
                is_refused,
                "{:?} cut at {at}: {read:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }
}

#[test]
fn a_chunk_line_and_trailers_have_a_longest_length() {
    let extension = format!("5;{}", "x".repeat(CHUNK_LINE_BYTES_MAX));
    let read = read_in_two(extension.as_bytes(), 0);
    assert!(matches!(read, Err(UpstreamError::Chunk)), "{read:?}");
    let whole = format!("5;{}\r\nhello", "x".repeat(CHUNK_LINE_BYTES_MAX));
    let read = read_in_two(whole.as_bytes(), 0);
    assert!(matches!(read, Err(UpstreamError::Chunk)), "{read:?}");
    let trailers = format!("0\r\nx: {}", "x".repeat(ANSWER_TRAILER_BYTES_MAX));
    let read = read_in_two(trailers.as_bytes(), 0);
    assert!(matches!(read, Err(UpstreamError::HeadTooLong)), "{read:?}");
}
