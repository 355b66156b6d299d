//! Starting a release.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use portcullis_rollout::{Artifact, Fact, Failure, Launch};

use super::{Inner, LOG_FACT, Supervisor, failure, is_taken, locked, record_failure, supervise};
use crate::addresses::{listener_of, try_listen};
use crate::bounds::LOG_BYTES_MAX;
use crate::causes::with_causes;
use crate::clock::{Stopwatch, wall_ms};
use crate::command::{explain, random_marker};
use crate::digest::{sha256_of, short};
use crate::environment::environment;
use crate::evidence::last_lines_of;
use crate::instance::InstanceState;
use crate::process_table::boot_id;
use crate::record::{InstanceKey, Record, make_private};
use crate::release_log::older_piece;
use crate::session::{Session, Spawn, stop};
use supervise::Watched;

/// Where a process writes, and where in the file its part begins.
pub(super) struct Log {
    file: File,
    path: PathBuf,
    from: u64,
}

/// A release did not start.
pub(super) struct NotStarted {
    pub(super) message: String,
    facts: Vec<Fact>,
}

impl Inner {
    pub(super) async fn start(
        self: &Arc<Self>,
        launch: &Launch,
        supervised: bool,
    ) -> Result<Vec<Fact>, Failure> {
        self.claim()
            .await
            .map_err(|error| failure(with_causes(&error), false))?;
        let key = InstanceKey::of_launch(launch);
        let slot = self.slot(&key);
        let mut supervisor = slot.lock().await;
        let left = self
            .records
            .load(&key)
            .map_err(|error| record_failure(&error))?;
        if let Some(record) = &left
            && let Ok(facts) = self.in_effect(record, launch).await
        {
            if record.supervised && !supervisor.as_ref().is_some_and(Supervisor::is_at_work) {
                *supervisor = supervise::watch(self, record);
            }
            return Ok(facts);
        }
        verify_artifact(&launch.artifact, &launch.command.folder).await?;
        if let Some(record) = left {
            *supervisor = None;
            let patience = Duration::from_millis(launch.stop_timeout_ms);
            self.clear_away(record, patience).await?;
        }
        self.check_address(launch)?;
        let mut record = intent(launch, supervised)
            .map_err(|error| failure(format!("the start could not be prepared: {error}"), true))?;
        if !supervised {
            locked(&self.trials).insert(record.marker.clone());
        }
        self.records
            .save(&record)
            .map_err(|error| record_failure(&error))?;
        match self.bring_up(&mut record).await {
            Ok((session, facts)) => {
                // No wait between here and the end: either all of it happens or none.
                record.state = InstanceState::Running;
                self.records
                    .save(&record)
                    .map_err(|error| record_failure(&error))?;
                let child = session.release();
                if supervised && let Some(child) = child {
                    let watched = Watched::Child(child);
                    *supervisor = Some(supervise::supervise(self, &record, Some(watched)));
                }
                Ok(facts)
            }
            Err(not_started) => {
                let cleared = self.clear_away(record, Duration::ZERO).await;
                let mut facts = not_started.facts;
                facts.extend(
                    cleared
                        .err()
                        .map(|left| Fact::new("left behind", left.message)),
                );
                Err(Failure {
                    message: not_started.message,
                    retryable: true,
                    facts,
                })
            }
        }
    }

    /// Runs what a record says and waits until it is ready. What was started is stopped again when this
    /// fails or is dropped.
    pub(super) async fn bring_up(
        &self,
        record: &mut Record,
    ) -> Result<(Session, Vec<Fact>), NotStarted> {
        let launch = record.launch.clone();
        let release = &launch.release;
        let not_started = |why: String| NotStarted {
            message: format!("release {release} could not be started: {why}"),
            facts: Vec::new(),
        };
        let key = record.key();
        let log = self.open_log(&key).map_err(|error| {
            not_started(format!("its log {} {error}", self.log_file(&key).display()))
        })?;
        let watch = Stopwatch::start();
        let mut session = spawn(record, &log)
            .await
            .map_err(|error| not_started(explain(&launch.command, &error)))?;
        record.process = Some(session.id());
        record.started_at_ms = wall_ms();
        self.records
            .save(record)
            .map_err(|error| not_started(with_causes(&error)))?;
        let ready = self.wait_ready(&mut session, &launch, watch).await;
        let ready = match ready {
            Ok(()) => super::probe::running_program(session.id(), &launch).await,
            Err((message, facts)) => Err((format!("release {release} {message}"), facts)),
        };
        match ready {
            Ok(mut facts) => {
                facts.insert(0, Fact::new("pid", session.id().pid));
                facts.push(Fact::new("address", &launch.target.address));
                facts.push(Fact::new(
                    "ready after",
                    format!("{} ms", watch.elapsed_ms()),
                ));
                Ok((session, facts))
            }
            Err((message, mut facts)) => {
                let lines = last_lines_of(&log.path, log.from);
                if !lines.is_empty() {
                    facts.push(Fact::new("last lines", lines));
                }
                facts.push(Fact::new(LOG_FACT, log.path.display()));
                Err(NotStarted { message, facts })
            }
        }
    }

    pub(super) fn check_address(&self, launch: &Launch) -> Result<(), Failure> {
        let address = &launch.target.address;
        let error = match try_listen(address) {
            Ok(()) => return Ok(()),
            Err(error) if is_taken(&error) => error,
            Err(error) => {
                return Err(failure(
                    format!("nothing can listen at {address}: {error}"),
                    false,
                ));
            }
        };
        let recorded = self
            .all_records()
            .unwrap_or_default()
            .into_iter()
            .find(|record| record.launch.target.address == *address && record.process.is_some());
        let holder = match (listener_of(address), recorded) {
            (Some(process), Some(record)) => {
                format!(
                    "{process}, which is release {} of {}",
                    record.launch.release, record.launch.service
                )
            }
            (Some(process), None) => process,
            (None, _) => format!("a process that cannot be told ({error})"),
        };
        Err(failure(
            format!("address {address} is taken by {holder}"),
            true,
        ))
    }

    pub(super) fn open_log(&self, key: &InstanceKey) -> io::Result<Log> {
        let path = self.log_file(key);
        make_private(path.parent().unwrap_or(Path::new(".")))?;
        if std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
            std::fs::rename(&path, older_piece(&path))?;
        }
        // Appending: several writers do not overwrite each other, and the file may be cut from outside.
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)?;
        let from = file.metadata()?.len();
        Ok(Log { file, path, from })
    }

    /// Stops whatever is left of a recorded instance, with its children, and sets its record aside.
    pub(super) async fn clear_away(
        &self,
        mut record: Record,
        patience: Duration,
    ) -> Result<crate::session::Stopped, Failure> {
        if record.state != InstanceState::Stopping {
            record.state = InstanceState::Stopping;
            self.records
                .save(&record)
                .map_err(|error| record_failure(&error))?;
        }
        let leader = record.living_process();
        let leader = leader.map_err(|error| failure(format!("/proc: {error}"), true))?;
        let stopped = stop(&record.marker, leader, patience).await;
        let stopped = stopped.map_err(|error| failure(with_causes(&error), true))?;
        self.records
            .set_aside(&record.key())
            .map_err(|error| record_failure(&error))?;
        locked(&self.trials).remove(&record.marker);
        Ok(stopped)
    }
}

/// Starts the process of a record; it is killed again when the result is dropped.
pub(super) async fn spawn(record: &Record, log: &Log) -> io::Result<Session> {
    let command = &record.launch.command;
    let spawn = Spawn {
        input: &[],
        argv: &command.argv,
        folder: &command.folder,
        environment: environment(&command.env, &command.folder, &record.marker).await?,
    };
    let output = || {
        Ok((
            Stdio::from(log.file.try_clone()?),
            Stdio::from(log.file.try_clone()?),
        ))
    };
    Session::spawn(&spawn, &record.marker, output).await
}

/// Makes sure that the program is the one that was planned.
pub(super) async fn verify_artifact(artifact: &Artifact, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(&artifact.path);
    let shown = path.display();
    let found = sha256_of(&path).await.map_err(|error| {
        failure(
            format!("the program {shown} cannot be read: {error}"),
            false,
        )
    })?;
    if found == artifact.sha256 {
        return Ok(());
    }
    let message = format!(
        "the program {shown} is not the one that was planned: its SHA-256 is {found}, planned was \
         {}; make a new plan for it or put the planned one back",
        artifact.sha256
    );
    Err(failure(message, false))
}

/// What is written down before anything is started.
fn intent(launch: &Launch, supervised: bool) -> io::Result<Record> {
    Ok(Record {
        marker: random_marker()?,
        boot_id: boot_id()?,
        process: None,
        started_at_ms: wall_ms(),
        restarts: 0,
        last_end: None,
        state: InstanceState::Starting,
        supervised,
        launch: launch.clone(),
    })
}

/// The fact that names a program.
pub(super) fn program_fact(sha256: &str, interpreter: Option<&Path>) -> Fact {
    match interpreter {
        None => Fact::new("sha256", short(sha256)),
        Some(interpreter) => Fact::new(
            "sha256",
            format!(
                "{} (the file's; {} runs it)",
                short(sha256),
                interpreter.display()
            ),
        ),
    }
}
