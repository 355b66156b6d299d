//! curl: what a person tries first, and the corners of HTTP that it reaches.

use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::nginx;
use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::tls::Authority;

/// What curl printed, after a run that must succeed.
async fn curl(arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "*",
        ])
        .args(arguments)
        .stdin(Stdio::null());
    let asked = tokio::task::spawn_blocking(move || command.output());
    let output = asked.await.unwrap();
    let output = output.expect("curl is missing; `cargo xtask setup` installs it");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?}: {}: {said}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned() + &said
}

async fn rig(service: &Service) -> Rig {
    let rig = Rig::start();
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

/// What curl printed of several URLs, one after the other: over one connection where it can. With prior
/// knowledge, curl 7.88 breaks off a second request on a connection, with other servers too.
async fn curl_each(option: &str, arguments: &[&str], urls: &[&str]) -> String {
    if option != "--http2-prior-knowledge" {
        return curl(&[&[option], arguments, urls].concat()).await;
    }
    let mut printed = String::new();
    for url in urls {
        printed.push_str(&curl(&[&[option], arguments, &[url]].concat()).await);
    }
    printed
}

/// The options of the versions of HTTP, and how their status lines begin.
const VERSIONS: [(&str, &str); 4] = [
    ("--http1.0", "HTTP/1.0 "),
    ("--http1.1", "HTTP/1.1 "),
    // Asks for an upgrade to h2c, which was taken out of HTTP/2 (RFC 9113, 3.1): stays with HTTP/1.1.
    ("--http2", "HTTP/1.1 "),
    ("--http2-prior-knowledge", "HTTP/2 "),
];

#[tokio::test]
async fn curl_is_answered_in_the_version_that_it_speaks() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    for (option, begin) in VERSIONS {
        let answer = curl(&[option, "--include", &rig.url("/who")]).await;
        assert!(
            answer.starts_with(&format!("{begin}200")),
            "{option}: {answer}"
        );
        assert!(answer.ends_with("\r\n\r\nold"), "{option}: {answer}");
        let posted = curl(&[option, "--data-binary", "hello", &rig.url("/echo")]).await;
        assert_eq!(posted, "hello", "{option}");
    }
}

#[tokio::test]
async fn curl_reuses_its_connections() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "localhost");
    let rig = authority
        .rig(&service, authority.settings(vec![pair]))
        .await;
    let port = rig.gateway.as_ref().unwrap().tls_address().unwrap().port();
    let (plain, secure) = (rig.url("/who"), format!("https://localhost:{port}/who"));
    let trusted = authority.path("ca.pem").display().to_string();
    for (option, url, second) in [
        ("--http1.0", &plain, "1"),
        ("--http1.1", &plain, "0"),
        ("--http1.1", &secure, "0"),
        ("--http2", &secure, "0"),
    ] {
        let twice = [
            "--cacert",
            &trusted,
            "--write-out",
            " %{num_connects} ",
            url,
            url,
        ];
        let answer = curl(&[&[option], &twice[..]].concat()).await;
        assert_eq!(answer, format!("old 1 old {second} "), "{option} {url}");
    }
}

#[tokio::test]
async fn curl_uploads_in_chunks_and_after_a_go_ahead() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    let body = "a line of text\n".repeat(200_000);
    std::fs::write(&file, &body).unwrap();
    let data = format!("@{}", file.display());
    for option in ["--http1.1", "--http2-prior-knowledge"] {
        let url = rig.url("/echo");
        for header in ["Transfer-Encoding: chunked", "Expect: 100-continue"] {
            let send = ["--data-binary", &data, "--header", header, &url];
            let answer = curl(&[&[option], &send[..]].concat()).await;
            assert!(answer == body, "{option} {header}: {} bytes", answer.len());
        }
    }
    let expect = [
        "--include",
        "--data-binary",
        "hello",
        "--header",
        "Expect: 100-continue",
    ];
    let answer = curl(&[&expect, &[rig.url("/echo").as_str()][..]].concat()).await;
    assert!(
        answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{answer}"
    );
    // Trailers come after the body.
    let send = [
        "--data-binary",
        "hello",
        "--header",
        "TE: trailers",
        "--dump-header",
        "-",
    ];
    for option in ["--http1.1", "--http2-prior-knowledge"] {
        let url = rig.url("/trailers");
        let answer = curl(&[&[option], &send[..], &[&url]].concat()).await;
        let body = answer.find("hello").unwrap();
        assert!(
            answer.find("x-length: 5").unwrap() > body,
            "{option}: {answer}"
        );
    }
}

#[tokio::test]
async fn curl_asks_for_parts_heads_and_options() {
    let (_nginx, arm) =
        nginx::start("1.0").expect("nginx is missing; `cargo xtask setup` installs it");
    nginx::listens(&arm).await;
    let rig = Rig::start();
    rig.split(&arm, None, 0).await;
    let file = rig.url("/file");
    for (option, begin) in VERSIONS {
        let part = curl(&[option, "--include", "--range", "2-5", &file]).await;
        assert!(part.starts_with(&format!("{begin}206")), "{option}: {part}");
        assert!(
            part.to_lowercase()
                .contains("content-range: bytes 2-5/10\r\n"),
            "{part}"
        );
        assert!(part.ends_with("\r\n\r\n2345"), "{option}: {part}");
        let parts = curl(&[option, "--include", "--range", "0-1,8-9", &file]).await;
        assert!(parts.contains("multipart/byteranges"), "{option}: {parts}");
        let beyond = curl(&[option, "--include", "--range", "20-", &file]).await;
        assert!(
            beyond.starts_with(&format!("{begin}416")),
            "{option}: {beyond}"
        );
        // The length of what is not sent; curl would wait for it if the gateway kept the connection open
        // for a body.
        let head = curl_each(option, &["--head"], &[&file, &file]).await;
        assert_eq!(
            head.to_lowercase()
                .matches("content-length: 10\r\n")
                .count(),
            2,
            "{head}"
        );
        assert_eq!(
            head.matches(&format!("{begin}200")).count(),
            2,
            "{option}: {head}"
        );
        // Answers without bodies, and one with a body on the same connection.
        let (empty, who) = (rig.url("/empty"), rig.url("/"));
        let answer = curl_each(option, &["--include"], &[&empty, &empty, &who]).await;
        assert_eq!(
            answer.matches(&format!("{begin}204")).count(),
            2,
            "{option}: {answer}"
        );
        assert!(answer.ends_with("\r\n\r\n1.0"), "{option}: {answer}");
        let fields = curl(&[option, "--head", &file]).await;
        let tag = fields
            .lines()
            .find_map(|line| line.strip_prefix("etag: ").or(line.strip_prefix("ETag: ")));
        let condition = format!("If-None-Match: {}", tag.unwrap());
        let same = ["--include", "--header", &condition];
        let answer = curl_each(option, &same, &[&file, &file]).await;
        assert_eq!(
            answer.matches(&format!("{begin}304")).count(),
            2,
            "{option}: {answer}"
        );
    }
}

#[tokio::test]
async fn curl_asks_for_the_options_of_the_server() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    for (option, begin) in VERSIONS {
        let ask = ["--include", "--request", "OPTIONS", "--request-target", "*"];
        let answer = curl(&[&[option], &ask[..], &[&rig.url("/")]].concat()).await;
        assert!(
            answer.starts_with(&format!("{begin}200")),
            "{option}: {answer}"
        );
    }
}

/// An answer with a head of about 48 KiB, in one field and in many.
#[tokio::test]
async fn curl_gets_answers_with_very_large_heads() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let asked = String::from_utf8_lossy(&asked).into_owned();
                let fields = match asked.split(' ').nth(1) {
                    Some("/one") => format!("x-large: {}\r\n", "y".repeat(48 << 10)),
                    Some("/many") => (0..80)
                        .map(|number| format!("x-{number}: {}\r\n", "z".repeat(600)))
                        .collect(),
                    _ => String::new(),
                };
                let answer = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok");
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    let rig = Rig::start();
    let large = portcullis_api::gateway::Arm {
        release: "1.0".to_owned(),
        address: address.to_string(),
    };
    rig.split(&large, None, 0).await;
    for (option, begin) in VERSIONS {
        for (path, letter) in [("/one", 'y'), ("/many", 'z')] {
            let answer = curl(&[option, "--include", &rig.url(path)]).await;
            assert!(
                answer.starts_with(&format!("{begin}200")),
                "{option}: {answer}"
            );
            let count = answer.chars().filter(|found| *found == letter).count();
            assert!(count >= 48_000, "{option} {path}: {count}");
            assert!(answer.ends_with("\r\n\r\nok"), "{option}: {answer}");
        }
    }
}

/// Not every curl speaks WebSocket, but each can ask for another protocol. The tunnel ends with curl's patience.
#[tokio::test]
async fn curl_changes_the_protocol() {
    let service = Service::start("old");
    let rig = rig(&service).await;
    let ask = [
        "--include",
        "--http1.1",
        "--max-time",
        "1",
        "--header",
        "Connection: Upgrade",
        "--header",
        "Upgrade: shout",
    ];
    let url = rig.url("/switch");
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--noproxy", "*"])
        .args(ask)
        .arg(&url);
    let asked = tokio::task::spawn_blocking(move || command.output().unwrap());
    let answer = String::from_utf8_lossy(&asked.await.unwrap().stdout).into_owned();
    assert!(
        answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{answer}"
    );
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
}
