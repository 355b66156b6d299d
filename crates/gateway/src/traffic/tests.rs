use super::Traffic;

#[test]
fn an_arm_is_not_drained_before_the_predecessor_has_followed_the_newest_split() {
    let mut traffic = Traffic::default();
    traffic.in_flight.insert("127.0.0.1:1".to_owned(), 3);
    assert_eq!(traffic.in_flight("shop", "127.0.0.1:2", 1), 1);
    traffic.changes.insert("shop".to_owned(), 1);
    assert_eq!(traffic.in_flight("shop", "127.0.0.1:2", 1), 0);
    assert_eq!(traffic.in_flight("shop", "127.0.0.1:1", 1), 3);
    assert_eq!(traffic.in_flight("shop", "127.0.0.1:1", 2), 4);
}
