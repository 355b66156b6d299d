//! The engine's API on its Unix socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::rig::Rig;

fn ask(rig: &Rig, path: &str, headers: &str) -> String {
    send(rig, "GET", path, headers, "")
}

fn send(rig: &Rig, method: &str, path: &str, headers: &str, body: &str) -> String {
    let socket = rig.folder.path().join(".portcullis/api.sock");
    let mut stream = UnixStream::connect(socket).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // An event stream does not end: what came until the time was over is the answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn token(rig: &Rig) -> String {
    let text = std::fs::read_to_string(rig.folder.path().join(".portcullis/token")).unwrap();
    format!("Authorization: Bearer {}\r\n", text.trim())
}

#[test]
fn nothing_is_answered_without_the_token() {
    let rig = Rig::serving("none");
    for path in ["/api/v1/status", "/api/v1/events", "/nowhere"] {
        for headers in [
            "",
            "Authorization: Bearer pc_0000\r\n",
            "Authorization: Basic eDp5\r\n",
        ] {
            let answer = ask(&rig, path, headers);
            assert!(
                answer.starts_with("HTTP/1.1 401"),
                "{path} {headers}: {answer}"
            );
            assert!(answer.contains("application/problem+json"), "{answer}");
        }
    }
    let answer = ask(&rig, "/api/v1/nowhere", &token(&rig));
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[test]
fn what_the_server_does_not_read_is_a_problem_with_a_code() {
    let rig = Rig::serving("none");
    let json = "Content-Type: application/json\r\n";
    let huge = " ".repeat(64 * 1024 + 1);
    let calls = [
        ("POST", "/plans", json, "{", 400, "request_unreadable"),
        ("POST", "/plans", json, "[1]", 422, "request_unreadable"),
        (
            "POST",
            "/commands",
            json,
            r#"{"by":"me"}"#,
            422,
            "request_unreadable",
        ),
        ("POST", "/commands", "", "{}", 415, "media_type"),
        ("POST", "/plans", json, &huge, 413, "body_too_large"),
        ("DELETE", "/status", "", "", 405, "method_not_allowed"),
        ("GET", "/rollouts/%FF", "", "", 400, "request_unreadable"),
        ("GET", "/nowhere", "", "", 404, "not_found"),
    ];
    for (method, path, headers, body, status, code) in calls {
        let headers = format!("{}{headers}", token(&rig));
        let answer = send(&rig, method, &format!("/api/v1{path}"), &headers, body);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{answer}"
        );
        assert_eq!(head.contains("allow: GET"), status == 405, "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], code, "{answer}");
        assert_eq!(problem["status"], status, "{answer}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{answer}");
    }
}

#[test]
fn the_event_stream_goes_on_where_a_listener_was() {
    let rig = Rig::serving("none");
    let all = ask(&rig, "/api/v1/events", &token(&rig));
    let ids = |answer: &str| -> Vec<u64> {
        let lines = answer.lines().filter_map(|line| line.strip_prefix("id: "));
        lines.map(|id| id.parse().unwrap()).collect()
    };
    let every: Vec<u64> = ids(&all);
    assert_eq!(every, (1..=every.len() as u64).collect::<Vec<_>>(), "{all}");
    let headers = format!("{}Last-Event-ID: 3\r\n", token(&rig));
    assert_eq!(ids(&ask(&rig, "/api/v1/events", &headers)), every[3..]);
    // An id that was never issued is no reason to miss what comes, nor to fall over.
    let headers = format!("{}Last-Event-ID: {}\r\n", token(&rig), u64::MAX);
    assert!(ask(&rig, "/api/v1/events", &headers).starts_with("HTTP/1.1 200"));
}
