//! What the decisions before forwarding cost: `route_bench`, in nanoseconds for each.
//!
//! Finding a route includes reading host and path into the form in which they are compared. Choosing a server is
//! measured with two workers' counters.
#![allow(clippy::print_stdout)] // a program for a person, not a library

use std::hint::black_box;

use http::{HeaderMap, Method};
use portcullis_config::{
    CapacityConfig, EjectConfig, HostPattern, PathPattern, RetryConfig, RewriteConfig, RouteConfig,
    RouteTarget, RouteTimeouts, SecurityHeaders, ServerWeight, UpstreamChoice, UpstreamConfig,
    UpstreamProtocol,
};
use portcullis_gateway::{Pick, RequestHost, RequestPath, RouteIndex, UpstreamSet};

/// Decisions of one round.
const DECISIONS: u64 = 1_000_000;
/// Rounds, of which the fastest counts: the others had to share the machine.
const ROUNDS: u32 = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for count in [1, 10, 1_000] {
        let index = RouteIndex::new(&routes(count))?;
        for (name, host, path) in [
            ("prefix", "host1.example.org".to_owned(), "/api/v1/items/42"),
            (
                "host and port in capitals",
                "Host1.Example.org:8443".to_owned(),
                "/api/v1/items/42",
            ),
            (
                "escaped path",
                "host1.example.org".to_owned(),
                "/api/v1/%69tems/a%20b",
            ),
            ("no route", "elsewhere.example".to_owned(), "/"),
        ] {
            let headers = HeaderMap::new();
            let ns = nanoseconds(|_| {
                let host = RequestHost::read(black_box(&host)).ok();
                let path = RequestPath::read(black_box(path)).ok();
                if let (Some(host), Some(path)) = (host, path) {
                    black_box(index.find(&host, &path, &Method::GET, &headers));
                }
            });
            println!("route of {count:>5}, {name:<26} {ns:>8.1} ns");
        }
    }
    for servers in [2, 10, 100] {
        for choice in [
            UpstreamChoice::LeastLoaded,
            UpstreamChoice::RoundRobin,
            UpstreamChoice::ClientHash,
        ] {
            let set = UpstreamSet::new(&upstream(choice, servers), 2, None)?;
            let mut state = 1;
            let ns = nanoseconds(|request| {
                let client = request.to_be_bytes();
                let pick = Pick {
                    worker: 0,
                    now_ms: 1,
                    client: &client,
                    tried: &[],
                };
                let place = set.pick(&pick, || xorshift(&mut state));
                black_box(place.map(|place| set.server(place).begin(0)));
            });
            println!(
                "server of {servers:>4}, {:<26} {ns:>8.1} ns",
                format!("{choice:?}")
            );
        }
    }
    Ok(())
}

/// The time of one decision in the fastest round.
#[allow(clippy::disallowed_methods)] // a benchmark reads the clock itself
fn nanoseconds(mut decide: impl FnMut(u64)) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = std::time::Instant::now();
        (0..DECISIONS).for_each(&mut decide);
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / DECISIONS as f64);
    }
    best
}

/// Marsaglia's generator: as cheap as the one of the data path.
fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Ten routes for each host: nine prefixes and one for everything.
fn routes(count: usize) -> Vec<RouteConfig> {
    let route = |number: usize| {
        let path = match number % 10 {
            9 => PathPattern::Any,
            0 => PathPattern::Prefix("/api/v1".to_owned()),
            other => PathPattern::Prefix(format!("/area{other}/part")),
        };
        let host = format!("host{}.example.org", number / 10 + 1);
        RouteConfig {
            name: format!("route{number}").into(),
            hosts: vec![HostPattern::Exact(host)],
            path,
            methods: Vec::new(),
            headers: Vec::new(),
            to: RouteTarget::Service,
            rewrite: RewriteConfig::default(),
            timeouts: RouteTimeouts {
                connect_ms: 1_000,
                first_byte_ms: 1_000,
                idle_ms: 1_000,
                whole_ms: None,
            },
            body_bytes_max: 1,
            retries: RetryConfig {
                attempts_max: 1,
                budget_percent: 0,
                statuses: Vec::new(),
                hedge_after_ms: None,
            },
            capacity: CapacityConfig {
                in_flight_max: None,
                queue_max: 0,
                queue_timeout_ms: 1,
            },
            limits: Vec::new(),
            access: None,
            cors: None,
            security_headers: SecurityHeaders::Off,
            upload: None,
            mask: None,
        }
    };
    (0..count).map(route).collect()
}

fn upstream(choice: UpstreamChoice, servers: u16) -> UpstreamConfig {
    let server = |number: u16| ServerWeight {
        address: format!("127.0.0.1:{}", 10_000 + number),
        weight: u32::from(number % 3) + 1,
    };
    UpstreamConfig {
        name: "bench".into(),
        servers: (0..servers).map(server).collect(),
        choice,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        health: None,
        eject: EjectConfig {
            failures: 5,
            min_ms: 1_000,
            max_ms: 60_000,
            share_max_percent: 50,
        },
    }
}
