//! Releases that migrate by plain SQL files, end to end: each phase at its time, tried first, undone with the release.

use std::path::PathBuf;

use crate::databases::{digest, ledger_of, sqlite};
use crate::rig::Rig;

const CONFIGURATION: &str = include_str!("fixtures/ledger/sql.toml");
const ADD: &str = "ALTER TABLE entry ADD COLUMN body TEXT;";
pub(crate) const FILL: &str = "-- portcullis: batch = 50, pause = 20ms
UPDATE entry SET body = text WHERE id IN (SELECT id FROM entry WHERE body IS NULL LIMIT 50);";
const DROP: &str = "ALTER TABLE entry DROP COLUMN text;";

/// A ledger with three migrations, of which 1.1 has two and 1.2 all.
fn ledger() -> Rig {
    let rig = ledger_of(CONFIGURATION);
    std::fs::create_dir(rig.path("migrations")).unwrap();
    for (name, text) in [
        ("0001_body.sql", ADD),
        ("0002_fill.backfill.sql", FILL),
        ("0003_text.contract.sql", DROP),
    ] {
        file(&rig, name, text);
    }
    rig
}

pub(crate) fn serving() -> Rig {
    let mut rig = ledger();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig
}

pub(crate) fn file(rig: &Rig, name: &str, text: &str) {
    std::fs::write(rig.path("migrations").join(name), text).unwrap();
}

fn database(rig: &Rig) -> PathBuf {
    rig.path("data/entries.db")
}

pub(crate) fn asked(rig: &Rig, sql: &str) -> String {
    sqlite(&database(rig), sql)
}

pub(crate) fn applied(rig: &Rig) -> String {
    let sql = "SELECT group_concat(name, ' ') FROM (SELECT name FROM portcullis_migrations \
               WHERE applied_at IS NOT NULL ORDER BY version)";
    asked(rig, sql)
}

/// What a refused command says, with the exit code.
fn refused(rig: &Rig, args: &[&str]) -> (i32, String) {
    let output = rig.run(args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), text)
}

/// By how many megabytes a phase made the data larger, as the rehearsal says first.
pub(crate) fn megabytes_more(rehearsed: &str) -> f64 {
    let (before, _) = rehearsed
        .split_once(" MB larger, ")
        .unwrap_or_else(|| panic!("{rehearsed}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn each_phase_is_carried_out_at_its_time_and_nothing_goes_back_behind_a_contraction() {
    let mut rig = serving();
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    let place = |words: &str| {
        plan.find(words)
            .unwrap_or_else(|| panic!("{words}: {plan}"))
    };
    assert!(place("apply 0001_body.sql to entries") < place("start 1.1"));
    assert!(place("apply 0002_fill.backfill.sql") > place("100 % of the traffic to 1.1"));
    assert!(!plan.contains("0003"), "{plan}");

    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(applied(&rig), "0001_body.sql 0002_fill.backfill.sql");
    assert_eq!(
        asked(&rig, "SELECT count(*) FROM entry WHERE body = text"),
        "500"
    );
    let shown = rig.ok(&["show", "ledger-2"]);
    assert!(shown.contains("500 rows changed"), "{shown}");

    let plan = rig.ok(&["plan", "--release", "1.2"]);
    let place = |words: &str| {
        plan.find(words)
            .unwrap_or_else(|| panic!("{words}: {plan}"))
    };
    assert!(place("apply 0003_text.contract.sql") > place("let 1.1 finish its requests"));
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.2", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
    rig.until("the contraction", |rig| {
        rig.state_of("ledger-3") == "promoted"
    });
    assert_eq!(
        asked(
            &rig,
            "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'text'"
        ),
        "0"
    );

    // Nothing that reads the dropped column comes back by itself.
    assert_eq!(rig.exit(&["rollback", "1.1", "--wait"]), 1, "{}", rig.log());
    let shown = rig.ok(&["show", "ledger-4"]);
    assert!(
        shown.contains("0003_text.contract.sql took away"),
        "{shown}"
    );
    // Nor when somebody brings it out anew.
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        1,
        "{}",
        rig.log()
    );
    let shown = rig.ok(&["show", "ledger-5"]);
    assert!(
        shown.contains("0003_text.contract.sql took away"),
        "{shown}"
    );
    assert_eq!(rig.serving_release(), "1.2");
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_bad_release_goes_back_with_its_files_and_its_ledger() {
    let mut rig = serving();
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1-bad", "--wait"]),
        3,
        "{}",
        rig.log()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(
        asked(
            &rig,
            "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'body'"
        ),
        "0"
    );
    assert_eq!(
        asked(
            &rig,
            "SELECT count(*) FROM sqlite_schema WHERE name = 'portcullis_migrations'"
        ),
        "0"
    );
    // The good one finds nothing half done.
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(applied(&rig), "0001_body.sql 0002_fill.backfill.sql");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.stop(), Some(0));
}

/// 1.3 has the contraction and still reads what it takes away: the rehearsal finds it, not the users.
#[test]
fn a_release_that_needs_what_its_own_contraction_removes_is_stopped_by_the_rehearsal() {
    let mut rig = serving();
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(users.stop(), 0, "requests were dropped");
    let before = asked(&rig, "SELECT count(*) FROM pragma_table_info('entry')");
    assert_ne!(rig.exit(&["deploy", "--release", "1.3", "--wait"]), 0);
    let shown = rig.ok(&["show", "ledger-3"]);
    assert!(shown.contains("release 1.3 after contract"), "{shown}");
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(
        asked(&rig, "SELECT count(*) FROM pragma_table_info('entry')"),
        before
    );
    assert_eq!(rig.stop(), Some(0));
}

/// The same without a rollout, beside a server that serves.
#[test]
fn a_release_is_rehearsed_without_being_brought_out() {
    let mut rig = serving();
    // 500 rows that take a page of 4096 bytes each.
    file(
        &rig,
        "0001_body.sql",
        &format!(
            "{ADD}\nCREATE TABLE picture (bytes BLOB);\nINSERT INTO picture SELECT zeroblob(4000) FROM entry;"
        ),
    );
    let before = digest(&rig);
    let text = rig.ok(&["migrate", "rehearse", "--release", "1.1"]);
    let more = megabytes_more(&text);
    assert!((2.0..2.3).contains(&more), "{more}: {text}");
    for words in [
        "expand applied in",
        "0002_fill.backfill.sql",
        "500 rows changed",
        "1.0 after backfill",
        "1.1 can be brought out",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (code, text) = refused(&rig, &["migrate", "rehearse", "--release", "1.3"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("release 1.3 after contract"), "{text}");
    let (code, text) = refused(&rig, &["migrate", "rehearse", "--release", "1.0"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("1.0 already serves"), "{text}");
    let (code, text) = refused(
        &rig,
        &[
            "migrate",
            "rehearse",
            "--release",
            "1.1",
            "--backup",
            "ledger_test_20200101T000000Z",
        ],
    );
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("ledger_test_20200101T000000Z"), "{text}");
    assert_eq!(digest(&rig), before);
    let left = std::fs::read_dir(rig.path(".portcullis/rehearsals")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with("scratch")),
        "{left:?}"
    );
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn files_that_would_break_what_runs_are_refused_before_anything_is_touched() {
    let mut rig = serving();
    file(
        &rig,
        "0002_fill.backfill.sql",
        "ALTER TABLE entry RENAME COLUMN text TO body;",
    );
    let (code, text) = refused(&rig, &["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("0002_fill.backfill.sql:1"), "{text}");
    assert!(text.contains("add a column of the new name"), "{text}");
    file(
        &rig,
        "0002_fill.backfill.sql",
        "-- portcullis: batsh = 5\nUPDATE entry SET body = text;",
    );
    let (code, text) = refused(&rig, &["plan", "--release", "1.1"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("batsh"), "{text}");
    assert_eq!(
        asked(
            &rig,
            "SELECT count(*) FROM sqlite_schema WHERE name = 'portcullis_migrations'"
        ),
        "0"
    );
    assert_eq!(rig.stop(), Some(0));
}

/// Nothing serves yet, so nobody needs the old shape: all phases come before the start.
#[test]
fn the_first_release_gets_all_phases_before_it_starts() {
    let mut rig = ledger();
    rig.ok(&["init"]);
    rig.start();
    let text = rig.ok(&["deploy", "--release", "1.2", "--wait"]);
    assert_eq!(rig.serving_release(), "1.2", "{text}");
    assert_eq!(
        applied(&rig),
        "0001_body.sql 0002_fill.backfill.sql 0003_text.contract.sql"
    );
    assert_eq!(rig.stop(), Some(0));
}

/// Somebody else has the database for longer than a statement waits: the step is tried again and the release goes on.
#[test]
fn a_lock_that_passes_delays_a_release_and_fails_none() {
    let mut rig = ledger();
    rig.edit("through = 2\n", "through = 2\nlock_timeout = \"500ms\"\n");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let users = rig.users();
    let mut locker = std::process::Command::new("python3")
        .args(["-c", LOCKER])
        .arg(database(&rig))
        .arg(rig.path("let-go"))
        .spawn()
        .unwrap();
    rig.until("the lock", |rig| {
        rig.path("let-go").with_extension("locked").exists()
    });
    let released = rig.spawn(&["deploy", "--release", "1.1", "--wait"]);
    rig.until("a failed attempt", |rig| {
        let shown = rig.run(&["show", "ledger-2"]).stdout;
        String::from_utf8_lossy(&shown).contains("database is locked")
    });
    std::fs::write(rig.path("let-go"), "").unwrap();
    assert!(locker.wait().unwrap().success());
    assert_eq!(released.join().unwrap().code(), Some(0), "{}", rig.log());
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.stop(), Some(0));
}

/// Holds the right to write until a file says otherwise.
const LOCKER: &str = "
import os, pathlib, sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute('BEGIN IMMEDIATE')
go = pathlib.Path(sys.argv[2])
go.with_suffix('.locked').touch()
for _ in range(6000):
    if go.exists():
        break
    time.sleep(0.01)
database.execute('ROLLBACK')
";

/// A backfill that was cut off by the death of Portcullis goes on where its ledger says.
#[test]
fn a_backfill_survives_the_death_of_portcullis() {
    let mut rig = serving();
    let slow = FILL.replace("20ms", "150ms");
    file(&rig, "0002_fill.backfill.sql", &slow);
    rig.ok(&["deploy", "--release", "1.1"]);
    let filled = |rig: &Rig| -> u32 {
        let table = "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'body'";
        match asked(rig, table).as_str() {
            "0" => 0,
            _ => asked(rig, "SELECT count(*) FROM entry WHERE body IS NOT NULL")
                .parse()
                .unwrap(),
        }
    };
    let users = rig.users();
    rig.until("some rows are filled", |rig| filled(rig) > 0);
    rig.kill();
    assert!(filled(&rig) < 500, "it was over before it could be killed");
    rig.start();
    rig.until("the promotion", |rig| {
        rig.state_of("ledger-2") == "promoted"
    });
    assert_eq!(filled(&rig), 500);
    assert_eq!(applied(&rig), "0001_body.sql 0002_fill.backfill.sql");
    let counted = "SELECT rows_changed FROM portcullis_migrations WHERE version = 2";
    assert_eq!(asked(&rig, counted), "500");
    drop(users);
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}
