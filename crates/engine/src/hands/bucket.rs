//! Buckets of stores: what is shown there is resolved when they are asked.

use portcullis_backup::{BucketAddress, CloudAddress, CloudCredentials};
use portcullis_driver::resolve_secret;
use portcullis_rollout::BucketRef;
use secrecy::ExposeSecret;

use super::chain;
use crate::bounds::COPY_PATIENCE;

/// The address of a store's bucket. Whoever holds it holds the secret.
///
/// # Errors
/// When a reference has no value, or it is no address of a bucket.
pub(super) async fn address(store: &str, bucket: &BucketRef) -> Result<BucketAddress, String> {
    let mut values = Vec::with_capacity(2);
    for text in [&bucket.access_key, &bucket.secret].into_iter().flatten() {
        let value = resolve_secret(text, &bucket.folder).await;
        values.push(value.map_err(|error| chain(&error))?);
    }
    let credentials = match <[_; 2]>::try_from(values) {
        Ok([access_key, secret]) => CloudCredentials::S3 {
            access_key: access_key.expose_secret().to_owned(),
            secret,
        },
        // The configuration has both or neither.
        Err(_) => CloudCredentials::Environment,
    };
    let address = BucketAddress {
        cloud: CloudAddress {
            name: store.to_owned(),
            url: bucket.url.clone(),
            endpoint: bucket.endpoint.clone(),
            region: bucket.region.clone(),
            ca: bucket.ca.clone(),
            credentials,
            patience: COPY_PATIENCE,
        },
        copy: bucket.copy.clone(),
    };
    address.check()?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use portcullis_rollout::{StoreLocation, StoreRef};

    use super::*;

    /// Plans say where a copy is, and the backup crate writes it there.
    #[tokio::test]
    async fn a_copy_is_where_the_plan_says() {
        for url in ["s3://box", "s3://box/uploads", "s3://box/a/b/"] {
            let bucket = BucketRef {
                url: url.to_owned(),
                endpoint: None,
                region: None,
                ca: None,
                access_key: Some("text:one".to_owned()),
                secret: Some("text:two".to_owned()),
                folder: "/".into(),
                copy: None,
            };
            let store = StoreRef {
                name: "uploads".to_owned(),
                location: StoreLocation::Bucket(bucket),
            };
            let copy = store.copied_to("/scratch".as_ref(), "portcullis_drill_1_0");
            for store in [store, copy] {
                let StoreLocation::Bucket(bucket) = &store.location else {
                    panic!("{store:?}")
                };
                let address = address(&store.name, bucket).await.unwrap();
                assert_eq!(address.to_string(), store.place());
            }
        }
    }
}
