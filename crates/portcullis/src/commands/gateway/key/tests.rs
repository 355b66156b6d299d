use jiff::SignedDuration;

use super::*;

#[test]
fn the_name_of_a_new_key_counts_on_from_the_old_one() {
    let mut keys = ApiKeysFile::default();
    for id in ["ci", "ci-2", "build-7", "-3"] {
        keys.create(id, Vec::new(), now(), None).unwrap();
    }
    assert_eq!(free_name(&keys, "ci"), "ci-3");
    assert_eq!(free_name(&keys, "ci-2"), "ci-3");
    assert_eq!(free_name(&keys, "build-7"), "build-2");
    assert_eq!(free_name(&keys, "-3"), "-3-2");
}

#[test]
fn a_key_is_valid_replaced_or_expired() {
    let mut keys = ApiKeysFile::default();
    let hour = SignedDuration::from_hours(1);
    let now = now();
    keys.create("a", Vec::new(), now, None).unwrap();
    keys.create("b", Vec::new(), now, Some(now + hour)).unwrap();
    keys.rotate("a", "a-2", now, hour, None).unwrap();
    let states = |at| -> Vec<(String, &str)> {
        let rows = list::rows(&keys, at);
        rows.into_iter().map(|row| (row.id, row.state)).collect()
    };
    let told = |states: [&'static str; 3]| -> Vec<(String, &str)> {
        let ids = ["a", "b", "a-2"].map(str::to_owned);
        ids.into_iter().zip(states).collect()
    };
    assert_eq!(states(now), told(["replaced", "valid", "valid"]));
    assert_eq!(states(now + hour), told(["expired", "expired", "valid"]));
}

#[test]
fn a_scope_that_is_given_twice_is_kept_once() {
    let given = ["read", "write", "read"].map(str::to_owned);
    assert_eq!(unique(&given), ["read", "write"]);
}
