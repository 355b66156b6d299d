//! The release that serves: healthy, the program that the journal says, and nothing beside it that
//! nobody knows of.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_driver::{Instance, ProcessDriver};
use portcullis_engine::file_sha256;

use super::Patient;
use super::finding::Finding;
use crate::connect;

/// Asks the serving release its ready check, and compares its program with the recorded digest.
pub(super) async fn examine(patient: &Patient) -> Vec<Finding> {
    let Some(serving) = patient
        .history
        .as_ref()
        .and_then(|history| history.serving())
    else {
        return Vec::new();
    };
    let (release, address) = (&serving.release.id, &serving.target.address);
    let checks = match connect::checks(&patient.config) {
        Ok(checks) => checks,
        Err(error) => return vec![Finding::warn("serving release", error.to_string())],
    };
    let mut found = Vec::new();
    let ready = checks.run(&patient.config.service.ready, address).await;
    let answers = ready.is_ok();
    found.push(match ready {
        Ok(passed) => {
            let message = format!(
                "{release} at {address} passes its ready check in {} ms",
                passed.took_ms
            );
            Finding::ok("serving release", message)
        }
        Err(failed) => {
            let message = format!("{release} at {address}: {}", failed.message);
            let hint = "`portcullis logs` shows what it wrote; `portcullis serve` starts it again";
            Finding::fail("serving release", message).hint(hint)
        }
    });
    let instance = instances(patient)
        .into_iter()
        .find(|i| i.address == *address);
    let pid = instance.and_then(|instance| instance.pid);
    if let Some(pid) = pid {
        let artifact = serving.release.artifact.clone();
        let folder = patient.config.folder.clone();
        let compared = tokio::task::spawn_blocking(move || {
            program(pid, &folder.join(&artifact.path), &artifact.sha256)
        });
        found.extend(compared.await.ok());
    } else if answers {
        let message = format!("something answers at {address}, but no process is on record for it");
        found.push(Finding::warn("running program", message));
    }
    found
}

/// Compares what a process runs with the recorded digest; of an interpreter, the script's file.
fn program(pid: u32, file: &Path, wanted: &str) -> Finding {
    let exe = PathBuf::from(format!("/proc/{pid}/exe"));
    let running = match file_sha256(&exe) {
        Ok(digest) => digest,
        Err(error) => {
            let message = format!("the program of process {pid} cannot be read: {error}");
            return Finding::warn("running program", message);
        }
    };
    let short = wanted.get(..12).unwrap_or(wanted);
    if running == wanted {
        let message = format!("process {pid} runs the recorded program, sha256 {short}");
        return Finding::ok("running program", message);
    }
    let link = fs::read_link(&exe).unwrap_or_default();
    match file_sha256(file) {
        Ok(digest) if digest == wanted => {
            let by = link.display();
            let message = format!("process {pid} is {by}; the script's file is the recorded one, sha256 {short}");
            Finding::ok("running program", message)
        }
        _ => Finding::fail(
            "running program",
            format!("process {pid} does not run the recorded program {}", file.display()),
        )
        .hint("the file was changed under a release that serves: put it back, and release the change as a version of its own"),
    }
}

/// Services that were started and that the journal does not know.
pub(super) fn unknown(patient: &Patient) -> Vec<Finding> {
    let Some(history) = &patient.history else {
        return Vec::new();
    };
    let known = |instance: &Instance| {
        let mut outlines = history.outlines();
        outlines.any(|outline| *outline.address == *instance.address)
    };
    // Only of this service: a state folder may be shared.
    let ours = |instance: &Instance| instance.service == patient.config.service.name;
    instances(patient)
        .into_iter()
        .filter(|instance| instance.pid.is_some() && ours(instance) && !known(instance))
        .map(|instance| {
            let message = format!(
                "release {} runs at {} and the journal does not know of it",
                instance.release, instance.address
            );
            Finding::warn("unknown service", message)
                .hint("a try-out that was cut off is stopped when `portcullis serve` starts")
        })
        .collect()
}

/// What is on record. The folder is only opened where it is there already: a doctor makes nothing.
fn instances(patient: &Patient) -> Vec<Instance> {
    let root = &patient.config.state.folder;
    if !root.join("instances").is_dir() || !root.join("logs").is_dir() {
        return Vec::new();
    }
    ProcessDriver::open(root.clone()).map_or_else(|_| Vec::new(), |process| process.instances())
}
