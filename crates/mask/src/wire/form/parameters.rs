//! Header values with parameters (`form-data; name="x"`), taken only in spellings that every parser reads alike.
//!
//! A value between quotes has no backslash (parsers disagree on what it escapes), no control characters, no encoded word
//! of RFC 2047, and nothing that looks like a further parameter to who splits at semicolons. No name stands twice.

use std::ops::Range;

/// A header value: what stands before the first semicolon, and the parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters<'h> {
    /// What stands before the first semicolon.
    pub(super) first: &'h str,
    /// In their order.
    pub(super) all: Vec<Parameter<'h>>,
}

/// One parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter<'h> {
    /// As it is spelled.
    pub(super) name: &'h str,
    /// Without quotes.
    pub(super) value: &'h str,
    /// The value with its quotes, in bytes from the beginning of the header value.
    pub(super) range: Range<usize>,
}

impl<'h> Parameters<'h> {
    /// Reads a header value; none when it is not in a strict spelling.
    pub(super) fn read(text: &'h str) -> Option<Parameters<'h>> {
        if text.chars().any(char::is_control) || text.contains("=?") {
            return None;
        }
        let end = text.find(';').unwrap_or(text.len());
        let mut parameters = Parameters {
            first: text[..end].trim_matches(' '),
            all: Vec::new(),
        };
        let mut at = end;
        while at < text.len() {
            at = skip_spaces(text, at);
            if text.as_bytes().get(at) != Some(&b';') {
                return None;
            }
            let (parameter, after) = parameter(text, skip_spaces(text, at + 1))?;
            let repeated = |known: &Parameter<'_>| known.name.eq_ignore_ascii_case(parameter.name);
            if parameters.all.iter().any(repeated) {
                return None;
            }
            parameters.all.push(parameter);
            at = after;
            if text[at..].bytes().all(|byte| byte == b' ') {
                break;
            }
        }
        Some(parameters)
    }

    /// The value of a parameter, by its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&'h str> {
        let mut all = self.all.iter();
        all.find(|parameter| parameter.name.eq_ignore_ascii_case(name))
            .map(|parameter| parameter.value)
    }
}

/// The parameter that begins here, and where it ends.
fn parameter(text: &str, start: usize) -> Option<(Parameter<'_>, usize)> {
    let equals = start + text[start..].find('=')?;
    let name = &text[start..equals];
    if !is_token(name) {
        return None;
    }
    let from = equals + 1;
    let rest = &text[from..];
    if let Some(inside) = rest.strip_prefix('"') {
        let length = inside.find('"')?;
        let value = &inside[..length];
        let may_look_like_more = value
            .split_once(';')
            .is_some_and(|(_, after)| after.contains('='));
        if value.contains('\\') || may_look_like_more {
            return None;
        }
        let range = from..from + length + 2;
        let after = range.end;
        return Some((Parameter { name, value, range }, after));
    }
    let length = rest.find([';', ' ']).unwrap_or(rest.len());
    let value = &rest[..length];
    let range = from..from + length;
    is_token(value).then_some((Parameter { name, value, range }, from + length))
}

/// Where the spaces end that begin here.
fn skip_spaces(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start_matches(' ').len()
}

/// Whether it is a token of RFC 9110.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
