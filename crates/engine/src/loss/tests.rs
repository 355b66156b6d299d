use super::*;

fn since(name: &str, then: Option<u64>, now: Option<u64>) -> TableSince {
    TableSince {
        name: name.to_owned(),
        then,
        now,
        keyed_later: None,
        compared: true,
    }
}

#[test]
fn each_change_of_a_table_is_said_in_words() {
    for (then, now, said) in [
        (
            Some(500),
            Some(501),
            "1 row more in entry (501, 500 in the backup)",
        ),
        (
            Some(500),
            Some(498),
            "2 rows fewer in entry (498, 500 in the backup)",
        ),
        (
            None,
            Some(3),
            "3 rows in entry, which the backup does not have",
        ),
        (Some(1), None, "entry is gone, with 1 row in the backup"),
    ] {
        assert_eq!(table(&since("entry", then, now)), said);
    }
}

#[test]
fn many_tables_are_not_all_named() {
    let tables = (0..8).map(|number| since(&format!("t{number}"), Some(1), Some(2)));
    let said = words(&Since::Tables(tables.collect()));
    assert!(said.contains("t4") && !said.contains("t5"), "{said}");
    let end = "and 3 tables more; rows that were changed are not counted";
    assert!(said.ends_with(end), "{said}");
}

#[test]
fn rows_added_and_removed_are_told_where_keys_tell_them_and_what_cannot_be_counted_is_said() {
    let keyed = |now, keyed_later| TableSince {
        keyed_later: Some(keyed_later),
        ..since("entry", Some(500), Some(now))
    };
    let said = |table| words(&Since::Tables(vec![table]));
    assert_eq!(
        said(keyed(500, 3)),
        "3 rows added and 3 removed in entry (500, 500 in the backup); rows that were changed are not counted"
    );
    assert_eq!(
        said(keyed(498, 1)),
        "1 row added and 3 removed in entry (498, 500 in the backup); rows that were changed are not counted"
    );
    assert_eq!(Since::Tables(vec![keyed(498, 1)]).added(), 1);
    for unknown in [keyed(500, 0), since("entry", Some(500), Some(500))] {
        assert_eq!(
            said(unknown),
            "rows of entry were changed, or added and removed: how many cannot be told (500, 500 in the backup)"
        );
    }
    let unread = TableSince {
        compared: false,
        ..since("keys", Some(7), Some(7))
    };
    assert_eq!(
        said(unread),
        "as many rows in keys as in the backup (7); whether they were changed, or added and removed, cannot be told"
    );
    assert_eq!(
        words(&Since::Tables(Vec::new())),
        "nothing: each table has the same rows as in the backup"
    );
}
