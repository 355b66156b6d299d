//! Stores that are buckets.

use portcullis_rollout::{BucketRef, StoreKind, StoreLocation};

use crate::{least, read, wrong};

/// A file with a store of kind `bucket` and these lines in its table.
fn with(lines: &str) -> String {
    let store = "[[store]]\nname = \"uploads\"\nkind = \"bucket\"\n";
    least(
        "environment = \"test\"",
        &format!("{store}[store.bucket]\n{lines}"),
    )
}

fn bucket(text: &str) -> BucketRef {
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again.stores, config.stores, "written and read again");
    match &config.stores[0].location {
        StoreLocation::Bucket(bucket) => bucket.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bucket_is_read_and_written_again() {
    let least = bucket(&with("url = \"s3://files\"\n"));
    assert_eq!(least.place(), "s3://files");
    assert_eq!((least.access_key, least.secret), (None, None));
    let full = bucket(&with(
        "url = \"s3://files/shop/uploads/\"\nendpoint = \"https://minio.example\"\nregion = \"eu-north-1\"\n\
         ca = \"minio.pem\"\naccess_key = \"env:KEY\"\nsecret = \"file:secret\"\n",
    ));
    assert_eq!(full.url, "s3://files/shop/uploads");
    assert_eq!(full.ca.as_deref(), Some("/srv/dhash/minio.pem".as_ref()));
    assert_eq!(full.secret.as_deref(), Some("file:/srv/dhash/secret"));
    assert_eq!(StoreKind::of_word("bucket"), Some(StoreKind::Bucket));
}

#[test]
fn mistakes_about_buckets_are_named_with_what_to_do() {
    for (lines, expected) in [
        ("", "url"),
        ("url = \"https://files\"", "s3://BUCKET/PREFIX"),
        ("url = \"s3://files//a\"", "s3://BUCKET/PREFIX"),
        ("url = \"gs://files/a\"", "https://storage.googleapis.com"),
        ("url = \"az://files/a\"", "Azure does not"),
        (
            "url = \"s3://files\"\nendpoint = \"http://10.0.0.1\"",
            "use https://",
        ),
        (
            "url = \"s3://files\"\naccess_key = \"me\"",
            "`access_key` needs `secret`",
        ),
        (
            "url = \"s3://files\"\nsecret = \"env:SECRET\"",
            "`secret` needs `access_key`",
        ),
        (
            "url = \"s3://files\"\naccess_key = \"me\"\nsecret = \"hush\"",
            "secret",
        ),
        ("url = \"s3://files\"\nbucket = \"x\"", "bucket"),
    ] {
        let found = wrong(&with(lines));
        assert!(found.contains(expected), "{lines}\n{found}");
        assert!(!found.contains("hush"), "{found}");
    }
    let store = |kind: &str, more: &str| {
        let store = format!("[[store]]\nname = \"uploads\"\nkind = \"{kind}\"\n{more}");
        wrong(&least("environment = \"test\"", &store))
    };
    let found = store("bucket", "");
    assert!(found.contains("needs the table [store.bucket]"), "{found}");
    let found = store(
        "bucket",
        "path = \"x\"\n[store.bucket]\nurl = \"s3://files\"\n",
    );
    assert!(found.contains("has no `path`"), "{found}");
    let found = store(
        "file",
        "path = \"x\"\n[store.bucket]\nurl = \"s3://files\"\n",
    );
    assert!(
        found.contains("a store of kind \"file\" has no bucket"),
        "{found}"
    );
    for (other, overlaps) in [
        ("s3://files", true),
        ("s3://files/a", true),
        ("s3://files/a/b", true),
        ("s3://files/ab", false),
        ("s3://file", false),
    ] {
        let two = with("url = \"s3://files/a\"\n")
            + &format!(
                "[[store]]\nname = \"more\"\nkind = \"bucket\"\n[store.bucket]\nurl = \"{other}\"\n"
            );
        let found = read(&two).err().map(|problems| problems.to_string());
        let told = found.is_some_and(|found| found.contains("overlaps the store `uploads`"));
        assert_eq!(told, overlaps, "{other}");
    }
}
