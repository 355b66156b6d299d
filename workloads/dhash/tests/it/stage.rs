//! A library in a folder of its own, and a service that is started on it and stopped again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;

/// The longest that anything here may take; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The built program.
pub(crate) fn dhash() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dhash"));
    command
        .env_remove("DHASH_RELEASE")
        .env_remove("DHASH_FAULT")
        .env_remove("RUST_LOG");
    command
}

/// A file of tests/data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// A folder with four images, a broken one, and a library of them by the old algorithm.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let images = stage.path("images");
        fs::create_dir(&images).unwrap();
        for name in [
            "jpeg-420.jpg",
            "jpeg-tall.jpg",
            "png-palette-transparent.png",
            "gif.gif",
        ] {
            fs::copy(data(name), images.join(name)).unwrap();
        }
        let whole = fs::read(data("jpeg-444.jpg")).unwrap();
        fs::write(images.join("cut.jpg"), &whole[..whole.len() / 2]).unwrap();
        fs::write(images.join("README"), "no image").unwrap();
        let status = dhash()
            .args(["build", "--algorithm", "imagehash4/pillow<=12"])
            .arg("--images")
            .arg(&images)
            .arg("--library")
            .arg(stage.library())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.path("library.json")
    }

    /// Runs a command on the library: its exit code, standard output and standard error.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> (i32, String, String) {
        let mut run = dhash();
        run.arg(command)
            .arg("--library")
            .arg(self.library())
            .args(arguments);
        let output = run.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    pub(crate) fn serve(&self, arguments: &[&str]) -> Running {
        let mut child = dhash()
            .args(["serve", "--port", "0", "--library"])
            .arg(self.library())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let base = line
            .trim()
            .strip_prefix("listening on ")
            .expect(&line)
            .to_owned();
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Running {
            child,
            base,
            client,
        }
    }
}

/// A service that runs until it is dropped.
pub(crate) struct Running {
    child: Child,
    base: String,
    pub(crate) client: Client,
}

impl Running {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().unwrap()
    }

    pub(crate) fn get_json(&self, path: &str) -> Value {
        let response = self.get(path);
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().unwrap()
    }

    pub(crate) fn post_hash(&self, body: Vec<u8>) -> Response {
        self.client
            .post(self.url("/hash"))
            .body(body)
            .send()
            .unwrap()
    }

    /// Waits until `/health` is as wanted, and returns it.
    pub(crate) fn await_health(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut health = Value::Null;
        await_condition(|| {
            health = self.get_json("/health");
            wanted(&health)
        });
        health
    }

    pub(crate) fn terminate(&self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    }

    pub(crate) fn await_exit(&mut self) -> ExitStatus {
        let mut status = None;
        await_condition(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until the answer is yes.
#[allow(
    clippy::disallowed_methods,
    reason = "a test's patience is measured in real time"
)]
pub(crate) fn await_condition(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}
