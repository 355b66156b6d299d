use super::*;

#[test]
fn each_client_has_so_many_and_gets_them_back() {
    let addresses = Arc::new(ClientAddresses::default());
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let one = addresses.count(address("10.0.0.1"), 2).unwrap();
    let two = addresses.count(address("::ffff:10.0.0.1"), 2).unwrap();
    assert!(addresses.count(address("10.0.0.1"), 2).is_none());
    assert!(addresses.count(address("10.0.0.2"), 2).is_some());
    drop(one);
    let three = addresses.count(address("10.0.0.1"), 2);
    assert!(three.is_some());
    drop((two, three));
    assert!(addresses.open.lock().unwrap().is_empty());
}

#[test]
fn a_network_of_ipv6_is_one_client() {
    let addresses = Arc::new(ClientAddresses::default());
    let held = addresses.count("2001:db8::1".parse().unwrap(), 1);
    assert!(held.is_some());
    assert!(
        addresses
            .count("2001:db8::ffff:1".parse().unwrap(), 1)
            .is_none()
    );
    assert!(
        addresses
            .count("2001:db8:0:1::1".parse().unwrap(), 1)
            .is_some()
    );
}
