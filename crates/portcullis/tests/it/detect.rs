//! What the program tells of masking: the version of Dify that a server runs, and how a gateway's masks stand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::rig::Rig;

const KEY: &str = "app-a-key-that-nobody-may-see";
const WELCOME: &str = r#"{"welcome":"Dify OpenAPI","api_version":"v1","server_version":"VERSION"}"#;

/// A server that gives each path the answer of a table, and keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<String>>,
}

/// A path, and the answer to it: its status, further fields, and its body.
type Page = (&'static str, (&'static str, String, String));

impl Server {
    fn start(pages: Vec<Page>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<String>>::default();
        let kept = Arc::clone(&asked);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), &pages, &kept);
            }
        });
        Server { address, asked }
    }

    /// One that answers as Dify of this version does, in its header and in its welcome.
    fn dify(header: &str, welcome: &str) -> Server {
        let fields = format!("x-version: {header}\r\nx-env: PRODUCTION\r\n");
        let body = WELCOME.replace("VERSION", welcome);
        Server::start(vec![("/v1/", ("200 OK", fields, body))])
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, pages: &[Page], kept: &Mutex<String>) -> Option<()> {
    loop {
        let mut head = String::new();
        let mut byte = [0];
        while !head.ends_with("\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            head.push(char::from(byte[0]));
        }
        kept.lock().unwrap().push_str(&head);
        let path = head.split(' ').nth(1)?;
        let page = pages.iter().find(|(known, _)| *known == path);
        let not_found = ("404 Not Found", String::new(), "{}".to_owned());
        let (status, fields, body) = page.map_or(&not_found, |(_, page)| page);
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).ok()?;
    }
}

fn detect(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["mask", "detect"])
        .args(args)
        .env("DIFY_KEY_OF_TEST", KEY)
        .output()
        .unwrap()
}

/// Both streams and the exit code.
fn told(output: &Output) -> (String, String, i32) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!out.contains(KEY) && !err.contains(KEY));
    (out, err, output.status.code().unwrap())
}

#[test]
fn a_known_version_is_told_with_its_source_and_its_adapter() {
    for (version, adapter) in [("0.15.8", "dify-0.15"), ("1.7.0", "dify-1")] {
        let server = Server::dify(version, version);
        for url in [server.url(), format!("{}/v1", server.url())] {
            let (out, err, code) = told(&detect(&[&url]));
            let expected = format!(
                "Dify {version} (told by its header)\nadapter {adapter}: it was written for this version\n"
            );
            assert_eq!((out, err, code), (expected, String::new(), 0));
        }
        let (out, _, _) = told(&detect(&[&server.url(), "--json"]));
        let out: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            out,
            serde_json::json!({
                "schema": "portcullis.mask-detect/1", "url": server.url(), "application": "dify", "version": version,
                "source": "header", "known": true, "adapter": adapter, "why": "it was written for this version",
                "welcome_says": null,
            })
        );
    }
}

#[test]
fn the_header_counts_more_than_the_welcome_and_health_is_asked_last() {
    let server = Server::dify("1.7.0", "0.15.8");
    let (out, err, code) = told(&detect(&[&server.url()]));
    assert!(out.starts_with("Dify 1.7.0 (told by its header)") && code == 0);
    assert!(err.contains("the welcome says 0.15.8"), "{err}");
    // The version that was published last is never asked for.
    assert_eq!(server.asked().matches("GET ").count(), 1);
    let welcome = WELCOME.replace("VERSION", "0.15.8");
    let server = Server::start(vec![("/v1/", ("200 OK", String::new(), welcome))]);
    let (out, _, code) = told(&detect(&[&server.url()]));
    assert!(out.starts_with("Dify 0.15.8 (told by its welcome)") && code == 0);
    let health = r#"{"pid":7,"status":"ok","version":"1.4.3"}"#.to_owned();
    let server = Server::start(vec![("/health", ("200 OK", String::new(), health))]);
    let (out, _, code) = told(&detect(&[&server.url()]));
    assert!(out.starts_with("Dify 1.4.3 (told by its health)") && code == 0);
}

#[test]
fn an_unknown_version_ends_with_five_and_says_which_adapter_is_the_nearest() {
    for (version, adapter, nearest) in [
        ("2.0.1", "dify-1", "of 1.x"),
        ("0.14.2", "dify-0.15", "of 0.15"),
    ] {
        let server = Server::dify(version, version);
        let (out, err, code) = told(&detect(&[&server.url()]));
        assert_eq!(code, 5);
        assert!(out.contains(&format!("adapter {adapter}: ")), "{out}");
        assert!(
            out.contains(nearest) && err.contains("shadow"),
            "{out}{err}"
        );
    }
    let body = r#"{"welcome":"Dify OpenAPI","api_version":"v1","server_version":"main"}"#;
    let server = Server::start(vec![("/v1/", ("200 OK", String::new(), body.to_owned()))]);
    let (out, _, code) = told(&detect(&[&server.url()]));
    assert_eq!(code, 5);
    assert!(
        out.starts_with("Dify, of a version that it does not tell\nadapter dify-1: "),
        "{out}"
    );
}

#[test]
fn what_is_not_dify_ends_with_one_and_nobody_with_eight() {
    let other = "x-version: 1.7.0\r\n".to_owned();
    let elsewhere = "location: https://elsewhere.example/v1/?token=abc\r\n".to_owned();
    for (status, fields, said) in [
        ("200 OK", other, "does not say that it is Dify"),
        ("401 Unauthorized", String::new(), "give the key"),
        (
            "302 Found",
            elsewhere,
            "to https://elsewhere.example/v1/; ask there",
        ),
    ] {
        let server = Server::start(vec![("/v1/", (status, fields, "{}".to_owned()))]);
        let (out, err, code) = told(&detect(&[&server.url()]));
        assert_eq!((out.as_str(), code), ("", 1), "{err}");
        assert!(err.contains("error[PC0412]") && err.contains(said), "{err}");
        assert!(!err.contains("token=abc"), "{err}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    // It is listened to, and nobody ever answers.
    let (_, err, code) = told(&detect(&[&format!("http://{address}"), "--timeout", "1"]));
    assert_eq!(code, 8);
    assert!(err.contains("no answer within 1000 ms"), "{err}");
    drop(closed);
    let (out, _, code) = told(&detect(&[&format!("http://{address}"), "--json"]));
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, out["code"].as_str()), (8, Some("PC0411")));
}

#[test]
fn a_wrong_url_or_a_key_that_others_could_see_ends_with_two() {
    for args in [
        vec!["dify:5001"],
        vec!["ftp://dify"],
        vec!["http://127.0.0.1:1", "--key", KEY],
        vec!["http://127.0.0.1:1", "--key", "env:NOT_SET_ANYWHERE_HERE"],
        vec!["https://127.0.0.1:1", "--ca", "/nowhere.pem"],
    ] {
        let output = detect(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?} {output:?}");
    }
}

#[test]
fn a_key_is_sent_and_never_told() {
    let server = Server::dify("1.7.0", "1.7.0");
    told(&detect(&[&server.url()]));
    assert!(!server.asked().to_lowercase().contains("authorization"));
    let (_, _, code) = told(&detect(&[&server.url(), "--key", "env:DIFY_KEY_OF_TEST"]));
    assert_eq!(code, 0);
    assert!(server.asked().contains(&format!("Bearer {KEY}")));
}

#[test]
fn the_gateway_tells_how_its_masks_stand() {
    let mut rig = Rig::new("none");
    rig.edit(
        "[gateway]\n",
        "[[gateway.mask]]\nname = \"chat\"\napplication = \"dify\"\nmode = \"shadow\"\n\n[gateway]\ndefault_mask = \"chat\"\n",
    );
    rig.ok(&["init"]);
    rig.start();
    let told = rig.ok(&["gateway", "masking"]);
    assert!(
        told.starts_with("masking is degraded\n  shadow-mode (chat): "),
        "{told}"
    );
    assert!(
        told.contains("chat: dify-1 (default), shadow, routes dhash"),
        "{told}"
    );
    assert!(
        told.contains("conversations: memory, 0 records in 0 KiB"),
        "{told}"
    );
    let told = rig.json(&["gateway", "masking"]);
    assert_eq!(told["schema"], "portcullis.gateway-masking/1");
    assert_eq!(told["health"]["status"], "degraded");
    assert_eq!(told["stats"]["total_requests"], 0);
    rig.stop();
}
