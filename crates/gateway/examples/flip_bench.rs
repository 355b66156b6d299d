//! Flips all traffic from one upstream to the other and back, under load at full speed:
//! `flip_bench gateway GATEWAY_BENCH FLIPS REQUESTS CONNECTIONS` or `flip_bench nginx NGINX ...`.
//!
//! Upstreams and load are in this process, so that one clock times everything; the proxy is a process of
//! its own with one worker. `gateway` runs the example `gateway_bench` and flips by its admin API;
//! `nginx` rewrites an included upstream and reloads. Prints one line of JSON.
//! `cargo xtask bench switch` runs both and prints the table.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // a measurement for people

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use load::Load;
use proxy::Proxy;
use upstream::Upstream;

#[path = "flip_bench/load.rs"]
mod load;
#[path = "flip_bench/proxy.rs"]
mod proxy;
#[path = "flip_bench/upstream.rs"]
mod upstream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the load may take to reach its next mark.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the load is looked at between flips.
const LOOK: Duration = Duration::from_millis(5);

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, program, flips, requests, connections] = arguments.as_slice() else {
        return Err("usage: flip_bench gateway|nginx PROGRAM FLIPS REQUESTS CONNECTIONS".into());
    };
    let flips: u64 = flips.parse()?;
    let per_flip = requests.parse::<u64>()?.div_ceil(flips);
    let clock = Instant::now();
    let arms = [Upstream::start(clock).await?, Upstream::start(clock).await?];
    let mut proxy = Proxy::start(kind, program, [arms[0].address, arms[1].address]).await?;
    let load = Arc::new(Load::new(proxy.listen));
    let users = load.start(connections.parse()?);

    let (mut last_ms, mut answered_ms) = (Vec::new(), Vec::new());
    passed(&load, per_flip).await?;
    let begun = Instant::now();
    for flip in 0..flips {
        let (bad, good) = ((flip % 2) as usize, (1 - flip % 2) as usize);
        let decided_ns = clock.elapsed().as_nanos() as u64;
        proxy.flip(good).await?;
        answered_ms.push((clock.elapsed().as_nanos() as u64 - decided_ns) as f64 / 1e6);
        passed(&load, per_flip).await?;
        // From here on the next flip would be decided: what the bad arm got last is known.
        let last_ns = arms[bad].last_started_ns.load(Relaxed);
        last_ms.push(last_ns.saturating_sub(decided_ns) as f64 / 1e6);
        let met_ns = arms[good].last_started_ns.load(Relaxed);
        if met_ns <= decided_ns {
            return Err(format!("flip {flip}: the good arm got no request").into());
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    load.stop.store(true, Relaxed);
    for user in users {
        user.await?;
    }
    let line = serde_json::json!({
        "proxy": kind,
        "flips": flips,
        "served": load.served.load(Relaxed),
        "failed": load.failed.load(Relaxed),
        "closed_unanswered": load.closed_unanswered.load(Relaxed),
        "first_failure": load.first_failure(),
        "seconds": seconds,
        "last_ms": last_ms,
        "answered_ms": answered_ms,
    });
    println!("{line}");
    Ok(())
}

/// Waits until so many more requests were answered.
async fn passed(load: &Load, requests: u64) -> Result<(), Failed> {
    let mark = load.served.load(Relaxed) + requests;
    let begun = Instant::now();
    while load.served.load(Relaxed) < mark {
        if begun.elapsed() > PATIENCE {
            return Err("the load does not go on".into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
