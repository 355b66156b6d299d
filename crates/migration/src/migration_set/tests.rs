//! What is wrong with files is named, and what is right is in order.

use super::*;
use crate::Phase;

fn read(files: &[(&str, &[u8])]) -> (MigrationSet, Vec<String>) {
    let files = files
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
    let (set, problems) = MigrationSet::read(Dialect::Postgres, files);
    (set, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn files_are_in_the_order_of_their_numbers_with_their_phases() {
    let (set, problems) = read(&[
        ("0010_c.contract.sql", b"DROP TABLE old;"),
        (
            "9_b.sql",
            b"-- portcullis: backfill\nUPDATE t SET a = 1 WHERE a IS NULL;",
        ),
        ("0008_a.sql", b"CREATE TABLE t (a int);"),
        ("0008_a.down.sql", b"DROP TABLE t;"),
    ]);
    assert_eq!(problems, [""; 0]);
    let told: Vec<_> = set
        .migrations
        .iter()
        .map(|m| (m.version, m.phase, m.in_transaction, m.reverse.is_some()))
        .collect();
    let expected = [
        (8, Phase::Expand, true, true),
        (9, Phase::Backfill, true, false),
        (10, Phase::Contract, true, false),
    ];
    assert_eq!(told, expected);
    // What `printf 'CREATE TABLE t (a int);' | sha256sum` prints.
    assert_eq!(
        set.migrations[0].sha256,
        "291a0f6d454589b4c8571acec911dc477d44327957e3b24cb804d2286eacca3a"
    );
}

#[test]
fn every_problem_is_named_at_its_place() {
    let (set, problems) = read(&[
        ("0001_a.sql", b"SELECT 1;"),
        ("0002_b.sql", b"SELECT 2;"),
        ("0002_other.sql", b"SELECT 2;"),
        ("0003_empty.sql", b"-- nothing yet\n;"),
        ("0005_gap.sql", b"SELECT 5;\nSELECT 'open;"),
        ("0006_bytes.sql", b"SELECT '\xff';"),
        ("0007_two.contract.sql", b"-- portcullis: expand\nSELECT 1;"),
        (
            "0008_late.sql",
            b"SELECT 1;\n-- portcullis: contract\nSELECT 2;",
        ),
        (
            "0009_batch.sql",
            b"-- portcullis: batch = 10\nDELETE FROM t WHERE a LIMIT 10;",
        ),
        (
            "0010_word.sql",
            b"-- portcullis: expnad\n-- portcullis:ignore no-reverse\nSELECT 1;",
        ),
        ("0011_psql.sql", b"\\set a 1\n;\nCOPY t FROM STDIN;"),
        ("0012_back.down.sql", b"SELECT 1;"),
        ("99999999999999999999_far.sql", b"SELECT 1;"),
        ("readme.sql", b"SELECT 1;"),
    ]);
    assert_eq!(set.migrations.len(), 10);
    let expected = [
        "0002_other.sql: its number is that of 0002_b.sql too",
        "0003_empty.sql: it has no statement",
        "0005_gap.sql: no file has the number 4, although the numbers before it have no gaps",
        "0005_gap.sql:2: the string that begins here is not closed",
        "0006_bytes.sql: it is not UTF-8: the byte at 8 cannot be read",
        "0007_two.contract.sql: it is contract by its name and expand by its comment",
        "0008_late.sql:2: `portcullis: contract` stands where it has no effect",
        "0009_batch.sql:2: a statement in batches stands in a file of the phase expand",
        "0010_word.sql:1: `portcullis: expnad` is not known",
        "0010_word.sql:2: `ignore no-reverse` gives no reason",
        "0011_psql.sql:1: `\\set` is a command of psql and not SQL",
        "0011_psql.sql:3: COPY ... FROM STDIN reads data that only psql sends",
        "0012_back.down.sql: it goes back, and there is no file of its number that goes forward",
        "99999999999999999999_far.sql: the number at the beginning of the name is too large",
        "readme.sql: the name does not begin with a number or a time",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn times_and_tens_have_no_gaps() {
    let one: &[u8] = b"SELECT 1;";
    let times = [
        ("20261121090000_a.sql", one),
        ("20261121090001_b.sql", one),
        ("20261122083000_c.sql", one),
    ];
    assert_eq!(read(&times).1, [""; 0]);
    let tens = [("10_a.sql", one), ("20_b.sql", one), ("30_c.sql", one)];
    assert_eq!(read(&tens).1, [""; 0]);
}

#[test]
fn the_sum_through_a_statement_holds_what_was_done_and_not_what_follows() {
    let (before, _) = read(&[("1_a.sql", b"SELECT 1;\nSELECT wrong;\n")]);
    let (after, _) = read(&[("1_a.sql", b"SELECT 1;\nSELECT right;\n")]);
    let (before, after) = (&before.migrations[0], &after.migrations[0]);
    assert_eq!(before.sha256_through(1), after.sha256_through(1));
    assert_ne!(before.sha256_through(2), after.sha256_through(2));
    assert_ne!(before.sha256, after.sha256);
}

/// A mistyped `contract` must not become an `expand`, wherever it stands.
#[test]
fn what_is_meant_as_a_phase_and_not_written_as_one_is_refused() {
    for name in [
        "0001_x.contarct.sql",
        "0001_x.Contract.sql",
        "0001_x.BACKFILL.sql",
        "0001_v1.2.sql",
    ] {
        let (set, problems) = read(&[(name, b"DROP TABLE old;")]);
        assert!(set.migrations.is_empty(), "{name}");
        assert!(
            problems[0].ends_with("in its name is not known"),
            "{problems:?}"
        );
    }
    for comment in [
        "/* portcullis: contract */",
        "-- Portcullis: contract",
        "-- portcullis contract",
        "-- portcullis :contract",
    ] {
        let text = format!("{comment}\nDROP TABLE old;");
        let (_, problems) = read(&[("0001_a.sql", text.as_bytes())]);
        assert!(
            problems.len() == 1 && problems[0].contains("looks like a comment for Portcullis"),
            "{comment}: {problems:?}"
        );
    }
    let (_, problems) = read(&[(
        "0001_a.up.contract.sql",
        b"-- Portcullis is what carries this out.\nDROP TABLE old;",
    )]);
    assert_eq!(problems, [""; 0]);
}

/// SQLite ends a text at NUL and waits for the rest for ever; PostgreSQL ends a comment at a carriage return, SQLite does not.
#[test]
fn characters_that_databases_read_otherwise_are_refused() {
    let (_, problems) = read(&[
        ("0001_a.sql", b"UPDATE t\nSET a = 'x'\0;"),
        ("0002_b.sql", b"SELECT 1; -- made\rDROP TABLE t;"),
        ("0003_c.sql", b"SELECT 1; -- made\r\nSELECT 2;\r\n"),
    ]);
    assert_eq!(
        problems,
        [
            "0001_a.sql:2: a NUL byte stands here",
            "0002_b.sql:1: a carriage return without a line feed stands here"
        ]
    );
}
