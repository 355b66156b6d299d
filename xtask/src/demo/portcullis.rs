//! Portcullis as a user runs it: its built binary, from the command line.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_api::engine::{Detail, EngineStanding, Status};
use portcullis_api::gateway::GatewayStatus;
use portcullis_api::{Client, Endpoint};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::output_of;
use super::progress::Progress;

/// How long `serve` may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// How long it may take to stop, services included.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Portcullis {
    binary: PathBuf,
    folder: PathBuf,
}

/// A running `portcullis serve`.
pub struct Serve {
    child: Child,
    log: PathBuf,
}

impl Portcullis {
    pub fn new(binary: PathBuf, folder: PathBuf) -> Portcullis {
        Portcullis { binary, folder }
    }

    /// Runs a command that must succeed.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        output_of(
            std::process::Command::new(&self.binary)
                .args(args)
                .current_dir(&self.folder),
        )
    }

    /// Starts `portcullis serve` and waits until it answers.
    pub async fn serve(&self) -> Result<Serve> {
        let log = self.folder.join("portcullis.log");
        let file = std::fs::File::create(&log)?;
        let child = Command::new(&self.binary)
            .args(["serve", "--stop-services"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .context("portcullis serve could not be started")?;
        let mut serve = Serve { child, log };
        let answers = async {
            // Without a server, `status` reads the journal and says that no engine acts.
            while !self
                .status()
                .is_ok_and(|status| status.engine == EngineStanding::Acting)
            {
                if serve.child.try_wait()?.is_some() {
                    bail!("portcullis serve ended at once");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        };
        let started = tokio::time::timeout(START_TIMEOUT, answers).await;
        started
            .context("portcullis serve does not answer")
            .flatten()
            .with_context(|| serve.last_words())?;
        Ok(serve)
    }

    /// `portcullis deploy --wait`; what it prints is shown as it comes. Returns the exit code.
    pub async fn deploy(&self, release: &str, progress: &Progress) -> Result<i32> {
        let mut child = Command::new(&self.binary)
            .args(["deploy", "--release", release, "--wait"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stderr = child.stderr.take().context("no standard error")?;
        let talk = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            let mut all = Vec::new();
            while let Ok(Some(line)) = lines.next_line().await {
                all.push(line);
            }
            all
        });
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            progress.detail(&line);
        }
        let status = child.wait().await?;
        for line in talk
            .await
            .unwrap_or_default()
            .iter()
            .filter(|line| line.starts_with("error"))
        {
            progress.say(line);
        }
        status.code().context("portcullis deploy was killed")
    }

    pub fn rollout(&self, id: &str) -> Result<Detail> {
        Ok(serde_json::from_str(&self.run(&["show", id, "--json"])?)?)
    }

    pub fn shown(&self, id: &str) -> Result<String> {
        self.run(&["show", id])
    }

    pub fn status(&self) -> Result<Status> {
        Ok(serde_json::from_str(&self.run(&["status", "--json"])?)?)
    }

    pub async fn gateway(&self) -> Result<GatewayStatus> {
        let socket = self.folder.join(".portcullis/gateway.sock");
        Ok(Client::new(Endpoint::Unix(socket), None)?
            .get("/v1/gateway")
            .await?)
    }
}

impl Serve {
    /// Asks it to stop, as Ctrl-C does.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            let kill = std::process::Command::new("kill")
                .args(["-TERM", &pid.to_string()])
                .status();
            kill.context("kill could not be run")?;
        }
        let ended = tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await;
        let status = ended.context("portcullis serve does not stop")??;
        if !status.success() {
            bail!(
                "portcullis serve ended with {status}; {}",
                self.last_words()
            );
        }
        Ok(())
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(12)..].join("\n  ");
        format!("the end of {}:\n  {tail}", self.log.display())
    }
}
