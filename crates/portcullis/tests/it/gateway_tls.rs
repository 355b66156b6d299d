//! TLS as it is configured in portcullis.toml.

use std::process::{Command, Stdio};

use rcgen::{CertificateParams, KeyPair};

use crate::pebble::Pebble;
use crate::rig::{Ports, Rig};

#[test]
fn a_service_is_served_over_tls_beside_plain_text() {
    let mut rig = Rig::new("none");
    let ports = Ports::take();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(rig.path("cert.pem"), certificate.pem()).unwrap();
    let tls = format!(
        "[gateway.tls]\nlisten = \"127.0.0.1:{}\"\n[[gateway.tls.certificate]]\n\
         chain = \"cert.pem\"\nkey = \"key.pem\"\n\n[timeouts]",
        ports.gateway()
    );
    rig.edit("[timeouts]", &tls);
    rig.ok(&["init"]);
    let checked = rig.run(&["check"]);
    assert_eq!(checked.status.code(), Some(2));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("key.pem"), "{said}");
    std::fs::write(rig.path("key.pem"), key.serialize_pem()).unwrap();
    rig.ok(&["check"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    for version in ["--http1.1", "--http2"] {
        let answer = Command::new("curl")
            .current_dir(rig.folder.path())
            .args(["--silent", "--show-error", "--cacert", "cert.pem", version])
            .args(["--connect-to", &format!("::127.0.0.1:{}", ports.gateway())])
            .arg("https://shop.example/health")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(said.contains("\"version\":\"1.0\""), "{said}{answer:?}");
    }
    assert!(rig.get("/health", "me").contains("\"version\":\"1.0\""));
}

#[test]
fn a_certificate_is_fetched_by_acme_while_plain_text_is_sent_to_tls() {
    let mut rig = Rig::new("none");
    let ports = Ports::take();
    let (_, plain) = rig.gateway().rsplit_once(':').unwrap();
    let plain = plain.to_owned();
    let pebble = Pebble::start(plain.parse().unwrap(), ports.gateway());
    let tls = format!(
        "[gateway.tls]\nlisten = \"127.0.0.1:{}\"\nredirect = true\n[gateway.tls.acme]\n\
         directory = \"{}\"\nca = \"{}\"\nhosts = [\"shop.example\"]\n\n[timeouts]",
        ports.gateway(),
        pebble.directory(),
        pebble.ca_file().display()
    );
    rig.edit("[timeouts]", &tls);
    rig.ok(&["init"]);
    rig.ok(&["check"]);
    rig.launch();
    let connect = format!("::127.0.0.1:{}", ports.gateway());
    rig.until("the gateway has a certificate", |_| {
        let answer = Command::new("curl")
            .args(["--silent", "--connect-to", &connect, "--cacert"])
            .arg(pebble.root())
            .arg("https://shop.example/health")
            .stdin(Stdio::null())
            .output();
        answer.unwrap().status.success()
    });
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
    let answer = Command::new("curl")
        .args(["--silent", "--head", "--header", "host: shop.example"])
        .arg(format!("http://127.0.0.1:{plain}/health"))
        .stdin(Stdio::null())
        .output();
    let said = String::from_utf8(answer.unwrap().stdout).unwrap();
    assert!(said.starts_with("HTTP/1.1 308 "), "{said}");
    let location = format!("location: https://shop.example:{}/health", ports.gateway());
    assert!(said.contains(&location), "{said}");
}
