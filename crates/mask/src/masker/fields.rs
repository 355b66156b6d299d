//! Masking the fields of a request, one after the other, into one mapping.

use std::borrow::Cow;

use crate::wire::Mask;
use crate::{Counts, Mapping, MaskError, Masker};

/// Masks the fields of one request into the mapping of its conversation, and counts.
pub struct FieldMasker<'m> {
    masker: &'m Masker,
    mapping: &'m mut Mapping,
    counts: Counts,
}

impl<'m> FieldMasker<'m> {
    /// Masks into this mapping.
    #[must_use]
    pub fn new(masker: &'m Masker, mapping: &'m mut Mapping) -> FieldMasker<'m> {
        FieldMasker {
            masker,
            mapping,
            counts: Counts::default(),
        }
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
        let field = Some(field).filter(|field| !field.is_empty());
        let masked = self.masker.mask(text, field, self.mapping)?;
        self.counts.add(&masked.counts);
        Ok(masked.text)
    }
}
