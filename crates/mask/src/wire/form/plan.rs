//! What a form of one route holds, ready for use.

use crate::json::{FieldError, FieldTable};
use crate::wire::adapter::{WireOptions, request_table};
use crate::wire::route::FormSpec;

/// What a form holds, by the names of its parts. A file under another name is treated as one of `files`, and other parts
/// that nothing names are text, or JSON of which every string is text.
#[derive(Clone, Debug, Default)]
pub struct FormPlan {
    /// Parts whose text is masked.
    pub texts: &'static [&'static str],
    /// Parts that hold JSON, with the text in it.
    pub json: Vec<(&'static str, FieldTable)>,
    /// Files whose content goes to a model: text is masked, and [`Documents`](crate::wire::Documents) says what is done with
    /// what cannot be read.
    pub files: &'static [&'static str],
    /// Files that hold sound or pictures: what is not text passes.
    pub media: &'static [&'static str],
    /// Parts that are left as they are: who uses the application, names of models.
    pub left: &'static [&'static str],
}

/// What is done with one part.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) enum Role<'p> {
    /// It is text of this name.
    Text(&'static str),
    /// It is JSON.
    Json(&'p FieldTable),
    /// It is a file for a model.
    File,
    /// It is sound or a picture.
    Media,
    /// The name of the form's character set.
    Charset,
    /// Nothing names it: it is text, or JSON.
    Unnamed,
    /// Nothing is done.
    Left,
}

impl FormPlan {
    /// The plan of a line of a table.
    ///
    /// # Errors
    /// When a path of its JSON is not understood.
    pub(in crate::wire) fn new(spec: &FormSpec) -> Result<FormPlan, FieldError> {
        let json = spec.json.iter().map(|(name, fields)| {
            let table = request_table(fields, &WireOptions::default())?;
            Ok((*name, table))
        });
        Ok(FormPlan {
            texts: spec.texts,
            json: json.collect::<Result<_, FieldError>>()?,
            files: spec.files,
            media: spec.media,
            left: spec.left,
        })
    }

    /// Whether it has a part of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        !matches!(self.role(name, false), Role::Unnamed)
    }

    /// What is done with the part of this name.
    pub(super) fn role(&self, name: &str, is_file: bool) -> Role<'_> {
        if let Some((_, table)) = self.json.iter().find(|(known, _)| *known == name) {
            return Role::Json(table);
        }
        if let Some(known) = self.texts.iter().find(|known| **known == name) {
            return Role::Text(known);
        }
        if self.media.contains(&name) {
            return Role::Media;
        }
        match name {
            _ if is_file || self.files.contains(&name) => Role::File,
            "_charset_" => Role::Charset,
            _ if self.left.contains(&name) => Role::Left,
            _ => Role::Unnamed,
        }
    }
}
