use super::*;

fn since(name: &str, then: Option<u64>, now: Option<u64>) -> TableSince {
    TableSince {
        name: name.to_owned(),
        then,
        now,
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
    assert!(said.ends_with("and 3 tables more"), "{said}");
}
