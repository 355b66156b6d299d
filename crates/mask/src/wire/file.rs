//! Files that stand within JSON, as base64 or as `data:` URLs (RFC 2397).
//!
//! They are treated as the files of forms are: text is decoded, masked and encoded again; pictures, sound and films pass;
//! what nobody here can read is a document. A file in which nothing was found passes byte for byte, and one that changes
//! keeps its alphabet and its padding.
//!
//! Servers decode more or less leniently, so what no decoder could read differently is asked for: one alphabet, padding at
//! the end or not at all, and nothing else between but white space. Everything else is refused; where documents pass it is
//! masked as the text that it may be.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use super::body::{BodyError, BodyOptions, Documents, Mask, percent_encode};
use super::form::{Content, FormError, FormErrorKind, FormPlan, Masking, Role};
use crate::json::{Field, Treatment, Value};

/// The members beside a file that say of which type it is.
const TYPES: [&str; 3] = ["media_type", "mime_type", "mimeType"];
/// The members beside a file that say its name.
const NAMES: [&str; 3] = ["filename", "file_name", "name"];
/// The kinds of what is seen or heard.
const MEDIA: [&str; 3] = ["image/", "audio/", "video/"];

/// What may stand in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file.
    File,
    /// A picture or sound.
    Media,
    /// An address of something, or the thing itself.
    Link,
}

/// A string with a file.
struct Written<'t> {
    /// What stands before the data: all of a `data:` URL up to its comma.
    before: &'t str,
    /// The declared type in lower case; empty when there is none.
    media: String,
    charset: Option<&'t str>,
    coding: Coding,
    bytes: Vec<u8>,
}

/// How bytes are written in a string.
#[derive(Clone, Copy)]
enum Coding {
    /// As what they are, with `%XX`.
    Percent,
    Base64 {
        is_url_safe: bool,
        is_padded: bool,
        /// With `%XX` over it.
        is_percent: bool,
    },
}

impl Place {
    /// The place of a treatment; none where no files are.
    pub(super) fn of(treatment: Treatment) -> Option<Place> {
        match treatment {
            Treatment::File => Some(Place::File),
            Treatment::Media => Some(Place::Media),
            Treatment::Link => Some(Place::Link),
            _ => None,
        }
    }
}

/// The string with its file masked; none when it stays as it is.
pub(super) fn masked<M: Mask>(
    text: &str,
    place: Place,
    field: &Field<'_>,
    options: BodyOptions,
    mask: &mut M,
) -> Result<Option<String>, BodyError<M::Refusal>> {
    let url = data_url(text);
    if text.is_empty() {
        return Ok(None);
    }
    if place == Place::Link && url.is_none() {
        return match is_address(text) || is_id(text, field.name) {
            true => Ok(None),
            false => masked_text(text, field, mask),
        };
    }
    let written = match url {
        Some((before, data)) => Written::of_url(before, data),
        None => Written::of_base64(text),
    };
    let Some(written) = written else {
        return match options.documents {
            Documents::Refuse => Err(fault(FormErrorKind::Base64, field)),
            Documents::Pass => masked_text(text, field, mask),
        };
    };
    let media = match url {
        Some(_) => Cow::Borrowed(written.media.as_str()),
        None => Cow::Owned(said(field, &TYPES).to_ascii_lowercase()),
    };
    let file_name = said(field, &NAMES);
    let content = Content {
        bytes: &written.bytes,
        at: field.value.range().start,
        media: &media,
        charset: written.charset,
        file_name: &file_name,
    };
    let is_media = match (place, url) {
        (Place::File, _) => false,
        (Place::Media, None) => true,
        _ => media.is_empty() || MEDIA.iter().any(|kind| media.starts_with(kind)),
    };
    let role = match is_media && !content.is_document() {
        true => Role::Media,
        false => Role::File,
    };
    let plan = FormPlan::default();
    let mut masking = Masking::of_files(&plan, options, mask);
    let masked = content.masked(role, &mut masking);
    let masked = masked.map_err(|error| match error {
        FormError::Form { kind, .. } => fault(kind, field),
        FormError::Content { error, .. } => match error {
            BodyError::Json(_) => fault(FormErrorKind::NotJson, field),
            other => other,
        },
    })?;
    Ok(masked.map(|bytes| written.with(&bytes)))
}

/// Whether a string is an address: a scheme, and no space in it.
fn is_address(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        let mut bytes = scheme.bytes();
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let is_whole = !text
        .chars()
        .any(|one| one.is_whitespace() || one.is_control());
    is_whole
        && text
            .split_once("://")
            .is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Whether a string under this name is the id of a file, or the name of a site where sites are listed.
fn is_id(text: &str, name: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_graphic();
    let is_of_site = |byte: u8| byte.is_ascii_alphanumeric() || b"-./*".contains(&byte);
    (name.ends_with("_id") && text.bytes().all(is_sign))
        || (name.ends_with("_domains") && text.bytes().all(is_of_site))
}

/// Masks what is no file as text.
fn masked_text<M: Mask>(
    text: &str,
    field: &Field<'_>,
    mask: &mut M,
) -> Result<Option<String>, BodyError<M::Refusal>> {
    let masked = mask.mask(text, field.name).map_err(BodyError::Refused)?;
    Ok((masked != text).then(|| masked.into_owned()))
}

fn fault<R>(kind: FormErrorKind, field: &Field<'_>) -> BodyError<R> {
    BodyError::File {
        kind,
        at: field.value.range().start,
    }
}

/// What one of these members beside the file says; empty if none does.
fn said<'d>(field: &Field<'d>, names: &[&str]) -> Cow<'d, str> {
    let holder = field.holder;
    let member = |name: &&str| holder?.get(name).and_then(Value::as_str);
    names.iter().find_map(member).unwrap_or_default()
}

/// A `data:` URL in two: up to the comma, and behind it. Without a comma everything is before it.
fn data_url(text: &str) -> Option<(&str, &str)> {
    let begin = text.trim_start_matches(|char: char| char.is_ascii_control() || char == ' ');
    let scheme = begin.get(..5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let comma = text.find(',').map_or(text.len(), |comma| comma + 1);
    Some(text.split_at(comma))
}

impl<'t> Written<'t> {
    /// The file of a `data:` URL; none when it may be read in different ways.
    fn of_url(before: &'t str, data: &str) -> Option<Written<'t>> {
        let (_, head) = before.split_once(':')?;
        let mut parameters = head.strip_suffix(',')?.split(';');
        let media = parameters.next().unwrap_or_default().trim();
        let media = media.to_ascii_lowercase();
        let (mut is_base64, mut charset) = (false, None);
        for parameter in parameters.map(str::trim) {
            is_base64 |= parameter.eq_ignore_ascii_case("base64");
            if let Some((name, value)) = parameter.split_once('=')
                && name.trim().eq_ignore_ascii_case("charset")
            {
                charset = Some(value.trim().trim_matches('"'));
            }
        }
        let is_percent = data.contains('%');
        let plain: Cow<'_, [u8]> = percent_decode_str(data).into();
        let (coding, bytes) = if is_base64 {
            from_base64(&plain, is_percent)?
        } else {
            // Some look for these words alone, and read what follows.
            let lower = plain.to_ascii_lowercase();
            if memchr::memmem::find(&lower, b"base64,").is_some() {
                return None;
            }
            (Coding::Percent, plain.into_owned())
        };
        Some(Written {
            before,
            media,
            charset,
            coding,
            bytes,
        })
    }

    /// The file of a string that is nothing but base64.
    fn of_base64(text: &'t str) -> Option<Written<'t>> {
        let (coding, bytes) = from_base64(text.as_bytes(), false)?;
        Some(Written {
            before: "",
            media: String::new(),
            charset: None,
            coding,
            bytes,
        })
    }

    /// The string with another content.
    fn with(&self, bytes: &[u8]) -> String {
        let mut out = self.before.to_owned();
        match self.coding {
            Coding::Percent => percent_encode(&String::from_utf8_lossy(bytes), &mut out),
            Coding::Base64 {
                is_url_safe,
                is_padded,
                is_percent,
            } => {
                let coded = engine(is_url_safe, is_padded).encode(bytes);
                match is_percent {
                    true => percent_encode(&coded, &mut out),
                    false => out.push_str(&coded),
                }
            }
        }
        out
    }
}

/// Base64 in either alphabet, with or without padding, with white space.
fn from_base64(text: &[u8], is_percent: bool) -> Option<(Coding, Vec<u8>)> {
    let signs: Cow<'_, [u8]> = match text.iter().any(u8::is_ascii_whitespace) {
        true => {
            let signs = text.iter().copied();
            Cow::Owned(signs.filter(|sign| !sign.is_ascii_whitespace()).collect())
        }
        false => Cow::Borrowed(text),
    };
    let is_url_safe = memchr::memchr2(b'-', b'_', &signs).is_some();
    let bytes = engine(is_url_safe, true).decode(&*signs).ok()?;
    let coding = Coding::Base64 {
        is_url_safe,
        is_padded: signs.len().is_multiple_of(4),
        is_percent,
    };
    Some((coding, bytes))
}

/// Reads with and without padding, and writes as said.
fn engine(is_url_safe: bool, is_padded: bool) -> GeneralPurpose {
    let alphabet: &Alphabet = match is_url_safe {
        true => &URL_SAFE,
        false => &STANDARD,
    };
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(is_padded)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

#[cfg(test)]
mod tests;
