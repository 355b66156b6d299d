//! Stores that are databases of Redis, end to end: released, rolled back with their data, drilled, restored by command
//! and by hand.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::redis_server::RedisServer;
use crate::rig::{Ports, Rig};

const COUNTS: &str = include_str!("fixtures/counts/counts.py");
const CONFIGURATION: &str = include_str!("fixtures/counts/portcullis.toml");
const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");
const PASSWORD: &str = "8461937-hush";

/// Two hundred counts and some sessions in database 3 of a server with a password.
fn counts() -> (RedisServer, Rig) {
    let server = RedisServer::start_with(|_, _| {
        let all = ["--requirepass", PASSWORD, "--enable-debug-command", "yes"];
        all.map(str::to_owned).to_vec()
    });
    cli(&server, 0, &["SET", "other", "stays"]);
    let mut all = vec!["MSET".to_owned(), "version".to_owned(), "1".to_owned()];
    for index in 0..200 {
        all.extend([format!("count:{index}"), format!("{}", 1_000 + index)]);
    }
    let words: Vec<&str> = all.iter().map(String::as_str).collect();
    cli(&server, 3, &words);
    cli(&server, 3, &["SET", "session", "ann", "EX", "90000"]);
    cli(&server, 3, &["ZADD", "best", "1", "ann", "2", "bob"]);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}/3\n", server.port);
    std::fs::write(root.join("cache.url"), url).unwrap();
    std::fs::write(root.join("counts.py"), COUNTS).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = CONFIGURATION
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    (server, Rig::of(folder, ports))
}

fn cli(server: &RedisServer, number: u64, words: &[&str]) -> String {
    cli_at(server.port, number, words)
}

fn cli_at(port: u16, number: u64, words: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args([
            "-p",
            &port.to_string(),
            "-n",
            &number.to_string(),
            "--no-auth-warning",
        ])
        .args(["-a", PASSWORD])
        .args(words)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{words:?}: {text}");
    text
}

/// What the server itself says that a database holds.
fn digest(port: u16, number: u64) -> Vec<String> {
    let keys = cli_at(port, number, &["KEYS", "*"]);
    let mut keys: Vec<&str> = keys
        .lines()
        .filter(|key| *key != "portcullis:mark")
        .collect();
    keys.sort_unstable();
    let digests = cli_at(
        port,
        number,
        &[&["DEBUG", "DIGEST-VALUE"][..], &keys].concat(),
    );
    let digests = digests.lines();
    keys.iter()
        .zip(digests)
        .map(|(key, digest)| format!("{key} {digest}"))
        .collect()
}

/// The numbers of the databases that hold something.
fn used(server: &RedisServer) -> Vec<String> {
    let text = cli(server, 0, &["INFO", "keyspace"]);
    let names = text.lines().filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Waits until no server of a copy below the folder runs: its keeper, which has the folder in its arguments, ends with it.
fn no_copy_runs(rig: &Rig) {
    let folder = rig.folder.path().display().to_string();
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let found = Command::new("pgrep")
            .args(["-a", "-f", &format!("portcullis-copy.*{folder}")])
            .output()
            .unwrap();
        if found.stdout.is_empty() {
            return;
        }
        let found = String::from_utf8_lossy(&found.stdout);
        assert!(Instant::now() < until, "{found}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What `redis-cli` says to the server that the runbook started in this folder.
fn by_hand(folder: &Path, number: u64, words: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .current_dir(folder)
        .args(["-s", "redis.sock", "-n", &number.to_string()])
        .args(words)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_bad_release_on_a_redis_database_goes_back_with_its_data() {
    let (server, mut rig) = counts();
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = digest(server.port, 3);
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        3,
        "{}",
        rig.log()
    );
    let shown = rig.ok(&["show", "counts-2"]);
    assert_eq!(rig.state_of("counts-2"), "rolled back", "{shown}");
    assert!(
        shown.contains("error rate") && shown.contains("203 keys"),
        "{shown}"
    );
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(digest(server.port, 3), before);
    assert_eq!(
        used(&server),
        ["db0", "db3", "db15"],
        "what was replaced is kept"
    );
    assert_eq!(cli(&server, 15, &["HGET", "count:7", "count"]), "100");
    no_copy_runs(&rig);

    // And a good one goes on from there.
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.2", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.2");
    assert_eq!(cli(&server, 3, &["GET", "version"]), "2");
    assert_eq!(cli(&server, 0, &["GET", "other"]), "stays");
    rig.ok(&["journal", "verify"]);
    rig.ok(&["backup", "verify"]);
    assert_eq!(rig.stop(), Some(0));
    let found = Command::new("grep")
        .args(["--recursive", "--files-with-matches", "--text", PASSWORD])
        .arg(rig.folder.path())
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let names: Vec<&str> = found
        .lines()
        .map(|path| path.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(
        names,
        ["cache.url"],
        "journal, logs, plans and backups have no password"
    );
}

/// The copy is a server of its own, on which the release is started; nothing of it stays, and nothing live changes.
#[test]
fn a_drill_on_a_redis_database_passes_and_leaves_no_copy() {
    let (server, mut rig) = counts();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    // The next backup says which release serves.
    rig.until("a backup of the serving release", |rig| {
        rig.run(&["backup", "create"]).status.success()
    });
    let before = digest(server.port, 3);
    let drill = rig.json(&["drill"]);
    assert_eq!(drill["verdict"], "passed", "{drill}");
    let text = drill.to_string();
    assert!(text.contains("loaded by a server"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    no_copy_runs(&rig);
    assert_eq!(used(&server), ["db0", "db3"]);
    assert_eq!(digest(server.port, 3), before);
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_backup_of_a_redis_database_is_made_verified_and_restored_by_command() {
    let (server, rig) = counts();
    rig.ok(&["init"]);
    let before = digest(server.port, 3);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    rig.ok(&["backup", "verify", &name]);
    cli(&server, 3, &["DEL", "count:1", "best"]);
    rig.ok(&["backup", "restore", &name, "--to", "copies"]);
    assert!(rig.path("copies/cache/dump.rdb").is_file());
    let told = rig.run(&["backup", "restore", &name, "--in-place"]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(
        told.contains("the database 15") && told.contains("SWAPDB NUMBER 15"),
        "{told}"
    );
    assert_eq!(digest(server.port, 3), before);
    rig.ok(&["doctor"]);
    // What nobody reaches is told with where to look, and not with a command that asks no server.
    let url = std::fs::read_to_string(rig.path("cache.url")).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let nobody = url.replace(&format!(":{}/", server.port), &format!(":{port}/"));
    std::fs::write(rig.path("cache.url"), nobody).unwrap();
    let told = rig.run(&["doctor"]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("cannot be reached"), "{told}");
    assert!(told.contains("redis-cli -h HOST -p PORT PING"), "{told}");
    assert!(!told.contains("see `portcullis check`"), "{told}");
    std::fs::write(rig.path("cache.url"), url).unwrap();

    // A wrong password is told with the store's name, and is not shown.
    let url = std::fs::read_to_string(rig.path("cache.url")).unwrap();
    std::fs::write(rig.path("cache.url"), url.replace(PASSWORD, "wr0ng-hush")).unwrap();
    let output = rig.run(&["backup", "create"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("store \"cache\"") && told.contains("does not let the user in"),
        "{told}"
    );
    assert!(
        told.starts_with("error[PC0805]: ") && !told.contains("wr0ng-hush"),
        "{told}"
    );
    // In the configuration itself it is refused.
    rig.edit(
        "url = \"file:cache.url\"",
        &format!("url = \"{}\"", url.trim()),
    );
    let output = rig.run(&["check"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("this URL has a password") && !told.contains(PASSWORD),
        "{told}"
    );
}

/// The commands of docs/guide/restore-by-hand.md, as they stand there: only the names at their beginning differ.
#[test]
fn the_runbook_restores_a_redis_database_without_portcullis() {
    let (server, rig) = counts();
    rig.ok(&["init"]);
    let before = digest(server.port, 3);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    let blocks = |text: &str| -> Vec<String> {
        let blocks = text.split("```sh\n").skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
        let is_setting = |block: &String| !block.contains(' ') && !block.contains("$(");
        blocks.filter(|block| !is_setting(block)).collect()
    };
    let section = |heading: &str| {
        let rest = RUNBOOK.split_once(heading).unwrap().1;
        rest.split("\n## ").next().unwrap()
    };
    let mut commands = blocks(section("## Unpack\n"));
    commands.extend(blocks(section("## Put a Redis database back\n")));
    let run = |restored: &str, path: &str| {
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", &commands.concat()])
            .env("VAULT", rig.path(".portcullis/vault"))
            .env("NAME", &name)
            .env("STORE", "cache")
            .env("RESTORED", rig.path(restored))
            .env("NUMBER", "3")
            .env("PATH", path)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let path = std::env::var("PATH").unwrap();
    let output = run("restored", &path);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    for part in [".tar.zst: OK", "RDB looks OK!", "db3:keys=203,expires=1"] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}{err}");
    }
    // The server that the runbook starts has no password and lets itself not be asked for digests.
    let folder = rig.path("restored/server");
    assert_eq!(by_hand(&folder, 3, &["GET", "count:7"]), "1007");
    assert_eq!(by_hand(&folder, 3, &["DBSIZE"]), before.len().to_string());
    by_hand(&folder, 0, &["SHUTDOWN", "NOSAVE"]);
    // One that does not start is not waited for, and says why.
    std::fs::create_dir(rig.path("bin")).unwrap();
    let broken = rig.path("bin/redis-server");
    std::fs::write(&broken, "#!/bin/sh\necho out of memory\nexit 1\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = run("again", &format!("{}:{path}", rig.path("bin").display()));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{out}");
    assert!(out.contains("out of memory"), "{out}");
    drop(server);
}
