//! A driver and a meter that a test controls, and a small plan.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_analysis::{Analysis, ArmSample, Rule, Sample, Signal, Test};
use portcullis_driver::{Driver, Meter, Probed, Query};
use portcullis_engine::{Engine, Runner, WallClock};
use portcullis_journal::{MemoryJournal, Scope};
use portcullis_rollout::*;

/// What the driver was asked, and what is in effect.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) applied: Vec<String>,
    pub(crate) effects: BTreeMap<usize, bool>,
    /// Applying this step takes long.
    pub(crate) slow: Option<&'static str>,
    /// Requests and errors that the next samples show.
    pub(crate) sample: (u64, u64),
}

#[derive(Clone, Default)]
pub(crate) struct Hand(pub(crate) Arc<Mutex<World>>);

impl Driver for Hand {
    async fn probe(&self, op: &Op) -> Probed {
        let world = self.0.lock().unwrap();
        let there = world.effects.get(&op.key.step.0).copied().unwrap_or(false);
        let wanted = op.key.direction == Direction::Do;
        Probed::new(if there == wanted {
            Presence::Applied
        } else {
            Presence::Absent
        })
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        let slow = {
            let mut world = self.0.lock().unwrap();
            let word = format!("{:?} {}", op.key.direction, op.action.word());
            world.applied.push(word);
            world.slow == Some(op.action.word())
        };
        if slow {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        let done = op.key.direction == Direction::Do;
        self.0.lock().unwrap().effects.insert(op.key.step.0, done);
        Ok(Vec::new())
    }
}

impl Meter for Hand {
    async fn sample(&self, query: &Query) -> Sample {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (requests, errors) = self.0.lock().unwrap().sample;
        let canary = ArmSample {
            requests,
            errors,
            ..ArmSample::default()
        };
        Sample {
            from_ms: 0,
            to_ms: query.gate.analysis.interval_ms,
            canary: Some(canary),
            ..Sample::default()
        }
    }
}

pub(crate) fn scope() -> Scope {
    Scope::new("demo").unwrap()
}

pub(crate) async fn engine(journal: &MemoryJournal, hand: &Hand) -> Engine {
    let runner = Runner::open(journal.clone(), scope(), "test", 0, 1)
        .await
        .unwrap();
    Engine::start(runner, hand.clone(), hand.clone(), WallClock)
        .await
        .unwrap()
}

/// Starts 1.1 beside 1.0, gives it all traffic with one gate, retires 1.0.
pub(crate) fn plan() -> Arc<Plan> {
    let check = Check {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        body_file: None,
        status: 200,
        json: BTreeMap::new(),
        contains: None,
        timeout_ms: 100,
    };
    let release = |id: &str| Release {
        id: ReleaseId::new(id),
        service: ServiceName::new("demo"),
        artifact: Artifact {
            path: "/bin/true".into(),
            sha256: "00".repeat(32),
        },
        command: vec!["{artifact}".to_owned()],
        env: BTreeMap::new(),
        migration: None,
    };
    let target = |port: u16| Target {
        name: "local".to_owned(),
        driver: "process".to_owned(),
        address: format!("127.0.0.1:{port}"),
    };
    let rule = Rule {
        signal: Signal::ErrorRate,
        test: Test::Limit { max: 0.01 },
        requests_min: 10,
        enough: portcullis_analysis::Enough::Requests,
        breaker: false,
        alone: false,
    };
    let request = PlanRequest {
        id: RolloutId::new("demo-1"),
        created_at_ms: 0,
        environment: "test".to_owned(),
        purpose: Purpose::Deploy,
        release: release("1.1"),
        target: target(1),
        previous: Some(Running {
            release: release("1.0"),
            target: target(2),
        }),
        strategy: Strategy::BlueGreen,
        policy: DataPolicy {
            compatible: false,
            restore: false,
            service_writes: true,
            accept_loss: false,
            read_only: false,
            reverse: false,
            longest_lock_ms: None,
        },
        stores: Vec::new(),
        folder: "/".into(),
        scratch: "/nowhere".into(),
        trial_addresses: ["127.0.0.1:3".to_owned(), "127.0.0.1:4".to_owned()],
        backup_age: None,
        backup_name: None,
        ready: check,
        smoke: Vec::new(),
        analysis: Analysis {
            rules: vec![rule],
            window_ms: 100,
            interval_ms: 50,
            samples_min: 2,
            ..portcullis_analysis::Analysis::new(Vec::new(), 1, 1)
        },
        metrics: None,
        figures: Vec::new(),
        synthetic: None,
        ledger: None,
        closing: Closing::default(),
        final_backup_name: Some("sim_simulated_19700101T000001Z".to_owned()),
        restores: None,
        approval: None,
        hooks: Vec::new(),
        keep_warm: portcullis_rollout::KeepWarm::default(),
        timeouts: Timeouts {
            ready_ms: 200,
            stop_ms: 200,
            drain_ms: 200,
            backup_ms: 200,
            migrate_ms: 200,
            short_ms: 200,
        },
    };
    Arc::new(Plan::build(&request).unwrap())
}
