//! One service that is released again and again, each time with a fault.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_api::engine::Detail;
use portcullis_rollout::{Cause, State};

use super::case::Case;
use crate::bench::clock;
use crate::bench::site::{Site, free_ports};

/// The pause between two looks at a rollout: each is a process of its own.
const LOOK: Duration = Duration::from_millis(400);
/// How long a rollout may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// The gate that is measured.
const GATE: &str = "gate-10";

/// What a gate did.
#[derive(Debug, Clone, Copy)]
pub enum Decided {
    /// It sent the release back, after so much of its window.
    Failed {
        /// Milliseconds that were measured.
        after_ms: u64,
    },
    /// It let it pass, or could not decide.
    NotFailed,
}

/// A site with the service `faulty`, whose release 1.0 serves.
pub struct Shop {
    pub site: Site,
    rollouts: u32,
}

impl Shop {
    /// Makes the folder, starts the server and brings out release 1.0.
    pub fn open(binaries: &Path) -> Result<Shop> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        let (port, first) = free_ports()?;
        let text = include_str!("portcullis.toml")
            .replace("@PORT@", &port.to_string())
            .replace("@FIRST@", &first.to_string())
            .replace("@LAST@", &(first + 9).to_string())
            .replace("@FOLDER@", &root.display().to_string());
        std::fs::write(root.join("portcullis.toml"), text)?;
        std::fs::copy(binaries.join("faulty"), root.join("faulty"))?;
        for release in ["1.0", "1.1"] {
            std::fs::write(root.join(format!("{release}.toml")), Case::stable())?;
        }
        let gateway = format!("127.0.0.1:{port}");
        let mut site = Site::prepare(folder, PathBuf::from(binaries).join("portcullis"), gateway)?;
        site.start()?;
        site.run(&["deploy", "--release", "1.0", "--wait"])?;
        Ok(Shop { site, rollouts: 1 })
    }

    /// Brings out release 1.1 with a fault and waits until its first gate has decided and everything is as before.
    pub fn release(&mut self, case: &Case) -> Result<Decided> {
        std::fs::write(self.site.folder().join("1.1.toml"), case.canary())?;
        self.site.run(&["deploy", "--release", "1.1"])?;
        self.rollouts += 1;
        let id = format!("shop-{}", self.rollouts);
        let begun = clock::now();
        let mut asked = false;
        loop {
            let detail = self.site.rollout(&id)?;
            if detail.summary.over {
                return decided(&detail);
            }
            if !asked && has_left_the_gate(&detail) {
                self.site
                    .run(&["abort", "--reason", "the gate has decided"])?;
                asked = true;
            }
            if begun.elapsed() > PATIENCE {
                bail!("{id} took too long: {}", detail.summary.sentence);
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Whether the gate has let the release pass, or asks.
fn has_left_the_gate(detail: &Detail) -> bool {
    let at = match &detail.state_detail {
        State::Paused { .. } => return true,
        State::Advancing { at, .. } | State::Watching { at, .. } => *at,
        _ => return false,
    };
    let mut steps = detail.plan.plan.steps.iter();
    let gate = steps.position(|step| step.name == GATE);
    gate.is_some_and(|gate| at.0 > gate)
}

fn decided(detail: &Detail) -> Result<Decided> {
    let State::Done { cause, .. } = &detail.state_detail else {
        bail!("{}", detail.summary.sentence);
    };
    match cause.as_ref().context("it was promoted")? {
        Cause::GateFailed { judgement, .. } => Ok(Decided::Failed {
            after_ms: judgement.measured_ms,
        }),
        Cause::Aborted(_) | Cause::LossAccepted { .. } => Ok(Decided::NotFailed),
        Cause::StepFailed { message, .. } => bail!("a step failed: {message}"),
    }
}
