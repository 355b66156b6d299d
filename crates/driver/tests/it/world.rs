//! What the tests act on: scratch folders, free ports, the tiny service.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_driver::{CheckClient, ProcessDriver};
use portcullis_rollout::{
    Action, Artifact, Check, Command, CutOff, Direction, Launch, Op, OpKey, ReleaseId, RolloutId,
    ServiceName, StepIndex, Target,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A scratch folder with a process driver's state; what runs in it is killed at the end.
pub(crate) struct World {
    pub(crate) scratch: TempDir,
    pub(crate) driver: ProcessDriver,
}

impl World {
    pub(crate) fn new() -> World {
        let scratch = tempfile::tempdir().unwrap();
        let driver = ProcessDriver::open(scratch.path().join("state")).unwrap();
        World { scratch, driver }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// How release `version` of the tiny service is started at a free address.
    pub(crate) fn launch(&self, version: &str) -> Launch {
        let address = free_address();
        let port = address.rsplit_once(':').unwrap().1.to_owned();
        let program = example("tiny_service");
        let words = [program.display().to_string(), port, version.to_owned()];
        self.launch_of(version, &address, &words, &program)
    }

    /// As [`World::launch`], with a shell script that may end in `exec "$0" "$@"` to become the service.
    pub(crate) fn launch_script(&self, version: &str, script: &str) -> Launch {
        let mut launch = self.launch(version);
        let words = std::mem::take(&mut launch.command.argv);
        launch.command.argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
        launch.command.argv.extend(words);
        launch
    }

    fn launch_of(&self, version: &str, address: &str, argv: &[String], program: &Path) -> Launch {
        Launch {
            service: ServiceName::new("tiny"),
            release: ReleaseId::new(version),
            target: Target {
                name: "local".to_owned(),
                driver: "process".to_owned(),
                address: address.to_owned(),
            },
            artifact: Artifact {
                path: program.to_owned(),
                sha256: sha256(program),
            },
            command: Command {
                argv: argv.to_vec(),
                env: Default::default(),
                folder: self.scratch.path().to_owned(),
            },
            ready: health(version),
            ready_timeout_ms: 10_000,
            stop_timeout_ms: 5_000,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A failed test must not leave services behind: they are in sessions of their own.
        let folder = self.scratch.path().display().to_string();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let there = std::fs::read_link(entry.path().join("cwd"));
            if there.is_ok_and(|there| there.display().to_string().starts_with(&folder)) {
                let pid = rustix::process::Pid::from_raw(pid).unwrap();
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

/// A program built from `examples/`.
pub(crate) fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples")
        .join(name);
    assert!(
        program.exists(),
        "{} is missing: cargo build --examples",
        program.display()
    );
    program
}

pub(crate) fn sha256(file: &Path) -> String {
    sha256_of(&std::fs::read(file).unwrap())
}

pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// An address at which nothing listens now. Ports below the range that the system takes for outgoing
/// connections, a range of its own for each test process.
pub(crate) fn free_address() -> String {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 12_000 + (std::process::id() % 1_000) as u16 * 20;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 20;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}

pub(crate) fn health(version: &str) -> Check {
    Check {
        method: "GET".to_owned(),
        path: "/health".to_owned(),
        body_file: None,
        status: 200,
        json: [("/version".to_owned(), serde_json::json!(version))].into(),
        contains: None,
        timeout_ms: 2_000,
    }
}

pub(crate) fn op(direction: Direction, action: Action) -> Op {
    let rollout = RolloutId::new("tiny-1");
    let key = OpKey {
        rollout,
        direction,
        step: StepIndex(0),
        attempt: 1,
    };
    Op {
        key,
        action,
        deadline_ms: 30_000,
    }
}

pub(crate) fn start(launch: &Launch) -> Op {
    op(Direction::Do, Action::Start(launch.clone()))
}

pub(crate) fn retire(launch: &Launch) -> Op {
    op(Direction::Undo, Action::Retire(cut_off(launch)))
}

pub(crate) fn cut_off(launch: &Launch) -> CutOff {
    CutOff {
        service: launch.service.clone(),
        release: launch.release.clone(),
        target: launch.target.clone(),
        drain_timeout_ms: 1_000,
        stop_timeout_ms: launch.stop_timeout_ms,
    }
}

/// Whether a release answers at its address, asked without any driver.
pub(crate) async fn answers(launch: &Launch) -> bool {
    let checks = CheckClient::new().unwrap();
    checks
        .run(&launch.ready, &launch.target.address)
        .await
        .is_ok()
}

/// Whether a process lives.
pub(crate) fn lives(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    !stat.rsplit_once(") ").unwrap().1.starts_with('Z')
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// The number in a file that a script writes.
pub(crate) async fn pid_in(file: &Path) -> u32 {
    let read = || std::fs::read_to_string(file).ok()?.trim().parse().ok();
    until("a process wrote its number", async || read().is_some()).await;
    read().unwrap()
}

/// Waits until `condition` is true.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, reached).await;
}

/// Waits for something that must happen.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {} s: {what}", PATIENCE.as_secs()),
    }
}

pub(crate) fn fact<'a>(facts: &'a [portcullis_rollout::Fact], name: &str) -> &'a str {
    match facts.iter().find(|fact| fact.name == name) {
        Some(fact) => &fact.value,
        None => panic!("no fact {name:?} in {facts:?}"),
    }
}
