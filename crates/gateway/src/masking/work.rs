//! A request's texts, masked.

use bytes::Bytes;
use portcullis_mask::wire::{Exchange, RequestPlan, mask_json, mask_query};
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
        let mut body = None;
        if let RequestPlan::Json(table) = exchange.request()
            && !self.body.is_empty()
        {
            let mut masked = Vec::with_capacity(self.body.len() + self.body.len() / 8);
            let limits = self.profile.json_limits();
            let changed = mask_json(&self.body, table, limits, &mut masker, &mut masked)?;
            body = (changed > 0).then(|| Bytes::from(masked));
        }
        Ok(Worked {
            body,
            query,
            counts: masker.counts().clone(),
        })
    }
}
