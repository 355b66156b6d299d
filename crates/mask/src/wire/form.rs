//! Forms: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`, masked as whole bodies.
//!
//! Everything that is not replaced passes byte for byte, boundaries and header fields too. A form that parsers could read
//! in different ways is refused, because the server behind might find text where this one saw none.
//!
//! - Parts are masked by their names, files by their content (see `content`), and names of files as text.
//! - Documents (PDF, DOCX, archives) cannot be looked into. They are refused unless the settings say otherwise: whoever
//!   uploads a document for a model uploads its text.
//! - Names of fields and other header fields are left, because servers know them by their spelling. Where one holds data the
//!   form is refused. A part that states its length gets the new one.
//! - A placeholder that would bring the boundary into the content is an error.

mod content;
mod content_type;
mod error;
mod head;
mod pairs;
mod parameters;
mod parts;
mod plan;

use std::ops::Range;

use super::body::{BodyError, BodyOptions, Mask, percent_encode};
use content_type::Format;
use head::{FileName, Head, Spelling};
use parts::Part;

pub(super) use content::Content;
pub use error::{FormError, FormErrorKind};
pub use plan::FormPlan;
pub(super) use plan::Role;

/// What was done with a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormReport {
    /// How many texts, strings of JSON and names of files changed.
    pub changed: usize,
    /// How many pictures, sounds and films passed.
    pub media: usize,
    /// How many documents passed.
    pub documents: usize,
}

/// Masks a form and writes it behind what `out` holds. `content_type` is the value of the request's header field, with
/// its parameters.
///
/// # Errors
/// When the form is malformed or may be read in different ways, when something in it cannot be looked into, or when a text
/// was refused. Nothing useful is in `out` then.
pub fn mask_form<M: Mask>(
    body: &[u8],
    content_type: &str,
    plan: &FormPlan,
    options: BodyOptions,
    mask: &mut M,
    out: &mut Vec<u8>,
) -> Result<FormReport, FormError<M::Refusal>> {
    let mut masking = Masking::of_files(plan, options, mask);
    match content_type::read(content_type) {
        Some(Format::Multipart(boundary)) => masking.mask_parts(body, boundary, out)?,
        Some(Format::Pairs) => pairs::mask(body, &mut masking, out)?,
        None => {
            return Err(FormError::Form {
                kind: FormErrorKind::ContentType,
                at: 0,
            });
        }
    }
    Ok(masking.report)
}

/// One form being masked, or files of another body.
pub(super) struct Masking<'m, M> {
    plan: &'m FormPlan,
    options: BodyOptions,
    mask: &'m mut M,
    report: FormReport,
}

/// What stands in place of some bytes.
struct Replacement {
    range: Range<usize>,
    by: Vec<u8>,
}

impl<'m, M: Mask> Masking<'m, M> {
    /// Masks single files with these options.
    pub(super) fn of_files(plan: &'m FormPlan, options: BodyOptions, mask: &'m mut M) -> Self {
        Masking {
            plan,
            options,
            mask,
            report: FormReport::default(),
        }
    }

    /// Masks the parts of a body.
    fn mask_parts(
        &mut self,
        body: &[u8],
        boundary: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), FormError<M::Refusal>> {
        let fault = |(kind, at)| FormError::Form { kind, at };
        let parts = parts::divided(body, boundary).map_err(fault)?;
        let start = out.len();
        let mut copied = 0;
        for part in &parts {
            let head = Head::read(body, part.head.clone()).map_err(fault)?;
            for replacement in self.replacements(body, part, &head)? {
                out.extend_from_slice(&body[copied..replacement.range.start]);
                out.extend_from_slice(&replacement.by);
                copied = replacement.range.end;
            }
        }
        out.extend_from_slice(&body[copied..]);
        if copied > 0 && parts::boundaries(&out[start..], boundary) != parts.len() + 1 {
            return Err(fault((FormErrorKind::BoundaryTaken, 0)));
        }
        Ok(())
    }

    /// What changes in a part, from left to right.
    fn replacements(
        &mut self,
        body: &[u8],
        part: &Part,
        head: &Head<'_>,
    ) -> Result<Vec<Replacement>, FormError<M::Refusal>> {
        let length = part.content.len();
        if let Some((stated, range)) = &head.length
            && *stated != length
        {
            return Err(FormError::Form {
                kind: FormErrorKind::Length,
                at: range.start,
            });
        }
        let head_at = part.head.start;
        self.check_name(head.name, head_at)?;
        for said in &head.fixed {
            self.check(said, head_at)?;
        }
        let mut all = Vec::new();
        for name in &head.file_names {
            all.extend(self.replaced_name(name, part.content.start)?);
        }
        let content = Content {
            bytes: &body[part.content.clone()],
            at: part.content.start,
            media: &head.media,
            charset: head.charset,
            file_name: head.file_names.first().map_or("", |name| &name.text),
        };
        if let Some(masked) = content.masked(self.plan.role(head.name, head.is_file), self)? {
            if let Some((_, range)) = &head.length {
                all.push(Replacement {
                    range: range.clone(),
                    by: masked.len().to_string().into_bytes(),
                });
            }
            all.push(Replacement {
                range: part.content.clone(),
                by: masked,
            });
        }
        all.sort_by_key(|replacement| replacement.range.start);
        Ok(all)
    }

    /// Refuses a name that no plan has and that holds data.
    fn check_name(&mut self, name: &str, at: usize) -> Result<(), FormError<M::Refusal>> {
        match self.plan.knows(name) {
            true => Ok(()),
            false => self.check(name, at),
        }
    }

    /// Refuses what holds data and cannot change.
    fn check(&mut self, text: &str, at: usize) -> Result<(), FormError<M::Refusal>> {
        let masked = self.mask.mask(text, "").map_err(|refusal| {
            let error = BodyError::Refused(refusal);
            FormError::Content { at, error }
        })?;
        match masked == text {
            true => Ok(()),
            false => Err(FormError::Form {
                kind: FormErrorKind::Name,
                at,
            }),
        }
    }

    /// What stands in place of a file's name, if it changes.
    fn replaced_name(
        &mut self,
        name: &FileName<'_>,
        at: usize,
    ) -> Result<Option<Replacement>, FormError<M::Refusal>> {
        let masked = self.mask.mask(&name.text, "filename");
        let masked = masked.map_err(|refusal| FormError::Content {
            at,
            error: BodyError::Refused(refusal),
        })?;
        if masked == name.text {
            return Ok(None);
        }
        self.report.changed += 1;
        let mut by = String::with_capacity(masked.len() + 8);
        match name.spelling {
            Spelling::Plain => quote(&masked, &mut by),
            Spelling::Extended => {
                by.push_str("UTF-8''");
                percent_encode(&masked, &mut by);
            }
        }
        Ok(Some(Replacement {
            range: name.range.clone(),
            by: by.into_bytes(),
        }))
    }
}

/// Writes a file's name between quotes, as browsers do; what would be read in different ways as `%XX`.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        if char.is_control() || matches!(char, '"' | '\\') {
            percent_encode(char.encode_utf8(&mut [0; 4]), out);
        } else {
            out.push(char);
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
