//! pgbench's own load while a release is brought out and goes back with its data: what it has in its log was acknowledged
//! to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::postgres_server::PostgresServer;
use crate::rig::Rig;
use crate::server_databases::notebook;

const CLIENTS: u64 = 4;
/// So many that some are acknowledged while each step of a rollout is under way, and so few that the steps are not slowed
/// down by them.
const PER_SECOND: u32 = 200;
/// Longer than anything here takes: what ends it is the restore.
const SECONDS: u32 = 900;
/// What the number of a client is multiplied with in a mark; no client does as many transactions.
const MARK: u64 = 1_000_000;

/// The transaction of TPC-B, as pgbench has it, that marks its row of the history with which transaction of which client it
/// was.
const SCRIPT: &str = "\
\\set n :n + 1
\\set mark :client_id * @MARK@ + :n
\\set aid random(1, 100000 * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, filler)
    VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP, :mark);
END;
";

const MIGRATION: &str = r#"command = ["python3", "{artifact}", "migrate"]"#;
/// It works on the copy of the rehearsal; on the live database it does half and fails.
const HALF: &str = r#"command = ["sh", "-c", '''
case "$DATABASE_URL" in
    */notes) psql -X -q -d "$DATABASE_URL" -c 'ALTER TABLE note ADD COLUMN mood text'; exit 1;;
esac
exec python3 "$0" migrate
''', "{artifact}"]"#;
const MOODS: &str = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'note' AND column_name = 'mood'";

/// pgbench at work on the notebook's database, directly on the server, as the service's own user.
struct Pgbench {
    child: Child,
    folder: tempfile::TempDir,
}

/// When each transaction of each client was acknowledged, in microseconds since the Unix epoch, in order.
struct Acknowledged(BTreeMap<u64, Vec<u64>>);

impl Pgbench {
    /// Makes the tables of TPC-B and starts the clients.
    fn start(server: &PostgresServer, url: &str) -> Pgbench {
        let program = server.program("pgbench");
        let filled = Command::new(&program)
            .args(["--initialize", "--quiet", "--scale=1", url])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&filled.stderr);
        assert!(filled.status.success(), "{told}");
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("transaction.sql");
        std::fs::write(&script, SCRIPT.replace("@MARK@", &MARK.to_string())).unwrap();
        let log = folder.path().join("log");
        let child = Command::new(&program)
            .args(["--no-vacuum", "--log", "--jobs=1", "--define=n=0"])
            .args([format!("--client={CLIENTS}"), format!("--time={SECONDS}")])
            .arg(format!("--rate={PER_SECOND}"))
            .arg(format!("--log-prefix={}", log.display()))
            .arg(format!("--file={}", script.display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("told")).unwrap())
            .spawn()
            .unwrap();
        Pgbench { child, folder }
    }

    /// Waits until it is over, by itself or because its sessions were ended.
    fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        let told = std::fs::read_to_string(self.folder.path().join("told")).unwrap();
        (status, told)
    }

    /// What was acknowledged to it, once it is over.
    fn log(&self) -> Acknowledged {
        let file = self.folder.path().join(format!("log.{}", self.child.id()));
        let mut log: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
            let [client, _, _, _, seconds, micros, ..] = numbers.as_slice() else {
                panic!("{line}")
            };
            let moments = log.entry(*client).or_default();
            moments.push(seconds * 1_000_000 + micros);
        }
        Acknowledged(log)
    }
}

impl Drop for Pgbench {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Acknowledged {
    /// How many were until a moment, of each client.
    fn until(&self, moment_us: u64) -> BTreeMap<u64, u64> {
        let clients = self.0.iter();
        let count = |moments: &[u64]| moments.iter().filter(|one| **one <= moment_us).count();
        clients
            .map(|(client, moments)| (*client, count(moments) as u64))
            .collect()
    }

    /// The same of all clients.
    fn sum_until(&self, moment_us: u64) -> u64 {
        self.until(moment_us).values().sum()
    }

    /// Every transaction that was acknowledged before the first moment was found, and none that was not yet sent at the
    /// second one: of each client one may be on its way.
    fn hold(&self, what: &str, found: &BTreeMap<u64, u64>, (from_us, to_us): (u64, u64)) {
        let (least, most) = (self.until(from_us), self.until(to_us));
        assert_eq!(least.len() as u64, CLIENTS);
        for (client, least) in least {
            assert!(least > 0, "{what}: client {client} did nothing before");
            let bounds = least..=most[&client] + 1;
            let found = found.get(&client).copied().unwrap_or_default();
            assert!(
                bounds.contains(&found),
                "{what}: {found} transactions of client {client}, not {bounds:?}"
            );
        }
    }
}

/// How many transactions each client has in a database. Accounts, tellers, branches and history must agree, so that none is
/// there by half, and of each client none may be missing before its last one.
fn transactions(server: &PostgresServer, database: &str) -> BTreeMap<u64, u64> {
    let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), \
                (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history)";
    let sums = server.sql(database, sums);
    let sums: Vec<&str> = sums.split('|').collect();
    assert!(
        sums.iter().all(|sum| *sum == sums[0]),
        "{database}: {sums:?}"
    );
    let marks = format!(
        "SELECT mark / {MARK}, count(*), count(DISTINCT mark), max(mark % {MARK}) \
         FROM (SELECT trim(filler)::bigint AS mark FROM pgbench_history) AS marks GROUP BY 1"
    );
    let marks = server.sql(database, &marks);
    let clients = marks.lines().map(|line| {
        let numbers: Vec<u64> = line.split('|').map(|word| word.parse().unwrap()).collect();
        let [client, rows, different, last] = numbers.as_slice() else {
            panic!("{line}")
        };
        assert!(rows == different && rows == last, "{database}: {line}");
        (*client, *rows)
    });
    clients.collect()
}

/// Waits until pgbench has done some more. Not to be called while something is put back: it asks as a superuser, whose
/// session the service's user may not end.
fn more(server: &PostgresServer, rig: &Rig, what: &str) {
    let done = || -> u64 {
        let rows = server.sql("notes", "SELECT count(*) FROM pgbench_history");
        rows.parse().unwrap()
    };
    let goal = done() + 100;
    rig.until(what, |_| done() >= goal);
}

/// When the backup of a rollout was begun and when it was done, in microseconds since the Unix epoch: it has the data of a
/// moment between the two.
fn backup_made(shown: &Value) -> (u64, u64) {
    let mut moments = shown["moments"].as_array().unwrap().iter();
    let made = moments
        .find(|moment| moment["name"] == "backup" && moment["moment"] == "settled")
        .unwrap_or_else(|| panic!("{shown:#}"));
    let at_ms = made["at_ms"].as_u64().unwrap();
    let took_ms = made["took_ms"].as_u64().unwrap();
    ((at_ms - took_ms) * 1000, (at_ms + 1) * 1000)
}

/// The database that the restore has put aside.
fn put_aside(shown: &Value) -> String {
    let moments = shown["moments"].as_array().unwrap().iter();
    let mut facts = moments.flat_map(|moment| moment["facts"].as_array().into_iter().flatten());
    let kept = facts
        .find(|fact| fact["name"] == "replaced data kept as")
        .unwrap_or_else(|| panic!("{shown:#}"));
    let kept = kept["value"].as_str().unwrap();
    kept.rsplit(' ').next().unwrap().to_owned()
}

/// Waits until a person is told how much would be lost, and shows that nothing is lost before one agrees to it. Returns how
/// many rows were counted, and when, in microseconds since the Unix epoch.
fn asked(rig: &Rig) -> (u64, u64) {
    let shown = rig.ok(&["show", "notebook-2"]);
    assert!(
        shown.contains("would lose the writes taken since"),
        "{shown}"
    );
    rig.until("the count of what would be lost", |rig| {
        rig.json(&["status"])["loss"]["stores"][0]["added"].is_u64()
    });
    let loss = rig.json(&["status"])["loss"].clone();
    let counted = "pgbench_history (";
    let status = rig.ok(&["status"]);
    assert!(status.contains(counted), "{status}");
    let refused = rig.run(&["retry"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    for words in ["lost then:", counted, "--accept-loss"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(rig.state_of("notebook-2"), "held");
    let counted_ms = loss["counted_ms"].as_u64().unwrap();
    let added = loss["stores"][0]["added"].as_u64().unwrap();
    (added, (counted_ms + 1) * 1000)
}

#[test]
fn a_rollback_under_pgbench_has_every_commit_before_its_backup_and_none_after_it() {
    let (server, mut rig) = notebook();
    rig.edit("written_by = \"migrations\"", "written_by = \"service\"");
    rig.edit(MIGRATION, HALF);
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let url = std::fs::read_to_string(rig.path("notes.url")).unwrap();
    let mut pgbench = Pgbench::start(&server, url.trim());
    more(&server, &rig, "pgbench is at work");

    // 4: it waits for a person.
    let deployed = rig.exit(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(deployed, 4, "{}", rig.log());
    let held = rig.json(&["show", "notebook-2"]);
    assert_eq!(held["state"], "held", "{held:#}");
    let held_us = held["changed_at_ms"].as_u64().unwrap() * 1000;
    let backup = backup_made(&held);
    let (added, counted_us) = asked(&rig);
    assert_eq!(server.sql("notes", MOODS), "1", "nothing was put back yet");
    more(&server, &rig, "pgbench goes on while a person is asked");

    rig.ok(&["retry", "--accept-loss"]);
    rig.until("the backup is put back", |rig| {
        rig.state_of("notebook-2") == "rolled back"
    });
    let (ended, told) = pgbench.end();
    assert!(!ended.success(), "its sessions were not ended: {told}");
    let log = pgbench.log();

    // In the place of the live database: what was there when the backup was made.
    let restored = transactions(&server, "notes");
    log.hold("restored", &restored, backup);
    assert!(
        log.sum_until(backup.0) < log.sum_until(backup.1),
        "pgbench was at work while the backup was made"
    );
    assert_eq!(server.sql("notes", MOODS), "0");

    // Beside it, under the name that is told: everything until the two were exchanged.
    let kept = put_aside(&rig.json(&["show", "notebook-2"]));
    let shown = rig.ok(&["show", "notebook-2"]);
    assert!(shown.contains(&kept), "{kept}: {shown}");
    let list = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1";
    let databases = server.sql("postgres", list);
    assert_eq!(
        databases.lines().collect::<Vec<_>>(),
        ["notes", kept.as_str()]
    );
    let replaced = transactions(&server, &kept);
    log.hold("replaced", &replaced, (u64::MAX, u64::MAX));
    assert_eq!(server.sql(&kept, MOODS), "1");

    // What the person was told: as many as there were at some moment between the question and the end of the count.
    let counted = restored.values().sum::<u64>() + added;
    let bounds = log.sum_until(held_us)..=log.sum_until(counted_us) + CLIENTS;
    assert!(bounds.contains(&counted), "{counted}, not {bounds:?}");

    assert_eq!(rig.serving_release(), "1.0");
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}
