//! A program in Python or JavaScript that plays a client, and often the service behind the gateway too.
//!
//! It speaks with the test in lines of JSON: first it says where its servers listen, then it is told where
//! the gateway is; what it asks for meanwhile is done by the test. It makes its own checks and ends with 0
//! when all hold.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::rig::Rig;

/// No program takes longer unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs.
pub(crate) struct Program {
    process: Child,
    answers: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    name: String,
    /// How long it is waited for its next word.
    patience: Duration,
    /// What it said of its servers: their addresses by name.
    pub(crate) servers: Value,
}

impl Program {
    /// Starts `clients/programs/NAME.py` and waits until its servers listen.
    pub(crate) async fn start(name: &str) -> Program {
        Program::start_slow(name, PATIENCE).await
    }

    /// The same for one that is silent for so long at most.
    pub(crate) async fn start_slow(name: &str, patience: Duration) -> Program {
        let mut command = clean(&python());
        command.arg("-u").env("PYTHONDONTWRITEBYTECODE", "1");
        Program::run(command, format!("{name}.py"), patience).await
    }

    /// Starts `clients/programs/NAME.cjs` with the packages of `clients/node`.
    pub(crate) async fn start_node(name: &str) -> Program {
        let packages = made("node-clients/node_modules");
        let mut command = clean(&node());
        command.env("NODE_PATH", packages);
        Program::run(command, format!("{name}.cjs"), PATIENCE).await
    }

    async fn run(mut command: Command, name: String, patience: Duration) -> Program {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clients/programs");
        command
            .arg(folder.join(&name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let answers = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut program = Program {
            process,
            answers,
            lines,
            name,
            patience,
            servers: Value::Null,
        };
        program.servers = match program.next().await {
            Some(servers) => servers,
            None => program.failed("it ended before its servers listened").await,
        };
        program
    }

    /// The address of one of its servers.
    pub(crate) fn address(&self, server: &str) -> String {
        let address = self.servers[server].as_str();
        address.expect("a server of this name").to_owned()
    }

    /// Tells it where the gateway is, does what it asks for, and waits until all its checks hold.
    pub(crate) async fn play(mut self, stage: Value, mut act: impl AsyncFnMut(&Value) -> Value) {
        self.tell(&stage).await;
        while let Some(wish) = self.next().await {
            let answer = act(&wish).await;
            self.tell(&answer).await;
        }
        let status = self.process.wait().await.unwrap();
        if !status.success() {
            self.failed(&status.to_string()).await;
        }
    }

    async fn tell(&mut self, what: &Value) {
        let line = format!("{what}\n");
        // One that has ended meanwhile is looked at when its lines end.
        let _ = self.answers.write_all(line.as_bytes()).await;
    }

    /// What it says next; `None` at its end.
    async fn next(&mut self) -> Option<Value> {
        let line = match tokio::time::timeout(self.patience, self.lines.next_line()).await {
            Ok(line) => line.unwrap()?,
            Err(_) => {
                self.process.start_kill().unwrap();
                self.failed("it hangs").await
            }
        };
        match serde_json::from_str(&line) {
            Ok(said) => Some(said),
            Err(_) => panic!("{} says {line:?}", self.name),
        }
    }

    async fn failed(&mut self, why: &str) -> ! {
        let mut text = String::new();
        let stderr = self.process.stderr.as_mut().unwrap();
        let _ =
            tokio::time::timeout(Duration::from_secs(5), stderr.read_to_string(&mut text)).await;
        panic!("{} failed: {why}\n{text}", self.name);
    }
}

/// Where the gateway listens, for a program.
pub(crate) fn stage(rig: &Rig) -> Value {
    let secure = rig.gateway.as_ref().unwrap().tls_address();
    json!({ "plain": rig.listen.to_string(), "secure": secure.map(|address| address.to_string()) })
}

/// A command without a proxy or anything else from the environment of whoever runs the tests.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}

/// Python with the packages of `clients/requirements.txt`.
pub(crate) fn python() -> PathBuf {
    made("python-clients/bin/python")
}

/// What `cargo xtask setup` makes in cargo's target folder.
pub(crate) fn made(path: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let made = target.join(path);
    assert!(
        made.exists(),
        "{} is missing; `cargo xtask setup` makes it",
        made.display()
    );
    made
}

/// Node.js, wherever it is.
fn node() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let node = std::env::split_paths(&path)
        .map(|folder| folder.join("node"))
        .find(|node| node.is_file());
    node.expect("node is missing; `cargo xtask setup` installs it")
}
