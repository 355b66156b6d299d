//! What is found in real migrations, and what is not.

use super::*;
use crate::Phase;

const APPLY_IGNORED: [&str; 3] = [
    "require-lock-timeout",
    "require-statement-timeout",
    "no-reverse",
];

fn findings(dialect: Dialect, name: &str, text: &str) -> Vec<Finding> {
    let files = [(name.to_owned(), text.as_bytes().to_vec())];
    let (set, problems) = MigrationSet::read(dialect, files);
    lint(&set, &problems, LintOptions::default())
}

/// Rules with their severities and lines, without those that most files break.
fn rules(dialect: Dialect, name: &str, text: &str) -> Vec<(String, Severity, usize)> {
    let found = findings(dialect, name, text).into_iter();
    let found = found.filter(|one| !APPLY_IGNORED.contains(&one.rule.as_str()));
    found
        .map(|one| (one.rule, one.severity, one.line))
        .collect()
}

fn assert_rules(dialect: Dialect, name: &str, text: &str, expected: &[(&str, Severity, usize)]) {
    let found = rules(dialect, name, text);
    let found: Vec<(&str, Severity, usize)> = found
        .iter()
        .map(|(rule, severity, line)| (rule.as_str(), *severity, *line))
        .collect();
    assert_eq!(found, expected, "{name}:\n{text}");
}

#[test]
fn an_expanding_migration_of_postgresql_that_does_no_harm_has_no_errors_and_no_warnings() {
    let text = "\
-- portcullis: expand
SET lock_timeout = '2s';
SET statement_timeout = '30s';
CREATE TABLE notes_tag (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
ALTER TABLE notes ADD COLUMN tag bigint;
";
    assert_rules(Dialect::Postgres, "0001_a.sql", text, &[]);
}

#[test]
fn what_sqlite_does_not_have_is_found() {
    for text in [
        "TRUNCATE TABLE notes;",
        "SET lock_timeout = '2s';",
        "GRANT SELECT ON notes TO app;",
        "DO $$ BEGIN END $$;",
        "COPY notes FROM stdin;",
    ] {
        let found = rules(Dialect::Sqlite, "0001_a.sql", text);
        let has = found.iter().any(|(rule, bad, line)| {
            (rule.as_str(), *bad, *line) == ("syntax", Severity::Error, 1)
        });
        assert!(has, "{text}: {found:?}");
    }
    for text in [
        "/* a */ create table a (b text);",
        "with b as (select 1) insert into a select * from b;",
        "VACUUM;",
        "REINDEX;",
        "PRAGMA foreign_keys = ON;",
    ] {
        let found = rules(Dialect::Sqlite, "0001_a.sql", text);
        assert!(
            !found.iter().any(|(rule, ..)| rule == "syntax"),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_migration_is_judged_by_its_phase() {
    let text = "ALTER TABLE notes DROP COLUMN body;\nDROP TABLE old_notes;\n";
    let error = [
        ("ban-drop-column", Severity::Error, 1),
        ("ban-drop-table", Severity::Error, 2),
    ];
    let note = [
        ("ban-drop-column", Severity::Note, 1),
        ("ban-drop-table", Severity::Note, 2),
    ];
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        assert_rules(dialect, "0001_a.sql", text, &error);
        assert_rules(dialect, "0001_a.contract.sql", text, &note);
        // No phase makes a rename safe.
        let rename = "ALTER TABLE notes RENAME COLUMN body TO text;\n";
        let error = [("renaming-column", Severity::Error, 1)];
        assert_rules(dialect, "0001_a.sql", rename, &error);
        assert_rules(dialect, "0001_a.contract.sql", rename, &error);
        let rename = "ALTER TABLE notes RENAME TO note;\n";
        assert_rules(
            dialect,
            "0001_a.contract.sql",
            rename,
            &[("renaming-table", Severity::Error, 1)],
        );
    }
}

#[test]
fn locks_required_columns_and_types_are_found_in_postgresql() {
    let expected = [
        ("constraint-on-writes", Severity::Warning, 4),
        ("constraint-missing-not-valid", Severity::Warning, 4),
        ("adding-foreign-key-constraint", Severity::Warning, 4),
    ];
    let text = "SET lock_timeout = '2s';\nSET statement_timeout = '2s';\n\nALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) \
                REFERENCES b (id);\n";
    let mut found = rules(Dialect::Postgres, "0001_a.sql", text);
    found.sort_by(|a, b| b.0.cmp(&a.0));
    let expected = expected.map(|(rule, severity, line)| (rule.to_owned(), severity, line));
    assert_eq!(found, expected);
    for (text, rule, severity) in [
        (
            "CREATE INDEX i ON notes (a);",
            "require-concurrent-index-creation",
            Severity::Warning,
        ),
        (
            "ALTER TABLE notes ADD COLUMN a text NOT NULL;",
            "adding-required-field",
            Severity::Error,
        ),
        (
            "ALTER TABLE notes ALTER COLUMN a SET NOT NULL;",
            "adding-not-nullable-field",
            Severity::Error,
        ),
        (
            "ALTER TABLE notes ALTER COLUMN a TYPE bigint;",
            "changing-column-type",
            Severity::Error,
        ),
        (
            "ALTER TABLE notes ADD COLUMN a uuid DEFAULT gen_random_uuid();",
            "adding-field-with-default",
            Severity::Warning,
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON notes (a);",
            "fails-in-transaction",
            Severity::Error,
        ),
        ("VACUUM notes;", "fails-in-transaction", Severity::Error),
        (
            "BEGIN;\nUPDATE notes SET a = 1 WHERE b;\nCOMMIT;",
            "transaction-nesting",
            Severity::Error,
        ),
        ("TRUNCATE notes;", "ban-truncate", Severity::Error),
        (
            "DELETE FROM notes;",
            "delete-without-where",
            Severity::Error,
        ),
        (
            "UPDATE notes SET a = 1;",
            "update-without-where",
            Severity::Error,
        ),
        (
            "ALTER TABLE notes ALTER COLUMN a TYPE jsonb USING a::jsonb;",
            "json-to-jsonb",
            Severity::Warning,
        ),
        (
            "ALTER TABLE notes ADD a int;\nUPDATE notes SET a = 1 WHERE b;",
            "backfill-with-structure",
            Severity::Warning,
        ),
        ("SELECT FROM WHERE;;", "syntax", Severity::Error),
    ] {
        let found = rules(Dialect::Postgres, "0001_a.sql", text);
        let has = found
            .iter()
            .any(|(name, bad, _)| name == rule && *bad == severity);
        assert!(has, "{text}: {rule} is not in {found:?}");
    }
    let required = findings(
        Dialect::Postgres,
        "0001_a.sql",
        "CREATE INDEX i ON notes (a);",
    );
    let timeouts = required
        .iter()
        .filter(|one| one.class == RuleClass::Timeout);
    assert_eq!(timeouts.count(), 2);
}

#[test]
fn the_servers_version_decides_what_locks() {
    let text = "ALTER TABLE notes ADD COLUMN a int DEFAULT 0;";
    let files = || [("0001_a.sql".to_owned(), text.as_bytes().to_vec())];
    let (set, problems) = MigrationSet::read(Dialect::Postgres, files());
    let found = |version: &str| {
        let server = version.parse().unwrap();
        let found = lint(&set, &problems, LintOptions { server });
        found
            .iter()
            .any(|one| one.rule == "adding-field-with-default")
    };
    // PostgreSQL 11 learned to keep a constant default in the catalogue.
    assert!(found("10"));
    assert!(!found("15.4"));
    for wrong in ["", "9", "15.x", "v15", "100"] {
        assert!(wrong.parse::<ServerVersion>().is_err(), "{wrong}");
    }
}

#[test]
fn what_a_failed_concurrent_build_leaves_is_foreseen() {
    let head = "-- portcullis: no-transaction\nSET lock_timeout = '2s';\n";
    let alone = format!(
        "{head}DROP INDEX CONCURRENTLY IF EXISTS i;\nCREATE INDEX CONCURRENTLY i ON notes (a);\n"
    );
    assert_rules(Dialect::Postgres, "0001_a.sql", &alone, &[]);
    let more =
        format!("{head}CREATE INDEX CONCURRENTLY i ON notes (a);\nALTER TABLE notes ADD b text;\n");
    let expected = [("statements-after-concurrently", Severity::Warning, 3)];
    assert_rules(Dialect::Postgres, "0001_a.sql", &more, &expected);
    let hidden =
        format!("{head}CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON notes (a);\n");
    let expected = [
        ("concurrently-if-not-exists", Severity::Warning, 3),
        ("unique-index", Severity::Error, 3),
    ];
    assert_rules(Dialect::Postgres, "0001_a.sql", &hidden, &expected);
}

#[test]
fn sqlites_own_limits_are_known() {
    for (text, rule, severity) in [
        (
            "ALTER TABLE notes ADD COLUMN a text NOT NULL;",
            "adding-required-field",
            Severity::Error,
        ),
        (
            "ALTER TABLE notes ADD a text NOT NULL DEFAULT NULL;",
            "adding-required-field",
            Severity::Error,
        ),
        (
            "ALTER TABLE main.\"notes\" ADD a text UNIQUE;",
            "adding-unique-column",
            Severity::Error,
        ),
        (
            "ALTER TABLE notes ADD a text DEFAULT CURRENT_TIMESTAMP;",
            "adding-field-with-default",
            Severity::Error,
        ),
        ("VACUUM;", "fails-in-transaction", Severity::Error),
        (
            "PRAGMA foreign_keys = OFF;",
            "fails-in-transaction",
            Severity::Error,
        ),
        ("COMMIT;", "transaction-nesting", Severity::Error),
        (
            "CREATE INDEX IF NOT EXISTS i ON notes (a);",
            "index-build",
            Severity::Warning,
        ),
        (
            "ALTER TABLE notes ADD a text GENERATED ALWAYS AS (lower(body)) STORED;",
            "adding-stored-column",
            Severity::Error,
        ),
        ("DROP INDEX i;", "ban-drop-index", Severity::Warning),
        (
            "DELETE FROM notes;",
            "delete-without-where",
            Severity::Error,
        ),
    ] {
        assert_rules(Dialect::Sqlite, "0001_a.sql", text, &[(rule, severity, 1)]);
    }
    let harmless = "\
CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE INDEX tag_name ON tag (name);
ALTER TABLE tag RENAME COLUMN name TO title;
ALTER TABLE notes ADD COLUMN a TEXT NOT NULL DEFAULT '';
CREATE TRIGGER t AFTER DELETE ON notes BEGIN DELETE FROM tag; END;
DROP TABLE tag;
";
    assert_rules(Dialect::Sqlite, "0001_a.sql", harmless, &[]);
}

#[test]
fn making_a_table_of_sqlite_anew_is_one_finding() {
    let text = "\
CREATE TABLE notes_new (id INTEGER PRIMARY KEY, body TEXT CHECK (length(body) > 0));
INSERT INTO notes_new SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE notes_new RENAME TO notes;
CREATE INDEX notes_body ON notes (body);
";
    let expected = [("table-rebuild", Severity::Warning, 3)];
    assert_rules(Dialect::Sqlite, "0001_a.sql", text, &expected);
}

#[test]
fn a_backfill_is_bounded_and_changes_rows_only() {
    let text = "\
-- portcullis: batch = 500
UPDATE notes SET a = b WHERE id IN (SELECT id FROM notes WHERE a IS NULL LIMIT 500);
";
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        assert_rules(dialect, "0001_a.backfill.sql", text, &[]);
        let all = "-- portcullis: batch = 500\nUPDATE notes SET a = b WHERE a IS NULL;\n";
        let expected = [("batch-without-limit", Severity::Error, 2)];
        assert_rules(dialect, "0001_a.backfill.sql", all, &expected);
        let structure = "ALTER TABLE notes ADD COLUMN a text;\n";
        let expected = [("structure-in-backfill", Severity::Warning, 1)];
        assert_rules(dialect, "0001_a.backfill.sql", structure, &expected);
    }
}

#[test]
fn an_ignore_with_a_reason_silences_its_rule_at_its_statement_only() {
    let text = "\
-- portcullis:ignore-file no-reverse, require-lock-timeout, require-statement-timeout: apply sets them
-- portcullis:ignore ban-drop-table: was never released
DROP TABLE a;
DROP TABLE b; -- portcullis:ignore ban-drop-table: was never released either
DROP TABLE c;
-- portcullis:ignore ban-drop-column: there is none
SELECT 1;
-- squawk-ignore ban-drop-table
DROP TABLE d;
";
    let found = findings(Dialect::Postgres, "0001_a.sql", text);
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.rule.as_str(), one.line))
        .collect();
    assert_eq!(found, [("ban-drop-table", 5), ("unused-ignore", 6)]);
    // Without a reason it ignores nothing, and says so.
    let text = "-- portcullis:ignore ban-drop-table\nDROP TABLE a;\n";
    let expected = [
        ("ignore-without-reason", Severity::Error, 1),
        ("ban-drop-table", Severity::Error, 2),
    ];
    assert_rules(Dialect::Sqlite, "0001_a.sql", text, &expected);
}

#[test]
fn a_finding_says_why_and_what_to_do_and_shows_no_values() {
    let text = "DELETE\n  FROM notes -- all\n  RETURNING 'jo@example.com', lower(body);";
    let found = findings(Dialect::Sqlite, "0001_a.sql", text);
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    let shown = finding.statement.as_deref();
    assert_eq!(
        shown,
        Some("DELETE FROM notes RETURNING '...', lower(body)")
    );
    assert!(finding.why.ends_with('.') && !finding.instead.ends_with('.'));
    let long = format!("DELETE FROM {};", "very_long_name_of_a_table.".repeat(9));
    let cut = findings(Dialect::Sqlite, "0001_a.sql", &long);
    assert!(cut[0].statement.as_deref().unwrap().chars().count() <= 100);
}

#[test]
fn every_rule_of_squawk_has_its_advice() {
    // A file with nearly everything; whatever is found has words, and a class that fits its severity.
    let text = "\
ALTER TABLE a ADD COLUMN b int NOT NULL, ADD COLUMN c char(3), ADD COLUMN d serial, ALTER COLUMN e DROP NOT NULL;
ALTER TABLE a ADD CONSTRAINT u UNIQUE (b), DROP CONSTRAINT v;
DROP DATABASE d; DROP VIEW w; DROP TYPE t; DROP SCHEMA s; DROP SEQUENCE q;
TRUNCATE a CASCADE; REINDEX TABLE a; VACUUM FULL a; CREATE DOMAIN o AS int CHECK (value > 0);
";
    for phase in ["expand", "contract"] {
        let found = findings(Dialect::Postgres, &format!("0001_a.{phase}.sql"), text);
        assert!(found.len() > 15, "{found:#?}");
        for finding in &found {
            assert!(
                !finding.why.is_empty() && !finding.instead.is_empty(),
                "{finding:?}"
            );
            let phase: Phase = phase.parse().unwrap();
            assert_eq!(finding.severity.max(Severity::Note), finding.severity);
            if finding.class == RuleClass::Contract {
                assert_eq!(
                    finding.severity,
                    finding.class.severity(phase),
                    "{finding:?}"
                );
            }
        }
    }
}

/// The first two were refused, and SQLite takes them; the third was taken, and the table was there.
#[test]
fn constants_in_parentheses_are_constants_and_if_not_exists_makes_nothing_new() {
    for text in [
        "ALTER TABLE notes ADD COLUMN n INTEGER DEFAULT (1);",
        "ALTER TABLE notes ADD COLUMN s TEXT CHECK (s IS NOT NULL OR id > 5);",
    ] {
        assert_rules(Dialect::Sqlite, "0001_a.sql", text, &[]);
    }
    let text =
        "CREATE TABLE IF NOT EXISTS notes (id INTEGER);\nALTER TABLE notes DROP COLUMN body;";
    let dropped = [("ban-drop-column", Severity::Error, 2)];
    assert_rules(Dialect::Sqlite, "0001_a.sql", text, &dropped);
    let computed = "ALTER TABLE notes ADD COLUMN n INTEGER DEFAULT (1 + 1);";
    let refused = [("adding-field-with-default", Severity::Error, 1)];
    assert_rules(Dialect::Sqlite, "0001_a.sql", computed, &refused);
}

/// A condition of a subquery chooses the rows of that, and a change may stand inside of a WITH.
#[test]
fn rows_that_no_where_of_their_own_chooses_are_found_wherever_they_are_changed() {
    for text in [
        "DELETE FROM notes USING (SELECT id FROM tag WHERE old) t;",
        "WITH gone AS (DELETE FROM notes RETURNING id) SELECT count(*) FROM gone WHERE id > 5;",
        "WITH old AS (SELECT id FROM tag WHERE id > 5) DELETE FROM notes;",
        "WITH old AS (SELECT 1), gone AS MATERIALIZED (DELETE FROM tag) DELETE FROM notes WHERE id = 1;",
    ] {
        let found = [("delete-without-where", Severity::Error, 1)];
        assert_rules(Dialect::Postgres, "0001_a.sql", text, &found);
    }
    let text = "UPDATE notes SET a = (SELECT max(id) FROM tag WHERE tag.note = notes.id);";
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        let found = [("update-without-where", Severity::Error, 1)];
        assert_rules(dialect, "0001_a.sql", text, &found);
        for chosen in [
            "WITH old AS (SELECT id FROM tag) DELETE FROM notes WHERE id IN (SELECT id FROM old);",
            "DELETE FROM notes WHERE id IN (SELECT id FROM tag);",
            "INSERT INTO notes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1;",
            "WITH a AS (SELECT id FROM notes WHERE id = 1) SELECT 1;",
        ] {
            assert_rules(dialect, "0001_a.sql", chosen, &[]);
        }
    }
    let locks = "WITH a AS (SELECT id FROM notes FOR UPDATE) SELECT count(*) FROM a;";
    assert_rules(Dialect::Postgres, "0001_a.sql", locks, &[]);
}

#[test]
fn the_body_of_a_do_block_is_examined_on_its_own_lines() {
    let text = "\
-- portcullis: expand
CREATE TABLE draft (id bigint);
DO $body$
DECLARE r record;
BEGIN
  REVOKE ALL ON draft FROM app;
  IF EXISTS (SELECT 1 FROM tag) THEN
    DELETE FROM notes;
  END IF;
  FOR r IN SELECT id FROM tag LOOP
    UPDATE notes SET a = 1 WHERE id = r.id;
    SELECT count(*) INTO STRICT r FROM notes;
  END LOOP;
  ALTER TABLE notes
    DROP COLUMN body;
  EXECUTE 'DROP TABLE ' || r.name;
END $body$;
";
    let expected = [
        ("dynamic-sql", Severity::Warning, 3),
        ("delete-without-where", Severity::Error, 8),
        ("ban-drop-column", Severity::Error, 15),
    ];
    let found = rules(Dialect::Postgres, "0001_a.sql", text);
    let found: Vec<(&str, Severity, usize)> = found
        .iter()
        .map(|(rule, bad, line)| (rule.as_str(), *bad, *line))
        .collect();
    assert_eq!(found, expected);
    // An ignore before the block counts for what is in it.
    let ignored = text.replace(
        "DO $body$",
        "-- portcullis:ignore dynamic-sql, delete-without-where, ban-drop-column: seen\nDO $body$",
    );
    assert_rules(Dialect::Postgres, "0001_a.sql", &ignored, &[]);
    let other = "DO LANGUAGE plpython3u $$ DELETE FROM notes $$;";
    assert_rules(Dialect::Postgres, "0001_a.sql", other, &[]);
}

/// What only adds something can break the version that runs, if it forbids what that does.
#[test]
fn what_forbids_something_to_the_running_version_is_no_expansion() {
    for (text, rule) in [
        (
            "CREATE UNIQUE INDEX CONCURRENTLY i ON notes (a);",
            "unique-index",
        ),
        (
            "ALTER TABLE ONLY notes ADD CONSTRAINT c CHECK (a > 0) NOT VALID;",
            "constraint-on-writes",
        ),
        ("REVOKE UPDATE ON notes FROM app;", "revoke"),
        ("REVOKE ALL ON FUNCTION f(int) FROM public;", "revoke"),
        (
            "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;",
            "row-level-security",
        ),
        (
            "ALTER TABLE notes FORCE ROW LEVEL SECURITY;",
            "row-level-security",
        ),
        (
            "CREATE POLICY p ON notes AS RESTRICTIVE USING (owner = current_user);",
            "row-level-security",
        ),
    ] {
        let text = format!("-- portcullis: no-transaction\n{text}\n");
        let found = rules(Dialect::Postgres, "0001_a.sql", &text);
        let expected = (rule.to_owned(), Severity::Error, 2);
        assert!(found.contains(&expected), "{text}: {found:?}");
        let later = rules(Dialect::Postgres, "0001_a.contract.sql", &text);
        assert!(
            later.contains(&(rule.to_owned(), Severity::Note, 2)),
            "{text}: {later:?}"
        );
    }
    // What the file makes itself is used by nobody, and a new column is NULL for whoever does not know it.
    for text in [
        "CREATE TABLE tag (id bigint, name text);\nCREATE UNIQUE INDEX i ON tag (name);\nREVOKE ALL ON tag FROM app;\n\
         ALTER TABLE tag ENABLE ROW LEVEL SECURITY;\nALTER TABLE tag ADD CONSTRAINT c CHECK (id > 0);",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nREVOKE ALL ON FUNCTION f() FROM public;",
    ] {
        let text = format!("SET lock_timeout = '1s';\nSET statement_timeout = '1s';\n{text}");
        let found = rules(Dialect::Postgres, "0001_a.sql", &text);
        let harmful = found.iter().filter(|(_, bad, _)| *bad == Severity::Error);
        assert_eq!(harmful.count(), 0, "{text}: {found:?}");
    }
    let text = "ALTER TABLE notes ADD COLUMN slug text;\nCREATE UNIQUE INDEX i ON notes (slug);";
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        let found = rules(dialect, "0001_a.sql", text);
        assert!(
            !found.iter().any(|(rule, _, _)| rule == "unique-index"),
            "{found:?}"
        );
        let with_default = text.replace("text;", "text DEFAULT '';");
        let found = rules(dialect, "0001_a.sql", &with_default);
        assert!(
            found.iter().any(|(rule, _, _)| rule == "unique-index"),
            "{found:?}"
        );
    }
}

#[test]
fn a_new_value_of_an_enumeration_is_not_used_in_its_own_transaction() {
    let text = "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm' BEFORE 'fine';\nUPDATE notes SET m = 'calm' WHERE id = 1;\n";
    let found = [("new-enum-value-used", Severity::Error, 1)];
    assert_rules(Dialect::Postgres, "0001_a.sql", text, &found);
    let in_body =
        "ALTER TYPE mood ADD VALUE 'calm' AFTER 'fine';\nDO $$ BEGIN PERFORM f('calm'); END $$;\n";
    assert_rules(Dialect::Postgres, "0001_a.sql", in_body, &found);
    let apart = format!("-- portcullis: no-transaction\n{text}");
    let unused = "ALTER TYPE mood ADD VALUE 'calm' AFTER 'sad';\nUPDATE notes SET m = 'fine' WHERE id = 1;\n";
    let new = format!("CREATE TYPE mood AS ENUM ('fine');\n{text}");
    for text in [apart.as_str(), unused, new.as_str()] {
        let found = rules(Dialect::Postgres, "0001_a.sql", text);
        assert!(
            !found
                .iter()
                .any(|(rule, _, _)| rule == "new-enum-value-used"),
            "{found:?}"
        );
    }
    let discards = [("discards-lock", Severity::Error, 1)];
    assert_rules(Dialect::Postgres, "0001_a.sql", "DISCARD ALL;", &discards);
}
