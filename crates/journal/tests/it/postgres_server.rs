//! A real PostgreSQL server for one test: made, started and stopped by it.
//!
//! The file stands alone: tests of other crates include it with `#[path]`. It needs `tempfile`, and the
//! Debian package `postgresql` (or PostgreSQL's programs on the PATH). The server listens on a free
//! loopback port and on a Unix socket in its own folder, and trusts local users. It is stopped when the
//! value is dropped, also by a panic, and by the kernel if the test's thread dies.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const INSTALL: &str =
    "PostgreSQL's programs are not installed; run `cargo xtask setup`, which installs `postgresql`";
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server with an empty cluster, the user `postgres` and the database `postgres`.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl PostgresServer {
    /// Makes a cluster and starts the server.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new()
            .prefix("portcullis-postgres-")
            .tempdir()
            .unwrap();
        if is_root() {
            // The server refuses to run as root and must own its folder.
            run(Command::new("chown").arg("postgres:").arg(folder.path()));
        }
        let mut server = Self {
            programs,
            folder,
            port: free_port(),
            child: None,
        };
        let mut initdb = server.as_server_user("initdb");
        initdb.arg("-D").arg(server.data());
        initdb.args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]);
        run(&mut initdb);
        server.launch();
        server
    }

    /// The address of a database, for a user that is trusted.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the cluster: configuration, pg_hba.conf and data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs one statement, in a database, and returns what psql prints: columns by `|`, no headings.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]);
        psql.arg(self.url(database)).args(["-c", statement]);
        let output = run(&mut psql);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A program of its version.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Whether this extension can be made.
    pub(crate) fn offers(&self, extension: &str) -> bool {
        let asked =
            format!("SELECT count(*) FROM pg_available_extensions WHERE name = '{extension}'");
        self.sql("postgres", &asked) == "1"
    }

    /// Creates a database and returns its address.
    pub(crate) fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    /// Adds a line to a file of the cluster as its first line, keeping the file's owner.
    pub(crate) fn prepend(&self, file: &str, line: &str) {
        let path = self.data().join(file);
        let old = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{line}\n{old}")).unwrap();
    }

    /// Copies a file into the cluster, for the server's eyes only.
    pub(crate) fn install(&self, from: &Path, name: &str) {
        let to = self.data().join(name);
        fs::copy(from, &to).unwrap();
        run(Command::new("chmod").arg("600").arg(&to));
        if is_root() {
            run(Command::new("chown").arg("postgres:").arg(&to));
        }
    }

    /// Makes the server read its configuration again.
    pub(crate) fn reload(&self) {
        self.sql("postgres", "SELECT pg_reload_conf()");
    }

    /// Kills the server with SIGKILL, all of its processes: they get no chance to write anything.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let parent = child.id();
        // The postmaster first: it would put up a new server when one of its children dies.
        let children = children_of(parent);
        child.kill().unwrap();
        child.wait().unwrap();
        for process in children {
            let _ = Command::new("kill")
                .args(["-KILL", &process.to_string()])
                .stderr(Stdio::null())
                .status();
            while Path::new(&format!("/proc/{process}/exe")).exists() {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    /// Stops the server; connections are cut.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGINT is PostgreSQL's fast shutdown.
            let _ = Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status();
            let _ = child.wait();
        }
    }

    /// Starts the server again, on the same port, and waits until it answers.
    pub(crate) fn launch(&mut self) {
        let mut server = self.as_server_user("postgres");
        server.arg("-D").arg(self.data());
        server.args(["-c", "listen_addresses=127.0.0.1"]);
        server.args(["-p", &self.port.to_string(), "-k"]);
        server.arg(self.folder.path());
        // Little memory: several of these run at once.
        server.args(["-c", "shared_buffers=16MB", "-c", "log_min_messages=fatal"]);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        server.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(server.spawn().expect(INSTALL));
        let mut waited = Duration::ZERO;
        while self.answer() != Some(b'R') {
            let ended = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().unwrap());
            assert!(
                ended.is_none() && waited < STARTS_WITHIN,
                "PostgreSQL does not come up ({ended:?}):\n{}",
                fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            std::thread::sleep(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
    }

    /// The first byte of what the server answers to a start-up message. A server that is still starting
    /// refuses too, so only `R` says for sure that it is up.
    fn answer(&self) -> Option<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let parameters = b"user\0postgres\0database\0postgres\0\0";
        let length = u32::try_from(8 + parameters.len()).ok()?;
        let mut message = length.to_be_bytes().to_vec();
        message.extend(196_608_u32.to_be_bytes()); // protocol 3.0
        message.extend(parameters);
        let mut answer = [0];
        stream.set_read_timeout(Some(STARTS_WITHIN)).ok()?;
        stream.write_all(&message).ok()?;
        stream.read_exact(&mut answer).ok()?;
        Some(answer[0])
    }

    /// A program of PostgreSQL that runs as `postgres` if the test runs as root, and dies with the test.
    fn as_server_user(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        }
        command.arg(self.programs.join(program));
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGQUIT is the immediate shutdown: the folder is thrown away anyway.
            let _ = Command::new("kill")
                .args(["-QUIT", &child.id().to_string()])
                .status();
            let _ = child.wait();
        }
    }
}

/// Names another folder of programs, for tests that are run once more on another version.
const CHOSEN: &str = "PORTCULLIS_TEST_POSTGRES";

/// The folder with `initdb`, `postgres` and `psql`: the one that was chosen, the newest that Debian installed, or one of
/// the PATH.
fn programs() -> PathBuf {
    if let Some(chosen) = std::env::var_os(CHOSEN) {
        return PathBuf::from(chosen);
    }
    let installed = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists());
    let number = |folder: &PathBuf| {
        let version = folder.parent().and_then(|version| version.file_name());
        version.and_then(|name| name.to_str()?.parse::<u32>().ok())
    };
    if let Some(newest) = installed.max_by_key(number) {
        return newest;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found.expect(INSTALL)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn children_of(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect(INSTALL);
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
