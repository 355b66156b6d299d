//! A `serve` that is started from a binary of its own, which can be replaced, and that may be succeeded by
//! processes which are no children of the test.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use serde_json::Value;

use crate::rig::Rig;

pub(super) struct SystemService {
    pub(super) rig: Rig,
    gateway: String,
    passed: Option<TcpListener>,
    child: Option<Child>,
}

/// Whether a process lives.
pub(super) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim();
    !state.is_empty() && !state.starts_with('Z')
}

impl SystemService {
    /// A folder with a service and a binary.
    pub(super) fn prepared() -> SystemService {
        let rig = Rig::new("none");
        rig.ok(&["init"]);
        let text = std::fs::read_to_string(rig.folder.path().join("portcullis.toml")).unwrap();
        let listen = text.split("[gateway]\nlisten = \"").nth(1).unwrap();
        let gateway = listen.split('"').next().unwrap().to_owned();
        let service = SystemService {
            rig,
            gateway,
            passed: None,
            child: None,
        };
        std::fs::create_dir(service.binary().parent().unwrap()).unwrap();
        service.restore_binary();
        service
    }

    /// One that runs, and whose release 1.0 serves.
    pub(super) fn serving() -> SystemService {
        let mut service = SystemService::prepared();
        service.launch(&[]);
        service.until_acting();
        service.rig.ok(&["deploy", "--release", "1.0", "--wait"]);
        service
    }

    pub(super) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// One of the pictures that the service knows.
    pub(super) fn picture(&self) -> Vec<u8> {
        std::fs::read(self.rig.folder.path().join("images/0.png")).unwrap()
    }

    fn binary(&self) -> PathBuf {
        self.rig.folder.path().join("bin/portcullis")
    }

    /// Puts a shell script in the place of the binary, as a package manager does: by renaming.
    pub(super) fn replace_binary(&self, script: &str) {
        let new = self.binary().with_extension("new");
        std::fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(new, self.binary()).unwrap();
    }

    /// Puts a new copy of the real binary there.
    pub(super) fn restore_binary(&self) {
        let new = self.binary().with_extension("new");
        std::fs::copy(env!("CARGO_BIN_EXE_portcullis"), &new).unwrap();
        std::fs::rename(new, self.binary()).unwrap();
    }

    /// Passes a socket to every later start.
    pub(super) fn pass(&mut self, socket: &TcpListener) {
        self.passed = Some(socket.try_clone().unwrap());
    }

    /// Starts the server.
    pub(super) fn launch(&mut self, environment: &[(&str, String)]) {
        let log = self.log_file();
        let mut command = Command::new(self.binary());
        command
            .current_dir(self.rig.folder.path())
            .arg("serve")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if let Some(socket) = &self.passed {
            let parent_fd = OwnedFd::from(socket.try_clone().unwrap());
            let mapping = FdMapping {
                parent_fd,
                child_fd: 3,
            };
            command
                .env("LISTEN_FDS", "1")
                .env("LISTEN_FDNAMES", "gateway");
            command.fd_mappings(vec![mapping]).unwrap();
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Starts the server as the service manager does that has connected its output to the journal.
    pub(super) fn launch_for_journal(&mut self) {
        let log = self.log_file().metadata().unwrap();
        let stream = format!("{}:{}", log.dev(), log.ino());
        self.launch(&[("JOURNAL_STREAM", stream)]);
    }

    fn log_file(&self) -> std::fs::File {
        let path = self.rig.folder.path().join("serve.log");
        let options = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        options.unwrap()
    }

    /// The process that acts.
    pub(super) fn pid(&self) -> u32 {
        let path = self.rig.folder.path().join(".portcullis/lock");
        let note = std::fs::read_to_string(path).unwrap_or_default();
        let pid = note.trim().strip_prefix("pid ");
        pid.and_then(|pid| pid.parse().ok()).unwrap_or(0)
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(sent.unwrap().success());
    }

    pub(super) fn until_log(&self, words: &str) {
        self.rig.until(&format!("the log says `{words}`"), |rig| {
            rig.log().contains(words)
        });
    }

    pub(super) fn until_acting(&self) {
        self.rig.until("the engine acts", |rig| {
            let status = rig.run(&["status", "--json"]);
            let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            status["engine"]["standing"] == "acting"
        });
    }

    /// Lets a new copy of the binary take over.
    pub(super) fn upgrade(&mut self) {
        self.restore_binary();
        let before = self.pid();
        self.signal("USR2");
        self.rig.until("another process acts", |_| {
            let now = self.pid();
            now != 0 && now != before
        });
        self.until_acting();
    }

    /// The same, and the predecessor is gone.
    pub(super) fn upgrade_and_wait(&mut self) {
        let before = self.pid();
        self.upgrade();
        self.reap();
        self.rig
            .until("the predecessor is gone", |_| !lives(before));
        self.until_log_ends_succession();
    }

    /// A successor takes no upgrade before it knows that its predecessor is gone.
    fn until_log_ends_succession(&self) {
        let count = |words: &str| self.rig.log().matches(words).count();
        self.rig.until("the successor knows", |_| {
            count("the process that was succeeded has ended") == count("has taken over; this one")
        });
    }

    /// Waits until the process that acts is gone.
    pub(super) fn until_gone(&mut self) {
        let pid = self.pid();
        self.reap();
        self.rig.until("the process is gone", |_| !lives(pid));
    }

    /// Lets the system forget a child that has ended.
    fn reap(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.try_wait();
        }
    }
}

impl Drop for SystemService {
    fn drop(&mut self) {
        let pid = self.pid();
        if lives(pid) {
            let _ = Command::new("kill")
                .args(["-TERM", &pid.to_string()])
                .status();
        }
        if let Some(mut child) = self.child.take() {
            if std::thread::panicking() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        if !std::thread::panicking() {
            self.rig.until("the last process is gone", |_| !lives(pid));
        }
    }
}
