//! The header fields of one part of a form.

use super::Refusal;
use crate::protect::bounds::PARAMETERS_MAX;

/// What the header fields of a part say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    /// It is a file: it has a file name or a type of its own.
    File,
    /// It is the value of a field.
    Value,
}

type Parameters = Vec<(String, Vec<u8>)>;

/// Reads the lines of a part's head, without the empty line that ends it.
pub(super) fn read(head: &[u8]) -> Result<PartKind, Refusal> {
    let mut disposition = None;
    let mut media_type = None;
    let mut encoding = None;
    for line in lines(head) {
        let (name, value) = field(line).ok_or(Refusal::Form("a header field that is none"))?;
        let seen = match name.as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut media_type,
            "content-transfer-encoding" => &mut encoding,
            _ => continue,
        };
        if seen.replace(value).is_some() {
            return Err(Refusal::Form("a header field that is there twice"));
        }
    }
    if let Some(encoding) = encoding {
        let plain = [&b"7bit"[..], b"8bit", b"binary"];
        if !plain
            .iter()
            .any(|plain| encoding.eq_ignore_ascii_case(plain))
        {
            return Err(Refusal::Form("a transfer encoding"));
        }
    }
    let nested = media_type.is_some_and(|value| super::boundary::multipart(value).is_some());
    if nested {
        return Err(Refusal::Form("a form within a form"));
    }
    let disposition = disposition.ok_or(Refusal::Form("a part without Content-Disposition"))?;
    let (kind, parameters) =
        parameters(disposition).ok_or(Refusal::Form("a Content-Disposition that is none"))?;
    if kind != "form-data" || !parameters.iter().any(|(name, _)| name == "name") {
        return Err(Refusal::Form("a Content-Disposition without a name"));
    }
    let named = parameters
        .iter()
        .any(|(name, _)| name.starts_with("filename"));
    // Readers differ in what a backslash does: what looks like a file name to one of them is one.
    let doubtful = disposition.contains(&b'\\') && contains_filename(disposition);
    match named || doubtful || media_type.is_some() {
        true => Ok(PartKind::File),
        false => Ok(PartKind::Value),
    }
}

/// A value such as `form-data; name="a"; filename=b`: the word in front and the parameters, names in
/// lower case. `None` when it is not well formed, a name comes twice or there are too many.
pub(super) fn parameters(value: &[u8]) -> Option<(String, Parameters)> {
    let end = value.iter().position(|byte| *byte == b';');
    let (word, mut rest) = value.split_at(end.unwrap_or(value.len()));
    let word = String::from_utf8(word.trim_ascii().to_ascii_lowercase()).ok()?;
    let mut parameters: Parameters = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        match rest.split_first() {
            None => return Some((word, parameters)),
            Some((b';', after)) => rest = after.trim_ascii_start(),
            Some(_) => return None,
        }
        if rest.is_empty() || rest.first() == Some(&b';') {
            continue;
        }
        let length = rest.iter().take_while(|byte| is_token(**byte)).count();
        let name = String::from_utf8(rest[..length].to_ascii_lowercase()).ok()?;
        rest = rest[length..].strip_prefix(b"=")?;
        let value = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let (value, length) = unquote(quoted)?;
                rest = &quoted[length..];
                value
            }
            None => {
                let length = rest.iter().take_while(|byte| is_token(**byte)).count();
                let (value, after) = rest.split_at(length);
                rest = after;
                value.to_vec()
            }
        };
        if name.is_empty()
            || parameters.len() == PARAMETERS_MAX
            || parameters.iter().any(|(other, _)| *other == name)
        {
            return None;
        }
        parameters.push((name, value));
    }
}

/// The text up to the closing quote, and how many bytes it and the quote take. A backslash stands for
/// itself unless a quote or another one follows, as clients that send names of Windows files mean it.
fn unquote(quoted: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut index = 0;
    loop {
        match (quoted.get(index)?, quoted.get(index + 1)) {
            (b'"', _) => return Some((text, index + 1)),
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                text.push(*escaped);
                index += 2;
            }
            (byte, _) => {
                text.push(*byte);
                index += 1;
            }
        }
    }
}

/// The lines between CRLFs.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let text = rest?;
        match memchr::memmem::find(text, b"\r\n") {
            Some(end) => {
                rest = Some(&text[end + 2..]);
                Some(&text[..end])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

/// Name in lower case, and value. Folded lines begin with a space, which no name does; bare CR, LF and
/// other control characters are refused.
fn field(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || value.iter().any(control) {
        return None;
    }
    let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
    Some((name, value.trim_ascii()))
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn contains_filename(value: &[u8]) -> bool {
    memchr::memmem::find(&value.to_ascii_lowercase(), b"filename").is_some()
}

#[cfg(test)]
mod tests;
