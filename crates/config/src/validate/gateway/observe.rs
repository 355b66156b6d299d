//! What is told about requests, and shared with other gateways.

use super::{Context, text};
use crate::config::{AccessLogConfig, AccessLogPlace, LoggedPaths, SecretText, SharedConfig};
use crate::origin::Wanted;
use crate::raw::{RawLog, RawShared, value_or_default};

/// The log of requests.
pub(super) fn log(raw: &RawLog, context: &mut Context<'_>) -> AccessLogConfig {
    let to = match (text(raw.to.as_ref()), &raw.to) {
        (Some("log"), _) => AccessLogPlace::Log,
        (Some("off"), _) | (_, None) => AccessLogPlace::Off,
        (_, Some(at)) => {
            let path = context.absolute(&at.value);
            context.needs(&path, Wanted::Written, &at.spot);
            AccessLogPlace::File(path)
        }
    };
    AccessLogConfig {
        to,
        sample: raw.sample,
        paths: match text(raw.paths.as_ref()) {
            Some("whole") => LoggedPaths::Whole,
            Some("off") => LoggedPaths::Off,
            _ => LoggedPaths::Masked,
        },
    }
}

/// What is shared with other gateways.
pub(super) fn shared(raw: &RawShared, context: &Context<'_>) -> SharedConfig {
    let redis = context.referenced(value_or_default(raw.redis.clone()));
    SharedConfig {
        redis: SecretText::new(redis),
        prefix: raw.prefix.clone(),
        timeout_ms: raw.timeout_ms,
    }
}
