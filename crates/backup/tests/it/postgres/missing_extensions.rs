//! Extensions that a backup needs and a server does not have.

use portcullis_backup::{PostgresProblem, store_digest};

use super::{databases, extensions, problem, store};
use crate::postgres_server::PostgresServer;
use crate::{Place, at};

/// What the catalogue says of an extension whose package was removed from the machine after it was made.
const REMOVED: &str = "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) \
     VALUES (900000, 'was_removed', 'postgres'::regrole, 'public'::regnamespace, false, '3.1')";

fn names_missing(told: &PostgresProblem) -> bool {
    matches!(told, PostgresProblem::ExtensionsMissing { names, .. } if names == &["was_removed 3.1"])
}

#[test]
fn a_server_without_an_extension_of_the_backup_is_left_alone_and_the_extension_is_named() {
    let (server, other) = (PostgresServer::start(), PostgresServer::start());
    server.create_database("notes");
    let make = format!("CREATE EXTENSION {}", extensions(&server)[0]);
    for statement in [
        make.as_str(),
        "CREATE TABLE note AS SELECT generate_series(1, 100) AS n",
        REMOVED,
    ] {
        server.sql("notes", statement);
    }
    let place = Place::new();
    let notes = store(&server, "notes", 1);
    let backup = place.back_up(1, std::slice::from_ref(&notes));
    place.vault.verify(&backup.name).unwrap();
    let content = backup.manifest.stores[0].postgres.as_ref().unwrap();
    assert_eq!(content.extensions.len(), 2, "{:?}", content.extensions);
    server.sql("notes", "DELETE FROM note WHERE n > 10");
    let before = (store_digest(&notes).unwrap(), databases(&server));

    // In place, beside it, and on a server that never had it.
    let (copy, elsewhere) = (store(&server, "notes_copy", 1), store(&other, "notes", 1));
    for told in [
        problem(place.vault.restore_in_place(&backup.name, &notes, at(2))),
        problem(place.vault.restore_copy(&backup.name, &copy)),
        problem(
            place
                .vault
                .restore_in_place(&backup.name, &elsewhere, at(2)),
        ),
    ] {
        assert!(names_missing(&told), "{told:?}");
        let words = told.to_string();
        assert!(words.contains("was_removed 3.1; install"), "{words}");
        assert!(!told.is_passing());
    }
    assert_eq!((store_digest(&notes).unwrap(), databases(&server)), before);
    assert_eq!(databases(&other), Vec::<String>::new());
    assert_eq!(notes.leftovers().unwrap(), Vec::<String>::new());
    assert_eq!(
        place.vault.leftovers().unwrap(),
        Vec::<std::path::PathBuf>::new()
    );

    // It was that and nothing else: without it the same goes well, on the other server too.
    server.sql("notes", "DELETE FROM pg_extension WHERE oid = 900000");
    let backup = place.back_up(3, std::slice::from_ref(&notes));
    let held = &backup.manifest.stores[0];
    let restored = place
        .vault
        .restore_in_place(&backup.name, &elsewhere, at(4))
        .unwrap();
    assert_eq!((restored.kept, &restored.digest), (None, &held.digest));
    assert_eq!(other.sql("notes", "SELECT count(*) FROM note"), "10");
}
