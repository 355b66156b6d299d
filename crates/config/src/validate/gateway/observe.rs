//! What is told about requests, and shared with other gateways.

use super::{Context, text};
use crate::Code;
use crate::config::{AccessLogConfig, AccessLogPlace, LoggedPaths, SecretText, SharedConfig};
use crate::origin::{PathUse, Wanted};
use crate::raw::{RawLog, RawShared, value_or_default};
use crate::report::Wrong;

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

/// The log is written to a file that nothing else uses: not what is read, and not this file.
pub(super) fn log_has_its_own_file(raw: &RawLog, context: &Context<'_>) {
    let Some(at) = raw.to.as_ref().filter(|_| is_file(raw)) else {
        return;
    };
    let path = context.absolute(&at.value);
    let is_read = |used: &&PathUse| used.path == path && matches!(used.wanted, Wanted::Read(_));
    let message = if path == context.file {
        "this is the configuration file itself".to_owned()
    } else if let Some(used) = context.uses.iter().find(is_read) {
        format!("this is the file of {}", used.spot.key)
    } else {
        return;
    };
    let message = format!("{message}, and lines of the log would be written into it");
    let wrong = Wrong::new(Code::Duplicate, message);
    let hint = "give the log a file of its own, such as \"access.log\"";
    context.report.add(&at.spot, wrong.hint(hint));
}

fn is_file(raw: &RawLog) -> bool {
    !matches!(text(raw.to.as_ref()), None | Some("log" | "off"))
}

/// What is shared with other gateways.
pub(super) fn shared(raw: &RawShared, context: &mut Context<'_>) -> SharedConfig {
    context
        .marks
        .extend(raw.redis.as_ref().map(|at| at.spot.clone()));
    let redis = context.referenced(value_or_default(raw.redis.clone()));
    SharedConfig {
        redis: SecretText::new(redis),
        prefix: raw.prefix.clone(),
        timeout_ms: raw.timeout_ms,
    }
}
