//! What the gateway's files and secrets hold is told with the line that names them, by whoever looks.

use std::process::Output;

use rcgen::{CertificateParams, KeyPair};

use crate::rig::{Ports, Rig};

/// A public key for ES256 (RFC 7517, A.1).
const GOOD_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// That a command is refused, what it says, and that this has a line of the file.
fn refused(rig: &Rig, args: &[&str]) -> String {
    let output = rig.run(args);
    let words = said(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {words}");
    assert!(words.contains("portcullis.toml:"), "{words}");
    words
}

/// The first problem of what a command says, from its code to the carets.
fn problem(words: &str) -> &str {
    let begin = words
        .find("error[PC0110]")
        .unwrap_or_else(|| panic!("{words}"));
    let rest = &words[begin..];
    rest.split("^\n").next().unwrap_or(rest)
}

#[test]
fn a_key_of_another_certificate_is_told_alike_by_check_reload_and_serve() {
    let mut rig = Rig::new("none");
    let ports = Ports::take();
    for name in ["first", "second"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([format!("{name}.example")]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(rig.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(rig.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let tls = format!(
        "[gateway.tls]\nlisten = \"127.0.0.1:{}\"\n[[gateway.tls.certificate]]\n\
         chain = \"first.pem\"\nkey = \"first.key\"\n\n[timeouts]",
        ports.gateway()
    );
    rig.edit("[timeouts]", &tls);
    rig.ok(&["init"]);
    rig.ok(&["check"]);
    rig.start();
    rig.edit("first.key", "second.key");
    let checked = refused(&rig, &["check"]);
    assert!(checked.contains("do not fit"), "{checked}");
    assert!(
        checked.contains("[[gateway.tls.certificate]] key"),
        "{checked}"
    );
    assert!(
        checked.contains("; name the key that the certificate"),
        "{checked}"
    );
    assert_eq!(refused(&rig, &["gateway", "reload"]), checked);
    rig.stop();
    let served = refused(&rig, &["serve"]);
    assert_eq!(problem(&served), problem(&checked));
    let doctor = rig.run(&["doctor"]);
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(told.contains("do not fit"), "{told}");
}

#[test]
fn a_key_set_without_a_key_that_can_be_used_is_refused_by_check_and_reload() {
    let mut rig = Rig::new("none");
    let write = |rig: &Rig, keys: &str| {
        std::fs::write(rig.path("jwks.json"), format!("{{\"keys\":[{keys}]}}")).unwrap();
    };
    let tables = "[[gateway.access]]\nname = \"staff\"\n\
                  jwt = { jwks_file = \"jwks.json\", algorithms = [\"RS256\", \"ES256\"], audiences = [\"a\"] }\n\
                  [[gateway.route]]\nname = \"staff\"\npath = \"/staff\"\naccess = \"staff\"\n\n[timeouts]";
    rig.edit("[timeouts]", tables);
    rig.ok(&["init"]);
    write(&rig, GOOD_KEY);
    rig.ok(&["check"]);
    rig.start();
    let short = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, "s".repeat(172));
    let other =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for keys in ["", r#"{"kty":"oct","k":"c2VjcmV0"}"#, &short, other] {
        write(&rig, keys);
        let checked = refused(&rig, &["check"]);
        assert!(
            checked.contains("so no token could be believed"),
            "{checked}"
        );
        assert!(checked.contains("jwks_file"), "{checked}");
        assert!(!checked.contains("c2VjcmV0"), "{checked}");
        assert_eq!(refused(&rig, &["gateway", "reload"]), checked);
    }
    write(&rig, &[GOOD_KEY, other].join(","));
    rig.ok(&["check"]);
    rig.ok(&["gateway", "reload"]);
}

#[test]
fn a_secret_of_the_shared_server_that_is_not_set_is_told_with_its_line_when_it_is_needed() {
    let rig = Rig::new("none");
    let shared = "[gateway.shared]\nredis = \"env:REDIS_URL_OF_NOBODY\"\n\n[timeouts]";
    rig.edit("[timeouts]", shared);
    rig.ok(&["init"]);
    // Whoever checks need not have the secrets.
    rig.ok(&["check"]);
    let served = refused(&rig, &["serve"]);
    assert!(served.contains("[gateway.shared] redis: "), "{served}");
    assert!(served.contains("REDIS_URL_OF_NOBODY"), "{served}");
    assert!(
        served.contains("; set it where Portcullis is started"),
        "{served}"
    );
}
