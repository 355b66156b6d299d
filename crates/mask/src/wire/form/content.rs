//! What the content of a part is, and how it is masked.
//!
//! The content decides, not what the client calls it: UTF-8 without NUL is text, as JSON when it is JSON (also line by
//! line), whatever the declared type. What declares itself to be text and is not UTF-8 is refused, because a server would
//! read it. Pictures, sound and films are told by their first bytes. Everything else is a document.

use std::borrow::Cow;

use infer::MatcherType;

use super::Masking;
use super::content_type::{extends_ascii, is_utf8};
use super::error::{FormError, FormErrorKind};
use super::plan::Role;
use crate::json::{Document, FieldTable};
use crate::wire::body::{BodyError, Documents, Mask, mask_json};

/// The byte order mark of UTF-8.
const MARK: &str = "\u{feff}";
/// The beginnings of documents that may look like text, but do not say all of it in plain letters.
const DOCUMENTS: [&[u8]; 4] = [b"%PDF-", b"{\\rtf", b"%!PS", b"MIME-Version:"];
/// The byte order marks of UTF-16 and UTF-32.
const FOREIGN_MARKS: [&[u8]; 3] = [b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"];

/// The content of one part.
#[derive(Debug, Default)]
pub(in crate::wire) struct Content<'b> {
    pub(in crate::wire) bytes: &'b [u8],
    /// Where it begins in the body.
    pub(in crate::wire) at: usize,
    /// The declared media type in lower case; empty when there is none.
    pub(in crate::wire) media: &'b str,
    /// The declared character set.
    pub(in crate::wire) charset: Option<&'b str>,
    /// The file's name; empty when there is none.
    pub(in crate::wire) file_name: &'b str,
}

impl Content<'_> {
    /// The masked content, or none when it stays as it is.
    pub(in crate::wire) fn masked<M: Mask>(
        &self,
        role: Role<'_>,
        masking: &mut Masking<'_, M>,
    ) -> Result<Option<Vec<u8>>, FormError<M::Refusal>> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        match role {
            Role::Left => Ok(None),
            Role::Unnamed => {
                let text = self.field_text()?;
                self.masked_readable(text, masking)
            }
            Role::Charset => match std::str::from_utf8(self.bytes) {
                Ok(charset) if is_utf8(charset) => Ok(None),
                _ => Err(self.fault(FormErrorKind::Charset)),
            },
            Role::Text(name) => {
                let text = self.field_text()?;
                self.masked_text(text, name, masking)
            }
            Role::Json(table) => {
                let text = self.field_text()?;
                self.masked_json(text, table, masking)
            }
            Role::File | Role::Media => self.masked_file(matches!(role, Role::Media), masking),
        }
    }

    /// Whether it is surely a document, whatever is said of it.
    pub(in crate::wire) fn is_document(&self) -> bool {
        let begins = DOCUMENTS.iter().any(|mark| self.bytes.starts_with(mark));
        begins
            || infer::get(self.bytes).is_some_and(|kind| {
                let kind = kind.matcher_type();
                matches!(
                    kind,
                    MatcherType::Archive | MatcherType::Book | MatcherType::Doc
                )
            })
    }

    /// Masks a file.
    fn masked_file<M: Mask>(
        &self,
        is_media: bool,
        masking: &mut Masking<'_, M>,
    ) -> Result<Option<Vec<u8>>, FormError<M::Refusal>> {
        let begins = |with: &[&[u8]]| with.iter().any(|mark| self.bytes.starts_with(mark));
        if !begins(&DOCUMENTS)
            && let Some(text) = self.text()
        {
            self.check_charset(text)?;
            return self.masked_readable(text, masking);
        }
        if begins(&FOREIGN_MARKS) || (self.declares_text() && !begins(&DOCUMENTS)) {
            return Err(self.fault(FormErrorKind::NotUtf8));
        }
        if is_media || self.is_seen_or_heard() {
            masking.report.media += 1;
            return Ok(None);
        }
        match masking.options.documents {
            Documents::Refuse => Err(self.fault(FormErrorKind::Document)),
            Documents::Pass => {
                masking.report.documents += 1;
                Ok(None)
            }
        }
    }

    /// Masks the text of a file: JSON as such, also when each line is a text of its own.
    fn masked_readable<M: Mask>(
        &self,
        text: &str,
        masking: &mut Masking<'_, M>,
    ) -> Result<Option<Vec<u8>>, FormError<M::Refusal>> {
        let inside = text.strip_prefix(MARK).unwrap_or(text);
        let limits = masking.options.json;
        let is_json = |text: &str| Document::read(text.as_bytes(), limits).map(drop);
        let may_be_json = inside.trim_start().starts_with(['{', '[']);
        if !may_be_json && !self.declares_json() {
            return self.masked_text(text, "", masking);
        }
        let Err(error) = is_json(inside) else {
            return self.masked_json(text, &FieldTable::everything(), masking);
        };
        let mut lines = inside.lines().filter(|line| !line.trim().is_empty());
        if may_be_json && lines.all(|line| is_json(line).is_ok()) {
            return self.masked_lines(text, masking);
        }
        if self.declares_json() {
            return Err(FormError::Content {
                at: self.at,
                error: BodyError::Json(error),
            });
        }
        self.masked_text(text, "", masking)
    }

    /// Masks JSON.
    fn masked_json<M: Mask>(
        &self,
        text: &str,
        table: &FieldTable,
        masking: &mut Masking<'_, M>,
    ) -> Result<Option<Vec<u8>>, FormError<M::Refusal>> {
        let inside = text.strip_prefix(MARK).unwrap_or(text);
        let before = text.len() - inside.len();
        let mut out = text.as_bytes()[..before].to_vec();
        let changed = mask_json(
            inside.as_bytes(),
            table,
            masking.options,
            masking.mask,
            &mut out,
        )
        .map_err(|error| self.refused(error))?;
        masking.report.changed += changed;
        Ok((changed > 0).then_some(out))
    }

    /// Masks lines of which each is empty or JSON.
    fn masked_lines<M: Mask>(
        &self,
        text: &str,
        masking: &mut Masking<'_, M>,
    ) -> Result<Option<Vec<u8>>, FormError<M::Refusal>> {
        let table = FieldTable::everything();
        let mut out = Vec::with_capacity(text.len());
        let mut has_changed = false;
        for line in text.split_inclusive('\n') {
            let masked = if line.trim_start_matches(MARK).trim().is_empty() {
                None
            } else {
                self.masked_json(line, &table, masking)?
            };
            has_changed |= masked.is_some();
            out.extend_from_slice(masked.as_deref().unwrap_or(line.as_bytes()));
        }
        Ok(has_changed.then_some(out))
    }

    /// Masks plain text. The byte order mark is not shown to the mask.
    fn masked_text<M: Mask>(
        &self,
        text: &str,
        field: &str,
        masking: &mut Masking<'_, M>,
    ) -> Result<Option<Vec<u8>>, FormError<M::Refusal>> {
        let inside = text.strip_prefix(MARK).unwrap_or(text);
        let mark = &text[..text.len() - inside.len()];
        let masked = masking.mask.mask(inside, field);
        match masked.map_err(|refusal| self.refused(BodyError::Refused(refusal)))? {
            Cow::Owned(masked) if masked != inside => {
                masking.report.changed += 1;
                Ok(Some([mark.as_bytes(), masked.as_bytes()].concat()))
            }
            _ => Ok(None),
        }
    }

    /// The content of a part that must be text.
    fn field_text<R>(&self) -> Result<&str, FormError<R>> {
        let text = self.text();
        let text = text.ok_or_else(|| self.fault(FormErrorKind::NotUtf8))?;
        self.check_charset(text)?;
        Ok(text)
    }

    /// The content as text: UTF-8 without NUL, which stands in UTF-16 and in what is no text.
    fn text(&self) -> Option<&str> {
        let has_nul = memchr::memchr(0, self.bytes).is_some();
        let text = std::str::from_utf8(self.bytes).ok();
        text.filter(|_| !has_nul)
    }

    /// Refuses text that says that it is in another character set.
    fn check_charset<R>(&self, text: &str) -> Result<(), FormError<R>> {
        match self.charset {
            None => Ok(()),
            Some(charset) if is_utf8(charset) => Ok(()),
            Some(charset) if extends_ascii(charset) && text.is_ascii() => Ok(()),
            Some(_) => Err(self.fault(FormErrorKind::Charset)),
        }
    }

    fn declares_json(&self) -> bool {
        let is_type = [
            "json",
            "+json",
            "x-ndjson",
            "jsonl",
            "x-jsonlines",
            "jsonlines",
        ]
        .iter()
        .any(|end| {
            self.media
                .strip_suffix(end)
                .is_some_and(|kind| kind.ends_with('/') || end.starts_with('+'))
        });
        is_type || self.has_ending(&[".json", ".jsonl", ".ndjson"])
    }

    fn declares_text(&self) -> bool {
        let is_type = self.media.starts_with("text/")
            || self.media.ends_with("/xml")
            || self.media.ends_with("+xml");
        let endings = [
            ".txt",
            ".csv",
            ".tsv",
            ".md",
            ".markdown",
            ".mdx",
            ".htm",
            ".html",
        ];
        let more = [
            ".xml",
            ".yaml",
            ".yml",
            ".log",
            ".vtt",
            ".srt",
            ".properties",
        ];
        is_type || self.declares_json() || self.has_ending(&endings) || self.has_ending(&more)
    }

    /// Whether the file's name ends so.
    fn has_ending(&self, endings: &[&str]) -> bool {
        let name = self.file_name.to_ascii_lowercase();
        endings.iter().any(|ending| name.ends_with(ending))
    }

    /// Whether it is a picture, sound or a film, by its first bytes and by what it declares. Some of these beginnings are
    /// two letters; text in other character sets has no NUL.
    fn is_seen_or_heard(&self) -> bool {
        let declares_other = !self.media.is_empty()
            && self.media != "application/octet-stream"
            && !["image/", "audio/", "video/"]
                .iter()
                .any(|kind| self.media.starts_with(kind));
        if declares_other || memchr::memchr(0, self.bytes).is_none() {
            return false;
        }
        infer::get(self.bytes).is_some_and(|kind| {
            let is_media = matches!(
                kind.matcher_type(),
                MatcherType::Image | MatcherType::Audio | MatcherType::Video
            );
            is_media && !["image/vnd.djvu", "image/openraster"].contains(&kind.mime_type())
        })
    }

    fn fault<R>(&self, kind: FormErrorKind) -> FormError<R> {
        FormError::Form { kind, at: self.at }
    }

    fn refused<R>(&self, error: BodyError<R>) -> FormError<R> {
        FormError::Content { at: self.at, error }
    }
}
