//! Synthetic requests: there are some, at a pace that no service minds.

use portcullis_rollout::{Pace, SyntheticRequest, SyntheticTraffic};

use super::{Context, service};
use crate::Code;
use crate::raw::{RawSynthetic, RawSyntheticRequest};
use crate::report::{At, Wrong};

/// More requests a second are a load test.
const PER_SECOND_MAX: f64 = 100.0;

/// The requests, or nothing where something in them is wrong, which is reported.
pub(super) fn traffic(raw: RawSynthetic, context: &mut Context<'_>) -> Option<SyntheticTraffic> {
    let rate = pace(raw.rate.as_ref()?);
    let below = pace(raw.below.as_ref()?);
    if let Some(at) = raw
        .rate
        .as_ref()
        .filter(|_| rate.per_second() > PER_SECOND_MAX)
    {
        let message = format!(
            "this is {:.0} requests a second, and at most {PER_SECOND_MAX:.0} are sent",
            rate.per_second()
        );
        context
            .report
            .add(&at.spot, Wrong::new(Code::BadValue, message));
    }
    let requests = raw.requests.into_iter();
    Some(SyntheticTraffic {
        rate,
        below,
        requests: requests.map(|raw| request(raw, context)).collect(),
        folder: context.folder.to_owned(),
    })
}

fn pace(at: &At<(u32, u64)>) -> Pace {
    let (requests, per_ms) = at.value;
    Pace { requests, per_ms }
}

fn request(raw: RawSyntheticRequest, context: &mut Context<'_>) -> SyntheticRequest {
    context.needs_secrets(&raw.headers);
    let headers = raw.headers.iter();
    let headers = headers.map(|(name, at)| (name.clone(), context.referenced(at.value.clone())));
    SyntheticRequest {
        headers: headers.collect(),
        check: service::check(raw.check, context),
    }
}
