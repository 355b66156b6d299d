use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn rules(allow: &[&str], deny: &[&str]) -> AddressRules {
    let networks = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
    AddressRules::new(&AccessConfig {
        name: "test".into(),
        allow: networks(allow),
        deny: networks(deny),
        keys: None,
        jwt: None,
        scopes: Vec::new(),
    })
}

fn admits(rules: &AddressRules, address: &str) -> bool {
    rules.admits(address.parse().unwrap())
}

#[test]
fn no_rules_admit_everybody() {
    assert!(admits(&rules(&[], &[]), "192.0.2.1"));
    assert!(admits(&rules(&[], &[]), "2001:db8::1"));
}

#[test]
fn an_allow_list_admits_only_what_it_names() {
    let rules = rules(&["10.0.0.0/8", "2001:db8::/32"], &[]);
    assert!(admits(&rules, "10.255.0.1"));
    assert!(admits(&rules, "2001:db8:ffff::1"));
    assert!(!admits(&rules, "11.0.0.1"));
    assert!(!admits(&rules, "2001:db9::1"));
}

#[test]
fn deny_wins_over_allow_however_they_are_nested() {
    let rules = rules(&["10.0.0.0/8", "10.1.2.3/32"], &["10.1.0.0/16"]);
    assert!(admits(&rules, "10.2.0.1"));
    assert!(!admits(&rules, "10.1.2.3"));
}

#[test]
fn a_mapped_address_is_the_ipv4_address_in_requests_and_in_settings() {
    let denied = rules(&[], &["192.0.2.0/24"]);
    assert!(!admits(&denied, "::ffff:192.0.2.7"));
    let mapped = rules(&["::ffff:192.0.2.0/120"], &["::ffff:192.0.2.9/128"]);
    assert!(admits(&mapped, "192.0.2.7"));
    assert!(!admits(&mapped, "192.0.2.9"));
    assert!(!admits(&mapped, "192.0.3.7"));
}

#[test]
fn the_answer_is_403_without_the_address() {
    let denial = rules(&["10.0.0.0/8"], &[]).check("192.0.2.1".parse().unwrap());
    let denial = denial.unwrap_err();
    assert_eq!(denial.status, StatusCode::FORBIDDEN);
    assert_eq!(denial.code(), "address-not-admitted");
    assert!(!denial.detail.contains("192"));
}

proptest! {
    #[test]
    fn membership_is_that_of_the_leading_bits(network: u32, prefix in 0_u8..=32, address: u32) {
        let net = Ipv4Net::new(Ipv4Addr::from(network), prefix).unwrap();
        let rules = rules(&[], &[&net.to_string()]);
        let same = prefix == 0 || (network ^ address) >> (32 - u32::from(prefix)) == 0;
        let plain = IpAddr::V4(Ipv4Addr::from(address));
        let mapped = IpAddr::V6(Ipv4Addr::from(address).to_ipv6_mapped());
        prop_assert_eq!(rules.admits(plain), !same);
        prop_assert_eq!(rules.admits(mapped), !same);
    }
}
