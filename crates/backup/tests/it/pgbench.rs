//! pgbench's own load through a backup, a recovery to a moment, and a restore in place: what it has in its log was
//! acknowledged to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use portcullis_backup::{Kept, PostgresAddress, Store, store_digest};

use crate::continuous::{Archived, psql};
use crate::waiting::until;
use crate::{at, request};

const CLIENTS: usize = 4;
const SECONDS: u32 = 20;

/// The transaction of TPC-B, as pgbench has it, that notes which client it was.
const SCRIPT: &str = "\
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
    VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP, :client_id);
END;
";

struct Pgbench {
    child: Child,
    folder: tempfile::TempDir,
}

impl Pgbench {
    fn program(archived: &Archived) -> Command {
        let mut command = Command::new(archived.server.program("pgbench"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn fill(archived: &Archived) {
        let filled = Pgbench::program(archived)
            .args(["--initialize", "--quiet", "--scale=2"])
            .arg(archived.server.url("bank"))
            .status();
        assert!(filled.unwrap().success());
    }

    fn start(archived: &Archived) -> Pgbench {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("transaction.sql");
        std::fs::write(&script, SCRIPT).unwrap();
        let child = Pgbench::program(archived)
            .args(["--no-vacuum", "--log", "--jobs=1"])
            .args([format!("--client={CLIENTS}"), format!("--time={SECONDS}")])
            .arg(format!(
                "--log-prefix={}",
                folder.path().join("log").display()
            ))
            .arg(format!("--file={}", script.display()))
            .arg(archived.server.url("bank"))
            .spawn()
            .unwrap();
        Pgbench { child, folder }
    }

    /// When each transaction of each client was acknowledged, once all are.
    fn log(mut self) -> BTreeMap<usize, Vec<Timestamp>> {
        assert!(self.child.wait().unwrap().success());
        let mut log: BTreeMap<usize, Vec<Timestamp>> = BTreeMap::new();
        for line in std::fs::read_to_string(self.log_file()).unwrap().lines() {
            let numbers: Vec<i64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
            let [client, _, _, _, seconds, micros, ..] = numbers.as_slice() else {
                panic!("{line}")
            };
            let moment = Timestamp::from_microsecond(seconds * 1_000_000 + micros).unwrap();
            log.entry(*client as usize).or_default().push(moment);
        }
        assert_eq!(log.len(), CLIENTS);
        log
    }

    fn log_file(&self) -> PathBuf {
        let mut files = std::fs::read_dir(self.folder.path()).unwrap();
        let log = |path: &Path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("log.")
        };
        files
            .find_map(|entry| Some(entry.unwrap().path()).filter(|path| log(path)))
            .unwrap()
    }
}

/// How many transactions each client has in a database, in which accounts, tellers, branches and history must agree.
fn transactions(url: &str) -> BTreeMap<usize, usize> {
    let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), \
                (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history)";
    let sums = psql(url, sums);
    let sums: Vec<&str> = sums.split('|').collect();
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    let counts = psql(
        url,
        "SELECT trim(filler), count(*) FROM pgbench_history GROUP BY 1",
    );
    let counts = counts.lines().map(|line| {
        let (client, count) = line.split_once('|').unwrap();
        (client.parse().unwrap(), count.parse().unwrap())
    });
    counts.collect()
}

/// Every transaction that was acknowledged before the first moment is there, and none that was not yet sent at the second
/// one: of each client one may be on its way.
fn hold(
    found: &BTreeMap<usize, usize>,
    log: &BTreeMap<usize, Vec<Timestamp>>,
    (from, to): (Timestamp, Timestamp),
) {
    for (client, acknowledged) in log {
        let until = |moment| acknowledged.iter().filter(|one| **one <= moment).count();
        let found = found.get(client).copied().unwrap_or_default();
        let bounds = until(from)..=until(to) + 1;
        assert!(
            bounds.contains(&found),
            "client {client}: {found} of {bounds:?}"
        );
        assert!(until(from) > 0, "client {client} did nothing before");
    }
}

#[test]
fn pgbench_loses_nothing_through_backup_recovery_and_restore() {
    let archived = Archived::new();
    Pgbench::fill(&archived);
    let bank = Store::postgres("ledger", archived.source.address.clone(), 1);
    let vault = &archived.place.vault;
    let done = || {
        let count = archived
            .server
            .sql("bank", "SELECT count(*) FROM pgbench_history");
        count.parse::<usize>().unwrap()
    };
    let more = |what: &str| {
        let goal = done() + 100;
        until(what, || done() >= goal);
    };
    let (log, during, moment, backup) = archived.while_receiving(|receiver| {
        until("something is received", || {
            receiver.last.lock().unwrap().until.is_some()
        });
        let running = Pgbench::start(&archived);
        more("pgbench is at work");
        archived.base(1);
        let began = archived.now();
        let backup = vault
            .create(&request(1), std::slice::from_ref(&bank))
            .unwrap();
        let during = (began, archived.now());
        more("pgbench goes on");
        let moment = archived.now();
        more("pgbench goes on beyond the moment");
        let log = running.log();
        archived.switch();
        archived.caught_up(receiver);
        (log, during, moment, backup)
    });
    let after = |moment: Timestamp| log.values().flatten().filter(|one| **one > moment).count();
    assert!(after(moment) > 0, "the moment is within the run");

    // The dump that was made under the load.
    vault.verify(&backup.name).unwrap();
    let url = archived.server.url("from_dump");
    let copy = Store::postgres("ledger", PostgresAddress::new(&url).unwrap(), 1);
    vault.restore_copy(&backup.name, &copy).unwrap();
    hold(&transactions(&url), &log, during);

    // The moment, recovered to from the archive.
    let cluster = archived
        .archive
        .recover(&archived.order(Some(moment)))
        .unwrap();
    let store = cluster.store("bank", 1).unwrap();
    let recovered = vault.create(&request(2), &[store]).unwrap();
    cluster.stop().unwrap();
    let url = archived.server.url("from_archive");
    let copy = Store::postgres("ledger", PostgresAddress::new(&url).unwrap(), 1);
    vault.restore_copy(&recovered.name, &copy).unwrap();
    hold(&transactions(&url), &log, (moment, moment));

    // Put back in the place of the live one while pgbench uses it.
    let mut running = Pgbench::start(&archived);
    more("pgbench is at work again");
    let replaced = vault
        .restore_in_place(&recovered.name, &bank, at(9))
        .unwrap();
    assert!(matches!(replaced.kept, Some(Kept::Database(_))));
    assert!(
        !running.child.wait().unwrap().success(),
        "its sessions were ended"
    );
    assert_eq!(
        store_digest(&bank).unwrap(),
        recovered.manifest.stores[0].digest
    );
    hold(
        &transactions(&archived.server.url("bank")),
        &log,
        (moment, moment),
    );
}
