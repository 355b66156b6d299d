//! Where the objects of a store are.

use portcullis_rollout::{BucketRef, StoreLocation, ValueSource};

use super::{Context, text};
use crate::Code;
use crate::origin::Wanted;
use crate::raw::{RawBucket, RawStore};
use crate::report::{At, Report, Spot, Wrong};

/// Where they are, and the place of the key that says so.
pub(super) fn location<'r>(
    raw: &'r RawStore,
    context: &mut Context<'_>,
) -> Option<(StoreLocation, &'r Spot)> {
    for (key, spot) in [
        ("path", raw.path.as_ref().map(|at| &at.spot)),
        ("url", raw.url.as_ref().map(|at| &at.spot)),
        ("jobs", raw.jobs.as_ref().map(|at| &at.spot)),
    ] {
        if let Some(spot) = spot {
            let message = format!("a store of kind \"bucket\" has no `{key}`");
            let hint = "remove it; the table [store.bucket] says where the objects are";
            let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
            context.report.add(spot, wrong);
        }
    }
    let Some(bucket) = &raw.bucket else {
        let message = "a store of kind \"bucket\" needs the table [store.bucket]";
        let wrong = Wrong::new(Code::MissingKey, message);
        let hint = "with url = \"s3://BUCKET/PREFIX\" in it";
        context.report.add(&raw.spot, wrong.hint(hint));
        return None;
    };
    fits(bucket, context.report);
    let url = bucket.url.as_ref()?;
    let owned = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let location = StoreLocation::Bucket(BucketRef {
        url: url.value.trim_end_matches('/').to_owned(),
        endpoint: owned(&bucket.endpoint),
        region: owned(&bucket.region),
        ca: bucket.ca.as_ref().map(|at| context.absolute(&at.value)),
        access_key: bucket.access_key.as_ref().map(|at| reference(at, context)),
        secret: bucket.secret.as_ref().map(|at| reference(at, context)),
        folder: context.folder.to_owned(),
        copy: None,
    });
    Some((location, &url.spot))
}

/// Whether two stores share objects: the same bucket of the same server, and one prefix within the other.
pub(super) fn overlap(one: &BucketRef, other: &BucketRef) -> bool {
    let parts = |of: &BucketRef| {
        let parts = of.url.split('/').map(str::to_owned);
        parts.collect::<Vec<String>>()
    };
    let (one_parts, other_parts) = (parts(one), parts(other));
    one.endpoint == other.endpoint
        && (one_parts.starts_with(&other_parts) || other_parts.starts_with(&one_parts))
}

/// What belongs to another kind of store stands at it, and keys go together.
pub(super) fn unused(raw: &RawStore, kind: &str, report: &Report<'_>) {
    if let Some(bucket) = &raw.bucket {
        let message = format!("a store of kind \"{kind}\" has no bucket");
        let wrong = Wrong::new(Code::Contradiction, message);
        let hint = "remove the table, or set kind = \"bucket\"";
        report.add(&bucket.spot, wrong.hint(hint));
    }
}

fn fits(bucket: &RawBucket, report: &Report<'_>) {
    if let Some(at) = &bucket.url
        && !at.value.starts_with("s3://")
    {
        let message = "a store is a bucket of S3, or of a server that speaks its language";
        let hint = "expected \"s3://BUCKET/PREFIX\"; Google Cloud Storage speaks it at endpoint =                     \"https://storage.googleapis.com\" with HMAC keys, Azure does not";
        let wrong = Wrong::new(Code::BadValue, message).hint(hint);
        report.add(&at.spot, wrong);
    }
    let given = (
        text(bucket.access_key.as_ref()),
        text(bucket.secret.as_ref()),
    );
    let missing = match given {
        (Some(_), None) => "`access_key` needs `secret`, the secret access key",
        (None, Some(_)) => "`secret` needs `access_key`, the key's ID",
        (Some(_), Some(_)) | (None, None) => return,
    };
    let wrong = Wrong::new(Code::Contradiction, missing);
    let hint = "give both, or neither to use the environment's own";
    report.add(&bucket.spot, wrong.hint(hint));
}

/// A reference, whose file must be there.
fn reference(at: &At<String>, context: &mut Context<'_>) -> String {
    if let ValueSource::File(path) = ValueSource::of(&at.value) {
        let path = context.absolute(path);
        context.needs(&path, Wanted::Secret, &at.spot);
    }
    context.referenced(at.value.clone())
}
