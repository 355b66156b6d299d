//! Certificates by ACME, from Pebble: a real ACME server that checks signatures and nonces, and that
//! connects to the gateway to see the answers to its challenges. See [`crate::pebble`].
//!
//! Pebble says nothing of renewals (RFC 9773) and its certificates are valid for five years. So the tests of
//! renewal begin with a certificate that the test has signed and put into the gateway's folder, and
//! the answer to when to renew is the test's own, beside Pebble's directory.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use portcullis_config::{
    AcmeChallenge, AcmeConfig, CertificateConfig, ClientCertificates, TlsConfig, TlsVersion,
};
use portcullis_gateway::{Gateway, GatewaySettings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;

use crate::pebble::{Pebble, files, free_address};
use crate::rig::{Rig, arm, until};
use crate::service::Service;

const HOSTS: [&str; 2] = ["shop.example", "www.shop.example"];

/// A gateway's folder and sockets, which outlive the gateway.
struct Place {
    folder: tempfile::TempDir,
    plain: TcpListener,
    secure: TcpListener,
}

impl Place {
    fn new() -> Place {
        Place {
            folder: tempfile::tempdir().unwrap(),
            plain: TcpListener::bind("127.0.0.1:0").unwrap(),
            secure: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn pebble(&self) -> Pebble {
        Pebble::start(port(&self.plain), port(&self.secure))
    }

    fn acme(&self) -> PathBuf {
        self.folder.path().join("acme")
    }

    fn settings(&self, acme: AcmeConfig) -> GatewaySettings {
        let mut settings = crate::rig::settings(self.folder.path().join("splits.json"));
        settings.tls = Some(TlsConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificates: Vec::new(),
            acme: Some(acme),
            version_min: TlsVersion::V12,
            clients: ClientCertificates::Off,
            redirect: false,
        });
        settings
    }

    fn start(&self, settings: GatewaySettings) -> Gateway {
        let sockets = [&self.plain, &self.secure].map(|socket| {
            socket.set_nonblocking(true).unwrap();
            socket.try_clone().unwrap()
        });
        Gateway::start_on(settings, sockets.into()).unwrap()
    }

    /// What `name` answers over TLS to a client that believes the authorities of a file.
    async fn ask(&self, name: &str, ca_file: &Path) -> Output {
        self.ask_as(name, ca_file, None).await
    }

    /// The same as a client that has a certificate.
    async fn ask_as(&self, name: &str, ca_file: &Path, client: Option<&Made>) -> Output {
        let mut command = Command::new("curl");
        if let Some(client) = client {
            let folder = self.folder.path();
            let (chain, key) = (folder.join("own.pem"), folder.join("own.key"));
            std::fs::write(&chain, &client.chain_pem).unwrap();
            std::fs::write(&key, &client.key_pem).unwrap();
            command.arg("--cert").arg(chain).arg("--key").arg(key);
        }
        command
            .args(["--silent", "--show-error", "--max-time", "10", "--cacert"])
            .arg(ca_file)
            .args([
                "--connect-to",
                &format!("::127.0.0.1:{}", port(&self.secure)),
            ])
            .arg(format!("https://{name}/who"))
            .stdin(Stdio::null());
        let asked = tokio::task::spawn_blocking(move || command.output().unwrap());
        asked.await.unwrap()
    }

    /// Waits until the gateway has a certificate that a client believes.
    async fn served(&self, name: &str, pebble: &Pebble) {
        for _ in 0..150 {
            let asked = self.ask(name, &pebble.root()).await;
            // Whatever comes behind the handshake.
            if asked.status.success() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no certificate: {}", pebble.log());
    }

    fn json(&self, name: &str) -> Option<Value> {
        let text = std::fs::read(self.acme().join(name)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Waits until an order has failed, and is put off.
    async fn failed(&self) -> Value {
        let pace = || self.json("pace.json").filter(|pace| pace["failures"] == 1);
        until("an order fails", || pace().is_some()).await;
        pace().unwrap()
    }

    /// Puts a certificate into the folder as if it had come by ACME.
    fn keep(&self, directory: &str, made: &Made) {
        std::fs::create_dir_all(self.acme()).unwrap();
        let saved = serde_json::json!({
            "schema_version": 1,
            "directory": directory,
            "hosts": HOSTS,
            "ordered_at_ms": 0,
            "chain_pem": made.chain_pem,
            "key_pem": made.key_pem,
        });
        std::fs::write(self.acme().join("certificate.json"), saved.to_string()).unwrap();
    }
}

fn port(socket: &TcpListener) -> u16 {
    socket.local_addr().unwrap().port()
}

fn asked_of(pebble: &Pebble, challenge: AcmeChallenge) -> AcmeConfig {
    AcmeConfig {
        directory: pebble.directory(),
        ca_file: Some(pebble.ca_file()),
        contact: Some("mailto:ops@shop.example".to_owned()),
        hosts: HOSTS.map(str::to_owned).into(),
        challenge,
    }
}

/// A certificate by the test's own authority.
struct Made {
    ca_file: PathBuf,
    chain_pem: String,
    key_pem: String,
    _folder: tempfile::TempDir,
}

/// Signs a certificate that came `age` ago and expires in `left`.
fn made(age: Duration, left: Duration) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "Test authority");
    let authority_key = KeyPair::generate().unwrap();
    let own = authority.self_signed(&authority_key).unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, own.pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let mut params = CertificateParams::new(HOSTS.map(str::to_owned)).unwrap();
    let now = SystemTime::from(Timestamp::now());
    params.not_before = (now - age).into();
    params.not_after = (now + left).into();
    let key = KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, &issuer).unwrap();
    Made {
        ca_file,
        chain_pem: signed.pem(),
        key_pem: key.serialize_pem(),
        _folder: folder,
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_certificate_is_fetched_by_http_01_and_kept_over_a_restart() {
    let (place, service) = (Place::new(), Service::start("old"));
    let pebble = place.pebble();
    let mut settings = place.settings(asked_of(&pebble, AcmeChallenge::Http01));
    // The challenge is answered in plain text all the same.
    settings.tls.as_mut().unwrap().redirect = true;
    let gateway = place.start(settings.clone());
    for host in HOSTS {
        place.served(host, &pebble).await;
    }
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
    until("it is kept", || place.json("certificate.json").is_some()).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.acme()), 0o700);
    for file in files(&place.acme(), "") {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    // Tokens that are not ours are a request like any other.
    let rig = Rig::around(gateway);
    rig.split(&arm("1.0", &service), None, 0).await;
    let no_redirects = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = rig.url("/.well-known/acme-challenge/unknown?a=b");
    let answer = no_redirects.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 308);
    let location = format!(
        "https://127.0.0.1:{}/.well-known/acme-challenge/unknown?a=b",
        port(&place.secure)
    );
    assert_eq!(answer.headers()["location"], location.as_str());
    let answer = place.ask(HOSTS[1], &pebble.root()).await;
    assert_eq!(answer.stdout, b"old");
    drop(rig);
    // Started again, it has its certificate at once and asks for none.
    let _gateway = place.start(settings);
    let answer = place.ask(HOSTS[0], &pebble.root()).await;
    assert_eq!(answer.stdout, b"old");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
}

#[tokio::test]
async fn a_certificate_is_fetched_by_tls_alpn_01_even_where_clients_must_have_one() {
    let place = Place::new();
    let pebble = place.pebble();
    let mut settings = place.settings(asked_of(&pebble, AcmeChallenge::TlsAlpn01));
    let tls = settings.tls.as_mut().unwrap();
    let client = made(MINUTE, MINUTE);
    tls.clients = ClientCertificates::Required {
        ca_file: client.ca_file.clone(),
    };
    let _gateway = place.start(settings);
    until("a certificate is there", || {
        place.json("certificate.json").is_some()
    })
    .await;
    // Other clients are let in with a certificate only.
    let answer = place.ask(HOSTS[0], &pebble.root()).await;
    assert!(!answer.status.success(), "{answer:?}");
    let answer = place.ask_as(HOSTS[0], &pebble.root(), Some(&client)).await;
    assert!(answer.status.success(), "{answer:?}");
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
}

#[tokio::test]
async fn until_the_first_certificate_is_there_those_in_files_are_shown_or_none() {
    let place = Place::new();
    let acme = AcmeConfig {
        directory: format!("https://{}/dir", free_address()),
        ca_file: None,
        contact: None,
        hosts: HOSTS.map(str::to_owned).into(),
        challenge: AcmeChallenge::Http01,
    };
    let made = made(MINUTE, MINUTE);
    let mut settings = place.settings(AcmeConfig {
        ca_file: Some(made.ca_file.clone()),
        ..acme
    });
    let gateway = place.start(settings.clone());
    let answer = place.ask(HOSTS[0], &made.ca_file).await;
    assert_eq!(answer.status.code(), Some(35), "{answer:?}");
    // The next order is put off by five minutes, over a restart as well.
    let pace = place.failed().await;
    drop(gateway);
    let pair = CertificateConfig {
        chain_file: place.folder.path().join("chain.pem"),
        key_file: place.folder.path().join("key.pem"),
    };
    std::fs::write(&pair.chain_file, &made.chain_pem).unwrap();
    std::fs::write(&pair.key_file, &made.key_pem).unwrap();
    settings.tls.as_mut().unwrap().certificates = vec![pair];
    let _gateway = place.start(settings);
    let answer = place.ask(HOSTS[0], &made.ca_file).await;
    assert!(answer.status.success(), "{answer:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let again = place.json("pace.json").unwrap();
    assert_eq!(again, pace);
    let now_ms = Timestamp::now().as_millisecond() as u64;
    let pause_ms = pace["next_order_at_ms"].as_u64().unwrap() - now_ms;
    assert!((280_000..=300_000).contains(&pause_ms), "{pause_ms}");
}

#[tokio::test]
async fn a_certificate_that_is_nearly_over_is_renewed() {
    let place = Place::new();
    let pebble = place.pebble();
    // Two minutes old, with 61 seconds to go: it is due in about a second.
    let made = made(2 * MINUTE, Duration::from_secs(62));
    place.keep(&pebble.directory(), &made);
    let acme = asked_of(&pebble, AcmeChallenge::Http01);
    let _gateway = place.start(place.settings(acme));
    let answer = place.ask(HOSTS[0], &made.ca_file).await;
    assert!(answer.status.success(), "{answer:?}");
    place.served(HOSTS[0], &pebble).await;
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
}

#[tokio::test]
async fn without_the_authority_the_old_certificate_goes_on() {
    let place = Place::new();
    let mut pebble = place.pebble();
    let made = made(2 * MINUTE, Duration::from_secs(30));
    place.keep(&pebble.directory(), &made);
    let settings = place.settings(asked_of(&pebble, AcmeChallenge::Http01));
    pebble.stop();
    let gateway = place.start(settings.clone());
    place.failed().await;
    let answer = place.ask(HOSTS[0], &made.ca_file).await;
    assert!(answer.status.success(), "{answer:?}");
    drop(gateway);
    // It is there again, and whoever cannot wait removes the file that the log names.
    pebble.restart();
    std::fs::remove_file(place.acme().join("pace.json")).unwrap();
    let _gateway = place.start(settings);
    place.served(HOSTS[0], &pebble).await;
}

#[tokio::test]
async fn metrics_tell_when_the_certificate_by_acme_ends() {
    let place = Place::new();
    let pebble = place.pebble();
    let made = made(MINUTE, 60 * MINUTE);
    place.keep(&pebble.directory(), &made);
    let mut settings = place.settings(asked_of(&pebble, AcmeChallenge::TlsAlpn01));
    settings.observe.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
    let gateway = place.start(settings);
    let url = format!("http://{}/metrics", gateway.metrics_address().unwrap());
    let answer = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = answer.get(url).send().await.unwrap().text().await.unwrap();
    let series = "portcullis_tls_certificate_expiry_seconds{file=\"acme\"} ";
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let end_s: f64 = line.unwrap_or_else(|| panic!("{text}")).parse().unwrap();
    let left_s = end_s - Timestamp::now().as_second() as f64;
    assert!((3_000.0..=3_600.0).contains(&left_s), "{left_s}");
}

#[tokio::test]
async fn other_hosts_are_ordered_anew_and_the_old_certificate_goes_on_meanwhile() {
    let place = Place::new();
    let pebble = place.pebble();
    let made = made(MINUTE, 60 * MINUTE);
    place.keep(&pebble.directory(), &made);
    let mut acme = asked_of(&pebble, AcmeChallenge::TlsAlpn01);
    acme.hosts = vec!["new.example".to_owned()];
    let _gateway = place.start(place.settings(acme));
    place.served("new.example", &pebble).await;
    // It is shown before it is kept.
    let is_kept = || {
        let kept = place.json("certificate.json");
        kept.is_some_and(|kept| kept["hosts"][0] == "new.example")
    };
    for _ in 0..150 {
        if is_kept() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_kept());
}

#[tokio::test]
async fn an_authority_that_looks_elsewhere_gives_nothing_and_says_why() {
    let (place, other) = (Place::new(), Service::start("other"));
    let SocketAddr::V4(address) = other.address else {
        panic!("not IPv4");
    };
    let pebble = Pebble::start(address.port(), address.port());
    let acme = asked_of(&pebble, AcmeChallenge::Http01);
    let _gateway = place.start(place.settings(acme));
    place.failed().await;
    until("it is refused", || pebble.log().contains("set INVALID by")).await;
    let answer = place.ask(HOSTS[0], &pebble.root()).await;
    assert_eq!(answer.status.code(), Some(35), "{answer:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
    assert!(place.json("certificate.json").is_none());
}

#[tokio::test]
async fn damaged_files_are_set_aside_and_replaced() {
    let place = Place::new();
    let pebble = place.pebble();
    let settings = place.settings(asked_of(&pebble, AcmeChallenge::Http01));
    drop({
        let gateway = place.start(settings.clone());
        place.served(HOSTS[0], &pebble).await;
        gateway
    });
    let [account] = &files(&place.acme(), "account-")[..] else {
        panic!("not one account");
    };
    let good = std::fs::read(account).unwrap();
    std::fs::write(account, &good[..good.len() / 2]).unwrap();
    std::fs::write(place.acme().join("certificate.json"), "{").unwrap();
    let _gateway = place.start(settings);
    place.served(HOSTS[0], &pebble).await;
    let aside: Vec<PathBuf> = files(&place.acme(), "")
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains(".aside-"))
        .collect();
    assert_eq!(aside.len(), 2, "{aside:?}");
    let kept = |file: &PathBuf| std::fs::read(file).unwrap() == good[..good.len() / 2];
    assert!(aside.iter().any(kept));
    assert_eq!(pebble.orders(), 2, "{}", pebble.log());
}

#[tokio::test]
async fn an_account_that_the_authority_has_forgotten_is_opened_anew() {
    let place = Place::new();
    let mut pebble = place.pebble();
    let settings = place.settings(asked_of(&pebble, AcmeChallenge::Http01));
    drop({
        let gateway = place.start(settings.clone());
        place.served(HOSTS[0], &pebble).await;
        gateway
    });
    pebble.restart();
    std::fs::remove_file(place.acme().join("certificate.json")).unwrap();
    let _gateway = place.start(settings);
    place.served(HOSTS[0], &pebble).await;
    assert_eq!(files(&place.acme(), "account-").len(), 2);
}

#[tokio::test]
async fn the_authority_is_asked_when_it_would_have_a_certificate_renewed() {
    let place = Place::new();
    let pebble = place.pebble();
    let stub = stub_renewal(&pebble);
    let mut acme = asked_of(&pebble, AcmeChallenge::Http01);
    acme.directory = format!("http://{stub}/dir");
    let settings = place.settings(acme);
    drop({
        let gateway = place.start(settings.clone());
        place.served(HOSTS[0], &pebble).await;
        until("it was asked", || {
            place
                .json("pace.json")
                .is_some_and(|pace| pace["renew_at_ms"].is_u64())
        })
        .await;
        gateway
    });
    // It wants a renewal at once, and a certificate that is new is kept all the same.
    assert_eq!(pebble.orders(), 1, "{}", pebble.log());
    let mut saved = place.json("certificate.json").unwrap();
    saved["ordered_at_ms"] = 0.into();
    std::fs::write(place.acme().join("certificate.json"), saved.to_string()).unwrap();
    let _gateway = place.start(settings);
    until("it is renewed", || {
        place
            .json("certificate.json")
            .is_some_and(|now| now["chain_pem"] != saved["chain_pem"])
    })
    .await;
}

/// Answers with Pebble's directory and, as Pebble does not, with a window for the renewal of each certificate,
/// which is long past.
fn stub_renewal(pebble: &Pebble) -> SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut directory = pebble.directory_json();
    directory["renewalInfo"] = format!("http://{address}/renewal").into();
    let info = serde_json::json!({ "suggestedWindow": {
        "start": "2021-01-03T00:00:00Z", "end": "2021-01-07T00:00:00Z",
    }});
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let body = match first.starts_with("GET /dir ") {
                true => directory.to_string(),
                false => info.to_string(),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nretry-after: 21600\r\ncontent-length: {length}");
            let answer = format!("{head}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}
