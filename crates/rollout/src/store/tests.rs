use serde_json::json;

use super::*;

/// What a journal has that was written when a store was a file or a folder and nothing else.
#[test]
fn stores_recorded_before_there_were_databases_are_read_and_written_alike() {
    for (old, kind) in [
        (
            r#"{"name":"library","kind":"file","path":"/srv/library.json"}"#,
            StoreKind::File,
        ),
        (
            r#"{"name":"photos","kind":"directory","path":"/srv/photos"}"#,
            StoreKind::Directory,
        ),
    ] {
        let store: StoreRef = serde_json::from_str(old).unwrap();
        assert_eq!(store.kind(), kind);
        assert!(store.path().unwrap().starts_with("/srv"));
        assert_eq!(serde_json::to_string(&store).unwrap(), old);
    }
}

#[test]
fn a_plan_of_an_old_journal_is_read_with_its_stores() {
    let order: crate::RestoreOrder = serde_json::from_value(json!({
        "backup": "dhash_production_20260101T000000Z",
        "stores": [{ "path": "/srv/library.json", "name": "library", "kind": "file" }],
    }))
    .unwrap();
    let path = "/srv/library.json".into();
    assert_eq!(order.stores[0].location, StoreLocation::File { path });
}

#[test]
fn a_database_is_recorded_under_its_own_kind() {
    let store = StoreRef {
        name: "notes".to_owned(),
        location: StoreLocation::Sqlite {
            path: "/srv/notes.db".into(),
        },
    };
    let written = serde_json::to_value(&store).unwrap();
    assert_eq!(
        written,
        json!({ "name": "notes", "kind": "sqlite", "path": "/srv/notes.db" })
    );
    assert_eq!(serde_json::from_value::<StoreRef>(written).unwrap(), store);
}

#[test]
fn a_kind_that_is_not_known_is_refused_with_those_that_are() {
    let newer = json!({ "name": "cache", "kind": "quantum", "path": "/srv/cache" });
    let error = serde_json::from_value::<StoreRef>(newer).unwrap_err();
    assert!(error.to_string().contains("`sqlite`"), "{error}");
}

#[test]
fn every_kind_is_found_by_its_word() {
    for kind in StoreKind::ALL {
        assert_eq!(StoreKind::of_word(kind.word()), Some(kind));
    }
    assert_eq!(StoreKind::of_word("folder"), None);
}

#[test]
fn a_database_on_a_server_is_recorded_by_where_its_url_is() {
    let store = StoreRef {
        name: "notes".to_owned(),
        location: StoreLocation::Postgres {
            url: "env:NOTES_URL".to_owned(),
            folder: "/srv".into(),
            database: None,
            jobs: 2,
        },
    };
    let written = serde_json::to_value(&store).unwrap();
    assert_eq!(
        written,
        json!({ "name": "notes", "kind": "postgres", "url": "env:NOTES_URL", "folder": "/srv", "jobs": 2 })
    );
    assert_eq!(serde_json::from_value::<StoreRef>(written).unwrap(), store);
    assert_eq!(
        (store.path(), store.place()),
        (None, "env:NOTES_URL".to_owned())
    );
    let copy = store.copied_to("/scratch".as_ref(), "copy_7");
    assert_eq!(copy.place(), "postgres-database:copy_7:env:NOTES_URL");
    assert_eq!(
        copy.copied_to("/".as_ref(), "other").place(),
        "postgres-database:other:env:NOTES_URL"
    );
    let again: StoreRef = serde_json::from_value(serde_json::to_value(&copy).unwrap()).unwrap();
    assert_eq!(again, copy);
}
