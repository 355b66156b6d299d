use std::collections::HashMap;

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

/// The assignment is part of the product: changing the hash would move users in the middle of a
/// rollout.
#[test]
fn the_hash_is_fixed() {
    let hash = BucketHash::new("shop");
    let buckets: Vec<u16> = ["", "a", "user-1", "user-2"]
        .iter()
        .map(|key| hash.bucket(key.as_bytes()))
        .collect();
    assert_eq!(buckets, [1440, 6981, 9972, 2658]);
    assert_eq!(
        fnv1a(FNV_OFFSET, b"foobar"),
        0x85944171f73967e8,
        "FNV's own test vector"
    );
}

proptest! {
    #[test]
    fn a_user_on_the_canary_stays_there_as_the_weight_grows(
        service in "[a-z]{1,12}", key in proptest::collection::vec(any::<u8>(), 0..40),
        first in 0_u8..=100, second in 0_u8..=100,
    ) {
        let bucket = BucketHash::new(&service).bucket(&key);
        let (less, more) = (first.min(second), first.max(second));
        prop_assert!(bucket < BUCKETS);
        prop_assert!(bucket >= canary_buckets(less) || bucket < canary_buckets(more));
        prop_assert!(bucket >= canary_buckets(0), "nobody at weight 0");
        prop_assert!(bucket < canary_buckets(100), "everybody at weight 100");
    }

    /// The share among many keys is the weight, whatever the keys look like: within five standard
    /// deviations of a binomial share, which fails by chance once in a million.
    #[test]
    fn shares_are_fair(service in "[a-z]{1,12}", prefix in ".{0,12}", weight in 1_u8..=99) {
        let hash = BucketHash::new(&service);
        let keys = 10_000_u32;
        let mine = (0..keys)
            .filter(|key| hash.bucket(format!("{prefix}{key}").as_bytes()) < canary_buckets(weight))
            .count() as f64;
        let p = f64::from(weight) / 100.0;
        let deviation = (f64::from(keys) * p * (1.0 - p)).sqrt();
        prop_assert!((mine - f64::from(keys) * p).abs() < 5.0 * deviation, "{mine} of {keys}");
    }
}

#[test]
fn services_divide_their_users_differently() {
    let (shop, cafe) = (BucketHash::new("shop"), BucketHash::new("cafe"));
    let mut both = HashMap::new();
    for user in 0..10_000 {
        let key = format!("user-{user}");
        let arms = (
            shop.bucket(key.as_bytes()) < 5_000,
            cafe.bucket(key.as_bytes()) < 5_000,
        );
        *both.entry(arms).or_insert(0) += 1;
    }
    assert!(
        both.values().all(|count| (2_250..2_750).contains(count)),
        "{both:?}"
    );
}

#[test]
fn cookies_are_found_by_their_whole_name() {
    let read = |lines: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        cookie(&headers, "id").map(|value| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(read(&["id=7"]).as_deref(), Some("7"));
    assert_eq!(read(&["a=b; id=7;c=d"]).as_deref(), Some("7"));
    assert_eq!(read(&["a=b", " id=a=b "]).as_deref(), Some("a=b"));
    assert_eq!(read(&["xid=7; id2=8; id"]), None);
    assert_eq!(read(&["id="]), None);
    assert_eq!(read(&[]), None);
}
