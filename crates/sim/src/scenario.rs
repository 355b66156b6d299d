//! The plans that are explored: made by the real `Plan::build`.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_analysis::{Analysis, Rule, Signal, Test};
use portcullis_rollout::{
    Artifact, Check, Closing, Command, CommandMigration, DataPolicy, Hook, HookPoint, HookTime,
    KeepWarm, Migration, MigrationPhase, Plan, PlanProblem, PlanRequest, Proof, Purpose, Release,
    ReleaseId, RolloutId, Running, ServiceName, SqlFile, SqlMigration, StoreLocation, StoreRef,
    Strategy, Target, Timeouts, Weight,
};

/// A plan to explore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// A canary release with a migration whose undo restores a backup and loses nothing.
    Guarded,
    /// The same where the service writes: the restore needs a person's consent.
    LosesWrites,
    /// The same with a planned approval before the data is touched.
    Approved,
    /// The same with the old release kept warm after the promotion, and with hooks.
    KeptWarm,
    /// A cut-over: the two releases never run beside each other, and going back loses what was written since the
    /// service was opened.
    CutOver,
    /// A canary release with users' writes kept out until it is promoted: going back loses nothing.
    ReadOnly,
    /// The first release of a service.
    First,
    /// The same where the service writes and going back reverses the migration: putting the backup back needs consent.
    Reversed,
    /// A release with SQL files of every phase, one of which works in batches.
    Phased,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Scenario; 9] = [
        Scenario::Guarded,
        Scenario::LosesWrites,
        Scenario::Approved,
        Scenario::KeptWarm,
        Scenario::CutOver,
        Scenario::ReadOnly,
        Scenario::First,
        Scenario::Reversed,
        Scenario::Phased,
    ];

    /// The plan, made by the real builder, with at most two attempts a step to keep the space small.
    ///
    /// # Errors
    /// When the builder refuses the request.
    pub fn plan(self) -> Result<Arc<Plan>, Vec<PlanProblem>> {
        let mut plan = Plan::build(&self.request())?;
        for step in &mut plan.steps {
            step.attempts_max = step.attempts_max.min(2);
        }
        Ok(Arc::new(plan))
    }

    fn hooks(self) -> Vec<Hook> {
        if self != Scenario::KeptWarm {
            return Vec::new();
        }
        vec![
            hook("before-migrate", HookTime::Before),
            hook("after", HookTime::After),
        ]
    }

    fn strategy(self) -> Strategy {
        let weights = vec![weight(10), Weight::ALL];
        match self {
            Scenario::CutOver => Strategy::CutOver { weights },
            _ => Strategy::Canary { weights },
        }
    }

    fn request(self) -> PlanRequest {
        let previous = Running {
            release: release("1.0", None),
            target: target(41000),
        };
        PlanRequest {
            id: RolloutId::new("sim-1"),
            created_at_ms: 0,
            environment: "simulated".to_owned(),
            purpose: Purpose::Deploy,
            release: release("1.1", Some(self.migration())),
            target: target(41001),
            previous: (self != Scenario::First).then_some(previous),
            strategy: self.strategy(),
            policy: DataPolicy {
                compatible: self != Scenario::CutOver,
                restore: true,
                service_writes: matches!(
                    self,
                    Scenario::LosesWrites
                        | Scenario::CutOver
                        | Scenario::ReadOnly
                        | Scenario::Reversed
                ),
                accept_loss: false,
                read_only: self == Scenario::ReadOnly,
                reverse: self == Scenario::Reversed,
                longest_lock_ms: None,
            },
            stores: vec![self.store()],
            folder: "/data".into(),
            scratch: "/scratch".into(),
            trial_addresses: ["127.0.0.1:41002".to_owned(), "127.0.0.1:41003".to_owned()],
            backup_age: None,
            backup_name: Some("sim_simulated_19700101T000000Z".to_owned()),
            ready: check("/health"),
            smoke: vec![check("/lookup/0")],
            analysis: Analysis {
                rules: vec![Rule {
                    signal: Signal::ErrorRate,
                    test: Test::Limit { max: 0.01 },
                    requests_min: 10,
                    enough: portcullis_analysis::Enough::Requests,
                    breaker: false,
                    alone: false,
                }],
                window_ms: 1000,
                interval_ms: 1000,
                samples_min: 1,
                ..portcullis_analysis::Analysis::new(Vec::new(), 1, 1)
            },
            metrics: None,
            figures: Vec::new(),
            synthetic: None,
            ledger: None,
            closing: Closing::default(),
            final_backup_name: Some("sim_simulated_19700101T000001Z".to_owned()),
            restores: None,
            approval: (self == Scenario::Approved).then(|| "Go?".to_owned()),
            hooks: self.hooks(),
            keep_warm: KeepWarm::lasting(if self == Scenario::KeptWarm { 2000 } else { 0 }),
            timeouts: SECOND_EACH,
        }
    }
}

impl Scenario {
    fn store(self) -> StoreRef {
        let path = "/data/library.db".into();
        match self {
            Scenario::Phased => StoreRef {
                name: "library".to_owned(),
                location: StoreLocation::Sqlite { path },
            },
            _ => library(),
        }
    }

    fn migration(self) -> Migration {
        if self != Scenario::Phased {
            return migration();
        }
        let file = |phase: MigrationPhase| SqlFile {
            name: format!("000{}_{phase}.sql", phase as u8 + 1),
            sha256: "00".to_owned(),
            phase,
            reverse: None,
        };
        Migration::Sql(SqlMigration {
            folder: "/data/migrations".into(),
            through: None,
            store: self.store(),
            files: MigrationPhase::ALL.map(file).to_vec(),
            lock_timeout_ms: 1000,
            statement_timeout_ms: 1000,
            pause_ms: 0,
            server_version: None,
        })
    }
}

fn migration() -> Migration {
    Migration::Command(CommandMigration {
        command: command(&["{artifact}", "migrate", "{store.library}"]),
        proof: Proof::Json {
            file: "{store.library}".into(),
            pointer: "/schema".to_owned(),
            equals: 2.into(),
        },
        reverse: Some(command(&["{artifact}", "reverse", "{store.library}"])),
    })
}
/// Everything may take a second.
const SECOND_EACH: Timeouts = Timeouts {
    ready_ms: 1000,
    stop_ms: 1000,
    drain_ms: 1000,
    backup_ms: 1000,
    migrate_ms: 1000,
    short_ms: 1000,
};

fn hook(name: &str, time: HookTime) -> Hook {
    Hook {
        name: name.to_owned(),
        points: vec![HookPoint::Step {
            time,
            kind: Some("migrate".to_owned()),
        }],
        command: command(&["tell", "{release}"]),
        timeout_ms: 1000,
        must_succeed: true,
        must_succeed_back: false,
    }
}

fn release(id: &str, migration: Option<Migration>) -> Release {
    Release {
        id: ReleaseId::new(id),
        service: ServiceName::new("sim"),
        artifact: Artifact {
            path: "/bin/service".into(),
            sha256: "00".repeat(32),
        },
        command: vec!["{artifact}".to_owned(), "{port}".to_owned()],
        env: BTreeMap::new(),
        migration,
    }
}

fn target(port: u16) -> Target {
    Target {
        name: "local".to_owned(),
        driver: "process".to_owned(),
        address: format!("127.0.0.1:{port}"),
    }
}

fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::new(),
        folder: "/data".into(),
    }
}

fn check(path: &str) -> Check {
    Check {
        method: "GET".to_owned(),
        path: path.to_owned(),
        body_file: None,
        status: 200,
        json: BTreeMap::new(),
        contains: None,
        timeout_ms: 100,
    }
}

fn weight(percent: u8) -> Weight {
    Weight::new(percent).unwrap_or(Weight::ALL)
}

/// The one file that every scenario has.
fn library() -> StoreRef {
    StoreRef {
        name: "library".to_owned(),
        location: StoreLocation::File {
            path: "/data/library.json".into(),
        },
    }
}
