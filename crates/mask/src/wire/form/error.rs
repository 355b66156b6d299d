//! Why a form is not forwarded.

use crate::wire::body::BodyError;

/// Why a form is not forwarded. No variant holds a part of the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError<R> {
    /// The form cannot be read by everybody in the same way, or something in it cannot be looked into.
    #[error("the form is not acceptable at byte {at}: {kind}")]
    Form {
        /// What is wrong.
        kind: FormErrorKind,
        /// Where, in bytes from the beginning; of a part's content the place where it begins.
        at: usize,
    },
    /// The content of one part was refused.
    #[error("in the part of the form whose content begins at byte {at}, {error}")]
    Content {
        /// Where the content begins.
        at: usize,
        /// Why; its places count from there.
        error: BodyError<R>,
    },
}

/// What is wrong with a form. None of these holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormErrorKind {
    /// The request's content type.
    #[error(
        "the content type is not understood; send `multipart/form-data` with one boundary in plain letters, or \
         `application/x-www-form-urlencoded` in UTF-8"
    )]
    ContentType,
    /// Bytes before the first boundary.
    #[error("the body must begin with the boundary")]
    Preamble,
    /// Bytes after the last boundary.
    #[error("something follows the last boundary")]
    Epilogue,
    /// The boundary within a line, or not behind CR LF, or with more behind it.
    #[error("the boundary stands where it is not a line of its own")]
    Boundary,
    /// No last boundary.
    #[error("the last boundary is missing")]
    Truncated,
    /// More parts than [`FORM_PARTS_MAX`](crate::bounds::FORM_PARTS_MAX).
    #[error("too many parts")]
    TooManyParts,
    /// The header fields of a part do not end, or not soon enough.
    #[error("the header fields of a part do not end in an empty line, or are too long")]
    HeadEnd,
    /// A header field of a part in no strict spelling.
    #[error(
        "a header field of a part is malformed; each is one line `Name: value` that ends in CR LF"
    )]
    Header,
    /// A header field that stands twice in a part.
    #[error("a header field of a part is repeated")]
    RepeatedHeader,
    /// No `Content-Disposition`, or one that parsers read in different ways.
    #[error(
        "a part needs one `Content-Disposition: form-data` with a name, without escapes, repeated or encoded parameters"
    )]
    Disposition,
    /// A `Content-Type` of a part in no strict spelling.
    #[error("the content type of a part is malformed")]
    PartType,
    /// A part that says that its content is encoded.
    #[error("a part is encoded; send its content as it is")]
    Encoding,
    /// A form or message within a part.
    #[error("a part holds a multipart message or another message, which is not looked into")]
    Nested,
    /// A character set that is not read here.
    #[error("text in a character set other than UTF-8; send it as UTF-8")]
    Charset,
    /// Text that is not UTF-8.
    #[error("text that is not UTF-8; send it as UTF-8")]
    NotUtf8,
    /// The name of a field, or what a part says of itself, holds data that nothing can take the place of.
    #[error(
        "the name of a field, or a header field of a part, holds personal or secret data; send such data in the content"
    )]
    Name,
    /// A part's length that is not that of its content.
    #[error("the length that a part states is not that of its content")]
    Length,
    /// A file that cannot be looked into.
    #[error(
        "a file that is neither text in UTF-8 nor a picture, sound or film cannot be masked; send its text, or let \
         such files pass in the settings"
    )]
    Document,
    /// What replaces a value would bring the boundary into the content.
    #[error("the boundary would stand within masked content; choose another boundary")]
    BoundaryTaken,
    /// A byte in a form of `name=value` pairs that must be written as `%XX`.
    #[error("a byte that must be written as %XX")]
    Bare,
    /// A file within JSON that is not base64.
    #[error(
        "a file that is not base64 as one reads it everywhere; send it as a `data:` URL with `;base64`, or its text as text"
    )]
    Base64,
    /// A file that says that it is JSON.
    #[error("a file that says that it is JSON and is not, or more than is read")]
    NotJson,
    /// A percent sign without two hexadecimal digits.
    #[error("a percent sign without two hexadecimal digits")]
    Escape,
}
