//! `cargo xtask demo`: two guarded releases of a real service, one good and one bad, under load.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::{cargo, run, target_folder};

mod configuration;
mod images;
mod load;
mod portcullis;
mod progress;
mod report;
mod tally;

use configuration::{Fault, Workplace};
use load::Load;
use portcullis::Portcullis;
use progress::Progress;

/// How long the load runs before the first release, so that there is a normal to compare with.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long it goes on after the last one, so that late failures are seen.
const COOL_DOWN: Duration = Duration::from_secs(2);

/// Shows two guarded releases.
#[derive(Args)]
pub struct Demo {
    /// A folder with photographs; without it those of a Debian package are used.
    #[arg(long)]
    images: Option<PathBuf>,
    /// How release 1.2 is bad.
    #[arg(long, value_enum, default_value_t = Fault::Errors)]
    fault: Fault,
    /// Requests per second through the gateway.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=5000))]
    rate: u32,
    /// The folder to work in; must not exist. Without it one is made under the system's temporary
    /// folder. It is kept, so that you can look around afterwards.
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Demo {
    /// Runs it. Succeeds only when the good release was promoted, the bad one rolled back, and nothing
    /// was lost.
    pub fn run(&self) -> Result<()> {
        eprintln!("building in release mode");
        run(cargo().args([
            "build",
            "--release",
            "--package",
            "portcullis",
            "--package",
            "dhash",
        ]))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.show())
    }

    async fn show(&self) -> Result<()> {
        let progress = Progress::new();
        let binaries = target_folder()?.join("release");
        let workplace = Workplace::make(self.folder.as_deref())?;
        progress.say(&format!("working in {}", workplace.folder.display()));
        progress.step("collecting pictures");
        let source = images::collect(self.images.as_deref(), &workplace.images())?;
        progress.say(&source);
        progress.step("hashing them into library.json");
        workplace.build_library(&binaries)?;
        let questions = workplace.write_configuration(&binaries, self.fault)?;

        let portcullis = Portcullis::new(binaries.join("portcullis"), workplace.folder.clone());
        progress.step("starting Portcullis");
        portcullis.run(&["check"])?;
        portcullis.run(&["init"])?;
        let mut serve = portcullis.serve().await?;
        let shown = self
            .releases(&progress, &workplace, &portcullis, questions)
            .await;
        progress.step("stopping Portcullis and the services");
        let stopped = serve.stop().await;
        progress.finish();
        let story = shown.with_context(|| serve.last_words())?;
        stopped?;
        let kept = report::print(&story, &workplace, self.fault);
        if !kept {
            bail!("the demo did not go as promised; the lines marked FAILED say where");
        }
        Ok(())
    }

    async fn releases(
        &self,
        progress: &Progress,
        workplace: &Workplace,
        portcullis: &Portcullis,
        questions: Vec<load::Question>,
    ) -> Result<report::Story> {
        progress.step("starting dhash 1.0");
        let first = portcullis.deploy("1.0", progress).await?;
        if first != 0 {
            bail!("release 1.0 could not be started (exit code {first})");
        }
        let load = Load::start(workplace.gateway(), self.rate, questions)?;
        progress.step("load is running");
        tokio::time::sleep(WARM_UP).await;
        let library_at_first = workplace.library_sha256()?;

        progress.step("releasing 1.1, which is good");
        let good = portcullis.deploy("1.1", progress).await?;
        let library_before = workplace.library_sha256()?;

        progress.step(&format!(
            "releasing 1.2, which is bad: {}",
            self.fault.words()
        ));
        let bad = portcullis.deploy("1.2", progress).await?;
        tokio::time::sleep(COOL_DOWN).await;
        let tally = load.stop().await;
        Ok(report::Story {
            good_exit: good,
            bad_exit: bad,
            good: portcullis.rollout("dhash-2")?,
            bad: portcullis.rollout("dhash-3")?,
            good_shown: portcullis.shown("dhash-2")?,
            bad_shown: portcullis.shown("dhash-3")?,
            status: portcullis.status()?,
            gateway: portcullis.gateway().await?,
            library_at_first,
            library_before,
            library_after: workplace.library_sha256()?,
            backups_verified: portcullis.run(&["backup", "verify"]).is_ok(),
            journal_verified: portcullis.run(&["journal", "verify"]).is_ok(),
            tally,
        })
    }
}

/// Runs a program that must succeed and returns what it printed.
fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{name} could not be started"))?;
    if !output.status.success() {
        bail!(
            "{name} failed ({}): {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
