//! A real redis-server that a test starts, stops, pauses and kills.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) struct RedisServer {
    child: Option<Child>,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    arguments: Vec<String>,
}

impl RedisServer {
    pub(crate) fn start() -> RedisServer {
        RedisServer::start_with(|_, _| Vec::new())
    }

    /// Starts one whose arguments are made from its folder and port.
    pub(crate) fn start_with(
        arguments: impl Fn(&std::path::Path, u16) -> Vec<String>,
    ) -> RedisServer {
        let folder = tempfile::tempdir().unwrap();
        // Somebody else may take the port before the server does.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mut all: Vec<String> = ["--port", &port.to_string(), "--bind", "127.0.0.1"]
                .map(str::to_owned)
                .to_vec();
            all.extend(["--save", ""].map(str::to_owned));
            all.extend(arguments(folder.path(), port));
            if let Some(child) = launch(&folder, &all) {
                return RedisServer {
                    child: Some(child),
                    port,
                    folder,
                    arguments: all,
                };
            }
        }
        panic!("redis-server does not start; `cargo xtask setup` installs it");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once. Nothing is kept.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = launch(&self.folder, &self.arguments);
        assert!(self.child.is_some(), "redis-server did not come back");
    }

    /// It takes connections and answers nothing.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().unwrap());
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until it takes connections. `None` when it ends before.
fn launch(folder: &TempDir, arguments: &[String]) -> Option<Child> {
    let child = Command::new("redis-server")
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    // `cargo xtask setup` installs it.
    let mut child = child.unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept")));
    if !ready {
        child.wait().unwrap();
        return None;
    }
    // What it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(child)
}
