use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use super::{Answers, OpenChallenges};

/// What the handshake of a client with a name and protocols is made with.
fn asked(answers: &Answers, name: &'static str, protocols: &[&[u8]]) -> Option<Arc<ServerConfig>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let mut acceptor = Acceptor::default();
    acceptor.read_tls(&mut hello.as_slice()).unwrap();
    let accepted = acceptor.accept().unwrap().unwrap();
    answers.for_handshake(&accepted.client_hello())
}

#[test]
fn a_challenges_handshake_is_one_with_its_name_and_its_protocol_alone() {
    let answers = Answers::default();
    let alpn: &[u8] = b"acme-tls/1";
    assert!(!answers.may_be_asked());
    let open = OpenChallenges(&answers);
    open.answer_tls("Shop.example", &[7; 32]).unwrap();
    assert!(answers.may_be_asked());
    assert!(asked(&answers, "shop.example", &[alpn]).is_some());
    assert!(asked(&answers, "other.example", &[alpn]).is_none());
    assert!(asked(&answers, "shop.example", &[b"h2", alpn]).is_none());
    assert!(asked(&answers, "shop.example", &[alpn, b"h2"]).is_none());
    assert!(asked(&answers, "shop.example", &[]).is_none());
    drop(open);
    assert!(!answers.may_be_asked());
    assert!(asked(&answers, "shop.example", &[alpn]).is_none());
}

#[test]
fn a_digest_that_is_none_is_refused() {
    let answers = Answers::default();
    let open = OpenChallenges(&answers);
    assert!(open.answer_tls("shop.example", &[7; 31]).is_err());
}

#[test]
fn a_token_is_answered_while_its_challenge_is_open() {
    let answers = Answers::default();
    let open = OpenChallenges(&answers);
    open.answer_http("abc", "abc.thumbprint");
    let path = |path: &str| answers.for_path(path);
    let found = path("/.well-known/acme-challenge/abc");
    assert_eq!(found.as_deref(), Some("abc.thumbprint"));
    for other in [
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge/abcd",
        "/.well-known/acme-challenge/abc/",
        "/abc",
    ] {
        assert_eq!(path(other), None, "{other}");
    }
    drop(open);
    assert_eq!(answers.for_path("/.well-known/acme-challenge/abc"), None);
}
