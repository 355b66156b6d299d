//! A vault without room for the dump that is to be put back.

use portcullis_backup::{Kept, PostgresProblem, Vault, store_digest};

use super::{databases, problem, store};
use crate::postgres_server::PostgresServer;
use crate::small_disk::SmallDisk;
use crate::{Place, at, request};

/// What is dumped is much larger than the archive of it.
const ROWS: &str = "CREATE TABLE note AS SELECT n, repeat('portcullis', 10) AS text FROM generate_series(1, 20000) AS n";

#[test]
fn a_dump_that_finds_no_room_is_refused_before_a_database_is_made() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(place.path("disk"), 16) else {
        return;
    };
    let server = PostgresServer::start();
    server.create_database("notes");
    server.sql("notes", ROWS);
    let vault = Vault::open_or_create(&place.path("disk/vault")).unwrap();
    let (notes, copy) = (store(&server, "notes", 2), store(&server, "notes_copy", 2));
    let made = vault
        .create(&request(0), std::slice::from_ref(&notes))
        .unwrap();
    let held = &made.manifest.stores[0];
    server.sql("notes", "UPDATE note SET text = 'later' WHERE n = 1");
    let before = (store_digest(&notes).unwrap(), databases(&server));

    disk.leave(held.bytes() / 2);
    let refused = [
        problem(vault.restore_in_place(&made.name, &notes, at(1))),
        problem(vault.restore_copy(&made.name, &copy)),
    ];
    for refused in refused {
        let PostgresProblem::NoRoom {
            place,
            needed,
            free,
        } = &refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(*needed, held.bytes());
        assert!((1..*needed).contains(free), "{refused}");
        assert!(place.contains(vault.root().to_str().unwrap()), "{refused}");
    }
    assert_eq!((store_digest(&notes).unwrap(), databases(&server)), before);
    assert_eq!(notes.leftovers().unwrap(), Vec::<String>::new());
    assert_eq!(vault.leftovers().unwrap(), Vec::<std::path::PathBuf>::new());

    disk.free();
    let replaced = vault.restore_in_place(&made.name, &notes, at(2)).unwrap();
    assert_eq!(store_digest(&notes).unwrap(), held.digest);
    assert!(matches!(replaced.kept, Some(Kept::Database(_))));
    vault.restore_copy(&made.name, &copy).unwrap();
    assert_eq!(store_digest(&copy).unwrap(), held.digest);
}
