//! Load at a fixed rate, whatever the answers take, and how long each took from the moment at which it was due.
//!
//! A client that waits for a slow answer before it sends the next request hides what the others would have
//! waited. Here each connection has a timetable: a request is due at its moment, and its latency counts from
//! there, also if the one before was late. Each connection is a thread that sleeps until its next moment; the
//! system wakes it some tens of microseconds late, which is the same without a proxy and so not in the
//! difference.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::case::get;
use super::http1::Connection;
use super::saturation::Load;
use super::stand::small;
use crate::bench::clock;
use crate::bench::figures::Spread;

/// Requests a second, in all.
pub const RATE: u32 = 5_000;
/// Connections that share them. Each has ten milliseconds for a request.
const CONNECTIONS: u32 = 50;
/// Whoever takes so much longer than the timetable did not keep it; the figures say so.
const LATE_RATIO: f64 = 1.2;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks at the fixed rate for so many seconds.
///
/// # Errors
/// When a request fails.
pub fn run(address: SocketAddr, seconds: u32) -> Result<Load> {
    let period = Duration::from_secs(1) * CONNECTIONS / RATE;
    // Time for all threads to start.
    let begin = clock::now() + Duration::from_millis(100);
    let count = RATE / CONNECTIONS * seconds;
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let first = begin + period * number / CONNECTIONS;
            std::thread::spawn(move || keep_timetable(address, first, period, count))
        })
        .collect();
    let mut took_ms = Vec::new();
    for thread in threads {
        let part = thread.join().map_err(|_| anyhow!("a client panicked"))?;
        took_ms.extend(part.context("at a fixed rate")?);
    }
    let lasted_s = begin.elapsed().as_secs_f64();
    let is_late = lasted_s > f64::from(seconds) * LATE_RATIO;
    let late = || format!("the rate was not kept up: {lasted_s:.1} s in place of {seconds}");
    let (requests, spread) = (took_ms.len() as u64, Spread::new(took_ms));
    Ok(Load {
        requests,
        seconds: lasted_s,
        p50_ms: spread.quantile_ms(0.5),
        p99_ms: spread.quantile_ms(0.99),
        errors: is_late.then(late),
    })
}

fn keep_timetable(
    address: SocketAddr,
    first: Instant,
    period: Duration,
    count: u32,
) -> Result<Vec<f64>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut connection = Connection::new(stream);
    let (request, expected) = (get("/small"), small());
    let mut took_ms = Vec::with_capacity(count as usize);
    for number in 0..count {
        let due = first + period * number;
        std::thread::sleep(due.saturating_duration_since(clock::now()));
        connection.expect(request.as_bytes(), expected.as_bytes())?;
        took_ms.push(clock::ms_since(due));
    }
    Ok(took_ms)
}
