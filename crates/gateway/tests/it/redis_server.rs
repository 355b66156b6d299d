//! A real redis-server that a test starts and kills.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    folder: TempDir,
    is_lasting: bool,
}

impl RedisServer {
    /// One that forgets everything when it ends.
    pub(crate) fn start() -> RedisServer {
        RedisServer::start_as(false)
    }

    /// One that writes everything down.
    pub(crate) fn start_lasting() -> RedisServer {
        RedisServer::start_as(true)
    }

    fn start_as(is_lasting: bool) -> RedisServer {
        let folder = tempfile::tempdir().unwrap();
        // Somebody else may take the port before the server does.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            if let Some(child) = launch(&folder, port, is_lasting) {
                return RedisServer {
                    child,
                    port,
                    folder,
                    is_lasting,
                };
            }
        }
        panic!("redis-server does not start; `cargo xtask setup` installs it");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again after it was killed, where it was.
    pub(crate) fn revive(&mut self) {
        let child = launch(&self.folder, self.port, self.is_lasting);
        self.child = child.expect("the port is taken");
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until it takes connections. `None` when it ends before.
fn launch(folder: &TempDir, port: u16, is_lasting: bool) -> Option<Child> {
    let child = Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            if is_lasting { "yes" } else { "no" },
            "--appendfsync",
            "always",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("redis-server; `cargo xtask setup` installs it");
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
