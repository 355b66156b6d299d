//! What a gate costs: the time of a judgement and what is kept.

use std::time::Instant;

use portcullis_analysis::{
    Analysis, Bound, Enough, HealthSample, Reading, Rule, Sample, Signal, Tally, Test,
};
use portcullis_traffic::{Curve, Latency, Scenario, Simulator};

/// Measurements of a gate of an hour, every five seconds.
const MEASUREMENTS: usize = 720;
const INTERVAL_MS: u64 = 5000;
/// Requests of all of them.
const REQUESTS: f64 = 1e6;
const TIMES: u32 = 20;
/// Copies that are made to see what one takes in memory.
const COPIES: usize = 2000;
const KIB: f64 = 1024.0;

pub(crate) fn print() -> Result<(), Box<dyn std::error::Error>> {
    println!("\nWhat a gate costs after {REQUESTS:.0} requests in {MEASUREMENTS} measurements\n");
    println!(
        "| gate | one more measurement, judged (slowest of {TIMES}) | all taken in anew | kept, as JSON | kept, in memory |"
    );
    println!("|---|---|---|---|---|");
    let (simple, crowded) = (samples(false)?, samples(true)?);
    row(
        "default rules",
        &Analysis::usual().beside_baseline(),
        &simple,
    )?;
    row("six more rules", &many_rules(), &crowded)?;
    row("a p95 over the last 15 min", &trailing(), &simple)?;
    Ok(())
}

fn row(
    name: &str,
    analysis: &Analysis,
    samples: &[Sample],
) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut tally = Tally::new(analysis);
    samples
        .iter()
        .for_each(|sample| tally.observe(analysis, sample));
    let fold = begun.elapsed().as_secs_f64() * 1000.0;
    let mut slowest: f64 = 0.0;
    for _ in 0..TIMES {
        let mut tally = tally.clone();
        let begun = Instant::now();
        tally.observe(analysis, &samples[0]);
        std::hint::black_box(tally.judge(analysis));
        slowest = slowest.max(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let bytes = serde_json::to_vec(&tally)?.len() as f64;
    let before = resident_bytes()?;
    let copies = vec![tally; COPIES];
    let resident = (resident_bytes()? - before).max(0.0) / COPIES as f64;
    std::hint::black_box(&copies);
    println!(
        "| {name} | {slowest:.2} ms | {fold:.0} ms | {:.1} KiB | {:.1} KiB |",
        bytes / KIB,
        resident / KIB
    );
    Ok(())
}

/// The memory of this process.
fn resident_bytes() -> Result<f64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).ok_or("no resident pages")?;
    Ok(pages.parse::<f64>()? * 4.0 * KIB)
}

/// Everything that a gate of an hour measures; with streams and figures if wanted.
fn samples(streams: bool) -> Result<Vec<Sample>, Box<dyn std::error::Error>> {
    let interval_s = INTERVAL_MS as f64 / 1000.0;
    let per_second = REQUESTS / (MEASUREMENTS as f64 * interval_s);
    let scenario = |median_ms| Scenario {
        latency: Some(Latency {
            median_ms,
            sigma: 0.6,
            factor: Curve::constant(1.0),
        }),
        ..Scenario::new(per_second, 0.1, MEASUREMENTS as u64 * INTERVAL_MS, 0.005)
    };
    let mut simulator = Simulator::new(scenario(100.0))?;
    let mut run = simulator.begin(1);
    let mut tokens = [400.0, 30.0, 25.0].map(|median_ms| Simulator::new(scenario(median_ms)));
    let mut token_runs = Vec::new();
    for simulator in tokens.iter().flatten() {
        token_runs.push(simulator.begin(2));
    }
    let mut samples = Vec::new();
    for _ in 0..MEASUREMENTS {
        let mut sample = simulator.measure(&mut run, INTERVAL_MS);
        sample.health = Some(HealthSample {
            passed: 1,
            ..HealthSample::default()
        });
        if streams {
            let mut other = tokens.iter_mut().flatten().zip(&mut token_runs);
            let mut next = || other.next().map(|(s, run)| s.measure(run, INTERVAL_MS));
            let times = [next(), next(), next()].map(Option::unwrap_or_default);
            for (arm, of) in [(&mut sample.canary, 0), (&mut sample.baseline, 1)] {
                let Some(arm) = arm else { continue };
                let pick = |sample: &Sample| match of {
                    0 => sample.canary.clone().unwrap_or_default().latency,
                    _ => sample.baseline.clone().unwrap_or_default().latency,
                };
                arm.first_token = pick(&times[0]);
                arm.token_gap = pick(&times[1]);
                arm.token_time = pick(&times[2]);
            }
            sample.metrics = [("queue".to_owned(), 7.0), ("lag".to_owned(), 0.5)].into();
        }
        samples.push(sample);
    }
    Ok(samples)
}

/// The default rules, comparisons of streams, and figures.
fn many_rules() -> Analysis {
    let mut analysis = Analysis::usual().beside_baseline();
    let compare = |signal| Rule {
        enough: Enough::Evidence,
        ..Rule::new(
            signal,
            Test::NotWorse {
                tolerated: Bound {
                    ratio: 1.2,
                    margin: 5.0,
                },
                matters: Bound {
                    ratio: 1.4,
                    margin: 10.0,
                },
            },
        )
    };
    let figure = |name: &str| {
        let name = name.to_owned();
        Rule::new(Signal::Metric { name }, Test::Limit { max: 100.0 })
    };
    analysis.rules.extend([
        compare(Signal::Latency { quantile: 0.5 }),
        compare(Signal::FirstToken { quantile: 0.95 }),
        compare(Signal::TokenGap { quantile: 0.95 }),
        compare(Signal::TokenTime { quantile: 0.95 }),
        figure("queue"),
        figure("lag"),
    ]);
    analysis
}

/// The default rules and one that looks back.
fn trailing() -> Analysis {
    let mut analysis = Analysis::usual().beside_baseline();
    analysis.rules.push(Rule::new(
        Signal::Latency { quantile: 0.95 },
        Test::Window {
            reading: Reading::Quantile(0.95),
            over_ms: 15 * 60_000,
            max: 2000.0,
        },
    ));
    analysis
}
