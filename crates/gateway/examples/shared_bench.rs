//! Prints what a decision of the shared server costs: how long one takes, how many a worker gets done, and
//! what a request costs that is counted here because the server is away.
//!
//! `cargo run --release -p portcullis-gateway --example shared_bench [URL]`; without a URL a redis-server is
//! started on a socket.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a measurement

use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use portcullis_config::{LimitConfig, LimitKey};
use portcullis_gateway::protect::{Limit, LimitDecision, LimitSubject, RouteLimits};
use portcullis_gateway::shared::{SharedServer, SharedStore};
use secrecy::SecretString;

/// Questions for each figure.
const QUESTIONS: u32 = 20_000;

struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let (url, redis) = match std::env::args().nth(1) {
        Some(url) => (url, None),
        None => {
            let redis = Command::new("redis-server")
                .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
                .current_dir(folder.path())
                .stdout(Stdio::null())
                .spawn();
            let socket = folder.path().join("redis.sock");
            let url = format!("redis+unix://{}", socket.display());
            (url, Some(Redis(redis.unwrap())))
        }
    };
    let url = SecretString::from(url);
    let server = Arc::new(SharedServer::new(&url, "bench:", 2_000).unwrap());
    let store = SharedStore::start(Arc::clone(&server));
    while !store.is_up() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for limits in [1, 3] {
        let route = route(limits);
        let mut took = Vec::new();
        for number in 0..QUESTIONS {
            let began = Instant::now();
            ask(&store, &route, number).await;
            took.push(began.elapsed());
        }
        took.sort();
        let at = |part: f64| took[(f64::from(QUESTIONS - 1) * part) as usize].as_micros();
        println!(
            "{limits} limits, one after the other: median {} us, 99 % {} us",
            at(0.5),
            at(0.99)
        );
        for together in [8, 64] {
            let began = Instant::now();
            for round in 0..QUESTIONS / together {
                let all = (0..together).map(|one| ask(&store, &route, round * together + one));
                futures::future::join_all(all).await;
            }
            let rate = f64::from(QUESTIONS) / began.elapsed().as_secs_f64();
            println!("{limits} limits, {together} at a time: {rate:.0} a second");
        }
    }
    let standing = server.standing();
    println!(
        "answered there {}, counted here {}",
        standing.answered, standing.counted_here
    );
    if redis.is_some() {
        drop(redis);
        while store.is_up() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let route = route(1);
        let began = Instant::now();
        for number in 0..QUESTIONS {
            ask(&store, &route, number).await;
        }
        let ns = began.elapsed().as_nanos() / u128::from(QUESTIONS);
        println!("1 limit, the server is away: {ns} ns");
    }
}

async fn ask(store: &SharedStore, route: &RouteLimits, number: u32) {
    let headers = HeaderMap::new();
    let subject = LimitSubject {
        client: IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number % 5_000)),
        caller: None,
        headers: &headers,
    };
    // One time for all: nothing is refilled here, and there is enough for all.
    let decision = store.check(route, &subject, 1).await;
    assert!(matches!(decision, LimitDecision::Allowed(_)));
}

fn route(limits: u32) -> RouteLimits {
    let limit = |number| {
        Arc::new(Limit::new(LimitConfig {
            name: format!("limit-{number}").into(),
            requests: 1_000_000,
            per_ms: 1_000,
            burst: 1_000_000,
            key: LimitKey::ClientAddress,
        }))
    };
    RouteLimits::new((0..limits).map(limit).collect())
}
