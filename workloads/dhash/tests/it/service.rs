//! `serve`, end to end.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

use reqwest::StatusCode;
use serde_json::Value;

use crate::stage::{Stage, await_condition, data};

const OLD: &str = "imagehash4/pillow<=12";
const NEW: &str = "imagehash4/pillow13";
const HASH: &str = "feece9cb58d197b4";

fn image() -> Vec<u8> {
    fs::read(data("jpeg-420.jpg")).unwrap()
}

fn lookup(hash: &str) -> String {
    format!("/lookup/{hash}?radius=0")
}

#[test]
fn answers_health_hashes_and_lookups() {
    let stage = Stage::new();
    let service = stage.serve(&["--algorithm", OLD, "--release-version", "1.2.3"]);
    let health = service.get_json("/health");
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["version"], "1.2.3");
    assert_eq!(health["algorithm"], OLD);
    assert_eq!(health["library"]["images"], 4);
    assert_eq!(health["library"]["algorithm"], OLD);
    assert_eq!(health["library"]["schema"], 1);

    let answer: Value = service.post_hash(image()).json().unwrap();
    assert_eq!(answer["hash"], HASH);
    assert_eq!(
        (&answer["width"], &answer["height"]),
        (&93.into(), &71.into())
    );
    assert_eq!(answer["format"], "jpeg");
    assert!(answer["took_ms"].as_f64().unwrap() > 0.0);

    let found = service.get_json(&format!("/lookup/{HASH}?radius=64&limit=3"));
    assert_eq!(found["count"], 4);
    let matches = found["matches"].as_array().unwrap();
    assert_eq!(matches.len(), 3);
    assert_eq!(matches[0]["path"], "jpeg-420.jpg");
    assert_eq!(matches[0]["confidence"], 1.0);
    let distances: Vec<_> = matches
        .iter()
        .map(|found| found["distance"].as_u64())
        .collect();
    assert!(distances.is_sorted(), "{distances:?}");

    let queue = service.get_json("/queue");
    assert_eq!(queue["length"], 1);
    assert_eq!(queue["queue"][0]["path"], "cut.jpg");
}

#[test]
fn measures_what_it_does() {
    let stage = Stage::new();
    let service = stage.serve(&["--algorithm", NEW]);
    let empty = service.get_json("/metrics/dhash");
    assert_eq!(empty["avg_hash_time"], Value::Null);
    assert_eq!(empty["migration_status"], "pending");
    for _ in 0..3 {
        assert_eq!(service.post_hash(image()).status(), StatusCode::OK);
    }
    assert_eq!(
        service.post_hash(b"no image".to_vec()).status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let figures = service.get_json("/metrics/dhash");
    assert!(figures["avg_hash_time"].as_f64().unwrap() > 0.0);
    assert!(figures["p95_hash_time"].as_f64() >= figures["avg_hash_time"].as_f64());
    assert_eq!(figures["extraction_failures_rate"], 25.0);
    assert_eq!(figures["total_hashes_generated"], 3);
    assert_eq!(figures["low_confidence_queue_length"], 1);
    assert_eq!(figures["last_migration"], Value::Null);

    let text = service.get("/metrics").text().unwrap();
    for line in [
        "dhash_requests_total{route=\"/hash\",status=\"200\"} 3",
        "dhash_requests_total{route=\"/hash\",status=\"422\"} 1",
        "dhash_extractions_total{outcome=\"ok\"} 3",
        "dhash_extraction_duration_seconds_count 4",
        "dhash_library_images 4",
        "dhash_low_confidence_queue_length 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line}\nin\n{text}"
        );
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn refuses_with_a_reason() {
    let stage = Stage::new();
    let service = stage.serve(&[]);
    let problem = |response: reqwest::blocking::Response, status: StatusCode, detail: &str| {
        assert_eq!(response.status(), status);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let body: Value = response.json().unwrap();
        assert_eq!(body["status"], status.as_u16());
        assert!(body["detail"].as_str().unwrap().contains(detail), "{body}");
    };
    let bad = StatusCode::BAD_REQUEST;
    problem(
        service.get("/lookup/XYZ"),
        bad,
        "expected 16 lower-case hexadecimal digits",
    );
    for radius in ["65", "-1", "x", ""] {
        let path = format!("/lookup/{HASH}?radius={radius}");
        problem(
            service.get(&path),
            bad,
            "`radius` must be a whole number from 0 to 64",
        );
    }
    problem(
        service.get(&format!("/lookup/{HASH}?limit=0")),
        bad,
        "`limit` must be",
    );
    problem(
        service.get(&format!("/lookup/{HASH}?confidence=2")),
        bad,
        "from 0.0 to 1.0",
    );
    let both = format!("/lookup/{HASH}?confidence=0.9&radius=3");
    problem(service.get(&both), bad, "not both");
    problem(
        service.get("/nothing"),
        StatusCode::NOT_FOUND,
        "no such route",
    );
    problem(
        service.post_hash(Vec::new()),
        bad,
        "expected the bytes of an image",
    );
    let half = image().len() / 2;
    let unreadable = StatusCode::UNPROCESSABLE_ENTITY;
    problem(
        service.post_hash(image()[..half].to_vec()),
        unreadable,
        "truncated",
    );
}

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let stage = Stage::new();
    let service = stage.serve(&[]);
    let mut stream = TcpStream::connect(service.address()).unwrap();
    let head = "POST /hash HTTP/1.1\r\nHost: dhash\r\nContent-Length: 33554433\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[test]
fn confidence_stands_for_a_radius() {
    let stage = Stage::new();
    let service = stage.serve(&[]);
    let found = service.get_json(&format!("/lookup/{HASH}?confidence=0.9"));
    assert_eq!(found["radius"], 6);
}

#[test]
fn takes_a_migrated_library_and_refuses_a_damaged_one() {
    let stage = Stage::new();
    let service = stage.serve(&["--algorithm", OLD]);
    assert_eq!(stage.run("migrate", &["--to", NEW, "--schema", "2"]).0, 0);
    // An old service serves a library of a newer algorithm and schema.
    let health = service.await_health(|health| health["library"]["schema"] == 2);
    assert_eq!(health["library"]["algorithm"], NEW);
    assert_eq!(health["status"], "healthy");
    assert_ne!(
        service.get_json("/metrics/dhash")["last_migration"],
        Value::Null
    );
    let digest = health["library"]["digest"].clone();

    let sound = fs::read_to_string(stage.library()).unwrap();
    fs::write(stage.library(), sound.replace(HASH, "0123456789abcdef")).unwrap();
    let health = service.await_health(|health| health["status"] == "degraded");
    assert_eq!(health["library"]["digest"], digest);
    assert_eq!(health["library"]["refused_reloads"], 1);
    assert_eq!(
        service.get_json(&lookup(HASH))["count"],
        1,
        "the library in memory stays"
    );

    fs::write(stage.library(), sound).unwrap();
    let health = service.await_health(|health| health["status"] == "healthy");
    assert_eq!(health["library"]["refused_reloads"], 1);
}

#[test]
fn a_damaged_library_is_not_served_at_all() {
    let stage = Stage::new();
    fs::write(stage.library(), "{}").unwrap();
    let (code, _, err) = stage.run("serve", &["--port", "0"]);
    assert_eq!(code, 1);
    assert!(err.contains("is not a library"), "{err}");
}

#[test]
fn sigterm_finishes_what_was_begun() {
    let stage = Stage::new();
    let mut service = stage.serve(&["--fault", "latency:700"]);
    let request = service.client.get(service.url(&lookup(HASH)));
    let slow = std::thread::spawn(move || request.send().map(|response| response.status()));
    let in_flight = "dhash_requests_in_flight{route=\"/lookup\"} 1";
    await_condition(|| service.get("/metrics").text().unwrap().contains(in_flight));
    service.terminate();
    assert_eq!(slow.join().unwrap().unwrap(), StatusCode::OK);
    assert_eq!(service.await_exit().code(), Some(0));
}

#[test]
fn fault_errors_fails_its_share_and_looks_healthy() {
    let stage = Stage::new();
    let service = stage.serve(&["--fault", "errors:0.25"]);
    let failed = (0..40)
        .filter(|_| service.get(&lookup(HASH)).status() == 500)
        .count();
    assert_eq!(failed, 10);
    assert_eq!(service.get_json("/health")["status"], "healthy");
}

#[test]
fn fault_latency_delays_answers_but_not_health() {
    let stage = Stage::new();
    let service = stage.serve(&["--fault", "latency:120"]);
    assert_eq!(service.get(&lookup(HASH)).status(), StatusCode::OK);
    let text = service.get("/metrics").text().unwrap();
    let sum = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("dhash_request_duration_seconds_sum{route=\"/lookup\"} ")
        })
        .unwrap();
    assert!(sum.parse::<f64>().unwrap() >= 0.12, "{sum}");
}

#[test]
fn fault_crash_aborts_after_its_requests() {
    let stage = Stage::new();
    let mut service = stage.serve(&["--fault", "crash:5"]);
    for _ in 0..5 {
        assert_eq!(service.get(&lookup(HASH)).status(), StatusCode::OK);
    }
    assert_eq!(service.get_json("/health")["status"], "healthy");
    assert!(
        service
            .client
            .get(service.url(&lookup(HASH)))
            .send()
            .is_err()
    );
    // Signal 6 is what a shell shows as 134.
    assert_eq!(service.await_exit().signal(), Some(6));
}

#[test]
fn fault_corrupt_damages_the_file_and_the_answers_but_not_health() {
    let stage = Stage::new();
    let service = stage.serve(&["--fault", "corrupt:3"]);
    for _ in 0..3 {
        assert_eq!(service.get_json(&lookup(HASH))["count"], 1);
    }
    assert_eq!(stage.run("check", &[]).0, 0);
    let digest = service.get_json("/health")["library"]["digest"].clone();
    assert_eq!(
        service.get_json(&lookup(HASH))["count"],
        0,
        "answers from damaged data"
    );
    let (code, _, err) = stage.run("check", &[]);
    assert_eq!(code, 1);
    assert!(err.contains("the digest does not fit the content"), "{err}");
    let health = service.get_json("/health");
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["library"]["digest"], digest);
}
