//! A folder with a dhash service, a running `portcullis serve`, and users.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

mod leftovers;
mod ports;

pub(crate) use leftovers::{processes_in, signal};
pub(crate) use ports::Ports;

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(150);

/// A service's folder and the binary that is tested.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    gateway: String,
    serve: Option<Child>,
    /// Variables that the server is started with, besides its own.
    pub(crate) serve_environment: Vec<(String, String)>,
    ports: Ports,
}

/// Users who ask through the gateway.
pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    /// Requests that got no answer.
    pub(crate) dropped: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Rig {
    /// A folder with three releases of dhash; 1.2 has the given fault.
    pub(crate) fn new(fault: &str) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("images")).unwrap();
        std::fs::create_dir(root.join("data")).unwrap();
        for number in 0..6u32 {
            let picture = RgbImage::from_fn(60, 200, |x, y| {
                let wave = (x * (number + 3) + y * 7) % 251;
                Rgb([wave as u8, (y % 200) as u8, (x * 4) as u8])
            });
            picture
                .save(root.join(format!("images/{number}.png")))
                .unwrap();
        }
        let dhash = binary("dhash");
        for version in ["1.0", "1.1", "1.2"] {
            let home = root.join("releases").join(version);
            std::fs::create_dir_all(&home).unwrap();
            std::fs::copy(&dhash, home.join("dhash")).unwrap();
        }
        let built = Command::new(&dhash)
            .current_dir(root)
            .args([
                "build",
                "--images",
                "images",
                "--library",
                "data/library.json",
            ])
            .args(["--algorithm", "imagehash4/pillow<=12"])
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let ports = Ports::take();
        let (port, (first, last)) = (ports.gateway(), ports.releases());
        let text = include_str!("portcullis.toml")
            .replace("@PORT@", &port.to_string())
            .replace("@FIRST@", &first.to_string())
            .replace("@LAST@", &last.to_string())
            .replace("@FAULT@", fault);
        std::fs::write(root.join("portcullis.toml"), text).unwrap();
        let gateway = format!("127.0.0.1:{port}");
        Rig {
            folder,
            gateway,
            serve: None,
            serve_environment: Vec::new(),
            ports,
        }
    }

    /// A file or folder of the rig.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The first and the last port for releases.
    pub(crate) fn release_ports(&self) -> (u16, u16) {
        self.ports.releases()
    }

    /// The gateway's address.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// A rig over a folder that has its configuration already.
    pub(crate) fn of(folder: TempDir, ports: Ports) -> Rig {
        Rig {
            folder,
            gateway: format!("127.0.0.1:{}", ports.gateway()),
            ports,
            serve: None,
            serve_environment: Vec::new(),
        }
    }

    /// Changes the configuration file.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let file = self.folder.path().join("portcullis.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }

    /// Puts a shell script in the place of a release's program, which stays beside it as `dhash.real`.
    pub(crate) fn replace_program(&self, version: &str, script: &str) {
        let program = self
            .folder
            .path()
            .join("releases")
            .join(version)
            .join("dhash");
        std::fs::rename(&program, program.with_extension("real")).unwrap();
        std::fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A rig whose server runs and where release 1.0 serves.
    pub(crate) fn serving(fault: &str) -> Rig {
        let mut rig = Rig::new(fault);
        rig.ok(&["init"]);
        rig.start();
        rig.ok(&["deploy", "--release", "1.0", "--wait"]);
        rig
    }

    /// Runs a command.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(self.folder.path())
            .args(args)
            .env("NO_COLOR", "1")
            .env("PORTCULLIS_USER", "tester")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Begins a command and does not wait for it; it may be killed or fail.
    pub(crate) fn spawn(&self, args: &[&str]) -> JoinHandle<ExitStatus> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(self.folder.path())
            .args(args)
            .env("NO_COLOR", "1")
            .env("PORTCULLIS_USER", "tester")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::spawn(move || child.wait().unwrap())
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?} ended with {}:\n{}{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must succeed with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--json");
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Runs a command and returns its exit code.
    pub(crate) fn exit(&self, args: &[&str]) -> i32 {
        self.run(args).status.code().unwrap()
    }

    /// Starts the server.
    pub(crate) fn launch(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("serve.log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(self.folder.path())
            .args(["serve", "--stop-services"])
            .envs(self.serve_environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.serve = Some(child);
    }

    /// Starts the server and waits until its engine acts.
    pub(crate) fn start(&mut self) {
        self.launch();
        self.until("the engine acts", |rig| {
            let status = rig.run(&["status", "--json"]);
            let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            status["engine"]["standing"] == "acting"
        });
    }

    /// `kill -9` of the server: services go on.
    pub(crate) fn kill(&mut self) {
        let mut child = self.serve.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The server's process id.
    pub(crate) fn serve_id(&self) -> u32 {
        self.serve.as_ref().unwrap().id()
    }

    /// Forgets a server that something else has killed.
    pub(crate) fn forget_serve(&mut self) {
        self.serve.take().unwrap().wait().unwrap();
    }

    /// Stops the server as Ctrl-C does, services included. Returns its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut child = self.serve.take()?;
        let pid = child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        child.wait().unwrap().code()
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Rig) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < PATIENCE,
                "waited too long until {what}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn state_of(&self, rollout: &str) -> String {
        let output = self.run(&["show", rollout, "--json"]);
        let detail: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        detail["state"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn library_sha256(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("data/library.json")).unwrap();
        Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) fn serving_release(&self) -> String {
        self.json(&["status"])["serving"]["release"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Sends one request through the gateway and returns the answer; empty when there was none.
    pub(crate) fn get(&self, path: &str, user: &str) -> String {
        get(&self.gateway, path, user)
    }

    /// Users who look pictures up until they are told to stop.
    pub(crate) fn users(&self) -> Users {
        users_of(&self.gateway)
    }

    /// Ends the server and the services when no engine can do that any more.
    pub(crate) fn stop_what_runs(&mut self) {
        self.kill();
        leftovers::kill_all_in(self.folder.path());
        std::fs::remove_dir_all(self.folder.path().join(".portcullis/instances")).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }
}

impl Users {
    /// Stops them and returns how many requests got no answer.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop();
        // A killed server leaves its services running.
        leftovers::kill_all_in(self.folder.path());
    }
}

/// Users who ask through a gateway until they are told to stop.
pub(crate) fn users_of(gateway: &str) -> Users {
    let stop = Arc::new(AtomicBool::new(false));
    let dropped = Arc::new(AtomicU64::new(0));
    let threads = (0..4u64)
        .map(|thread| {
            let (stop, dropped) = (stop.clone(), dropped.clone());
            let gateway = gateway.to_owned();
            std::thread::spawn(move || {
                let mut number = thread;
                while !stop.load(Ordering::Relaxed) {
                    number += 4;
                    let user = format!("user-{}", number * 7919 % 400);
                    let answer = get(&gateway, "/lookup/0123456789abcdef?radius=4", &user);
                    if answer.is_empty() {
                        dropped.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::sleep(Duration::from_millis(8));
                }
            })
        })
        .collect();
    Users {
        stop,
        dropped,
        threads,
    }
}

pub(crate) fn get(gateway: &str, path: &str, user: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(gateway)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: dhash\r\nX-User: {user}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_default()
}

/// A binary of this workspace, built if it is not there yet.
pub(crate) fn binary(name: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_BIN_EXE_portcullis"));
    let path = ours.with_file_name(name);
    if !path.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", name])
            .status();
        assert!(built.unwrap().success(), "{name} could not be built");
    }
    path
}
