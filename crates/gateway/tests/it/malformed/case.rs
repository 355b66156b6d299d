//! Cases in the text format of `tests/corpus`; its README has the rules.

use std::path::Path;

use crate::malformed::frames;

/// One malformed request and what must become of it.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// Where it stands, and its name.
    pub(crate) name: String,
    pub(crate) is_http2: bool,
    /// What is sent, in order; the connection is left alone between the pieces until it is quiet.
    pub(crate) sent: Vec<Vec<u8>>,
    /// Whether the client ends its side after the last piece.
    pub(crate) ends: bool,
    /// What the client must see, as [`Expect`] of one of these lines.
    pub(crate) expect: String,
    /// The requests that the upstream may see; none when it is empty.
    pub(crate) forwarded: Vec<Seen>,
    /// Requests that the upstream may see the beginning of, and never all of.
    pub(crate) begun: Vec<String>,
    /// Whether the `host` of what is forwarded is left open.
    pub(crate) any_host: bool,
    /// Whether only the last thing that the client is told counts.
    pub(crate) is_flood: bool,
    /// Words of the problem's body.
    pub(crate) problem: Option<String>,
    /// Why it does not hold yet.
    pub(crate) known_bad: Option<String>,
    has_reason: bool,
}

/// One request as the upstream sees it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    /// Sorted, with names in lower case.
    pub(crate) fields: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// All cases of a file.
pub(crate) fn read(path: &Path) -> Vec<Case> {
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case {
                name: format!("{place}: {name}"),
                ..Case::default()
            });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with ==");
        assert!(case.line(line), "{place}: not understood: {line}");
    }
    for case in &cases {
        assert!(case.has_reason, "{} has no reason", case.name);
        assert!(!case.expect.is_empty(), "{} expects nothing", case.name);
        assert!(!case.sent.is_empty(), "{} sends nothing", case.name);
    }
    cases
}

impl Case {
    /// Takes one line of the case; false if it is none.
    fn line(&mut self, line: &str) -> bool {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            ">" => self.send(&[&unescape(rest)[..], b"\r\n"].concat()),
            ">>" => self.send(&unescape(rest)),
            "why:" => self.has_reason = true,
            "expect:" => self.expect = rest.to_owned(),
            "problem:" => self.problem = Some(rest.to_owned()),
            "known-bad:" => self.known_bad = Some(rest.to_owned()),
            "may:" => self.begun.push(rest.to_owned()),
            "flood" => self.is_flood = true,
            "any-host" => self.any_host = true,
            "then:" if rest == "pause" => self.sent.push(Vec::new()),
            "then:" if rest == "end" => self.ends = true,
            "http2" => {
                self.is_http2 = true;
                self.send(&[frames::PREFACE, &frames::settings(&[])].concat());
            }
            "http2-bare" => self.is_http2 = true,
            "frame:" => {
                let bytes = frames::read(rest);
                self.send(&bytes);
            }
            "<" => self.seen(rest),
            "<<" => {
                let seen = self.forwarded.last_mut().expect("a request line first");
                seen.body.extend(unescape(rest));
            }
            _ => return false,
        }
        true
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.sent.is_empty() {
            self.sent.push(Vec::new());
        }
        self.sent.last_mut().unwrap().extend_from_slice(bytes);
    }

    fn seen(&mut self, line: &str) {
        let line = String::from_utf8_lossy(&unescape(line)).into_owned();
        if line.ends_with(" HTTP/1.1") {
            self.forwarded.push(Seen {
                line,
                ..Seen::default()
            });
            return;
        }
        let seen = self.forwarded.last_mut().expect("a request line first");
        seen.fields.push(line);
        seen.fields.sort();
    }
}

/// Undoes the escapes of a line: `\r`, `\n`, `\t`, `\\`, `\xHH`, and `\{COUNT*TEXT}` for a text many times,
/// in which `\#` is the number of the repetition.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let mut used = 1;
        match escape.as_bytes()[0] {
            b'r' => bytes.push(b'\r'),
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b's' => bytes.push(b' '),
            b'\\' => bytes.push(b'\\'),
            b'x' => {
                bytes.push(u8::from_str_radix(&escape[1..3], 16).unwrap());
                used = 3;
            }
            b'{' => {
                let (inside, _) = escape[1..].split_once('}').unwrap();
                let (count, repeated) = inside.split_once('*').unwrap();
                for number in 0..count.parse::<usize>().unwrap() {
                    bytes.extend(unescape(&repeated.replace("\\#", &number.to_string())));
                }
                used = inside.len() + 2;
            }
            other => panic!("`\\{}` is no escape: {text}", char::from(other)),
        }
        rest = &escape[used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
