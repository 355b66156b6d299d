//! The time of one look-up over a million hashes, one thread.
//!
//! `cargo run --release -p dhash --example bench_lookup`

use std::hint::black_box;
use std::io::Write;

use dhash::{Hash, scan};

const HASHES: usize = 1_000_000;
const QUERIES: usize = 201;
const RADIUS: u32 = 10;

fn main() -> std::io::Result<()> {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    // xorshift64*: any spread of bits will do, the scan does not look at the values.
    let mut next = || {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        Hash(random.wrapping_mul(0x2545_F491_4F6C_DD1D))
    };
    let hashes: Vec<Hash> = (0..HASHES).map(|_| next()).collect();
    let mut times: Vec<f64> = (0..QUERIES).map(|_| time_scan(&hashes, next())).collect();
    times.sort_by(f64::total_cmp);
    let median = times[QUERIES / 2];
    let slow = times[QUERIES * 95 / 100];
    writeln!(
        std::io::stdout(),
        "{HASHES} hashes, radius {RADIUS}: median {median:.3} ms, p95 {slow:.3} ms per scan"
    )
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn time_scan(hashes: &[Hash], query: Hash) -> f64 {
    let start = std::time::Instant::now();
    black_box(scan(black_box(hashes), query, RADIUS));
    start.elapsed().as_secs_f64() * 1000.0
}
