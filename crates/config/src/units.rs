//! From TOML values to values with a unit, or to what is wrong with them.
//!
//! Every function takes one value and says all about it that can be said without knowing the rest of
//! the file.

use std::net::SocketAddr;

use portcullis_mask::Regions;
use toml::de::DeValue;

use crate::Code;
use crate::bounds::{NAME_CHARS_MAX, QUOTED_CHARS_MAX, VERSION_CHARS_MAX};
use crate::config::PortRange;
use crate::keys::Kind;
use crate::report::Wrong;
use crate::similar::{nearest, one_of};

mod amount;
mod duration;
mod form;
mod json;
mod network;
mod rate;
mod schedule;

pub(crate) use amount::{bytes, bytes_text, percent, rate_text, request_rate, score, seconds};
pub(crate) use duration::{duration_ms, duration_text, milliseconds};
pub(crate) use json::json;
pub(crate) use network::network;
pub(crate) use rate::{Limit, failures, figure, latency_ms, limit, quantile, rate};
pub(crate) use schedule::{cron, time_zone};

/// A value as a message quotes it: what it is and, if short, its text.
pub(crate) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => format!("the number {}", clipped(&number.to_string())),
        DeValue::Float(number) => format!("the number {}", clipped(number.as_str())),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A text in quotes, without control characters and not too long. The user and password of a URL are left
/// out, whichever key it stands under.
pub(crate) fn quoted(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => {
            format!("\"{}://...@{}\"", clipped(scheme), clipped(host))
        }
        _ => format!("\"{}\"", clipped(text)),
    }
}

fn clipped(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown.escape_debug().to_string().replace("\\'", "'")
}

/// A piece of the file as it stands there, with control characters escaped: they could move a terminal's cursor.
pub(crate) fn without_controls(written: &str) -> String {
    let mut shown = String::with_capacity(written.len());
    for character in written.chars() {
        if character.is_control() {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A key as it would be written: bare, or in quotes where that is needed.
pub(crate) fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A value of another type than a key's.
pub(crate) fn wrong_type(kind: Kind, value: &DeValue<'_>) -> Wrong {
    let message = format!("expected {}, found {}", kind.expected(), found(value));
    Wrong::new(Code::WrongType, message)
}

/// A value of the right type that is not allowed.
pub(crate) fn bad_value(kind: Kind, text: &str) -> Wrong {
    let message = format!("expected {}, found {}", kind.expected(), quoted(text));
    Wrong::new(Code::BadValue, message)
}

/// A text.
pub(crate) fn text<'v>(kind: Kind, value: &'v DeValue<'_>) -> Result<&'v str, Wrong> {
    match value {
        DeValue::String(text) => Ok(text),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
            let shown = match value {
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.as_str().to_owned(),
                other => found(other),
            };
            let hint = format!("write it in quotes: \"{}\"", clipped(&shown));
            Err(wrong_type(kind, value).hint(hint))
        }
        other => Err(wrong_type(kind, other)),
    }
}

/// The ISO 3166 code of a country whose telephone numbers are known. A word that is one letter away is another country, so
/// only what is commonly written for the same one is a hint.
pub(crate) fn region(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = text(kind, value)?;
    if Regions::CODES.contains(&text) {
        return Ok(text.to_owned());
    }
    let upper = text.to_ascii_uppercase();
    let meant = Regions::meant(text).unwrap_or(&upper);
    let hint = if Regions::CODES.contains(&meant) {
        Some(format!("did you mean \"{meant}\"?"))
    } else if meant == upper {
        None
    } else {
        Some(format!(
            "the ISO 3166 code is \"{meant}\", but how its people write numbers is not known; numbers with its calling code \
             are found in any case"
        ))
    };
    Err(bad_value(kind, text).maybe(hint))
}

/// A text that a key's kind allows: free, a name, a choice, a path and so on.
pub(crate) fn plain(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = text(kind, value)?;
    let wrong = || bad_value(kind, text);
    match kind {
        Kind::Form(form) => form::formed(form, text).map_err(|hint| wrong().maybe(hint)),
        Kind::Name if !is_name(text) => {
            let lower = text.to_lowercase().replace(['_', ' ', '.'], "-");
            let hint = is_name(&lower).then(|| format!("did you mean \"{lower}\"?"));
            Err(wrong().maybe(hint))
        }
        Kind::Version if !is_version(text) => Err(wrong()),
        Kind::Choice(words) if !words.contains(&text) => {
            let near = nearest(text, words.iter().copied());
            Err(wrong().maybe(near.map(|word| format!("did you mean \"{word}\"?"))))
        }
        Kind::Path if text.starts_with("~/") || text == "~" => {
            Err(wrong().hint("only a shell knows `~`: write the path out"))
        }
        Kind::UrlPath if !is_url_path(text) => {
            let slash = format!("/{text}");
            let hint = is_url_path(&slash).then(|| format!("did you mean \"{slash}\"?"));
            Err(wrong().maybe(hint))
        }
        Kind::Pointer if !is_pointer(text) => Err(wrong().maybe(pointer_hint(text))),
        Kind::Token if !is_token(text) => Err(wrong()),
        Kind::Method if text.is_empty() || !text.bytes().all(|b| b.is_ascii_uppercase()) => {
            let upper = text.to_ascii_uppercase();
            let letters = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic());
            Err(wrong().maybe(letters.then(|| format!("did you mean \"{upper}\"?"))))
        }
        // A pointer may be empty: the whole document.
        Kind::Pointer => Ok(text.to_owned()),
        _ if text.trim().is_empty() || text.contains('\0') => Err(wrong()),
        _ => Ok(text.to_owned()),
    }
}

/// What a pointer probably should have been.
pub(crate) fn pointer_hint(text: &str) -> Option<String> {
    let slashed = format!("/{}", text.trim_start_matches("$.").replace('.', "/"));
    is_pointer(&slashed).then(|| format!("did you mean \"{slashed}\"?"))
}

/// `true` or `false`.
pub(crate) fn boolean(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| {
        let hint = value
            .as_str()
            .and_then(|text| match text.to_lowercase().as_str() {
                "true" | "yes" | "on" => Some("did you mean true, without quotes?".to_owned()),
                "false" | "no" | "off" => Some("did you mean false, without quotes?".to_owned()),
                _ => None,
            });
        wrong_type(Kind::Boolean, value).maybe(hint)
    })
}

/// A whole number within the bounds of its kind.
pub(crate) fn whole(kind: Kind, value: &DeValue<'_>) -> Result<u64, Wrong> {
    let (min, max) = match kind {
        Kind::Whole(min, max) => (min, max),
        _ => (0, u64::MAX),
    };
    match value {
        DeValue::Integer(number) => {
            let parsed = u64::from_str_radix(number.as_str(), number.radix());
            parsed
                .ok()
                .filter(|number| (min..=max).contains(number))
                .ok_or_else(|| {
                    let message = format!("expected {}, found {}", kind.expected(), found(value));
                    Wrong::new(Code::BadValue, message)
                })
        }
        DeValue::String(text) if text.parse::<u64>().is_ok() => {
            Err(wrong_type(kind, value).hint(format!("write it without quotes: {text}")))
        }
        other => Err(wrong_type(kind, other)),
    }
}

/// A status of HTTP, one of those of its kind.
pub(crate) fn status(kind: Kind, value: &DeValue<'_>) -> Result<u16, Wrong> {
    let known = match kind {
        Kind::Status(known) => known,
        _ => &[],
    };
    let number = whole(kind, value)?;
    let status = known.iter().find(|status| u64::from(**status) == number);
    status.copied().ok_or_else(|| {
        let message = format!("expected {}, found {}", kind.expected(), found(value));
        Wrong::new(Code::BadValue, message)
    })
}

/// A finite number.
pub(crate) fn number(value: &DeValue<'_>) -> Result<f64, Wrong> {
    let parsed = match value {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|n| n as f64),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
        _ => None,
    };
    parsed.filter(|number| number.is_finite()).ok_or_else(|| {
        let hint = value
            .as_str()
            .filter(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
            .map(|text| format!("write it without quotes: {text}"));
        wrong_type(Kind::Number, value).maybe(hint)
    })
}

/// A range of ports.
pub(crate) fn ports(value: &DeValue<'_>) -> Result<PortRange, Wrong> {
    let text = text(Kind::Ports, value)?;
    text.parse().map_err(|refused| {
        let message = format!("{refused}; found {}", quoted(text));
        Wrong::new(Code::BadValue, message)
    })
}

/// An IP address with a port.
pub(crate) fn address(kind: Kind, value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    if let DeValue::Integer(port) = value
        && port.as_str().parse::<u16>().is_ok()
    {
        return Err(wrong_type(kind, value).hint(format!("did you mean \"127.0.0.1:{port}\"?")));
    }
    let text = text(kind, value)?;
    text.parse().map_err(|_| {
        let port = text
            .trim_start_matches("http://")
            .rsplit(':')
            .next()
            .unwrap_or(text);
        let host = text.strip_suffix(port).unwrap_or_default();
        let local = [
            "",
            ":",
            "localhost:",
            "http://localhost:",
            "http://127.0.0.1:",
            "*:",
        ];
        let hint = (local.contains(&host) && port.parse::<u16>().is_ok()).then(|| {
            let host = if host == "*:" { "0.0.0.0" } else { "127.0.0.1" };
            format!("did you mean \"{host}:{port}\"?")
        });
        bad_value(kind, text).maybe(hint)
    })
}

/// `unix`, which is `None`, or an IP address with a port.
pub(crate) fn listen(value: &DeValue<'_>) -> Result<Option<SocketAddr>, Wrong> {
    match value {
        DeValue::String(text) if text == "unix" => Ok(None),
        DeValue::String(text) if text.starts_with("unix:") => Err(bad_value(Kind::Listen, text)
            .hint("the socket is made in the state folder: write \"unix\" and set state.folder")),
        other => address(Kind::Listen, other).map(Some),
    }
}

/// 1 to 63 characters of `a-z`, `0-9` and `-`.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// A JSON pointer: empty, or parts that each begin with a slash.
pub(crate) fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

/// Versions become parts of paths, so none may be `.` or `..`.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=VERSION_CHARS_MAX).contains(&text.len())
        && text.bytes().all(plain)
        && text.bytes().any(|byte| byte != b'.')
}

fn is_url_path(text: &str) -> bool {
    text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// A token of RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || special.contains(&b))
}

/// Percentages from 1 to 100, of which one is wrong.
pub(crate) fn weight(value: &DeValue<'_>) -> Result<u8, Wrong> {
    let kind = Kind::Whole(1, 100);
    let wrong = match whole(kind, value) {
        Ok(percent) => return Ok(u8::try_from(percent).unwrap_or(u8::MAX)),
        Err(wrong) => wrong,
    };
    let percent = match value {
        DeValue::Float(share) => share
            .as_str()
            .parse::<f64>()
            .ok()
            .map(|share| share * 100.0),
        DeValue::String(text) => text.trim_end_matches('%').trim_end().parse().ok(),
        _ => None,
    };
    let near = percent.filter(|p| p.fract() == 0.0 && (1.0..=100.0).contains(p));
    Err(wrong.maybe(near.map(|percent| format!("did you mean {percent}? weights are percentages"))))
}

/// A number as a message quotes it.
pub(crate) fn found_number(number: u8) -> String {
    format!("found {number}")
}

/// The sentence with the names that are known, for a hint.
pub(crate) fn known(names: &[&str], none: &str) -> String {
    if names.is_empty() {
        none.to_owned()
    } else {
        format!("known: {}", one_of(names))
    }
}

#[cfg(test)]
mod tests;
