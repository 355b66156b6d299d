//! What may be uploaded: the type of a file is told by its bytes, and its size is counted, while the
//! body passes through.
//!
//! The body is sent on unchanged, piece by piece, and this holds:
//! - **No byte of a file of another type is sent on.** A file and the header fields of its part are held
//!   back until its first [`super::UPLOAD_LOOK_AHEAD_BYTES`] are there, or all of it; they decide. What a
//!   file hides further on is not seen, except that a text must stay free of binary bytes to its end.
//! - **No more than `bytes_max` bytes of a file are sent on.** A body with a `Content-Length` that cannot
//!   be right is refused before anything is. For others what came before has been sent on when the limit
//!   is reached, or when a text turns binary: the caller must then break the request off, so that the
//!   release sees a body that does not end.
//! - At most the look-ahead, the header fields of one part and the piece just given are kept.
//!
//! The reader of forms (RFC 7578, RFC 2046, 5.1) is our own, because readers that parse a stream do not
//! say which of its bytes they have decided about. It takes what browsers and common clients send and
//! refuses what different readers read differently: text before the first boundary or after the last,
//! boundaries with spaces after them, folded or repeated header fields, bare line feeds, nested forms
//! and transfer encodings.

mod boundary;
mod form;
mod kind;
mod part_head;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_config::UploadConfig;

use super::Denial;
use form::Form;
use kind::Content;

/// The check of one request's body.
#[derive(Debug)]
pub struct UploadCheck {
    rules: Rules,
    /// What came and was not sent on.
    held: BytesMut,
    body: Body,
}

/// Why a body is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// A file's type is not among those that may be uploaded.
    Type,
    /// A file is too large.
    Size,
    /// The body is not the form that it says it is.
    Form(&'static str),
    /// The body is compressed, or of a kind that nobody can look into.
    Opaque,
}

#[derive(Debug, Clone)]
struct Rules {
    types: Vec<String>,
    bytes_max: u64,
}

#[derive(Debug)]
enum Body {
    Raw(Content),
    Form(Box<Form>),
}

impl UploadCheck {
    /// Begins to check the body of a request. A body that is no `multipart/form-data` is one file.
    ///
    /// # Errors
    ///
    /// What to answer to a request whose header fields already say that it is not let through: it is
    /// compressed, of another `multipart` type, or longer than a file may be.
    pub fn begin(config: &UploadConfig, headers: &HeaderMap) -> Result<UploadCheck, Denial> {
        begin(config, headers).map_err(Refusal::denial)
    }

    /// Takes the next piece of the body and gives what can be sent on of it and of those before it;
    /// that may be nothing.
    ///
    /// # Errors
    ///
    /// What to answer, if nothing was answered yet. Nothing further may be sent on, and the request to
    /// the release must be broken off.
    pub fn push(&mut self, piece: &[u8]) -> Result<Bytes, Denial> {
        self.held.extend_from_slice(piece);
        let decided = match &mut self.body {
            Body::Raw(content) => content.push(&self.held, &self.rules),
            Body::Form(form) => form.push(&self.held, &self.rules),
        };
        let decided = decided.map_err(Refusal::denial)?;
        match &mut self.body {
            Body::Raw(content) => content.sent_on(decided),
            Body::Form(form) => form.sent_on(decided),
        }
        Ok(self.held.split_to(decided.min(self.held.len())).freeze())
    }

    /// The body came to its end; gives the rest to be sent on.
    ///
    /// # Errors
    ///
    /// As for [`UploadCheck::push`].
    pub fn finish(mut self) -> Result<Bytes, Denial> {
        let ended = match &mut self.body {
            Body::Raw(content) => content.end(&self.held, &self.rules),
            Body::Form(form) => form.end(),
        };
        ended.map_err(Refusal::denial)?;
        Ok(self.held.freeze())
    }
}

fn begin(config: &UploadConfig, headers: &HeaderMap) -> Result<UploadCheck, Refusal> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::Opaque);
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let media_type = types.next().map(HeaderValue::as_bytes).unwrap_or_default();
    if types.next().is_some() {
        return Err(Refusal::Form("several Content-Type fields"));
    }
    let body = match boundary::multipart(media_type) {
        None => {
            let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
            let length = length.and_then(|length| length.parse::<u64>().ok());
            if length.is_some_and(|length| length > config.bytes_max) {
                return Err(Refusal::Size);
            }
            Body::Raw(Content::default())
        }
        Some(subtype) if subtype == "form-data" => {
            Body::Form(Box::new(Form::new(&boundary::boundary(media_type)?)))
        }
        Some(_) => return Err(Refusal::Opaque),
    };
    let types = config.types.iter().map(|name| name.to_ascii_lowercase());
    Ok(UploadCheck {
        rules: Rules {
            types: types.collect(),
            bytes_max: config.bytes_max,
        },
        held: BytesMut::new(),
        body,
    })
}

impl Rules {
    fn admit(&self, media_type: &str) -> Result<(), Refusal> {
        match self.types.iter().any(|name| name == media_type) {
            true => Ok(()),
            false => Err(Refusal::Type),
        }
    }
}

impl Refusal {
    fn denial(self) -> Denial {
        let (status, kind, title, detail, cause) = match self {
            Refusal::Type => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "urn:portcullis:problem:upload-type",
                "Files of this type are not taken",
                "the bytes of a file in the request are not of a type that may be uploaded here",
                "upload-type",
            ),
            Refusal::Size => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "urn:portcullis:problem:upload-size",
                "The file is too large",
                "a file in the request is larger than may be uploaded here",
                "upload-size",
            ),
            Refusal::Form(cause) => (
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:upload-malformed",
                "The form is malformed",
                "the request's body is not a well-formed multipart/form-data as RFC 7578 says",
                cause,
            ),
            Refusal::Opaque => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "urn:portcullis:problem:upload-opaque",
                "The body cannot be looked into",
                "uploads are checked here: send the file itself or multipart/form-data, not compressed",
                "upload-opaque",
            ),
        };
        Denial {
            status,
            kind,
            title,
            detail,
            cause,
            headers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
