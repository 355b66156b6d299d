//! A clock that jumps back and forth by an hour and a year, under backups and their removal.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use portcullis_backup::{
    BackupError, BackupName, BackupRequest, Keep, Kept, Retention, Store, Vault, retention,
    store_digest,
};
use sha2::{Digest, Sha256};

use super::subjects::{Behind, Postgres, Subject, on_disk};
use super::{Chance, rounds};
use crate::postgres_server::PostgresServer;
use crate::{Place, at, request};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// A backup as the command makes one: a name that is taken within its second is tried again a second later.
fn back_up(place: &Place, now: &mut Timestamp) -> BackupName {
    let store = place.file_store(&now.to_string());
    for _ in 0..60 {
        let request = BackupRequest {
            created_at: *now,
            ..request(0)
        };
        match place.vault.create(&request, std::slice::from_ref(&store)) {
            Ok(backup) => {
                place.vault.verify(&backup.name).unwrap();
                return backup.name;
            }
            Err(BackupError::NameTaken { .. }) => *now += SignedDuration::from_secs(1),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("refused a minute long");
}

fn prune(vault: &Vault, keep: Keep, now: Timestamp) {
    let backups = vault.list().unwrap();
    let rules = Retention {
        service: "dhash".to_owned(),
        environment: "production".to_owned(),
        keep,
        needed: Vec::new(),
        in_use: BTreeSet::new(),
        now,
    };
    for (decision, backup) in retention(&backups, &rules).iter().zip(&backups) {
        if !decision.keep {
            vault.remove(backup).unwrap();
        }
    }
}

/// Whatever the clock says, the backup that was just made stays, and as many as are to be kept. (One that was made while the
/// clock was a year behind counts as a year old as soon as it is right again: the name is all that is known of it.)
#[test]
fn the_backup_that_was_just_made_outlives_a_clock_that_jumps() {
    let mut chance = Chance::new();
    for keep in [
        Keep {
            last: 1,
            ..Keep::default()
        },
        Keep {
            last: 3,
            days: 2,
            ..Keep::default()
        },
        Keep {
            last: 2,
            daily: 3,
            ..Keep::default()
        },
    ] {
        let place = Place::new();
        let mut now = at(0);
        let mut made: Vec<BackupName> = Vec::new();
        for step in 0..rounds(20, 60) {
            let jump = [
                HOUR,
                -HOUR,
                YEAR,
                -YEAR,
                SignedDuration::from_secs(7),
                HOUR * 5,
            ];
            now += *chance.of(&jump);
            // Years add up; the names have four digits.
            now = now.clamp(at(0) - YEAR * 3, at(0) + YEAR * 3);
            made.push(back_up(&place, &mut now));
            prune(&place.vault, keep, now);
            let there: BTreeSet<String> = place
                .vault
                .list()
                .unwrap()
                .iter()
                .map(|one| one.name.to_string())
                .collect();
            let name = &made[step];
            assert!(
                there.contains(name.as_str()),
                "step {step}, {keep:?}, at {now}: {name} was removed; there is {there:?}"
            );
            assert!(
                there.len() >= made.len().min(keep.last as usize),
                "{there:?}"
            );
        }
    }
}

/// A clock that was a year ahead made backups whose names lie a year ahead. They do not take the places of those that are made
/// when it is right again.
#[test]
fn backups_from_the_future_take_nobodys_place() {
    let place = Place::new();
    let keep = Keep {
        last: 2,
        ..Keep::default()
    };
    let mut ahead = at(0) + YEAR;
    let from_ahead: Vec<BackupName> = (0..3).map(|_| back_up(&place, &mut ahead)).collect();
    let mut now = at(0);
    let mut made = Vec::new();
    for _ in 0..4 {
        now += HOUR * 24;
        made.push(back_up(&place, &mut now));
        prune(&place.vault, keep, now);
    }
    let there: BTreeSet<String> = place
        .vault
        .list()
        .unwrap()
        .iter()
        .map(|one| one.name.to_string())
        .collect();
    for name in made[2..].iter().chain(&from_ahead) {
        assert!(
            there.contains(name.as_str()),
            "{name} was removed; there is {there:?}"
        );
    }
    assert_eq!(there.len(), 5, "{there:?}");
}

/// Whether what was kept is that which had this digest, as far as it can be asked without the store's own means.
fn holds(kept: &Option<Kept>, store: &Store, digest: &str) -> bool {
    match kept {
        None => false,
        Some(Kept::Path(path)) => store_digest(&store.moved_to(path.clone())).unwrap() == digest,
        // A store whose tool repeats itself has the digest of what it writes.
        Some(Kept::Output(path)) => {
            hex::encode(Sha256::digest(std::fs::read(path).unwrap())) == digest
        }
        Some(_) => true,
    }
}

/// A restore under a clock that jumps, or stands still, puts back what it was asked for, or refuses and touches nothing.
/// Nobody's data goes lost: what is replaced is kept each time, under a name of its own.
fn restored_by_a_clock_that_jumps(place: &Place, subject: &dyn Subject, count: usize) {
    let store = subject.store();
    let backups = [0, 1].map(|number| {
        subject.fill(number);
        place.back_up(i64::from(number), std::slice::from_ref(&store))
    });
    let mut chance = Chance::new();
    let mut now = at(100);
    let still = SignedDuration::ZERO;
    let (mut done, mut refused) = (0, 0);
    for step in 0..count {
        let spoilt = chance.below(3) == 0;
        if spoilt {
            subject.fill(2);
        }
        now += *chance.of(&[still, still, HOUR, -HOUR, YEAR, -YEAR]);
        now = now.clamp(at(0) - YEAR * 3, at(0) + YEAR * 3);
        let backup = chance.of(&backups);
        let wanted = &backup.manifest.stores[0].digest;
        let before = store_digest(&store).unwrap();
        let what = format!("{}, step {step}, at {now}", store.name);
        match place.vault.restore_in_place(&backup.name, &store, now) {
            Ok(replaced) => {
                assert_eq!(store_digest(&store).unwrap(), *wanted, "{what}");
                let kept = replaced.kept;
                assert!(
                    before == *wanted || holds(&kept, &store, &before),
                    "{what}: what it replaced is not in {kept:?}"
                );
                // A person may have looked through it and removed it.
                if let (Some(kept), true) = (kept, chance.below(2) == 0) {
                    subject.forget(&kept);
                }
                done += 1;
            }
            Err(BackupError::KeptNameTaken { .. } | BackupError::TargetExists { .. }) => {
                assert_eq!(store_digest(&store).unwrap(), before, "{what}");
                refused += 1;
            }
            Err(error) => panic!("{what}: {error:?}"),
        }
        assert_eq!(subject.around(), Vec::<String>::new(), "{what}");
    }
    println!("{}: {done} restored, {refused} refused", store.name);
    assert!(done > 0);
}

#[test]
fn a_restore_by_a_clock_that_jumps_puts_back_what_was_asked_for() {
    let servers = Behind::start();
    let place = Place::new();
    let behind = servers.subjects(place.folder.path());
    let server = PostgresServer::start();
    let postgres = Postgres::make(&server, place.folder.path());
    let all = on_disk(place.folder.path()).into_iter().chain(behind);
    for subject in all.chain([postgres]) {
        let place = Place::new();
        restored_by_a_clock_that_jumps(&place, &*subject, rounds(6, 60));
    }
}
