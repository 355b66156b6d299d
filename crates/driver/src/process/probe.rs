//! Seeing whether a release runs. Nothing here changes anything.

use std::path::{Path, PathBuf};

use portcullis_rollout::{CutOff, Fact, Launch, Presence};
use tokio::sync::OwnedMutexGuard;

use super::start::program_fact;
use super::{Inner, Supervisor};
use crate::bounds::PROBE_LOCK_WAIT;
use crate::causes::with_causes;
use crate::digest::sha256_of;
use crate::driver::Probed;
use crate::instance::InstanceState;
use crate::process_table::{ProcessId, living};
use crate::record::{InstanceKey, Record};

/// Why a start is not in effect.
pub(super) enum NotInEffect {
    /// It was seen that it is not; shows what was seen.
    Absent(Vec<Fact>),
    /// It could not be seen; says why.
    Unknown(String),
}

impl Inner {
    pub(super) async fn probe_start(&self, launch: &Launch) -> Probed {
        let key = InstanceKey::of_launch(launch);
        let (_lock, record) = match self.look(&key).await {
            Ok(found) => found,
            Err(unknown) => return unknown,
        };
        let Some(record) = record else {
            return Probed::new(Presence::Absent).with("release", "it does not run");
        };
        match self.in_effect(&record, launch).await {
            Ok(facts) => Probed {
                presence: Presence::Applied,
                facts,
            },
            Err(NotInEffect::Absent(facts)) => Probed {
                presence: Presence::Absent,
                facts,
            },
            Err(NotInEffect::Unknown(why)) => Probed::new(Presence::Unknown).with("instance", why),
        }
    }

    pub(super) async fn probe_retire(&self, order: &CutOff) -> Probed {
        let key = InstanceKey::of_cut_off(order);
        let (_lock, record) = match self.look(&key).await {
            Ok(found) => found,
            Err(unknown) => return unknown,
        };
        let Some(record) = record else {
            return Probed::new(Presence::Applied).with("release", "it does not run");
        };
        match record.any_process() {
            Ok(Some(process)) => Probed::new(Presence::Absent)
                .with("instance", format!("process {} lives", process.pid)),
            Ok(None) if record.supervised && record.state.is_expected() => {
                let text = "its process has ended and will be started again";
                Probed::new(Presence::Absent).with("instance", text)
            }
            Ok(None) => Probed::new(Presence::Applied).with("instance", "no process lives"),
            Err(error) => Probed::new(Presence::Unknown).with("/proc", error),
        }
    }

    /// Whether what `launch` asks for runs, is the wanted program and answers its readiness check now.
    pub(super) async fn in_effect(
        &self,
        record: &Record,
        launch: &Launch,
    ) -> Result<Vec<Fact>, NotInEffect> {
        let absent = |why: String| NotInEffect::Absent(vec![Fact::new("instance", why)]);
        let process = record
            .any_process()
            .map_err(|error| NotInEffect::Unknown(format!("/proc cannot be read: {error}")))?;
        let Some(process) = process else {
            let end = record
                .last_end
                .as_deref()
                .map_or(String::new(), |end| format!("; it {end}"));
            return Err(absent(format!("no process lives{end}")));
        };
        if matches!(
            record.state,
            InstanceState::Starting | InstanceState::Stopping
        ) {
            let pid = process.pid;
            return Err(absent(format!(
                "process {pid} is left of an interrupted attempt"
            )));
        }
        if record.launch.command != launch.command {
            return Err(absent(format!(
                "process {} runs another command",
                process.pid
            )));
        }
        let mut facts = vec![Fact::new("pid", process.pid)];
        let program = running_program(process, launch).await;
        facts.extend(program.map_err(|(why, facts)| match facts.is_empty() {
            true => NotInEffect::Unknown(why),
            false => NotInEffect::Absent(facts),
        })?);
        let address = &launch.target.address;
        facts.push(Fact::new("address", address));
        match self.checks.run(&launch.ready, address).await {
            Ok(passed) => facts.push(Fact::new("ready", format!("in {} ms", passed.took_ms))),
            Err(failed) => {
                facts.extend(failed.facts());
                return Err(NotInEffect::Absent(facts));
            }
        }
        if living(process).is_none() {
            return Err(absent(format!("process {} has just ended", process.pid)));
        }
        Ok(facts)
    }

    /// The record of an instance while nobody else changes it.
    async fn look(
        &self,
        key: &InstanceKey,
    ) -> Result<(OwnedMutexGuard<Option<Supervisor>>, Option<Record>), Probed> {
        let unknown = |why: String| Probed::new(Presence::Unknown).with("instance", why);
        let lock = tokio::time::timeout(PROBE_LOCK_WAIT, self.slot(key).lock_owned()).await;
        let lock = lock.map_err(|_| unknown("an attempt is still under way".to_owned()))?;
        let record = self
            .records
            .load(key)
            .map_err(|error| unknown(with_causes(&error)))?;
        Ok((lock, record))
    }
}

/// Compares the program that a process runs with the planned one. The kernel keeps the bytes that were
/// started at `/proc/PID/exe`, even when the file was replaced since. Where an interpreter runs a
/// script, only the script's file can be compared, and the fact says so.
///
/// The error has no facts when the program could not be read, and shows both digests when it differs.
pub(super) async fn running_program(
    process: ProcessId,
    launch: &Launch,
) -> Result<Vec<Fact>, (String, Vec<Fact>)> {
    let exe = PathBuf::from(format!("/proc/{}/exe", process.pid));
    let unreadable = |error: std::io::Error| {
        (
            format!(
                "the program of process {} cannot be read: {error}",
                process.pid
            ),
            Vec::new(),
        )
    };
    let wanted = &launch.artifact.sha256;
    let running = sha256_of(&exe).await.map_err(unreadable)?;
    if running == *wanted {
        return Ok(vec![program_fact(wanted, None)]);
    }
    let differs = |found: &str| {
        let why = format!(
            "process {} runs another program than was planned",
            process.pid
        );
        let digests = format!("{found}, planned was {wanted}");
        (
            why.clone(),
            vec![Fact::new("instance", why), Fact::new("sha256", digests)],
        )
    };
    let file = launch.command.folder.join(&launch.artifact.path);
    let interpreter = std::fs::read_link(&exe).map_err(unreadable)?;
    if is_same_file(&interpreter, &file) {
        return Err(differs(&running));
    }
    let of_file = sha256_of(&file).await.map_err(unreadable)?;
    if of_file == *wanted {
        Ok(vec![program_fact(wanted, Some(&interpreter))])
    } else {
        Err(differs(&of_file))
    }
}

fn is_same_file(exe: &Path, file: &Path) -> bool {
    // The kernel marks a program whose file was replaced or removed.
    let exe = exe.to_string_lossy();
    let exe = Path::new(exe.strip_suffix(" (deleted)").unwrap_or(&exe)).to_owned();
    exe == file || file.canonicalize().is_ok_and(|file| file == exe)
}
