use std::os::unix::fs::PermissionsExt;

use portcullis_config::{AcmeChallenge, AcmeConfig};

use super::{Pace, SavedCertificate, Store};
use crate::acme::AcmeError;

fn config(directory: &str) -> AcmeConfig {
    AcmeConfig {
        directory: directory.to_owned(),
        ca_file: None,
        contact: None,
        hosts: vec!["shop.example".to_owned()],
        challenge: AcmeChallenge::Http01,
    }
}

fn certificate() -> SavedCertificate {
    SavedCertificate {
        schema_version: 1,
        directory: "https://one.example/".to_owned(),
        hosts: vec!["shop.example".to_owned()],
        ordered_at_ms: 7,
        chain_pem: "chain".to_owned(),
        key_pem: "key".to_owned(),
    }
}

#[test]
fn what_is_kept_is_read_again_and_only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::beside(&folder.path().join("state.json"));
    assert!(store.certificate().unwrap().is_none());
    store.keep_certificate(&certificate()).unwrap();
    assert!(store.certificate().unwrap() == Some(certificate()));
    let mode = |name: &str| {
        let path = folder.path().join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("acme"), 0o700);
    assert_eq!(mode("acme/certificate.json"), 0o600);
    // What is left of a write that broke off does not lend its mode.
    let left = folder.path().join("acme/certificate.json.new");
    std::fs::write(&left, "half").unwrap();
    store.keep_certificate(&certificate()).unwrap();
    assert_eq!(mode("acme/certificate.json"), 0o600);
    assert!(!left.exists());
}

#[test]
fn a_damaged_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::beside(&folder.path().join("state.json"));
    store.keep_certificate(&certificate()).unwrap();
    let path = folder.path().join("acme/certificate.json");
    std::fs::write(&path, "{ \"schema_version\": 1, \"key_pem\": \"secret\"").unwrap();
    assert!(store.certificate().unwrap().is_none());
    assert!(!path.exists());
    let entries = std::fs::read_dir(folder.path().join("acme")).unwrap();
    let aside: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(aside.len(), 1);
    let text = std::fs::read_to_string(&aside[0]).unwrap();
    assert!(text.contains("secret"));
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::beside(&folder.path().join("state.json"));
    store.keep_certificate(&certificate()).unwrap();
    let path = folder.path().join("acme/certificate.json");
    std::fs::write(&path, "{ \"schema_version\": 2, \"other\": true }").unwrap();
    let refused = store.certificate().err().unwrap();
    assert!(matches!(refused, AcmeError::Version { found: 2, .. }));
    assert!(path.exists());
}

#[test]
fn other_settings_begin_with_a_pace_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::beside(&folder.path().join("state.json"));
    let one = config("https://one.example/");
    let mut pace = Pace::new(&one);
    pace.failures = 3;
    store.keep_pace(&pace).unwrap();
    assert_eq!(store.pace(&one).unwrap(), pace);
    let mut other = one.clone();
    other.challenge = AcmeChallenge::TlsAlpn01;
    assert_eq!(store.pace(&other).unwrap().failures, 0);
    let other = config("https://two.example/");
    assert_eq!(store.pace(&other).unwrap().failures, 0);
}
