//! Two at once: of the same thing, and of things that are in each other's way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use portcullis_backup::{BackupError, BackupState, Kept, Store, Vault, store_digest};

use super::rounds;
use super::subjects::{Behind, Keys, Postgres, Subject, on_disk};
use crate::postgres_server::PostgresServer;
use crate::{Place, at, request};

/// Runs both at the same time, with a vault of their own each, as two processes have it.
fn both<A: Send, B: Send>(
    place: &Place,
    one: impl FnOnce(Vault) -> A + Send,
    other: impl FnOnce(Vault) -> B + Send,
) -> (A, B) {
    let vault = || Vault::open(place.vault.root()).unwrap();
    let (first, second) = (vault(), vault());
    thread::scope(|scope| {
        let one = scope.spawn(move || one(first));
        let other = other(second);
        (one.join().unwrap(), other)
    })
}

fn assert_whole(place: &Place) {
    for one in place.vault.list().unwrap() {
        assert!(matches!(one.state, BackupState::Complete { .. }), "{one:?}");
        place.vault.verify(&one.name).unwrap();
    }
    assert!(place.vault.leftovers().unwrap().is_empty());
}

#[test]
fn of_two_backups_of_one_second_one_gets_the_name_and_both_end() {
    let place = Place::new();
    let subjects = on_disk(place.folder.path());
    let stores: Vec<Store> = subjects.iter().map(|subject| subject.store()).collect();
    subjects.iter().for_each(|subject| subject.fill(1));
    for round in 0..rounds(4, 40) {
        let second = i64::try_from(round).unwrap();
        let make = |vault: Vault| vault.create(&request(second), &stores);
        let outcomes: [_; 2] = both(&place, make, make).into();
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let taken = |outcome: &Result<_, BackupError>| {
            matches!(outcome, Err(BackupError::NameTaken { .. }))
        };
        assert_eq!(made, 1, "{outcomes:?}");
        assert!(outcomes.iter().any(taken), "{outcomes:?}");
    }
    assert_whole(&place);
}

#[test]
fn backups_and_removals_at_once_leave_whole_backups_and_the_newest() {
    let place = Place::new();
    let subjects = on_disk(place.folder.path());
    let stores: Vec<Store> = subjects.iter().map(|subject| subject.store()).collect();
    subjects.iter().for_each(|subject| subject.fill(1));
    let count = i64::try_from(rounds(8, 60)).unwrap();
    let done = AtomicBool::new(false);
    let make = |vault: Vault| {
        for second in 0..count {
            let made = vault.create(&request(second), &stores).unwrap();
            match vault.verify(&made.name) {
                // Removed before it was read, which a real one is not: it is the newest.
                Ok(_) | Err(BackupError::UnknownBackup { .. } | BackupError::Incomplete { .. }) => {
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        done.store(true, Ordering::Relaxed);
    };
    let remove = |vault: Vault| {
        let mut removed = 0;
        while !done.load(Ordering::Relaxed) {
            for one in vault.list().unwrap().iter().skip(1) {
                match vault.remove(one) {
                    Ok(_) => removed += 1,
                    // The other one removes, reads or makes it.
                    Err(BackupError::InUse { .. } | BackupError::UnknownBackup { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
        removed
    };
    // Two that remove, too.
    both(
        &place,
        |vault| both(&place, make, |_| remove(vault)),
        remove,
    );
    assert_whole(&place);
    let newest = &place.vault.list().unwrap()[0];
    assert_eq!(newest.created_at.as_second(), at(count - 1).as_second());
}

fn restored_at_once(place: &Place, subject: &dyn Subject, count: usize) {
    let store = subject.store();
    let digests = [0, 1].map(|number| {
        subject.fill(number);
        let made = place.back_up(i64::from(number), std::slice::from_ref(&store));
        (made.name, made.manifest.stores[0].digest.clone())
    });
    for round in 0..count {
        let now = 100 * i64::try_from(round + 1).unwrap();
        let [one, other] = [0, 1].map(|index: usize| {
            let (name, store) = (digests[index].0.clone(), &store);
            move |vault: Vault| vault.restore_in_place(&name, store, at(now + index as i64))
        });
        let outcomes: [_; 2] = both(place, one, other).into();
        let found = store_digest(&store).unwrap();
        let known = |digest: &str| digests.iter().any(|(_, known)| known == digest);
        assert!(known(&found), "{}: {outcomes:?}", store.name);
        assert!(
            outcomes.iter().any(Result::is_ok),
            "{}: {outcomes:?}",
            store.name
        );
        for replaced in outcomes.into_iter().flatten() {
            if let Some(kept) = replaced.kept {
                // What was kept is whole too: somebody may want it back.
                if let Kept::Path(path) = &kept {
                    assert!(known(&store_digest(&store.moved_to(path.clone())).unwrap()));
                }
                subject.forget(&kept);
            }
        }
        assert_eq!(subject.around(), Vec::<String>::new(), "{}", store.name);
    }
}

#[test]
fn two_restores_in_place_at_once_leave_one_content_whole() {
    let place = Place::new();
    for subject in on_disk(place.folder.path()) {
        let place = Place::new();
        restored_at_once(&place, &*subject, rounds(4, 40));
    }
}

#[test]
fn two_restores_of_a_postgresql_database_at_once_leave_one_content_whole() {
    let server = PostgresServer::start();
    let place = Place::new();
    let subject = Postgres::make(&server, place.folder.path());
    restored_at_once(&place, &*subject, rounds(1, 8));
}

#[test]
fn two_restores_behind_servers_and_tools_at_once_leave_one_content_whole() {
    let servers = Behind::start();
    let place = Place::new();
    for subject in servers.subjects(place.folder.path()) {
        let place = Place::new();
        restored_at_once(&place, &*subject, rounds(2, 20));
    }
}

/// Those with another vault do not wait for each other: then the one that began last may win, and nobody sees a database that was
/// emptied under the other.
#[test]
fn two_restores_of_a_redis_database_from_two_vaults_leave_one_content_whole() {
    let server = Keys::start();
    let places = [Place::new(), Place::new()];
    let subject = server.make(places[0].folder.path());
    let store = subject.store();
    let backups: Vec<_> = places
        .iter()
        .zip([0, 1])
        .map(|(place, number)| {
            subject.fill(number);
            let made = place.back_up(i64::from(number), std::slice::from_ref(&store));
            (made.name, made.manifest.stores[0].digest.clone())
        })
        .collect();
    let mut overtaken = 0;
    for round in 0..rounds(3, 40) {
        let now = at(100 * i64::try_from(round + 1).unwrap());
        let outcomes = thread::scope(|scope| {
            let both = [0, 1].map(|index: usize| {
                let (place, name, store) = (&places[index], &backups[index].0, &store);
                scope.spawn(move || place.vault.restore_in_place(name, store, now))
            });
            both.map(|one| one.join().unwrap())
        });
        let found = store_digest(&store).unwrap();
        assert!(
            backups.iter().any(|(_, known)| *known == found),
            "round {round}: {found}: {outcomes:?}"
        );
        for outcome in outcomes {
            match outcome {
                Ok(replaced) => subject.forget(&replaced.kept.unwrap()),
                Err(_) => overtaken += 1,
            }
        }
        // What an overtaken one had written since its database was emptied has no mark.
        for number in subject.around() {
            subject.forget(&Kept::Database(number));
        }
    }
    println!("{overtaken} were overtaken");
}

/// A backup that is made while another one is put back has one of the two contents. Where one thing is replaced after the
/// other, it has some of each, and says that it is not of one moment; or it says that the store kept changing.
fn backed_up_while_restored(place: &Place, subject: &dyn Subject, count: usize) {
    let store = subject.store();
    let digests = [0, 1].map(|number| {
        subject.fill(number);
        let made = place.back_up(i64::from(number), std::slice::from_ref(&store));
        (made.name, made.manifest.stores[0].digest.clone())
    });
    for round in 0..count {
        let now = 100 * i64::try_from(round + 1).unwrap();
        let wanted = digests[round % 2].0.clone();
        let put_back = |vault: Vault| vault.restore_in_place(&wanted, &store, at(now));
        let back_up = |vault: Vault| vault.create(&request(now), std::slice::from_ref(&store));
        let (replaced, made) = both(place, put_back, back_up);
        let what = format!("{}: {replaced:?} {made:?}", store.name);
        if let Some(kept) = replaced.unwrap_or_else(|_| panic!("{what}")).kept {
            subject.forget(&kept);
        }
        match made {
            Ok(made) => {
                let held = &made.manifest.stores[0];
                let is_one = digests.iter().any(|(_, known)| *known == held.digest);
                assert!(is_one || !held.steady, "{what}");
                place.vault.verify(&made.name).unwrap();
            }
            Err(BackupError::StoreChanged { .. }) => {}
            Err(_) => panic!("{what}"),
        }
        assert_eq!(subject.around(), Vec::<String>::new(), "{}", store.name);
    }
}

#[test]
fn a_backup_while_a_server_or_tool_is_put_back_is_of_one_content() {
    let servers = Behind::start();
    let place = Place::new();
    for subject in servers.subjects(place.folder.path()) {
        let place = Place::new();
        backed_up_while_restored(&place, &*subject, rounds(2, 20));
    }
}
