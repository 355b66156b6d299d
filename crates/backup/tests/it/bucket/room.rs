//! A vault without room for the objects that are to be put back.

use portcullis_backup::{BucketProblem, Vault, store_digest};

use super::{MIB, content, copy, fill, problem, put, store};
use crate::cloud::Server;
use crate::small_disk::SmallDisk;
use crate::{Place, at, request};

#[test]
fn objects_that_find_no_room_are_refused_before_any_is_touched() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(place.path("disk"), 48) else {
        return;
    };
    let server = Server::s3(None);
    fill(&server);
    let vault = Vault::open_or_create(&place.path("disk/vault")).unwrap();
    let (uploads, drill) = (store(&server.url()), copy(&server.url(), "drill_1"));
    let made = vault
        .create(&request(0), std::slice::from_ref(&uploads))
        .unwrap();
    let held = &made.manifest.stores[0];
    assert!(held.bytes() > 9 * MIB as u64);
    put(&server, "one.txt", "later");
    server.delete_object(&super::path("sub/two.txt"));
    let before = store_digest(&uploads).unwrap();

    disk.leave(held.bytes() / 2);
    let refused = [
        problem(vault.restore_in_place(&made.name, &uploads, at(1))),
        problem(vault.restore_copy(&made.name, &drill)),
    ];
    for refused in refused {
        let BucketProblem::NoRoom {
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
    assert_eq!(store_digest(&uploads).unwrap(), before);
    assert_eq!(content(&server, "one.txt").as_deref(), Some("later"));
    // Nothing was kept aside, and of the copy not even its mark is left.
    let listed = server.text("/backups?list-type=2&prefix=shop/uploads.portcullis");
    assert!(!listed.contains("<Key>"), "{listed}");
    assert_eq!(uploads.leftovers().unwrap(), Vec::<String>::new());
    assert_eq!(vault.leftovers().unwrap(), Vec::<std::path::PathBuf>::new());

    disk.free();
    let replaced = vault.restore_in_place(&made.name, &uploads, at(2)).unwrap();
    assert_eq!(replaced.digest, held.digest);
    assert_eq!(store_digest(&uploads).unwrap(), held.digest);
    assert_eq!(content(&server, "sub/two.txt").as_deref(), Some("two"));
    let restored = vault.restore_copy(&made.name, &drill).unwrap();
    assert_eq!(restored.digest, held.digest);
}
