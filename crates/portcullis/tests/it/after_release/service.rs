//! The service that is released: it does wrong what a file says, from the moment on at which it says so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

/// How often the service looks whether it is to crash, whoever asks.
const LOOK: Duration = Duration::from_millis(20);

static SERVED: AtomicU64 = AtomicU64::new(0);

/// Not a test: what a release of these tests runs, see `shop.rs`.
#[test]
#[ignore = "the service that these tests release"]
fn serves() {
    let (Ok(port), Ok(release)) = (std::env::var("SHOP_PORT"), std::env::var("SHOP_RELEASE"))
    else {
        return;
    };
    let behaviour = std::env::var("SHOP_BEHAVIOUR").unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    let (of_crash, crash_of) = (behaviour.clone(), release.clone());
    std::thread::spawn(move || {
        loop {
            if told(&of_crash, &crash_of)["crash"] == true {
                std::process::abort();
            }
            std::thread::sleep(LOOK);
        }
    });
    for stream in listener.incoming() {
        let (behaviour, release) = (behaviour.clone(), release.clone());
        std::thread::spawn(move || answer(&stream.unwrap(), &behaviour, &release));
    }
}

/// What a release does wrong.
fn told(behaviour: &str, release: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(behaviour)).unwrap_or_default();
    let all: Value = serde_json::from_str(&text).unwrap_or_default();
    all[release].clone()
}

fn answer(stream: &TcpStream, behaviour: &str, release: &str) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let mut length = 0;
    loop {
        let mut field = String::new();
        match reader.read_line(&mut field) {
            Ok(read) if read > 2 => {}
            _ => break,
        }
        if let Some(value) = field.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let _ = reader.take(length).read_to_end(&mut Vec::new());
    let path = line.split(' ').nth(1).unwrap_or_default();
    let wrong = told(behaviour, release);
    let number = |name: &str| wrong[name].as_f64().unwrap_or(0.0);
    let (status, body) = match path {
        "/health" if wrong["unwell"] == true => (503, "{}".to_owned()),
        "/health" => (200, format!(r#"{{"version": "{release}"}}"#)),
        "/figures" => (200, format!(r#"{{"memory": {}}}"#, 50.0 + number("memory"))),
        _ => {
            let served = SERVED.fetch_add(1, Ordering::Relaxed);
            let wait_ms = 5.0 + number("slower_ms");
            std::thread::sleep(Duration::from_micros((wait_ms * 1000.0) as u64));
            let due = |count: u64| (count as f64 * number("errors")).floor();
            match due(served + 1) > due(served) {
                true => (500, r#"{"error": "out of stock"}"#.to_owned()),
                false => (200, format!(r#"{{"release": "{release}"}}"#)),
            }
        }
    };
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Shop\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}
