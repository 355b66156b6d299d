//! Masking the fields of a request, one after the other, into one mapping.

use std::borrow::Cow;

use crate::wire::Mask;
use crate::{Counts, Entity, Mapping, MaskError, Masker, RequestValues};

/// Masks the fields of one request into the mapping of its conversation, and counts.
pub struct FieldMasker<'m> {
    masker: &'m Masker,
    mapping: &'m mut Mapping,
    counts: Counts,
    /// The values that were found, where the answer will be looked through.
    values: Option<RequestValues>,
    /// How many bytes more a model may be asked to read.
    model_bytes_left: usize,
}

impl<'m> FieldMasker<'m> {
    /// Masks into this mapping.
    #[must_use]
    pub fn new(masker: &'m Masker, mapping: &'m mut Mapping) -> FieldMasker<'m> {
        FieldMasker {
            model_bytes_left: masker.model_bytes_max().unwrap_or(usize::MAX),
            masker,
            mapping,
            counts: Counts::default(),
            values: None,
        }
    }

    /// Also remembers what it finds, for [`crate::Known::with_request`].
    #[must_use]
    pub fn remembering(self) -> FieldMasker<'m> {
        FieldMasker {
            values: Some(RequestValues::default()),
            ..self
        }
    }

    /// What it remembers.
    #[must_use]
    pub fn values(&self) -> Option<&RequestValues> {
        self.values.as_ref()
    }

    /// What was found in all fields so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Mask for FieldMasker<'_> {
    type Refusal = MaskError;

    fn mask<'t>(&mut self, text: &'t str, field: &str) -> Result<Cow<'t, str>, MaskError> {
        if let Some(bytes_max) = self.masker.model_bytes_max() {
            let left = self.model_bytes_left.checked_sub(text.len());
            self.model_bytes_left = left.ok_or(MaskError::TooLong { bytes_max })?;
        }
        let field = Some(field).filter(|field| !field.is_empty());
        let masked = self.masker.mask(text, field, self.mapping)?;
        self.counts.add(&masked.counts);
        if let Some(values) = &mut self.values {
            let found = masked.spans.iter();
            for span in found.filter(|span| span.entity != Entity::LITERAL) {
                values.add(&text[span.start..span.end]);
            }
        }
        Ok(masked.text)
    }
}
