//! `tracestate` (W3C Trace Context, 3.3), passed on as it is, in bounds.

use http::header::HeaderValue;

use crate::protect::bounds::{TRACESTATE_BYTES_MAX, TRACESTATE_MEMBERS_MAX};

/// Members that are longer go first when the list is too long (3.3.1.5).
const LONG_MEMBER_BYTES: usize = 128;

/// The lines as one list. `None` when there is nothing to pass on, or when a member is not as the
/// standard says, comes twice, or there are too many: then the whole is left out.
pub(super) fn pass_on<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let mut members: Vec<&[u8]> = Vec::new();
    for line in lines {
        for member in line.as_bytes().split(|byte| *byte == b',') {
            let member = trim(member);
            if member.is_empty() {
                continue;
            }
            let key = key(member)?;
            let twice = members.iter().any(|other| self::key(other) == Some(key));
            if twice || members.len() == TRACESTATE_MEMBERS_MAX {
                return None;
            }
            members.push(member);
        }
    }
    let length = |members: &[&[u8]]| members.iter().map(|member| member.len() + 1).sum::<usize>();
    while length(&members) > TRACESTATE_BYTES_MAX + 1 {
        let long = members
            .iter()
            .rposition(|member| member.len() > LONG_MEMBER_BYTES);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    match members.is_empty() {
        true => None,
        false => HeaderValue::from_bytes(&members.join(&b',')).ok(),
    }
}

/// The key of a valid member.
fn key(member: &[u8]) -> Option<&[u8]> {
    let equals = member.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&member[..equals], &member[equals + 1..]);
    let (first, others) = key.split_first()?;
    let begins = first.is_ascii_lowercase() || first.is_ascii_digit();
    let valid =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(byte);
    let key_valid = begins && key.len() <= 256 && others.iter().all(valid);
    let visible = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    let value_valid = (1..=256).contains(&value.len()) && value.iter().all(visible);
    (key_valid && value_valid).then_some(key)
}

fn trim(member: &[u8]) -> &[u8] {
    member.trim_ascii()
}
