use rcgen::{CertificateParams, KeyPair};

use super::Certificate;
use crate::acme::store::SavedCertificate;

fn saved(key: &KeyPair, signed_with: &KeyPair) -> SavedCertificate {
    let mut params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 4, 1);
    let certificate = params.self_signed(signed_with).unwrap();
    SavedCertificate {
        schema_version: 1,
        directory: "https://authority.example/".to_owned(),
        hosts: vec!["shop.example".to_owned()],
        ordered_at_ms: 0,
        chain_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    }
}

#[test]
fn its_life_is_read_from_the_certificate() {
    let key = KeyPair::generate().unwrap();
    let certificate = Certificate::read(saved(&key, &key)).ok().unwrap();
    assert_eq!(certificate.from_ms, 1_767_225_600_000);
    assert_eq!(certificate.until_ms - certificate.from_ms, 90 * 86_400_000);
}

#[test]
fn what_does_not_fit_is_refused_without_a_word_of_the_key() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let refused = |saved| Certificate::read(saved).err().unwrap();
    assert!(refused(saved(&other, &key)).contains("do not fit"));
    let mut hosts = saved(&key, &key);
    hosts.hosts.push("other.example".to_owned());
    assert_eq!(refused(hosts), "it is not valid for `other.example`");
    let mut empty = saved(&key, &key);
    empty.chain_pem.clear();
    assert_eq!(refused(empty), "the chain is empty");
    let mut no_key = saved(&key, &key);
    no_key.key_pem = "secret".to_owned();
    assert_eq!(refused(no_key), "the key is not PEM");
}
