use super::*;

#[test]
fn the_part_that_tells_who_it_was_is_gone() {
    for (address, expected) in [
        ("192.0.2.123", "192.0.2.0"),
        ("::ffff:192.0.2.123", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::1", "::"),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(masked(address).to_string(), expected);
    }
}
