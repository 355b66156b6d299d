//! A request's texts, masked.
//!
//! A worker serves many connections, so what takes long is done on a thread of its own: a long body, and everything that a
//! model reads. Models keep a core busy for as long as they read, so only so many read at once that a core is left for
//! the workers; requests beyond them wait, in the order in which they came and for a bounded time.

use bytes::Bytes;
use portcullis_mask::wire::{
    BodyOptions, Documents, Exchange, RequestPlan, mask_form, mask_json, mask_query,
};
use portcullis_mask::{Counts, FieldMasker, Mapping, RequestValues};
use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{MaskProfile, MaskingRefusal};
use crate::bounds::{MASKING_INLINE_BYTES_MAX, MASKING_MODEL_WAIT_MS_MAX};
use crate::observe::line_limit;

/// The requests that models may read at the same time in this process: one for each core but one.
static MODEL_PLACES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Semaphore::new(cores.saturating_sub(1).max(1))
});

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
    /// What it held, where its answer is looked through.
    pub(crate) values: RequestValues,
}

impl Work {
    /// What the application's table says of the request.
    pub(crate) fn exchange(&self) -> Exchange<'_> {
        let content_type = self.content_type.as_deref();
        self.profile
            .wire()
            .exchange(&self.method, &self.path, content_type)
    }

    /// As [`Work::mask`], where nobody else waits for it.
    pub(crate) async fn done(
        self: &Arc<Work>,
        mapping: &mut Mapping,
    ) -> Result<Worked, MaskingRefusal> {
        // Requests without a text, such as most that read, wait for nobody.
        let asks_a_model = self.profile.asks_a_model() && self.has_text();
        if !asks_a_model && self.body.len() <= MASKING_INLINE_BYTES_MAX {
            return self.mask(mapping);
        }
        let place = match asks_a_model {
            true => Some(model_place().await?),
            false => None,
        };
        let (work, mut grown) = (Arc::clone(self), mapping.clone());
        let done = tokio::task::spawn_blocking(move || {
            // Given back when the work is over, not when the client stops waiting for it.
            let _place = place;
            (work.mask(&mut grown), grown)
        });
        let worked = match done.await {
            Ok((worked, grown)) => {
                *mapping = grown;
                worked
            }
            Err(_) => Err(MaskingRefusal::Detector {
                why: "it stopped in the middle of a text".to_owned(),
            }),
        };
        if let Err(MaskingRefusal::Detector { why }) = &worked {
            let mask = self.profile.config.name.as_ref();
            if line_limit::may_write(mask, "masking-detector") {
                tracing::error!(
                    mask,
                    cause = why.as_str(),
                    "a request could not be looked into"
                );
            }
        }
        worked
    }

    /// Whether there is anything to look into.
    fn has_text(&self) -> bool {
        !self.body.is_empty() || (self.query.is_some() && !self.exchange().query().is_empty())
    }

    /// Masks the query and the body. What is hidden enters the mapping, also when an error comes of it.
    ///
    /// # Errors
    /// The request must not be sent on.
    pub(crate) fn mask(&self, mapping: &mut Mapping) -> Result<Worked, MaskingRefusal> {
        let exchange = self.exchange();
        let mut masker = FieldMasker::new(&self.profile.masker, mapping);
        if self.profile.leaks.is_some() {
            masker = masker.remembering();
        }
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
            values: masker.values().cloned().unwrap_or_default(),
        })
    }

    /// Masks the body; `None` if it stays as it is.
    fn mask_body(
        &self,
        plan: RequestPlan<'_>,
        masker: &mut FieldMasker<'_>,
    ) -> Result<Option<Bytes>, MaskingRefusal> {
        let mut masked = Vec::with_capacity(self.body.len() + self.body.len() / 8);
        let options = BodyOptions {
            documents: match self.profile.passes_unknown() {
                true => Documents::Pass,
                false => Documents::Refuse,
            },
            json: self.profile.json_limits(),
        };
        let changed = match plan {
            RequestPlan::Json(table) => mask_json(&self.body, table, options, masker, &mut masked)?,
            RequestPlan::Form(form) => {
                let content_type = self.content_type.as_deref().unwrap_or_default();
                let body = &self.body;
                mask_form(body, content_type, form, options, masker, &mut masked)?.changed
            }
            RequestPlan::Nothing | RequestPlan::Unknown => 0,
        };
        Ok((changed > 0).then(|| Bytes::from(masked)))
    }
}

/// A place among the requests that models read.
async fn model_place() -> Result<SemaphorePermit<'static>, MaskingRefusal> {
    let wait = Duration::from_millis(MASKING_MODEL_WAIT_MS_MAX);
    let place = tokio::time::timeout(wait, MODEL_PLACES.acquire()).await;
    place
        .ok()
        .and_then(Result::ok)
        .ok_or(MaskingRefusal::ModelBusy)
}
