//! Private keys in armour: PEM (RFC 7468, RFC 1421), OpenSSH, OpenPGP (RFC 9580), SSH2 (RFC 4716), and PuTTY's files.
//!
//! A key that was cut off is hidden up to its last line. What only talks about armours holds no key and stays.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::alphabet::{ANY64, Mixture};

/// The most bytes of one key.
const LIMIT: usize = 64 * 1024;
/// The most bytes of a label such as `RSA PRIVATE KEY`.
const LABEL_LIMIT: usize = 64;
/// So long is the shortest run of base64 that counts as key material.
const MATERIAL_MIN: usize = 10;
/// Lines before the material: `Proc-Type: 4,ENCRYPTED`.
const HEADERS: [&[u8]; 9] = [
    b"Proc-Type:",
    b"DEK-Info:",
    b"Version:",
    b"Comment:",
    b"Hash:",
    b"Charset:",
    b"MessageID:",
    b"Subject:",
    b"x-",
];

/// What stands at the hyphens at `at`: a private key, or nothing; and up to where that is known.
pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let hyphens = bytes[at..]
        .iter()
        .take(6)
        .take_while(|byte| **byte == b'-')
        .count();
    if !(4..=5).contains(&hyphens) {
        return None;
    }
    let rest = &bytes[at + hyphens..];
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let label = rest.strip_prefix(b"BEGIN ")?;
    let length = memmem::find(&label[..label.len().min(LABEL_LIMIT)], b"--")?;
    let name = label[..length].trim_ascii();
    let is_private = memmem::find(name, b"PRIVATE KEY").is_some()
        || name.starts_with(b"OpenVPN Static key")
        || name == b"PGP PRIVATE KEY BLOCK";
    if !is_private || name.contains(&b'\n') {
        return None;
    }
    let labelled = bytes.len() - label.len() + length;
    let body = labelled
        + bytes[labelled..]
            .iter()
            .take_while(|byte| **byte == b'-')
            .count();
    let window = &bytes[body..bytes.len().min(body + LIMIT)];
    let next = next_armour(window);
    if let Some(place) = next {
        let end = after_end_line(window, place);
        if let Some(end) = end {
            return has_material(&window[..place]).then_some(at..body + end);
        }
    }
    let cut = truncated(&window[..next.unwrap_or(window.len())])?;
    Some(at..body + cut)
}

/// Where the next hyphens of an armour stand.
fn next_armour(window: &[u8]) -> Option<usize> {
    let place = memmem::find(window, b"----")?;
    Some(place)
}

/// The end of the `END` line at `place`, if it is one.
fn after_end_line(window: &[u8], place: usize) -> Option<usize> {
    let line = &window[place..window.len().min(place + LABEL_LIMIT + 16)];
    // A label is ASCII; so this also never ends within a character.
    let ascii = line.iter().take_while(|byte| byte.is_ascii()).count();
    let line = &line[..ascii];
    let trimmed = line.trim_ascii_start();
    let hyphens = trimmed.iter().take_while(|byte| **byte == b'-').count();
    let label = &trimmed[hyphens..];
    let label = label.strip_prefix(b" ").unwrap_or(label);
    if !label.starts_with(b"END ") {
        return None;
    }
    let line_end = memchr(b'\n', label).unwrap_or(label.len());
    let offset = line.len() - label.len();
    // A last line that was cut within its hyphens ends with them.
    let closing = memmem::find(&label[..line_end], b"--").map(|start| {
        start
            + label[start..]
                .iter()
                .take(hyphens)
                .take_while(|byte| **byte == b'-')
                .count()
    });
    Some(place + offset + closing.unwrap_or_else(|| label[..line_end].trim_ascii_end().len()))
}

/// Whether a body holds anything that may be a key rather than words or dots.
fn has_material(body: &[u8]) -> bool {
    body.split(|byte| !ANY64.has(*byte))
        .any(|run| is_material(strip_escape(run)))
}

/// A run without the `n` of an escaped line end before it.
fn strip_escape(run: &[u8]) -> &[u8] {
    run.strip_prefix(b"n").unwrap_or(run)
}

fn is_material(run: &[u8]) -> bool {
    if run.len() < MATERIAL_MIN {
        return false;
    }
    let mixture = Mixture::of(&run[..run.len().min(64)]);
    mixture.distinct > 4 && (mixture.digits > 0 || mixture.capitals >= 3 && mixture.lower >= 1)
}

/// The end of the last line of base64 in a body that has no end line.
fn truncated(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut end = None;
    while at < body.len() {
        let (line, next) = line_at(body, at);
        let content = line.trim_ascii();
        let is_header = HEADERS.iter().any(|header| content.starts_with(header));
        if !content.is_empty() && !is_header {
            let token = ANY64.count(content, content.len());
            let is_short_tail = end.is_some() && token >= 2 && token == content.len();
            if !is_material(&content[..token]) && !is_short_tail {
                break;
            }
            let offset = line.len() - line.trim_ascii_start().len();
            end = Some(at + offset + token);
            if token < content.len() {
                break;
            }
        }
        at = next;
    }
    end
}

/// The line at `at` without its end, and where the next one begins. An escaped line end counts as well.
fn line_at(body: &[u8], at: usize) -> (&[u8], usize) {
    let rest = &body[at..];
    let real = memchr(b'\n', rest).unwrap_or(rest.len());
    match memchr(b'\\', &rest[..real]) {
        Some(escape) => {
            let signs = rest[escape..]
                .iter()
                .take(4)
                .take_while(|byte| matches!(byte, b'\\'))
                .count();
            (&rest[..escape], at + escape + signs + 1)
        }
        None => (&rest[..real], at + real + 1),
    }
}

/// The first line of PuTTY's files, up to their version.
const PUTTY: &[u8] = b"PuTTY-User-Key-File-";

/// The private key in PuTTY's format (PPK 2 and 3) whose first line has its colon at `colon`.
pub(crate) fn putty(bytes: &[u8], colon: usize) -> Option<Range<usize>> {
    let start = colon.checked_sub(PUTTY.len() + 1)?;
    if !bytes[start..].starts_with(PUTTY) {
        return None;
    }
    let window = &bytes[start..bytes.len().min(start + LIMIT)];
    let lines = memmem::find(window, b"Private-Lines:")?;
    let end = match memmem::find(&window[lines..], b"Private-MAC:") {
        Some(mac) => {
            let value = lines + mac + b"Private-MAC:".len();
            let spaces = window[value..]
                .iter()
                .take_while(|byte| **byte == b' ')
                .count();
            value + spaces + ANY64.count(&window[value + spaces..], 128)
        }
        None => {
            let (_, body) = line_at(window, lines);
            body + truncated(window.get(body..)?)?
        }
    };
    Some(start..start + end)
}
