//! Rolls out many simulated services at once in one process: `engine_scale JOURNAL SERVICES [SAMPLES]`.
//!
//! JOURNAL is `memory`, `files` (an SQLite file for each service) or `shared` (one SQLite file with a
//! scope for each service); each of the two gates takes SAMPLES measurements, 10 if not given. Engine, runner, plan and journal are the real ones; driver and meter answer
//! at once, so what is measured is what the engine itself costs. Prints one line of JSON.
//! `cargo xtask bench engine` runs it at several sizes and prints the table.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // a measurement for people

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_analysis::{ArmSample, HealthSample, Histogram, Sample};
use portcullis_driver::{Driver, Meter, Probed, Query};
use portcullis_engine::{Engine, Runner, WallClock};
use portcullis_journal::{Journal, MemoryJournal, Scope, SqliteJournal};
use portcullis_rollout::{
    Action, Actor, Direction, Fact, Failure, Op, Plan, Presence, RolloutId, StepIndex,
};
use portcullis_sim::Scenario;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many measurements each gate takes before it passes, if not given.
const SAMPLES_PER_GATE: u64 = 10;
/// How long a lease lasts, in milliseconds.
const LEASE_TTL_MS: u64 = 60_000;
/// How long all rollouts together may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

type Failed = Box<dyn Error + Send + Sync>;

/// A world in which everything works at once.
#[derive(Clone, Default)]
struct Hand {
    done: Arc<Mutex<BTreeMap<StepIndex, bool>>>,
}

impl Driver for Hand {
    async fn probe(&self, op: &Op) -> Probed {
        tokio::task::yield_now().await;
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let there = done.get(&op.key.step).copied().unwrap_or(false);
        let presence = match there == (op.key.direction == Direction::Do) {
            true => Presence::Applied,
            false => Presence::Absent,
        };
        Probed::new(presence).with("probed", op.action.word())
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        tokio::task::yield_now().await;
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(op.key.step, op.key.direction == Direction::Do);
        Ok(vec![Fact::new("applied", op.action.word())])
    }
}

impl Meter for Hand {
    async fn sample(&self, query: &Query) -> Sample {
        tokio::task::yield_now().await;
        let arm = || {
            let mut latency = Histogram::default();
            for request in 0..40 {
                latency.record(900 + request * 120);
            }
            ArmSample {
                requests: 40,
                errors: 0,
                latency,
                ..ArmSample::default()
            }
        };
        Sample {
            from_ms: 0,
            to_ms: query.gate.analysis.interval_ms,
            canary: Some(arm()),
            baseline: query.gate.baseline.is_some().then(arm),
            health: Some(HealthSample {
                passed: 2,
                ..HealthSample::default()
            }),
            metrics: BTreeMap::new(),
            unmeasured: None,
            kept_fault: None,
            ..Sample::default()
        }
    }
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [journal, services, rest @ ..] = arguments.as_slice() else {
        return Err("usage: engine_scale memory|files|shared SERVICES [SAMPLES]".into());
    };
    let samples = rest
        .first()
        .map_or(Ok(SAMPLES_PER_GATE), |count| count.parse())?;
    // Two workers, as in `portcullis serve`.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(journal, services.parse()?, samples))
}

async fn measure(kind: &str, services: usize, samples: u64) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let at_first_kib = status_kib("VmRSS")?;
    let begun = Instant::now();
    let engines = match kind {
        "memory" => {
            let mut engines = Vec::new();
            for number in 0..services {
                engines.push(engine(MemoryJournal::new(), number).await?);
            }
            engines
        }
        "files" => {
            let mut engines = Vec::new();
            for number in 0..services {
                let file = folder.path().join(format!("{number}.db"));
                engines.push(engine(SqliteJournal::open(&file).await?, number).await?);
            }
            engines
        }
        "shared" => {
            let journal = SqliteJournal::open(&folder.path().join("journal.db")).await?;
            let mut engines = Vec::new();
            for number in 0..services {
                engines.push(engine(journal.clone(), number).await?);
            }
            engines
        }
        other => return Err(format!("`{other}` is no kind of journal").into()),
    };
    let opening_s = begun.elapsed().as_secs_f64();
    let opened_kib = status_kib("VmRSS")?;
    let begun = Instant::now();
    tokio::time::timeout(PATIENCE, roll_out(&engines, samples)).await??;
    let rolling_s = begun.elapsed().as_secs_f64();
    let entries: u64 = engines.iter().map(|e| e.history().next_seq() - 1).sum();
    let line = serde_json::json!({
        "journal": kind,
        "services": services,
        "entries": entries,
        "opening_s": opening_s,
        "rolling_s": rolling_s,
        "at_first_kib": at_first_kib,
        "opened_kib": opened_kib,
        "peak_kib": status_kib("VmHWM")?,
        "threads": status_kib("Threads")?,
        "cpu_s": cpu_s(Path::new("/proc/self/stat"))?,
    });
    println!("{line}");
    for engine in engines {
        engine.stop().await;
    }
    Ok(())
}

async fn engine<J: Journal + 'static>(journal: J, number: usize) -> Result<Engine, Failed> {
    let scope = Scope::new(format!("service-{number}"))?;
    let now_ms = portcullis_engine::Clock::now_ms(&WallClock);
    let runner = Runner::open(journal, scope, "engine_scale", now_ms, LEASE_TTL_MS).await?;
    let hand = Hand::default();
    Ok(Engine::start(runner, hand.clone(), hand, WallClock).await?)
}

/// Deploys everywhere at once and waits until every release is promoted.
async fn roll_out(engines: &[Engine], samples: u64) -> Result<(), Failed> {
    let plan = plan(samples)?;
    let mut running = JoinSet::new();
    for (number, engine) in engines.iter().enumerate() {
        let mut plan = plan.clone();
        plan.id = RolloutId::new(format!("service-{number}-1"));
        let engine = engine.clone();
        running.spawn(async move {
            let mut entries = engine.subscribe();
            engine
                .deploy(Arc::new(plan), Actor::Person("bench".to_owned()))
                .await?;
            loop {
                let state = engine.history().last().map(|past| {
                    let state = past.rollout().state();
                    (state.is_done(), state.word())
                });
                match state {
                    Some((true, "promoted")) => return Ok::<(), Failed>(()),
                    Some((true, word)) => {
                        return Err(format!("service {number} ended {word}").into());
                    }
                    _ => {}
                }
                // One that was too slow for an entry has a look at what came of it.
                if let Err(RecvError::Closed) = entries.recv().await {
                    return Err(format!("the engine of service {number} ended").into());
                }
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

/// A guarded canary release with a migration, its gates with so many measurements each.
fn plan(samples: u64) -> Result<Plan, Failed> {
    let plan = Scenario::Guarded
        .plan()
        .map_err(|problems| format!("{problems:?}"))?;
    let mut plan = Plan::clone(&plan);
    for step in &mut plan.steps {
        if let Action::Gate(gate) = &mut step.action {
            gate.analysis.window_ms = samples * gate.analysis.interval_ms;
        }
    }
    Ok(plan)
}

/// A figure of this process from /proc/self/status.
fn status_kib(name: &str) -> Result<u64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let words = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    Ok(words.ok_or("no such line in /proc/self/status")?.parse()?)
}

/// CPU seconds of this process; the kernel counts in hundredths.
fn cpu_s(stat: &Path) -> Result<f64, Failed> {
    let text = std::fs::read_to_string(stat)?;
    let fields = text.rsplit_once(')').ok_or("no ) in /proc/self/stat")?.1;
    let numbers: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| -> Result<u64, Failed> { Ok(numbers.get(at).ok_or("short")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) as f64 / 100.0)
}
