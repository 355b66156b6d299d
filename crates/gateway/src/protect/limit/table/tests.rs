use portcullis_config::{LimitConfig, LimitKey};

use super::*;

fn rate(requests: u32, per_ms: u64, burst: u32) -> Rate {
    Rate::new(&LimitConfig {
        name: "test".into(),
        requests,
        per_ms,
        burst,
        key: LimitKey::ClientAddress,
    })
}

/// Spreads `index` over all parts of the table.
fn key(index: u64) -> u64 {
    (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[test]
fn a_table_that_is_full_keeps_its_keys_and_lets_others_share() {
    let table = Table::new(6_400);
    let rate = rate(1, 1_000_000, 1);
    assert!(table.take(key(0), 0, rate).full_at_ns.is_some());
    let mut admitted = 0;
    for index in 1..100_000 {
        admitted += u64::from(table.take(key(index), 1, rate).full_at_ns.is_some());
        assert!(table.len() <= 6_400);
    }
    let spare = (LIMIT_SHARDS * LIMIT_SPARE_BUCKETS) as u64;
    assert!(admitted <= 6_400 + spare, "{admitted} were let in");
    assert!(
        table.take(key(0), 2, rate).full_at_ns.is_none(),
        "the first key was pushed out: it got a fresh bucket"
    );
}

#[test]
fn keys_with_full_buckets_make_room() {
    let table = Table::new(640);
    let rate = rate(10, 1_000, 10);
    for index in 0..10_000 {
        let now_ns = index * 1_000 * NS_PER_MS;
        let taken = table.take(key(index), now_ns, rate);
        assert_eq!(taken.remaining, 9, "every key has a bucket of its own");
        assert!(!taken.spare);
        assert!(table.len() <= 640);
    }
}

#[test]
fn a_token_put_back_into_a_shared_bucket_is_there_again() {
    let table = Table::new(1);
    let rate = rate(1, 1_000_000, 1);
    let mut shared = (0..100_000).map(key).filter(|key| {
        let taken = table.take(*key, 0, rate);
        taken.spare && taken.full_at_ns.is_some()
    });
    let shared = shared.next().unwrap();
    assert!(table.take(shared, 0, rate).full_at_ns.is_none());
    table.give_back(shared, true, rate);
    assert!(table.take(shared, 0, rate).full_at_ns.is_some());
}
