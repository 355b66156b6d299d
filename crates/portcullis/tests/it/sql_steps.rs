//! Steps of SQL files while they go on: what is seen of them, how they are stopped, and what is said when they cannot go on.

use crate::rig::Rig;
use crate::sql_releases::{FILL, applied, asked, file, serving};

/// How many entries are filled; none before there is a column for it.
fn filled(rig: &Rig) -> u32 {
    let table = "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'body'";
    match asked(rig, table).as_str() {
        "0" => 0,
        _ => asked(rig, "SELECT count(*) FROM entry WHERE body IS NOT NULL")
            .parse()
            .unwrap(),
    }
}

/// What a command says to people, beside its result.
fn said(rig: &Rig, args: &[&str]) -> String {
    String::from_utf8(rig.run(args).stderr).unwrap()
}

/// Ten seconds are between two batches, and a pause takes effect in them.
#[test]
fn a_backfill_shows_its_rows_and_is_paused_and_aborted_between_two_batches() {
    let mut rig = serving();
    file(
        &rig,
        "0002_fill.backfill.sql",
        &FILL.replace("50", "450").replace("20ms", "10s"),
    );
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first batch", |rig| filled(rig) == 450);
    rig.until("the first rows are shown", |rig| {
        rig.ok(&["status"])
            .contains("0002_fill.backfill.sql: 450 rows changed")
    });
    rig.ok(&["pause", "ledger-2"]);
    rig.until("the pause", |rig| rig.state_of("ledger-2") == "paused");
    let status = rig.ok(&["status"]);
    assert!(
        status.contains(", backfill; `resume` goes on with it"),
        "{status}"
    );
    assert_eq!(filled(&rig), 450);

    rig.ok(&["resume", "ledger-2"]);
    rig.until("the second batch", |rig| filled(rig) == 500);
    rig.until("rows of both runs are shown", |rig| {
        rig.ok(&["status"])
            .contains("0002_fill.backfill.sql: 500 rows changed")
    });
    rig.ok(&["abort", "ledger-2"]);
    rig.until("the return", |rig| {
        rig.state_of("ledger-2") == "rolled back"
    });
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(filled(&rig), 0);
    rig.ok(&["journal", "verify"]);
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn a_backfill_that_was_paused_goes_on_to_its_end_over_a_restart_too() {
    let mut rig = serving();
    file(
        &rig,
        "0002_fill.backfill.sql",
        &FILL.replace("20ms", "200ms"),
    );
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("some rows are filled", |rig| filled(rig) > 0);
    rig.ok(&["pause", "ledger-2"]);
    rig.until("the pause", |rig| rig.state_of("ledger-2") == "paused");
    let half = filled(&rig);
    assert!(half < 500, "it was over before it could be paused");
    rig.kill();
    rig.start();
    assert_eq!(rig.state_of("ledger-2"), "paused");
    rig.ok(&["resume", "ledger-2"]);
    rig.until("the promotion", |rig| {
        rig.state_of("ledger-2") == "promoted"
    });
    drop(users);
    assert_eq!(filled(&rig), 500);
    assert_eq!(applied(&rig), "0001_body.sql 0002_fill.backfill.sql");
    let shown = rig.ok(&["show", "ledger-2"]);
    assert!(shown.contains("500 rows changed"), "{shown}");
    assert_eq!(rig.stop(), Some(0));
}

/// A file that is edited while the old release is kept warm: the reason is told as it is, and putting it back is enough.
#[test]
fn a_contraction_whose_file_changed_says_so_and_goes_on_when_it_is_put_back() {
    let mut rig = serving();
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    rig.edit("keep_warm = \"0s\"", "keep_warm = \"10m\"");
    let warm = said(&rig, &["deploy", "--release", "1.2", "--wait"]);
    drop(users);
    assert!(
        warm.contains("undo: portcullis rollback (goes back to 1.1 at once"),
        "{warm}"
    );
    let name = "0003_text.contract.sql";
    let text = std::fs::read_to_string(rig.path("migrations").join(name)).unwrap();
    file(&rig, name, &format!("{text}\n-- later\n"));
    rig.ok(&["resume", "ledger-3"]);
    rig.until("the hold", |rig| rig.state_of("ledger-3") == "held");
    for told in [rig.ok(&["status"]), rig.ok(&["show", "ledger-3"])] {
        assert!(
            told.contains("0003_text.contract.sql changed since the plan was made"),
            "{told}"
        );
        assert!(told.contains("`portcullis retry` goes on"), "{told}");
        assert!(!told.contains("deadline"), "{told}");
    }
    file(&rig, name, &text);
    rig.ok(&["retry", "ledger-3"]);
    rig.until("the end", |rig| rig.state_of("ledger-3") == "promoted");
    assert!(applied(&rig).ends_with(name), "{}", applied(&rig));
    assert_eq!(rig.stop(), Some(0));
}

#[test]
fn behind_a_contraction_no_way_back_is_offered() {
    let mut rig = serving();
    let users = rig.users();
    let undo = said(&rig, &["deploy", "--release", "1.1", "--wait"]);
    assert!(
        undo.contains("undo: portcullis rollback (starts 1.0 again"),
        "{undo}"
    );
    let undo = said(&rig, &["deploy", "--release", "1.2", "--wait"]);
    drop(users);
    assert!(
        undo.contains("undo: none: 0003_text.contract.sql took away what 1.1 may need"),
        "{undo}"
    );
    assert!(!undo.contains("portcullis rollback"), "{undo}");
    assert_eq!(rig.exit(&["rollback", "--wait"]), 1, "{}", rig.log());
    assert_eq!(rig.serving_release(), "1.2");
    assert_eq!(rig.stop(), Some(0));
}

/// A release whose last number is below all files: which there are is said where it can be mended.
#[test]
fn a_last_number_without_files_is_refused_with_the_files_that_there_are() {
    let mut rig = serving();
    rig.edit("through = 2\n", "through = 0\n");
    let refused = said(&rig, &["plan", "--release", "1.1"]);
    for words in [
        "through = 0 leaves out every .sql file in ",
        "migrations: 0001_body.sql, 0002_fill.backfill.sql, 0003_text.contract.sql",
        "set `through` to the number of the last file",
    ] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    assert_eq!(rig.stop(), Some(0));
}
