//! What a gate costs: the time of a judgement and what is kept.

use std::time::Instant;

use portcullis_analysis::{HealthSample, Sample, Tally};
use portcullis_traffic::Simulator;

use crate::cells::good_releases;

/// Measurements of a gate of an hour, every five seconds.
const MEASUREMENTS: usize = 720;
/// Requests of all of them.
const REQUESTS: f64 = 1e6;
const TIMES: u32 = 20;

pub(crate) fn print() -> Result<(), Box<dyn std::error::Error>> {
    let cell = good_releases()
        .into_iter()
        .rfind(|cell| cell.name.starts_with("default"));
    let mut cell = cell.ok_or("no default rules")?;
    cell.scenario.requests_per_second = REQUESTS / (MEASUREMENTS as f64 * 5.0);
    let mut simulator = Simulator::new(cell.scenario)?;
    let mut run = simulator.begin(1);
    let samples: Vec<Sample> = (0..MEASUREMENTS)
        .map(|_| Sample {
            health: Some(HealthSample {
                passed: 1,
                ..HealthSample::default()
            }),
            ..simulator.measure(&mut run, 5000)
        })
        .collect();
    let begun = Instant::now();
    let mut tally = Tally::new(&cell.analysis);
    samples
        .iter()
        .for_each(|sample| tally.observe(&cell.analysis, sample));
    let fold = begun.elapsed().as_secs_f64() * 1000.0;
    let mut slowest: f64 = 0.0;
    for _ in 0..TIMES {
        let mut tally = tally.clone();
        let begun = Instant::now();
        tally.observe(&cell.analysis, &samples[0]);
        std::hint::black_box(tally.judge(&cell.analysis));
        slowest = slowest.max(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let bytes = serde_json::to_vec(&tally)?.len();
    let ((requests, _), (others, _)) = tally.counted();
    println!(
        "\nDefault rules, {} requests in {MEASUREMENTS} measurements: a measurement taken in and judged \
         {slowest:.2} ms (the slowest of {TIMES}), all of them taken in anew {fold:.0} ms; the gate's state {:.1} KiB",
        requests + others,
        bytes as f64 / 1024.0
    );
    Ok(())
}
