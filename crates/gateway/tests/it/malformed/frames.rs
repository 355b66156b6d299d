//! Frames of HTTP/2 (RFC 9113, 4 and 6), written as nobody should write them, and read.

use crate::malformed::case::unescape;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const TYPES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];
const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A SETTINGS frame.
pub(crate) fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = pairs
        .iter()
        .flat_map(|(id, value)| setting(*id, *value))
        .collect();
    frame(4, 0, 0, &payload)
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// Reads one line of a case: a frame's type and after it, with spaces between them:
///
/// - `COUNT*` in front for many of them, each on the next odd stream if it has `each`, and ` ; ` between
///   several that are repeated together;
/// - `stream=N`, `flags=END_STREAM,END_HEADERS,ACK,PADDED,PRIORITY`, `length=N` for a false length,
///   `type=N` for a type that has no name;
/// - the payload, as often as needed: `field=NAME|VALUE` (HPACK without compression), `get` and `post` for the
///   fields of a good request, `hex=...`, `u32=N`, `set=ID:VALUE`, and `text=...` up to the end of the line.
pub(crate) fn read(line: &str) -> Vec<u8> {
    let (count, line) = match line.split_once("* ") {
        Some((count, rest)) if count.bytes().all(|byte| byte.is_ascii_digit()) => {
            (count.parse::<u32>().unwrap(), rest)
        }
        _ => (1, line),
    };
    let frames: Vec<&str> = line.split(" ; ").collect();
    let frames = &frames;
    let each = (0..count).flat_map(|number| frames.iter().map(move |line| read_one(line, number)));
    each.flatten().collect()
}

fn read_one(line: &str, number: u32) -> Vec<u8> {
    let (head, text) = match line.split_once(" text=") {
        Some((head, text)) => (head, unescape(text)),
        None => (line, Vec::new()),
    };
    let mut words = head.split(' ');
    let name = words.next().unwrap();
    let place = TYPES.iter().position(|known| *known == name);
    let mut kind = place.unwrap_or(0xff) as u8;
    let (mut flags, mut stream, mut length) = (0, 0, None);
    let mut payload = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "each" => stream += 2 * number,
            "stream" => stream += value.parse::<u32>().unwrap(),
            "type" => kind = value.parse().unwrap(),
            "flags" => flags = value.split(',').map(flag).fold(0, |all, flag| all | flag),
            "length" => length = Some(value.parse::<u32>().unwrap()),
            "field" => {
                let (name, value) = value.split_once('|').unwrap();
                payload.extend(field(&unescape(name), &unescape(value)));
            }
            "get" => payload.extend(request(&[":method|GET", ":path|/a"])),
            "post" => payload.extend(request(&[":method|POST", ":path|/a"])),
            "hex" => payload.extend(unhex(value)),
            "u32" => payload.extend(value.parse::<u32>().unwrap().to_be_bytes()),
            "set" => {
                let (id, value) = value.split_once(':').unwrap();
                payload.extend(setting(id.parse().unwrap(), value.parse().unwrap()));
            }
            _ => panic!("{word} is not understood: {line}"),
        }
    }
    payload.extend(text);
    let mut bytes = frame(kind, flags, stream, &payload);
    if let Some(length) = length {
        bytes[..3].copy_from_slice(&length.to_be_bytes()[1..]);
    }
    bytes
}

fn request(first: &[&str]) -> Vec<u8> {
    let fields = first.iter().chain(&[":scheme|http", ":authority|shop"]);
    let pairs = fields.map(|pair| pair.split_once('|').unwrap());
    pairs
        .flat_map(|(name, value)| field(name.as_bytes(), value.as_bytes()))
        .collect()
}

/// A literal field without indexing and without Huffman's code (RFC 7541, 6.2.2).
fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0][..], &string(name), &string(value)].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if text.len() < 127 {
        bytes.push(text.len() as u8);
    } else {
        bytes.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            bytes.push((rest % 128 + 128) as u8);
            rest /= 128;
        }
        bytes.push(rest as u8);
    }
    bytes.extend_from_slice(text);
    bytes
}

fn flag(name: &str) -> u8 {
    match name {
        "END_STREAM" | "ACK" => 1,
        "END_HEADERS" => 4,
        "PADDED" => 8,
        "PRIORITY" => 0x20,
        _ => panic!("{name} is no flag"),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// What a server said, in the words of the cases: `goaway CODE`, `reset STREAM CODE` and `answer STREAM
/// STATUS`, in the order in which they came.
pub(crate) fn told(mut bytes: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let (kind, stream) = (
            bytes[3],
            u32::from_be_bytes(bytes[5..9].try_into().unwrap()),
        );
        let Some(payload) = bytes.get(9..9 + length) else {
            break;
        };
        let code = |at: usize| {
            let code = payload
                .get(at..at + 4)
                .map(|code| u32::from_be_bytes(code.try_into().unwrap()));
            CODES
                .get(code.unwrap_or(99) as usize)
                .copied()
                .unwrap_or("UNKNOWN")
        };
        match kind {
            1 if payload.first() == Some(&0) || payload.is_empty() => {}
            1 => told.extend(status(payload).map(|status| format!("answer {stream} {status}"))),
            3 => told.push(format!("reset {stream} {}", code(0))),
            7 => told.push(format!("goaway {}", code(4))),
            _ => {}
        }
        bytes = &bytes[9 + length..];
    }
    told
}

/// The status, which is the first field of an answer's block.
fn status(block: &[u8]) -> Option<u16> {
    let block = match block {
        // The size of the table was changed (RFC 7541, 6.3).
        [size, rest @ ..] if size & 0xe0 == 0x20 => rest,
        _ => block,
    };
    let known = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => Some(known[usize::from(index - 0x88)]),
        [_, length, text @ ..] => {
            let digits = text.get(..usize::from(length & 0x7f))?;
            match length & 0x80 {
                0 => std::str::from_utf8(digits).ok()?.parse().ok(),
                _ => huffman_digits(digits),
            }
        }
        _ => None,
    }
}

/// Three digits in the code of RFC 7541, appendix B.
fn huffman_digits(bytes: &[u8]) -> Option<u16> {
    let bits = bytes
        .iter()
        .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let mut left = 8 * bytes.len();
    let mut number = 0;
    for _ in 0..3 {
        let short = bits.checked_shr((left - 5) as u32)? & 0x1f;
        let (digit, length) = match short {
            0..=2 => (short as u16, 5),
            _ => (3 + ((bits >> (left - 6)) & 0x3f) as u16 - 0x19, 6),
        };
        number = number * 10 + digit;
        left -= length;
    }
    Some(number)
}
