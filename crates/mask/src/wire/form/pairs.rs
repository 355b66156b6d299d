//! Forms of `name=value` pairs (`application/x-www-form-urlencoded`).
//!
//! Strict about what is read in different ways: a semicolon, which some take for an ampersand, white space, bytes beyond
//! ASCII and broken escapes are refused. Only a value that changes is written anew.

use std::borrow::Cow;

use super::Masking;
use super::content::Content;
use super::content_type::is_utf8;
use super::error::{FormError, FormErrorKind};
use super::plan::Role;
use crate::wire::body::{Mask, percent_encode};

/// Masks the pairs of a body and writes it behind what `out` holds.
pub(super) fn mask<M: Mask>(
    body: &[u8],
    masking: &mut Masking<'_, M>,
    out: &mut Vec<u8>,
) -> Result<(), FormError<M::Refusal>> {
    let bare = |byte: &u8| !byte.is_ascii_graphic() || *byte == b';';
    if let Some(at) = body.iter().position(bare) {
        return Err(FormError::Form {
            kind: FormErrorKind::Bare,
            at,
        });
    }
    let mut at = 0;
    for pair in body.split(|byte| *byte == b'&') {
        if at > 0 {
            out.push(b'&');
        }
        mask_pair(pair, at, masking, out)?;
        at += pair.len() + 1;
    }
    Ok(())
}

/// Masks one pair, which stands at this byte.
fn mask_pair<M: Mask>(
    pair: &[u8],
    at: usize,
    masking: &mut Masking<'_, M>,
    out: &mut Vec<u8>,
) -> Result<(), FormError<M::Refusal>> {
    let fault = |kind, at| FormError::Form { kind, at };
    let equals = memchr::memchr(b'=', pair);
    let name_end = equals.unwrap_or(pair.len());
    let value_at = equals.map_or(pair.len(), |equals| equals + 1);
    let escape = |offset: usize| fault(FormErrorKind::Escape, at + offset);
    let name = decoded(&pair[..name_end], true).map_err(escape)?;
    let name = std::str::from_utf8(&name).map_err(|_| fault(FormErrorKind::NotUtf8, at))?;
    masking.check_name(name, at)?;
    let value = decoded(&pair[value_at..], true).map_err(|offset| escape(value_at + offset))?;
    let role = match masking.plan.role(name, false) {
        Role::Charset if !is_utf8(&String::from_utf8_lossy(&value)) => {
            return Err(fault(FormErrorKind::Charset, at + value_at));
        }
        Role::File | Role::Media => Role::Text(""),
        role => role,
    };
    let content = Content {
        bytes: &value,
        at: at + value_at,
        ..Content::default()
    };
    match content.masked(role, masking)? {
        Some(masked) => {
            // Masked text stays UTF-8, because only such is masked.
            let masked = String::from_utf8_lossy(&masked);
            let mut written = String::with_capacity(masked.len());
            percent_encode(&masked, &mut written);
            out.extend_from_slice(&pair[..value_at]);
            out.extend_from_slice(written.as_bytes());
        }
        None => out.extend_from_slice(pair),
    }
    Ok(())
}

/// Bytes without percent escapes, and with `has_plus` spaces for plus signs; as an error the place of a broken escape.
pub(super) fn decoded(bytes: &[u8], has_plus: bool) -> Result<Cow<'_, [u8]>, usize> {
    if memchr::memchr2(b'%', b'+', bytes).is_none() {
        return Ok(Cow::Borrowed(bytes));
    }
    let digit = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
                    return Err(at);
                };
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            b'+' if has_plus => out.push(b' '),
            byte => out.push(*byte),
        }
        at += 1;
    }
    Ok(Cow::Owned(out))
}
