//! A request's texts, masked.

use bytes::Bytes;
use portcullis_mask::wire::{
    Documents, Exchange, FormOptions, RequestPlan, mask_form, mask_json, mask_query,
};
use portcullis_mask::{Counts, FieldMasker, Mapping};
use std::sync::Arc;

use super::{MaskProfile, MaskingRefusal};

/// What there is to do about one request.
pub(crate) struct Work {
    /// By which mask.
    pub(crate) profile: Arc<MaskProfile>,
    /// The method.
    pub(crate) method: String,
    /// The path as the application gets it.
    pub(crate) path: String,
    /// The query, if there is one.
    pub(crate) query: Option<String>,
    /// The type of the body, as the client says it.
    pub(crate) content_type: Option<String>,
    /// The whole body.
    pub(crate) body: Bytes,
}

/// What came of it.
pub(crate) struct Worked {
    /// The body to send; `None` if it is sent as it is.
    pub(crate) body: Option<Bytes>,
    /// The query to send; `None` if it is sent as it is.
    pub(crate) query: Option<String>,
    /// What was found.
    pub(crate) counts: Counts,
}

impl Work {
    /// What the application's table says of the request.
    pub(crate) fn exchange(&self) -> Exchange<'_> {
        let content_type = self.content_type.as_deref();
        self.profile
            .wire()
            .exchange(&self.method, &self.path, content_type)
    }

    /// Masks the query and the body. What is hidden enters the mapping, also when an error comes of it.
    ///
    /// # Errors
    /// The request must not be sent on.
    pub(crate) fn mask(&self, mapping: &mut Mapping) -> Result<Worked, MaskingRefusal> {
        let exchange = self.exchange();
        let mut masker = FieldMasker::new(&self.profile.masker, mapping);
        let query = match &self.query {
            Some(query) if !exchange.query().is_empty() => {
                let masked = mask_query(query, exchange.query(), &mut masker)?;
                (*masked != **query).then(|| masked.into_owned())
            }
            _ => None,
        };
        let body = match self.body.is_empty() {
            true => None,
            false => self.mask_body(exchange.request(), &mut masker)?,
        };
        Ok(Worked {
            body,
            query,
            counts: masker.counts().clone(),
        })
    }

    /// Masks the body; `None` if it stays as it is.
    fn mask_body(
        &self,
        plan: RequestPlan<'_>,
        masker: &mut FieldMasker<'_>,
    ) -> Result<Option<Bytes>, MaskingRefusal> {
        let mut masked = Vec::with_capacity(self.body.len() + self.body.len() / 8);
        let json = self.profile.json_limits();
        let changed = match plan {
            RequestPlan::Json(table) => mask_json(&self.body, table, json, masker, &mut masked)?,
            RequestPlan::Form(form) => {
                let content_type = self.content_type.as_deref().unwrap_or_default();
                let documents = match self.profile.passes_unknown() {
                    true => Documents::Pass,
                    false => Documents::Refuse,
                };
                let options = FormOptions { documents, json };
                let body = &self.body;
                mask_form(body, content_type, form, options, masker, &mut masked)?.changed
            }
            RequestPlan::Nothing | RequestPlan::Unknown => 0,
        };
        Ok((changed > 0).then(|| Bytes::from(masked)))
    }
}
