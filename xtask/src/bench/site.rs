//! A folder with a service and its releases, and the built `portcullis` that looks after it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_api::engine::{Detail, EngineStanding, Status};

use super::clock;
use crate::cargo::{cargo, run, target_folder};

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two looks at it.
const LOOK: Duration = Duration::from_millis(50);

/// A service and its Portcullis. Dropping it stops both.
pub struct Site {
    folder: tempfile::TempDir,
    binary: PathBuf,
    /// The gateway's address, `host:port`.
    pub gateway: String,
    /// The cores that the server is kept to, as `taskset -c` takes them. Its gateway has a worker for each.
    pub cores: Option<String>,
    serve: Option<Child>,
}

impl Site {
    /// Makes a folder with nothing running yet. The programs come from `binaries`; without it they are
    /// built in release mode.
    pub fn make(binaries: Option<&Path>) -> Result<Site> {
        let binaries = match binaries {
            Some(folder) => folder.canonicalize()?,
            None => {
                let packages = ["--package", "portcullis", "--package", "dhash"];
                run(cargo().args(["build", "--release"]).args(packages))?;
                target_folder()?.join("release")
            }
        };
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        for part in ["images", "data"] {
            std::fs::create_dir(root.join(part))?;
        }
        for number in 0..6u32 {
            let picture = image::RgbImage::from_fn(60, 200, |x, y| {
                let wave = (x * (number + 3) + y * 7) % 251;
                image::Rgb([wave as u8, (y % 200) as u8, (x * 4) as u8])
            });
            picture.save(root.join(format!("images/{number}.png")))?;
        }
        let dhash = binaries.join("dhash");
        run(Command::new(&dhash)
            .current_dir(root)
            .args([
                "build",
                "--images",
                "images",
                "--library",
                "data/library.json",
            ])
            .args(["--algorithm", "imagehash4/pillow13"])
            .stdout(Stdio::null()))?;
        for version in ["1.0", "1.1"] {
            let home = root.join("releases").join(version);
            std::fs::create_dir_all(&home)?;
            std::fs::copy(&dhash, home.join("dhash"))?;
        }
        let (port, first) = free_ports()?;
        let text = include_str!("portcullis.toml")
            .replace("@PORT@", &port.to_string())
            .replace("@FIRST@", &first.to_string())
            .replace("@LAST@", &(first + 9).to_string());
        std::fs::write(root.join("portcullis.toml"), text)?;
        let gateway = format!("127.0.0.1:{port}");
        Site::prepare(folder, binaries.join("portcullis"), gateway)
    }

    /// Takes a folder that has all but the state folder. `gateway` is the address in its configuration.
    pub fn prepare(folder: tempfile::TempDir, binary: PathBuf, gateway: String) -> Result<Site> {
        let site = Site {
            folder,
            binary,
            gateway,
            cores: None,
            serve: None,
        };
        site.run(&["init"])?;
        Ok(site)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of the built binary, with its output caught.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.folder.path()).args(args);
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        let output = self.command(args).output()?;
        if !output.status.success() {
            bail!(
                "portcullis {args:?} ended with {}:\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// `portcullis show ROLLOUT --json`.
    pub fn rollout(&self, id: &str) -> Result<Detail> {
        Ok(serde_json::from_str(&self.run(&["show", id, "--json"])?)?)
    }

    /// `portcullis status --json`; also without a server.
    pub fn status(&self) -> Result<Status> {
        let output = self.command(&["status", "--json"]).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Starts `portcullis serve` and waits until its engine acts. Returns how long that took, in
    /// milliseconds.
    pub fn start(&mut self) -> Result<f64> {
        let begun = clock::now();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("serve.log"))?;
        let mut command = self.command(&["serve"]);
        if let Some(cores) = &self.cores {
            let mut pinned = Command::new("taskset");
            pinned.args(["-c", cores]).arg(command.get_program());
            pinned.args(command.get_args());
            pinned.current_dir(self.folder.path()).env("NO_COLOR", "1");
            command = pinned;
            command.stdin(Stdio::null());
        }
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        self.serve = Some(child.context("portcullis serve could not be started")?);
        self.until("the engine acts", |site| {
            Ok(site.status()?.engine == EngineStanding::Acting)
        })?;
        Ok(clock::ms_since(begun))
    }

    /// Stops the server; the service goes on running.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.serve.take() else {
            return Ok(());
        };
        let acting = self.acting().unwrap_or(child.id());
        run(Command::new("kill").args(["-TERM", &acting.to_string()]))?;
        child.wait()?;
        // After an upgrade it is no child of this process.
        self.until("the server is gone", |_| Ok(!lives(acting)))
    }

    /// The process that acts: the server that was started, or the one that has succeeded it.
    pub fn acting(&self) -> Option<u32> {
        let note = std::fs::read_to_string(self.folder.path().join(".portcullis/lock")).ok()?;
        let pid = note.trim().strip_prefix("pid ")?.parse().ok()?;
        // The note outlives its writer, and its number may be another program's by now.
        let program = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (program.trim() == "portcullis").then_some(pid)
    }

    /// Lets the program that lies at the server's path take over, and waits until it acts and its
    /// predecessor is gone.
    pub fn upgrade(&mut self) -> Result<()> {
        let before = self.acting().context("no server acts")?;
        run(Command::new("kill").args(["-USR2", &before.to_string()]))?;
        self.until("another process acts", |site| {
            let status = site.status();
            let acts = status.is_ok_and(|status| status.engine == EngineStanding::Acting);
            Ok(acts && site.acting().is_some_and(|now| now != before))
        })?;
        if let Some(child) = self.serve.as_mut().filter(|child| child.id() == before) {
            child.wait()?;
        }
        let told = |log: &str, words: &str| log.matches(words).count();
        self.until("the predecessor is gone", |site| {
            let log = site.whole_log();
            let (ended, begun) = (
                "the process that was succeeded has ended",
                "has taken over; this one",
            );
            Ok(!lives(before) && told(&log, ended) == told(&log, begun))
        })
    }

    /// A figure of the server's process from /proc, in KiB: `VmRSS`, `VmHWM`.
    pub fn memory_kib(&self, name: &str) -> Result<u64> {
        let acting = self.acting().context("no server runs")?;
        let status = std::fs::read_to_string(format!("/proc/{acting}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let words = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
        Ok(words.context("no such line in /proc/PID/status")?.parse()?)
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, holds: impl Fn(&Site) -> Result<bool>) -> Result<()> {
        let begun = clock::now();
        while !holds(self)? {
            if begun.elapsed() > PATIENCE {
                bail!(
                    "waited too long until {what}; the end of the log:\n{}",
                    self.log()
                );
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn whole_log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("serve.log"));
        log.unwrap_or_default()
    }

    fn log(&self) -> String {
        let log = self.whole_log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.stop();
        if !self.folder.path().join(".portcullis/instances").exists() {
            return;
        }
        // The services that a stopped server left running are stopped by a last one.
        let mut last = self.command(&["serve", "--stop-services"]);
        if let Ok(child) = last.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            self.serve = Some(child);
            let _ = self.until("the last server acts", |site| {
                Ok(site.status()?.engine == EngineStanding::Acting)
            });
            let _ = self.stop();
        }
    }
}

/// Whether a process lives.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim();
    !state.is_empty() && !state.starts_with('Z')
}

/// A free port for the gateway and the first of ten in a row for releases.
pub fn free_ports() -> Result<(u16, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let range = (24_000u16..32_000)
        .step_by(10)
        .find(|first| (*first..*first + 10).all(is_free));
    Ok((port, range.context("no ten free ports in a row")?))
}
