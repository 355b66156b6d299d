//! Nothing is lost, and statements end where PostgreSQL and SQLite end them.

use proptest::prelude::*;

use super::*;

fn texts(text: &str, dialect: Dialect) -> Vec<String> {
    let split = split(text, dialect);
    split.statements.into_iter().map(|one| one.text).collect()
}

#[test]
fn a_semicolon_in_quotes_comments_and_bodies_ends_nothing() {
    let text = "\
-- one; two
CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; SELECT ';'; END; $body$ LANGUAGE plpgsql;
/* a /* nested; */ comment; */ SELECT 'it''s; fine', E'back\\'slash;', \"a;b\", $1;
CREATE FUNCTION g(a int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END; SELECT 2; END;
CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);
;;
SELECT 3";
    let split = split(text, Dialect::Postgres);
    let begins: Vec<(&str, usize)> = split
        .statements
        .iter()
        .map(|one| (one.text.get(..17).unwrap_or(&one.text), one.line))
        .collect();
    let expected = [
        ("CREATE FUNCTION f", 2),
        ("SELECT 'it''s; fi", 3),
        ("CREATE FUNCTION g", 4),
        ("CREATE RULE r AS ", 5),
        ("SELECT 3", 7),
    ];
    assert_eq!(begins, expected);
    assert_eq!(split.unclosed, None);
}

#[test]
fn a_trigger_of_sqlite_ends_with_its_end() {
    let text = "\
CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN
  UPDATE b SET n = CASE WHEN n > 1 THEN 1 ELSE 2 END;
  DELETE FROM [c;d] WHERE `e;f` = ';';
END;
SELECT 1; /* never closed; SELECT 2;";
    let split = split(text, Dialect::Sqlite);
    assert_eq!(split.statements.len(), 2);
    assert_eq!(split.statements[0].end_line, 4);
    assert_eq!(split.statements[1].text, "SELECT 1;");
    let comment = Unclosed {
        what: "the comment",
        line: 5,
    };
    assert_eq!(split.unclosed, Some(comment));
}

#[test]
fn what_is_open_at_the_end_is_named_with_its_line() {
    for (text, dialect, what, line) in [
        ("SELECT 1;\nSELECT 'a;", Dialect::Postgres, "the string", 2),
        ("SELECT $a$ $b$;", Dialect::Postgres, "the string", 1),
        ("\n\nSELECT (1;", Dialect::Postgres, "the parenthesis", 3),
        ("SELECT \"a;", Dialect::Sqlite, "the name in quotes", 1),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;",
            Dialect::Postgres,
            "the body of the function",
            1,
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;",
            Dialect::Sqlite,
            "the body of the trigger",
            1,
        ),
    ] {
        let unclosed = split(text, dialect).unclosed;
        assert_eq!(unclosed, Some(Unclosed { what, line }), "{text}");
    }
}

#[test]
fn a_dollar_in_a_name_or_before_a_number_quotes_nothing() {
    let text = "SELECT a$b$ FROM t WHERE c = $1; SELECT $1, $2; SELECT $ä$;$ä$;";
    assert_eq!(texts(text, Dialect::Postgres).len(), 3);
    // SQLite has no such quotes: this is a parameter.
    assert_eq!(texts("SELECT $a; SELECT $b;", Dialect::Sqlite).len(), 2);
}

#[test]
fn what_a_statement_is_decides_how_it_is_carried_out() {
    let one = |text: &str| split(text, Dialect::Postgres).statements.remove(0);
    let built = |text: &str| {
        one(text)
            .concurrent_index()
            .map(|index| (index.name, index.table))
    };
    let index = |name: &str, table: &str| Some((name.to_owned(), table.to_owned()));
    assert_eq!(
        built("CREATE INDEX CONCURRENTLY i ON t (a);"),
        index("i", "t")
    );
    let unique =
        "create unique index concurrently if not exists \"My I\" on only s.\"T t\" using gin (a)";
    assert_eq!(built(unique), index("My I", "s.\"T t\""));
    assert_eq!(built("CREATE INDEX CONCURRENTLY ON t (a);"), None);
    assert_eq!(built("CREATE INDEX i ON t (a);"), None);
    assert_eq!(built("DROP INDEX CONCURRENTLY i;"), None);
    for (text, fits, repeatable, sets, controls) in [
        ("UPDATE t SET a = 1;", true, false, false, false),
        ("ALTER TABLE t ADD a int;", true, false, false, false),
        (
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY;",
            false,
            false,
            false,
            false,
        ),
        (
            "DROP INDEX CONCURRENTLY IF EXISTS i;",
            false,
            true,
            false,
            false,
        ),
        ("VACUUM t;", false, true, false, false),
        ("DO $$ BEGIN END $$;", false, false, false, false),
        ("ALTER TYPE t ADD VALUE 'a';", false, false, false, false),
        ("SET lock_timeout = '1s';", false, true, true, false),
        ("SET LOCAL lock_timeout = '1s';", false, false, false, false),
        ("begin;", false, false, false, true),
        ("ROLLBACK TO SAVEPOINT a;", false, false, false, false),
        ("ROLLBACK;", false, false, false, true),
        ("END;", false, false, false, true),
    ] {
        let one = one(text);
        let found = (
            one.fits_transaction(),
            one.is_repeatable(),
            one.sets_session(),
            one.controls_transaction(),
        );
        assert_eq!(found, (fits, repeatable, sets, controls), "{text}");
    }
}

/// Statements that have whatever a semicolon may stand in.
fn statement() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,6}",
        "'([a-z;$/*-]|'')*'",
        "\"[a-z;'$ ]*\"",
        "/\\*[a-z;'\" ]*\\*/",
        "--[a-z;'\"$( ]*\n",
        "\\$[a-z]{0,3}q\\$[a-z;'\"(-]*\\$",
        "\\([a-z, ]*\\)",
        "[0-9]{1,4}",
        "[ \n\t=<>+*,.]",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| {
        let mut text = "SELECT ".to_owned();
        for piece in pieces {
            // The quotes above close with the tag that they began with.
            let piece = match piece.strip_prefix('$') {
                Some(rest) => {
                    let tag = rest.split('$').next().unwrap_or_default().to_owned();
                    format!("${rest}{tag}$")
                }
                None => piece,
            };
            text.push_str(&piece);
            text.push(' ');
        }
        text.trim_end().to_owned() + "\n"
    })
}

proptest! {
    /// Whatever bytes come: the statements with what is before them, and the rest, are the file.
    #[test]
    fn statements_and_what_is_between_them_are_the_text(
        text in "([a-zA-Z0-9_ \n;'\"$(){}\\[\\]`*/\\\\.-]|BEGIN|END|CREATE|TRIGGER|ä|\u{0}){0,200}",
        postgres in any::<bool>(),
    ) {
        let dialect = if postgres { Dialect::Postgres } else { Dialect::Sqlite };
        let split = split(&text, dialect);
        let mut together = String::new();
        let mut lines = 0;
        for statement in &split.statements {
            prop_assert_eq!(statement.whole.start, together.len());
            together.push_str(&text[statement.whole.clone()]);
            prop_assert!(text[statement.whole.clone()].ends_with(&statement.text));
            prop_assert_eq!(statement.line, text[..statement.range.start].matches('\n').count() + 1);
            prop_assert!(statement.line >= lines);
            lines = statement.end_line;
        }
        let rest = &text[together.len()..];
        // What is left over has no statement in it.
        let left = super::super::token::tokens(rest, dialect);
        prop_assert!(left.iter().all(|token| !token.means_something() || token.kind == TokenKind::Semicolon));
        together.push_str(rest);
        prop_assert_eq!(together, text);
    }

    /// Statements that are put behind each other come out again, each where it was.
    #[test]
    fn no_statement_is_lost(statements in proptest::collection::vec(statement(), 1..6)) {
        let text = statements.iter().map(|one| format!("{one};\n")).collect::<String>();
        let found = texts(&text, Dialect::Postgres);
        let whole: Vec<String> = statements.iter().map(|one| format!("{one};")).collect();
        prop_assert_eq!(found, whole);
    }
}
