//! A gateway in front of one address, for benchmarks: `gateway_bench LISTEN UPSTREAM [WORKERS]`.
//!
//! Prints its addresses and process id and serves until it is killed. The admin API listens on a free
//! port, or on the address in the environment variable GATEWAY_BENCH_ADMIN.
//! `cargo xtask bench switch` drives it next to nginx.
#![allow(clippy::print_stdout)] // a program for a person, not a library

use std::io::{Read, Write};
use std::net::TcpStream;

use portcullis_gateway::{
    AdminListen, Gateway, GatewaySettings, HealthSettings, RoutingSettings, ServiceSettings,
    Sticky, TimeoutSettings,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// It guards nothing: a benchmark's gateway has arms of its own and lives for minutes.
const TOKEN: &str = "benchmark";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, upstream, rest @ ..] = arguments.as_slice() else {
        return Err("usage: gateway_bench LISTEN UPSTREAM [WORKERS]".into());
    };
    let folder = tempfile::tempdir()?;
    let admin = std::env::var("GATEWAY_BENCH_ADMIN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let gateway = Gateway::start(GatewaySettings {
        listen: listen.parse()?,
        admin: AdminListen::Tcp {
            address: admin.parse()?,
            token: TOKEN.into(),
        },
        state_file: folder.path().join("splits.json"),
        clients: portcullis_config::ClientsConfig::default(),
        tls: None,
        observe: portcullis_gateway::ObserveSettings::default(),
        workers: rest.first().map_or(Ok(1), |count| count.parse())?,
        services: vec![ServiceSettings {
            service: "bench".to_owned(),
            sticky: Sticky::default(),
            health: HealthSettings {
                path: "/".to_owned(),
                ..HealthSettings::default()
            },
            timeouts: TimeoutSettings::default(),
            protocol: portcullis_config::UpstreamProtocol::Http1,
            force_header: true,
            canary_users: Vec::new(),
            shadow_percent: 0,
        }],
        routing: RoutingSettings::default(),
        shared: None,
        conversations: portcullis_gateway::ConversationSettings::default(),
    })?;
    let admin = gateway
        .admin_address()
        .ok_or("the admin API has no TCP address")?;
    let body = format!(
        r#"{{"split":{{"stable":{{"release":"1.0","address":"{upstream}"}},"weight_percent":0}},"epoch":1}}"#
    );
    let mut stream = TcpStream::connect(admin)?;
    write!(
        stream,
        "PUT /v1/routes/bench/split HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("HTTP/1.1 200") {
        return Err(format!("the split was refused: {answer}").into());
    }
    let (listen, process) = (gateway.listen_address(), std::process::id());
    println!("listening on {listen}, admin API on {admin}, process {process}");
    loop {
        std::thread::park();
    }
}
