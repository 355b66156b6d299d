//! Two engines with one journal in a real PostgreSQL: one acts, the other waits for its turn.
//!
//! The two stand for two machines that share the folder with the service's data: each has a
//! configuration, a state folder, a gateway and processes of its own.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::postgres_server::PostgresServer;
use crate::rig::{Ports, Rig, get, signal, users_of};

/// What is configured as the time of a lease.
const LEASE: Duration = Duration::from_secs(3);
/// The time from one try to the next.
const TRIES: Duration = Duration::from_secs(1);
/// What taking over may take besides: a pause, starting the service on a busy machine, and looking.
const BESIDES: Duration = Duration::from_secs(20);

fn rig_on(database: &str) -> Rig {
    let rig = Rig::new("none");
    let state = format!(
        "[state]\njournal = \"{database}\"\nlease = \"3s\"\nvault = \"vault\"\n\n[service]"
    );
    rig.edit("[service]", &state);
    rig.ok(&["init"]);
    rig
}

/// The second machine.
struct Second<'a> {
    rig: &'a Rig,
    ports: Ports,
    serve: Option<Child>,
}

impl<'a> Second<'a> {
    fn beside(rig: &'a Rig) -> Second<'a> {
        let ports = Ports::take();
        let text = fs::read_to_string(rig.path("portcullis.toml")).unwrap();
        let (first, last) = rig.release_ports();
        let (own_first, own_last) = ports.releases();
        let text = text
            .replace("[state]\n", "[state]\nfolder = \".second\"\n")
            .replace(rig.gateway(), &format!("127.0.0.1:{}", ports.gateway()))
            .replace(
                &format!("{first}-{last}"),
                &format!("{own_first}-{own_last}"),
            );
        fs::write(rig.path("second.toml"), text).unwrap();
        let second = Second {
            rig,
            ports,
            serve: None,
        };
        second.ok(&["init"]);
        second
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(self.rig.folder.path()).args(args);
        command.env("PORTCULLIS_FILE", "second.toml");
        command
            .env("NO_COLOR", "1")
            .env("PORTCULLIS_USER", "tester");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}\n{}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    fn launch(&mut self) {
        let log = fs::File::create(self.rig.path("second.log")).unwrap();
        let mut serve = self.command(&["serve", "--stop-services"]);
        serve.stdout(log.try_clone().unwrap()).stderr(log);
        self.serve = Some(serve.spawn().unwrap());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.rig.path("second.log")).unwrap_or_default()
    }

    fn acts(&self) -> bool {
        let status = self.run(&["status", "--json"]).stdout;
        let status: Value = serde_json::from_slice(&status).unwrap_or_default();
        status["engine"]["standing"] == "acting"
    }

    fn gateway(&self) -> String {
        format!("127.0.0.1:{}", self.ports.gateway())
    }

    fn get(&self) -> String {
        get(&self.gateway(), "/health", "user-1")
    }

    fn stop(&mut self) {
        if let Some(mut serve) = self.serve.take() {
            signal("-TERM", serve.id());
            serve.wait().unwrap();
        }
    }
}

impl Drop for Second<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first machine fails: everything that ran there is gone at once.
fn lose_first_machine(serve: u32, rig: &Rig) {
    let instances = fs::read_dir(rig.path(".portcullis/instances/dhash")).unwrap();
    let records = instances.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    let texts: Vec<String> = records.collect();
    signal("-KILL", serve);
    let mut killed = 0;
    for text in texts {
        // The folder's lock is no record.
        let Ok(record) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        killed += 1;
        let pid = record["process"]["pid"].as_u64().unwrap();
        signal("-KILL", u32::try_from(pid).unwrap());
    }
    assert!(killed >= 2, "the stable release and the canary");
}

#[test]
fn a_second_engine_takes_over_within_the_lease_time_and_the_first_one_after_it() {
    let server = PostgresServer::start();
    let mut rig = rig_on(&server.create_database("journal"));
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = rig.library_sha256();
    let verified = rig.ok(&["journal", "verify"]);
    assert!(verified.contains("/journal: "), "{verified}");
    assert!(
        verified.contains("chain whole, 1 rollouts fold"),
        "{verified}"
    );
    let first = rig.serve_id();
    {
        let rig = &rig;
        let mut second = Second::beside(rig);
        second.launch();
        rig.until("the second engine stands by", |_| {
            second.log().contains("stands by")
        });
        let said = second.run(&["status"]);
        assert_eq!(said.status.code(), Some(8));
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("another engine acts: serve "), "{said}");
        let refused = second.run(&["deploy", "--release", "1.1"]);
        assert_eq!(refused.status.code(), Some(8), "{refused:?}");

        // In the middle of a rollout, while the canary serves.
        rig.ok(&["deploy", "--release", "1.1"]);
        rig.until("the canary serves", |rig| {
            rig.log().contains("arm is healthy release=\"1.1\"")
        });
        let lost = Instant::now();
        lose_first_machine(first, rig);
        // Something else has the address of the release that serves, for longer than one attempt.
        let address = rig.release_ports().0;
        let taken = std::cell::RefCell::new(None);
        rig.until("the killed release has left its port", |_| {
            *taken.borrow_mut() = std::net::TcpListener::bind(("127.0.0.1", address)).ok();
            taken.borrow().is_some()
        });
        rig.until("it cannot take over yet", |_| {
            second.log().contains("cannot be started here")
        });
        std::thread::sleep(3 * TRIES);
        assert!(!second.acts(), "{}", second.log());
        drop(taken);
        rig.until("the second engine acts", |_| second.acts());
        let took = lost.elapsed();
        assert!(took < LEASE + BESIDES, "{took:?}\n{}", second.log());
        println!("taken over after {took:?}");

        rig.until("the rollout went back", |_| {
            let shown = second.ok(&["show", "dhash-2"]);
            shown.contains("Rolled back to 1.0")
        });
        let shown = second.ok(&["show", "dhash-2"]);
        assert!(shown.contains("another one took over"), "{shown}");
        assert_eq!(rig.library_sha256(), before, "data too");
        assert!(second.get().contains("\"1.0\""), "{}", second.get());

        let users = users_of(&second.gateway());
        second.ok(&["deploy", "--release", "1.1", "--wait"]);
        users.stop();
        assert!(second.get().contains("\"1.1\""), "{}", second.get());
    }

    // The first machine comes back after the second one has gone: its own 1.0 is out of date.
    rig.forget_serve();
    rig.start();
    rig.until("1.1 serves on the first machine", |rig| {
        rig.get("/health", "user-1").contains("\"1.1\"")
    });
    let log = rig.log();
    assert!(log.contains("another engine had taken over"), "{log}");
    rig.ok(&["journal", "verify"]);
    rig.ok(&["rollback", "--wait"]);
    assert!(rig.get("/health", "user-1").contains("\"1.0\""));
}

#[test]
fn an_engine_whose_database_was_gone_acts_again_by_itself() {
    let mut server = PostgresServer::start();
    let mut rig = rig_on(&server.create_database("journal"));
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    server.kill();
    rig.until("the engine stops", |rig| {
        rig.log().contains("the engine had to stop")
    });
    assert!(
        rig.get("/health", "user-1").contains("\"1.0\""),
        "users are served"
    );
    server.launch();
    rig.until("the engine acts again", |rig| {
        let status = rig.run(&["status", "--json"]).stdout;
        let status: Value = serde_json::from_slice(&status).unwrap_or_default();
        status["engine"]["standing"] == "acting"
    });
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    assert!(rig.get("/health", "user-1").contains("\"1.1\""));
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let rig = Rig::new("none");
    let address = "postgres://keeper:open-sesame@127.0.0.1:9/journal";
    let state = "[state]\njournal = \"env:JOURNAL_ADDRESS\"\n\n[service]";
    rig.edit("[service]", state);
    rig.ok(&["init"]);
    let verify = |address: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .current_dir(rig.folder.path())
            .args(["journal", "verify"]);
        command.env_remove("JOURNAL_ADDRESS");
        command.envs(address.map(|address| ("JOURNAL_ADDRESS", address)));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("open-sesame"), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = verify(Some(address));
    assert_eq!(code, Some(1));
    assert!(
        said.contains("postgres://127.0.0.1:9/journal cannot be reached"),
        "{said}"
    );
    let (code, said) = verify(Some("mysql://open-sesame@host/journal"));
    assert_eq!(code, Some(2));
    assert!(
        said.contains("it does not begin with postgres://"),
        "{said}"
    );
    let (code, said) = verify(None);
    assert_eq!(code, Some(2));
    assert!(said.contains("`env:JOURNAL_ADDRESS` is not set"), "{said}");
}
