//! What a new user meets: `init` on a service that was not written for Portcullis, the documentation in
//! the binary, `doctor`, and the exit codes.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{Ports, Rig};

const APP: &str = include_str!("fixtures/notes/app.py");
const PROCFILE: &str = include_str!("fixtures/notes/Procfile");
const UNIT: &str = include_str!("fixtures/notes/notes.service");
const COMPOSE: &str = include_str!("fixtures/notes/compose.yaml");

/// A folder with the notes service and one file that says how it is started.
fn notes(name: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn ok(folder: &Path, args: &[&str]) -> (String, String) {
    let output = run(folder, args);
    let (out, err) = words(&output);
    assert!(output.status.success(), "{args:?}\n{out}{err}");
    (out, err)
}

fn words(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What `init` wrote, as it is read.
fn configuration(folder: &Path) -> portcullis_config::Config {
    portcullis_config::load(&folder.join("portcullis.toml")).unwrap()
}

#[test]
fn init_on_a_procfile_leads_to_a_second_version_that_is_promoted() {
    let folder = notes("Procfile", PROCFILE);
    let ports = Ports::take();
    let (port, (first, _)) = (ports.gateway(), ports.releases());
    let port_word = port.to_string();
    let (_, told) = ok(
        folder.path(),
        &["init", "--name", "notes", "--port", &port_word],
    );
    for part in [
        "command: from Procfile line 1",
        "variable PORT",
        "{store.data}",
        "releases/1.1/",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    ok(folder.path(), &["check"]);

    let mut rig = Rig::of(folder, ports);
    rig.edit("21000-21099", &format!("{first}-{}", first + 9));
    rig.edit("window = \"2m\"", "window = \"2s\"");
    rig.edit("interval = \"5s\"", "interval = \"250ms\"");
    // A few users for a few seconds would prove little.
    for limit in ["max = \"5%\"", "worse_than_stable_by = \"0.2%\""] {
        rig.edit(limit, &format!("{limit}\nrequests_min = 20"));
    }
    rig.edit(
        "worse_than_stable_by = \"5ms\"",
        "worse_than_stable_by = \"2s\"\nrequests_min = 20",
    );
    // The old release would be kept for ten minutes, and a follower waits for its end.
    rig.edit(
        "weights = [10, 50, 100]",
        "keep_warm = \"0s\"\nweights = [50, 100]",
    );
    rig.start();
    rig.ok(&["deploy", "--wait"]);
    assert!(rig.get("/", "a").contains("\"version\": \"1.0\""));

    let new = rig.folder.path().join("releases/1.1");
    std::fs::create_dir_all(&new).unwrap();
    std::fs::write(new.join("app.py"), APP.replace("\"1.0\"", "\"1.1\"")).unwrap();
    let file = rig.folder.path().join("portcullis.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    let release = text[text.find("[[release]]").unwrap()..].to_owned();
    text.push_str(
        &release
            .replace("\"1.0\"", "\"1.1\"")
            .replace("\"app.py\"", "\"releases/1.1/app.py\""),
    );
    std::fs::write(&file, text).unwrap();
    let users = rig.users();
    rig.ok(&["deploy", "--wait"]);
    assert_eq!(users.stop(), 0, "no request was left without an answer");
    assert_eq!(rig.serving_release(), "1.1");
    assert!(rig.get("/", "a").contains("\"version\": \"1.1\""));

    // The doctor of a healthy service finds nothing that failed, and changes nothing.
    let report = rig.json(&["doctor"]);
    assert_eq!(report["schema"], "portcullis.doctor/1");
    assert_eq!(report["failed"], 0, "{report:#}");
    let about: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["result"] == "ok")
        .filter_map(|finding| finding["about"].as_str())
        .collect();
    for wanted in [
        "configuration",
        "state folder",
        "token",
        "lock",
        "journal",
        "clock",
        "space",
        "backups",
        "server",
        "server version",
        "ports",
        "gateway",
        "serving release",
        "running program",
        "open files",
    ] {
        assert!(about.contains(&wanted), "{wanted} is not well: {report:#}");
    }

    // The program of the release that serves is changed under it: the doctor sees it.
    std::fs::write(new.join("app.py"), APP).unwrap();
    let output = rig.run(&["doctor"]);
    let (out, _) = words(&output);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("fail  running program"), "{out}");
}

#[test]
fn init_takes_command_folder_and_variables_from_a_systemd_unit() {
    let folder = notes("notes.service", UNIT.replace("/usr/bin/env ", "").as_str());
    ok(folder.path(), &["init"]);
    ok(folder.path(), &["check"]);
    let config = configuration(folder.path());
    assert_eq!(config.service.name.as_str(), "notes");
    assert_eq!(config.gateway.listen.port(), 8000);
    let release = &config.releases[0];
    assert_eq!(release.command, ["python3", "{artifact}"]);
    assert!(release.artifact_path.ends_with("app.py"));
    assert_eq!(release.env["PORT"], "{port}");
    assert_eq!(release.env["NOTES_DB"], "{store.data}/notes.db");
}

#[test]
fn init_takes_what_it_can_from_a_compose_file_and_says_what_it_cannot() {
    let folder = notes("compose.yaml", COMPOSE);
    let (_, told) = ok(folder.path(), &["init"]);
    assert!(told.contains("images, networks and limits"), "{told}");
    assert!(told.contains("NOTES_SECRET looks like a secret"), "{told}");
    ok(folder.path(), &["check"]);
    let config = configuration(folder.path());
    assert_eq!(config.service.name.as_str(), "notes");
    assert_eq!(config.gateway.listen.port(), 8000);
    assert_eq!(config.service.ready.path, "/health");
    let release = &config.releases[0];
    assert_eq!(release.env["NOTES_DB"], "{store.data}/notes.db");
    assert!(!release.env.contains_key("NOTES_SECRET"));
}

#[test]
fn init_asks_for_a_command_when_a_compose_file_has_only_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let text = "services:\n  web:\n    image: nginx\n    ports: ['80:80']\n";
    std::fs::write(folder.path().join("compose.yaml"), text).unwrap();
    let output = run(folder.path(), &["init"]);
    let (_, err) = words(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err.contains("error[PC0207]") && err.contains("--command"),
        "{err}"
    );
    assert!(!folder.path().join("portcullis.toml").exists());
    assert!(!folder.path().join(".portcullis").exists());
}

#[test]
fn a_plain_http_server_is_released_without_a_word_of_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hello.txt"), "hello from a file").unwrap();
    let ports = Ports::take();
    let (port, (first, _)) = (ports.gateway(), ports.releases());
    let port_word = port.to_string();
    let command = "python3 -m http.server --bind 127.0.0.1 8000";
    let args = ["init", "--command", command, "--port", &port_word];
    let (_, told) = ok(folder.path(), &args);
    assert!(told.contains("is not part of the release's hash"), "{told}");
    let mut rig = Rig::of(folder, ports);
    rig.edit("21000-21099", &format!("{first}-{}", first + 9));
    rig.ok(&["check"]);
    rig.start();
    rig.ok(&["deploy", "--wait"]);
    assert!(rig.get("/hello.txt", "a").contains("hello from a file"));
}

#[test]
fn a_dry_run_of_init_writes_nothing_and_several_commands_are_listed() {
    let folder = notes("Procfile", PROCFILE);
    std::fs::write(
        folder.path().join("notes.service"),
        UNIT.replace("/usr/bin/env ", ""),
    )
    .unwrap();
    let (out, told) = ok(folder.path(), &["init", "--dry-run"]);
    assert!(out.starts_with("#:schema "), "{out}");
    assert!(
        told.contains("several files") && told.contains("2  notes.service"),
        "{told}"
    );
    assert!(!folder.path().join("portcullis.toml").exists());
    assert!(!folder.path().join(".portcullis").exists());
    // What is printed is what would be written.
    ok(folder.path(), &["init", "--yes"]);
    let written = std::fs::read_to_string(folder.path().join("portcullis.toml")).unwrap();
    assert_eq!(written.trim_end(), out.trim_end());
}

#[test]
fn an_error_has_a_code_that_can_be_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["statsu"]);
    let (out, err) = words(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(2), ""));
    assert!(
        err.starts_with("error[PC0201]: ") && err.contains("'status'"),
        "{err}"
    );
    for written in ["PC0201", "pc0201", "201"] {
        let (out, _) = ok(folder.path(), &["explain", written]);
        assert!(out.starts_with("PC0201: An unknown command"), "{out}");
    }
    let output = run(folder.path(), &["explain", "PC0209"]);
    let (_, err) = words(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("did you mean PC020"), "{err}");

    let bad = "[service]\nname = \"A B\"\nstrategi = \"canary\"\n";
    std::fs::write(folder.path().join("portcullis.toml"), bad).unwrap();
    let output = run(folder.path(), &["check", "--json"]);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["schema"], "portcullis.error/2");
    assert_eq!(error["code"], "PC0100");
    let details = error["details"].as_array().unwrap();
    let unknown = details.iter().find(|one| one["code"] == "PC0103").unwrap();
    assert_eq!(unknown["line"], 3);
    assert_eq!(unknown["key"], "service.strategi");
    assert!(
        unknown["hint"].as_str().unwrap().contains("strategy"),
        "{unknown}"
    );
}

#[test]
fn the_documentation_is_in_the_binary() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = ok(folder.path(), &["docs"]);
    assert!(out.lines().any(|line| line.starts_with("gate ")), "{out}");
    assert!(err.contains("portcullis docs"), "{err}");
    let (out, _) = ok(folder.path(), &["docs", "gates"]);
    assert!(out.contains("window") && !out.contains('\u{1b}'), "{out}");
    let output = run(folder.path(), &["docs", "glosary"]);
    let (_, err) = words(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("docs glossary"), "{err}");
    let (out, _) = ok(folder.path(), &["man", "--out", "man"]);
    assert!(out.contains("man pages"), "{out}");
    let page = std::fs::read_to_string(folder.path().join("man/portcullis-backup-create.1"));
    assert!(page.unwrap().contains("portcullis backup create"));
    for shell in ["bash", "zsh", "fish"] {
        let (out, _) = ok(folder.path(), &["completions", shell]);
        assert!(out.contains("rollback"), "{shell}");
    }
}

#[test]
fn a_doctor_without_a_server_warns_and_with_a_broken_file_fails() {
    let folder = notes("Procfile", PROCFILE);
    ok(
        folder.path(),
        &["init", "--port", &Ports::take().gateway().to_string()],
    );
    let before = listing(folder.path());
    let (out, _) = ok(folder.path(), &["doctor"]);
    assert!(out.contains("warn  server: no server answers"), "{out}");
    assert_eq!(listing(folder.path()), before, "the doctor made something");
    std::fs::remove_file(folder.path().join("app.py")).unwrap();
    let output = run(folder.path(), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).0.contains("fail  configuration"));
}

#[test]
fn the_doctor_says_when_the_server_is_of_another_version() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    rig.start();
    let mut status = rig.json(&["status"]);
    assert_eq!(status["server_version"], env!("CARGO_PKG_VERSION"));
    rig.stop();

    // A server of the future, as far as the doctor asks.
    status["server_version"] = "99.0.0".into();
    let body = status.to_string();
    let socket = rig.path(".portcullis/api.sock");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let future = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    let (out, _) = words(&rig.run(&["doctor"]));
    let ours = env!("CARGO_PKG_VERSION");
    let line = format!("warn  server version: the server is 99.0.0, this command is {ours}");
    assert!(out.contains(&line), "{out}");
    future.join().unwrap();
}

#[test]
fn a_rollout_that_waits_for_a_person_ends_its_follower_with_4() {
    let mut rig = Rig::new("none");
    rig.edit(
        "strategy = \"canary\"",
        "strategy = \"canary\"\napproval = \"Release it?\"",
    );
    rig.edit("window = \"2s\"", "window = \"10m\"");
    rig.ok(&["init"]);
    rig.start();
    assert_eq!(rig.exit(&["deploy", "--release", "1.0", "--wait"]), 4);
    rig.ok(&["approve"]);
    rig.until("1.0 serves", |rig| rig.state_of("dhash-1") == "promoted");
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 4);
    rig.ok(&["approve"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });

    let output = rig.run(&["deploy", "--release", "1.2"]);
    let (_, err) = words(&output);
    assert_eq!(output.status.code(), Some(1), "one is live");
    assert!(err.starts_with("error[PC0602]: "), "{err}");
    rig.ok(&["abort", "--wait"]);
}

#[test]
fn an_interrupt_detaches_with_130_and_the_rollout_goes_on() {
    let mut rig = Rig::new("none");
    rig.edit("window = \"2s\"", "window = \"10m\"");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let follower = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(rig.folder.path())
        .args(["deploy", "--release", "1.1", "--wait"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let pid = follower.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.unwrap().success());
    let output = follower.wait_with_output().unwrap();
    let (_, err) = words(&output);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("the rollout goes on"), "{err}");
    assert_eq!(rig.state_of("dhash-2"), "watching");
    rig.ok(&["abort", "--wait"]);
}

/// Every file and folder below a folder.
fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.display().to_string());
        if path.is_dir() {
            found.extend(listing(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn init_finds_all_releases_and_the_health_check_of_a_program() {
    let folder = tempfile::tempdir().unwrap();
    for version in ["1.0", "1.1", "1.10"] {
        let home = folder.path().join("releases").join(version);
        std::fs::create_dir_all(&home).unwrap();
        let program = format!("{APP}\n# the path \"/health\" of {version}\n");
        std::fs::write(home.join("notes.py"), program).unwrap();
    }
    let (_, told) = ok(folder.path(), &["init", "--yes"]);
    assert!(told.contains("1.0, 1.1 from releases/ beside it"), "{told}");
    assert!(told.contains("ready check: GET /health"), "{told}");
    let config = configuration(folder.path());
    let releases: Vec<(&str, String)> = config
        .releases
        .iter()
        .map(|release| {
            (
                release.id.as_str(),
                release.artifact_path.display().to_string(),
            )
        })
        .collect();
    let ids: Vec<&str> = releases.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["1.0", "1.1", "1.10"], "the newest is the last");
    for (id, path) in &releases {
        assert!(path.ends_with(&format!("releases/{id}/notes.py")), "{path}");
    }
    let text = std::fs::read_to_string(folder.path().join("portcullis.toml")).unwrap();
    assert!(text.contains("portcullis docs config"), "{text}");
    ok(folder.path(), &["check"]);
    ok(folder.path(), &["docs", "config"]);
    let near = words(&run(folder.path(), &["docs", "exit"])).1;
    assert!(near.contains("portcullis docs exit-codes"), "{near}");
    let share = words(&run(folder.path(), &["gateway", "split", "500"])).1;
    assert!(
        share.contains("a share is a percentage from 0 to 100"),
        "{share}"
    );
    let unsaved = words(&run(folder.path(), &["plan", "--out", "/nope/plan.json"])).1;
    assert!(
        unsaved.contains("there is no folder /nope") && !unsaved.contains(".tmp"),
        "{unsaved}"
    );
}
