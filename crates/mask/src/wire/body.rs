//! Whole bodies and queries, masked and restored.

use std::borrow::Cow;

use super::file;
use super::form::FormErrorKind;
use super::restoring::{Unmasks, holds_json, restore_fields};
use super::strays;
use crate::json::{Document, Edits, Field, FieldTable, JsonError, JsonLimits, Kind, Treatment};

/// The byte order mark of UTF-8, which some servers write before JSON.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Hides what is personal or secret in one text.
pub trait Mask {
    /// Why a text is not let through at all.
    type Refusal;

    /// The text without it. `field` is the name of the field it stands in, which counts as context; it may be empty.
    ///
    /// # Errors
    /// When the text holds something with which the request must not go on, or it cannot be looked at.
    fn mask<'t>(&mut self, text: &'t str, field: &str) -> Result<Cow<'t, str>, Self::Refusal>;
}

/// What is done with files that cannot be looked into: neither text nor pictures, sound or films.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Documents {
    /// The request is refused.
    #[default]
    Refuse,
    /// They pass as they are.
    Pass,
}

/// How bodies are masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyOptions {
    /// What is done with documents.
    pub documents: Documents,
    /// How much JSON is read; of a form, in one part.
    pub json: JsonLimits,
}

impl From<JsonLimits> for BodyOptions {
    /// Reads so much JSON, and refuses documents.
    fn from(json: JsonLimits) -> BodyOptions {
        BodyOptions {
            json,
            ..BodyOptions::default()
        }
    }
}

/// Why a body is not forwarded. No variant holds a part of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError<R> {
    /// The body is not JSON, or more of it than is read.
    #[error("the body is {0}")]
    Json(JsonError),
    /// The body holds text as numbers of tokens.
    #[error(
        "the body holds text as token numbers at byte {at}, which cannot be masked; send it as strings"
    )]
    Tokens {
        /// Where the first one stands.
        at: usize,
    },
    /// A file within the body cannot be looked into.
    #[error("the file at byte {at} cannot be looked into: {kind}")]
    File {
        /// What is wrong with it.
        kind: FormErrorKind,
        /// Where its string begins.
        at: usize,
    },
    /// None of the fields that the table of this service names is in the body, so nobody knows where its text is.
    #[error("the body has none of the fields that are looked into")]
    NoField,
    /// A text was refused.
    #[error("a text was refused")]
    Refused(R),
}

/// Masks a body and writes it behind what `out` holds; gives how many strings changed.
///
/// # Errors
/// When the body is not acceptable JSON, has none of the fields of a table that must fit, holds tokens or a file that cannot be looked into, or a text was refused. Nothing useful is in `out` then.
pub fn mask_json<M: Mask>(
    body: &[u8],
    table: &FieldTable,
    options: impl Into<BodyOptions>,
    mask: &mut M,
    out: &mut Vec<u8>,
) -> Result<usize, BodyError<M::Refusal>> {
    let options = options.into();
    let document = Document::read(body, options.json).map_err(BodyError::Json)?;
    if !table.is_for(&document) {
        return Err(BodyError::NoField);
    }
    let mut edits = Edits::default();
    table.visit(&document, |field| {
        mask_field(&document, field, options, mask, &mut edits)
    })?;
    edits.apply(document.source(), out);
    Ok(edits.len())
}

/// Restores an answer's body, looks through the rest of it if somebody wants that ([`Unmasks::stray`]), and writes it behind what `out` holds; gives how many strings changed.
///
/// # Errors
/// When the body is not acceptable JSON.
pub fn unmask_json<U: Unmasks>(
    body: &[u8],
    table: &FieldTable,
    limits: JsonLimits,
    unmasks: &U,
    out: &mut Vec<u8>,
) -> Result<usize, JsonError> {
    let inside = body.strip_prefix(MARK).unwrap_or(body);
    out.extend_from_slice(&body[..body.len() - inside.len()]);
    let document = Document::read(inside, limits)?;
    let (mut edits, mut treated) = (Edits::default(), Vec::new());
    let mut changed = restore_fields(&document, table, unmasks, (&mut edits, &mut treated));
    changed += strays::look_through(&document, &mut treated, unmasks, &mut edits);
    edits.apply(document.source(), out);
    Ok(changed)
}

/// Masks the named parameters of a query (what stands behind the `?`); the rest passes byte for byte.
///
/// # Errors
/// When a text was refused.
pub fn mask_query<'q, M: Mask>(
    query: &'q str,
    names: &[&str],
    mask: &mut M,
) -> Result<Cow<'q, str>, M::Refusal> {
    let mut changed: Option<String> = None;
    let mut done = 0;
    for parameter in query.split('&') {
        let end = done + parameter.len();
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let said = percent_decoded(value);
        if names.contains(&percent_decoded(name).as_ref()) {
            let masked = mask.mask(&said, names_field(names, name))?;
            if masked != said {
                let start = end - value.len();
                let kept = changed.get_or_insert_with(|| query[..done].to_owned());
                kept.push_str(&query[done..start]);
                percent_encode(&masked, kept);
                done = end;
            }
        }
        if let Some(kept) = &mut changed {
            kept.push_str(&query[done..end]);
            if end < query.len() {
                kept.push('&');
            }
        }
        done = (end + 1).min(query.len());
    }
    Ok(changed.map_or(Cow::Borrowed(query), Cow::Owned))
}

/// The name as the table spells it.
fn names_field<'n>(names: &[&'n str], name: &str) -> &'n str {
    let name = percent_decoded(name);
    names
        .iter()
        .copied()
        .find(|known| *known == name)
        .unwrap_or_default()
}

/// Masks one value of a body.
fn mask_field<M: Mask>(
    document: &Document<'_>,
    field: Field<'_>,
    options: BodyOptions,
    mask: &mut M,
    edits: &mut Edits,
) -> Result<(), BodyError<M::Refusal>> {
    let value = field.value;
    match value.kind() {
        Kind::Text | Kind::Key => {}
        Kind::Number if field.treatment == Treatment::TextOrTokens => {
            return Err(BodyError::Tokens {
                at: value.range().start,
            });
        }
        _ => return Ok(()),
    }
    let said = value.decoded();
    if let Some(place) = file::Place::of(field.treatment) {
        if let Some(masked) = file::masked(&said.text, place, &field, options, mask)? {
            edits.say(document, value, &masked, said.has_lone);
        }
        return Ok(());
    }
    let is_json = matches!(field.treatment, Treatment::JsonText | Treatment::MaybeJson)
        && holds_json(&said.text);
    let masked = if is_json {
        mask_inner(&said.text, mask)?
    } else {
        mask.mask(&said.text, field.name)
            .map_err(BodyError::Refused)?
    };
    if masked != said.text {
        edits.say(document, value, &masked, said.has_lone);
    }
    Ok(())
}

/// Masks the strings and keys of JSON that stands within a string.
fn mask_inner<'t, M: Mask>(
    inner: &'t str,
    mask: &mut M,
) -> Result<Cow<'t, str>, BodyError<M::Refusal>> {
    let table = FieldTable::everything();
    let mut out = Vec::new();
    let changed = mask_json(
        inner.as_bytes(),
        &table,
        JsonLimits::default(),
        mask,
        &mut out,
    )?;
    match String::from_utf8(out) {
        Ok(text) if changed > 0 => Ok(Cow::Owned(text)),
        _ => Ok(Cow::Borrowed(inner)),
    }
}

/// A parameter's text. Bytes that are no UTF-8 become `U+FFFD`.
fn percent_decoded(value: &str) -> Cow<'_, str> {
    if !value.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = value.get(at + 1..at + 3);
        let escape = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], escape) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Writes a text as a parameter's value: everything but RFC 3986's unreserved characters as `%XX`.
pub(super) fn percent_encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}
