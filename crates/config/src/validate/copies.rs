//! For whom backups are encrypted, and where copies of them are kept.

use portcullis_rollout::ValueSource;

use super::{Context, places, text};
use crate::Code;
use crate::config::{CopyConfig, EncryptionConfig, LockConfig, RetentionConfig, SecretText};
use crate::origin::Wanted;
use crate::raw::{RawCopy, RawEncryption};
use crate::report::{At, Report, Wrong};

/// `[backup.encryption]`.
pub(super) fn encryption(raw: &RawEncryption, context: &mut Context<'_>) -> EncryptionConfig {
    for (index, at) in raw.recipients.iter().enumerate() {
        if raw.recipients[..index]
            .iter()
            .any(|other| other.value == at.value)
        {
            let message = "this recipient is given twice";
            context
                .report
                .add(&at.spot, Wrong::new(Code::Duplicate, message));
        }
    }
    let recipients = raw.recipients.iter().map(|at| at.value.clone()).collect();
    let identities = raw.identities.iter().map(|at| secret(at, context));
    EncryptionConfig {
        recipients,
        identities: identities.collect(),
    }
}

/// Each `[[backup.copy]]`.
pub(super) fn copies(
    raw: &[RawCopy],
    retention: &RetentionConfig,
    context: &mut Context<'_>,
) -> Vec<CopyConfig> {
    for (index, copy) in raw.iter().enumerate() {
        unique(copy, &raw[..index], context.report);
        fits(copy, context.report);
    }
    raw.iter()
        .map(|raw| copy(raw, retention, context))
        .collect()
}

fn copy(raw: &RawCopy, retention: &RetentionConfig, context: &mut Context<'_>) -> CopyConfig {
    let owned = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let [last, days, hourly, daily, weekly, monthly, yearly] = raw.keep;
    CopyConfig {
        name: owned(&raw.name).unwrap_or_default(),
        url: owned(&raw.url).unwrap_or_default(),
        endpoint: owned(&raw.endpoint),
        region: owned(&raw.region),
        ca: raw.ca.as_ref().map(|at| context.absolute(&at.value)),
        access_key: raw.access_key.as_ref().map(|at| secret(at, context)),
        account: owned(&raw.account),
        secret: raw.secret.as_ref().map(|at| secret(at, context)),
        required: raw.required,
        lock: raw.lock_ms.as_ref().map(|at| LockConfig {
            for_ms: at.value,
            compliance: text(raw.lock_mode.as_ref()) == Some("compliance"),
        }),
        retention: RetentionConfig {
            keep_last: last.unwrap_or(retention.keep_last),
            keep_days: days.unwrap_or(retention.keep_days),
            keep_hourly: hourly.unwrap_or(retention.keep_hourly),
            keep_daily: daily.unwrap_or(retention.keep_daily),
            keep_weekly: weekly.unwrap_or(retention.keep_weekly),
            keep_monthly: monthly.unwrap_or(retention.keep_monthly),
            keep_yearly: yearly.unwrap_or(retention.keep_yearly),
        },
    }
}

/// A reference, whose file must be there.
fn secret(at: &At<String>, context: &mut Context<'_>) -> SecretText {
    if let ValueSource::File(path) = ValueSource::of(&at.value)
        && !places::begins_with_place(path)
    {
        let path = context.absolute(path);
        context.needs(&path, Wanted::Secret, &at.spot);
    }
    SecretText::new(context.referenced(at.value.clone()))
}

fn unique(copy: &RawCopy, before: &[RawCopy], report: &Report<'_>) {
    let same = |one: &Option<At<String>>, other: &Option<At<String>>| {
        matches!((text(one.as_ref()), text(other.as_ref())), (Some(one), Some(other))
            if one.trim_end_matches('/') == other.trim_end_matches('/'))
    };
    if let Some(at) = &copy.name
        && before.iter().any(|other| same(&other.name, &copy.name))
    {
        let message = format!("there is another copy of the name `{}`", at.value);
        report.add(&at.spot, Wrong::new(Code::Duplicate, message));
    }
    let place = |other: &RawCopy| {
        same(&other.url, &copy.url) && text(other.endpoint.as_ref()) == text(copy.endpoint.as_ref())
    };
    if let Some(at) = &copy.url
        && before.iter().any(place)
    {
        let message = "there is another copy at the same place";
        report.add(&at.spot, Wrong::new(Code::Duplicate, message));
    }
}

/// Each provider has keys of its own.
fn fits(copy: &RawCopy, report: &Report<'_>) {
    let Some(url) = text(copy.url.as_ref()) else {
        return;
    };
    let scheme = url.split("://").next().unwrap_or_default();
    let own = [
        ("region", &copy.region, "s3"),
        ("access_key", &copy.access_key, "s3"),
        ("account", &copy.account, "az"),
    ];
    for (key, at, of) in own {
        if let Some(at) = at.as_ref().filter(|_| scheme != of) {
            let message = format!("`{key}` is one of {of}:// and the copy is at {scheme}://");
            let wrong = Wrong::new(Code::Contradiction, message).hint("remove it");
            report.add(&at.spot, wrong);
        }
    }
    lock_fits(copy, scheme, report);
    let missing = match (scheme, &copy.access_key, &copy.account, &copy.secret) {
        ("s3", Some(_), _, None) => Some("`access_key` needs `secret`, the secret access key"),
        ("s3", None, _, Some(_)) => Some("`secret` needs `access_key`, the key's ID"),
        ("az", _, None, Some(_)) => Some("`secret` needs `account`, the storage account"),
        _ => None,
    };
    if let Some(message) = missing {
        let wrong = Wrong::new(Code::Contradiction, message);
        let hint = "give both, or neither to use the environment's own";
        report.add(&copy.spot, wrong.hint(hint));
    }
}

/// Only S3 locks single objects; a mode without a lock says nothing.
fn lock_fits(copy: &RawCopy, scheme: &str, report: &Report<'_>) {
    if let Some(at) = copy.lock_ms.as_ref().filter(|_| scheme != "s3") {
        let message =
            format!("single copies are locked in S3 only, and this one is at {scheme}://");
        let hint = "remove it, and lock the bucket itself: a retention policy of Google, an immutability policy of Azure";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&at.spot, wrong);
    }
    if let (Some(at), None) = (&copy.lock_mode, &copy.lock_ms) {
        let message = "`lock_mode` says how a copy is locked, and `lock` is missing";
        let wrong =
            Wrong::new(Code::Contradiction, message).hint("add `lock`, for example \"30d\"");
        report.add(&at.spot, wrong);
    }
}
