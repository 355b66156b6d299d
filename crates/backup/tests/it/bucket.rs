//! Stores that are buckets: a real moto, used while it is backed up, and ways to it that misbehave.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use age::secrecy::SecretString;
use portcullis_backup::{
    BackupError, BucketAddress, BucketProblem, CloudAddress, CloudCredentials, Kept, Since, Store,
    StoreKind, Vault, examine_copy, store_digest,
};

use crate::cloud::{Fault, FaultProxy, SHOWN, Server, free_port};
use crate::killed::{FOLDER_VARIABLE, FROM_VARIABLE};
use crate::{Place, at, noise, request};

mod room;

const MIB: usize = 1024 * 1024;

/// Keys that are no plain path of a file, as they are and as they are sent.
const ODD: [(&str, &str); 10] = [
    ("../up", "../up"),
    ("a", "a"),
    ("a/b", "a/b"),
    ("folder/", "folder/"),
    ("x//y", "x//y"),
    ("/lead", "/lead"),
    ("t/..%2Fup", "t/..%252Fup"),
    ("sp ace+plus%25/\u{fc}", "sp%20ace%2Bplus%2525/%C3%BC"),
    ("tab\there", "tab%09here"),
    (".portcullis-keys/000001", ".portcullis-keys/000001"),
];

fn address(endpoint: &str) -> BucketAddress {
    BucketAddress {
        cloud: CloudAddress {
            name: "uploads".to_owned(),
            url: "s3://backups/shop/uploads".to_owned(),
            endpoint: Some(endpoint.to_owned()),
            region: Some("eu-central-1".to_owned()),
            ca: None,
            credentials: CloudCredentials::S3 {
                access_key: "testing".to_owned(),
                secret: SecretString::from("testing"),
            },
            patience: Duration::from_secs(6),
        },
        copy: None,
    }
}

pub(crate) fn store(endpoint: &str) -> Store {
    Store::bucket("uploads", address(endpoint))
}

fn copy(endpoint: &str, name: &str) -> Store {
    Store::bucket("uploads", address(endpoint).copied(name))
}

pub(crate) fn path(encoded: &str) -> String {
    format!("/backups/shop/uploads/{encoded}")
}

fn put(server: &Server, key: &str, content: &str) {
    server.put_object(&path(key), "", content.as_bytes());
}

fn content(server: &Server, key: &str) -> Option<String> {
    let found = server.object(&path(key));
    found.map(|(_, content)| String::from_utf8(content).unwrap())
}

fn versioned(server: &Server) {
    let body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    server.put_object("/backups?versioning", "", body);
}

/// A few objects, one with much beside its content, and one of more than a part.
fn fill(server: &Server) {
    put(server, "one.txt", "one");
    put(server, "sub/two.txt", "two");
    put(server, "empty", "");
    let headers =
        "Content-Type: image/png\r\nCache-Control: max-age=60\r\nx-amz-meta-owner: clerk\r\n";
    server.put_object(&path("picture.png"), headers, b"not really");
    server.put_object(&path("large"), "", &noise(9 * MIB));
    // Beside the store, and none of its business.
    server.put_object("/backups/shop/uploads-of-others", "", b"theirs");
}

fn problem(outcome: Result<impl std::fmt::Debug, BackupError>) -> BucketProblem {
    match outcome.unwrap_err() {
        BackupError::Bucket { problem, .. } => *problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bucket_is_backed_up_read_back_and_restored_to_a_copy() {
    let (place, server) = (Place::new(), Server::s3(None));
    fill(&server);
    let uploads = store(&server.url());
    let size = uploads.examine().unwrap();
    assert_eq!((size.entries, size.bytes), (5, 3 + 3 + 10 + 9 * MIB as u64));
    let backup = place.back_up(0, std::slice::from_ref(&uploads));
    place.vault.verify(&backup.name).unwrap();
    let held = &backup.manifest.stores[0];
    assert_eq!((held.kind, held.steady), (StoreKind::Bucket, true));
    assert_eq!(store_digest(&uploads).unwrap(), held.digest);

    let to = place.path("unpacked");
    place.vault.restore(&backup.name, "uploads", &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("sub/two.txt")).unwrap(), "two");
    assert!(fs::read(to.join("large")).unwrap() == noise(9 * MIB));

    let drill = copy(&server.url(), "drill_1");
    let restored = place.vault.restore_copy(&backup.name, &drill).unwrap();
    assert_eq!(restored.digest, held.digest);
    assert_eq!(
        restored.place,
        "s3://backups/shop/uploads.portcullis-copy-drill_1"
    );
    examine_copy(&drill, held).unwrap();
    let picture = "/backups/shop/uploads.portcullis-copy-drill_1/picture.png";
    let (head, _) = server.object(picture).unwrap();
    for header in [
        "content-type: image/png",
        "cache-control: max-age=60",
        "x-amz-meta-owner: clerk",
    ] {
        assert!(head.contains(header), "{head}");
    }
    let taken = problem(place.vault.restore_copy(&backup.name, &drill));
    assert!(
        matches!(taken, BucketProblem::TargetExists { .. }),
        "{taken}"
    );
    // What differs by a header differs.
    server.put_object(picture, "Content-Type: text/html\r\n", b"not really");
    let differs = examine_copy(&drill, held).unwrap_err();
    assert!(
        matches!(differs, BackupError::RestoredDiffers { .. }),
        "{differs}"
    );

    assert_eq!(uploads.leftovers().unwrap(), ["drill_1"]);
    drill.drop_copy().unwrap();
    drill.drop_copy().unwrap();
    assert_eq!(uploads.leftovers().unwrap(), Vec::<String>::new());
    assert_eq!(server.object(picture), None);
    assert_eq!(uploads.size().unwrap(), size, "the store is untouched");
    // Only what has our mark is removed.
    server.put_object("/backups/shop/uploads.portcullis-copy-x/a", "", b"a");
    server.put_object(
        "/backups/shop/uploads.portcullis-copy-x.json",
        "",
        b"{\"a\":1}",
    );
    assert_eq!(uploads.leftovers().unwrap(), Vec::<String>::new());
    let kept = problem(copy(&server.url(), "x").drop_copy());
    assert!(matches!(kept, BucketProblem::NotOurs { .. }), "{kept}");
    let kept = problem(uploads.drop_copy());
    assert!(matches!(kept, BucketProblem::NotOurs { .. }), "{kept}");
    assert!(
        server
            .object("/backups/shop/uploads.portcullis-copy-x/a")
            .is_some()
    );
}

#[test]
fn keys_that_are_no_paths_of_files_come_back() {
    let (place, server) = (Place::new(), Server::s3(None));
    for (key, encoded) in ODD {
        put(&server, encoded, key);
    }
    put(&server, &"x".repeat(300), "long");
    let uploads = store(&server.url());
    let backup = place.back_up(0, std::slice::from_ref(&uploads));
    place.vault.verify(&backup.name).unwrap();
    let held = &backup.manifest.stores[0];
    let objects = &held.bucket.as_ref().unwrap().objects;
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let mut expected: Vec<String> = ODD.iter().map(|(key, _)| (*key).to_owned()).collect();
    expected.push("x".repeat(300));
    expected.sort();
    assert_eq!(keys, expected);
    let own: Vec<&str> = objects
        .iter()
        .filter(|object| object.file.is_none())
        .map(|object| object.key.as_str())
        .collect();
    assert_eq!(
        own,
        ["a/b", "sp ace+plus%25/\u{fc}", "t/..%2Fup", "tab\there"]
    );
    for (_, encoded) in ODD {
        server.delete_object(&path(encoded));
    }
    put(&server, "a", "another");
    place
        .vault
        .restore_in_place(&backup.name, &uploads, at(5))
        .unwrap();
    assert_eq!(store_digest(&uploads).unwrap(), held.digest);
    for (key, encoded) in ODD {
        assert_eq!(content(&server, encoded).as_deref(), Some(key));
    }
}

#[test]
fn a_restore_touches_what_differs_and_keeps_what_it_replaces() {
    for versions in [false, true] {
        let (place, server) = (Place::new(), Server::s3(None));
        if versions {
            versioned(&server);
        }
        fill(&server);
        let proxy = FaultProxy::before(&server);
        let uploads = store(&proxy.url());
        let backup = place.back_up(0, std::slice::from_ref(&uploads));
        let held = &backup.manifest.stores[0];
        put(&server, "one.txt", "ONE");
        put(&server, "later", "since then");
        server.put_object(
            &path("picture.png"),
            "Content-Type: text/html\r\n",
            b"not really",
        );
        server.delete_object(&path("sub/two.txt"));
        // Written again as it was: no change.
        put(&server, "empty", "");
        let since = place.vault.since(&backup.name, &uploads).unwrap();
        assert_eq!(
            since,
            Since::Files {
                added: 1,
                removed: 1,
                changed: 2
            }
        );

        proxy.rule(|_, _, _| Fault::None);
        let replaced = place
            .vault
            .restore_in_place(&backup.name, &uploads, at(7))
            .unwrap();
        assert_eq!(replaced.digest, held.digest);
        assert_eq!(store_digest(&uploads).unwrap(), held.digest);
        assert_eq!(content(&server, "one.txt").unwrap(), "one");
        assert_eq!(content(&server, "later"), None);
        let (head, _) = server.object(&path("picture.png")).unwrap();
        assert!(head.contains("x-amz-meta-owner: clerk"), "{head}");
        let written: Vec<String> = proxy
            .seen()
            .into_iter()
            .filter(|asked| asked.starts_with("PUT"))
            .collect();
        assert!(
            !written
                .iter()
                .any(|asked| asked.contains("/large") || asked.contains("/empty")),
            "{written:?}"
        );
        let name = "/backups/shop/uploads.portcullis-replaced-20261121T";
        let note = written
            .iter()
            .find(|asked| asked.contains(".json"))
            .unwrap();
        assert!(note.contains(name), "{note}");
        let (_, note) = server.object(note.split(' ').nth(1).unwrap()).unwrap();
        let note: serde_json::Value = serde_json::from_slice(&note).unwrap();
        assert_eq!(note["objects"].as_array().unwrap().len(), 3);
        match replaced.kept.clone().unwrap() {
            Kept::Objects(url) if !versions => {
                let kept = url.strip_prefix("s3:/").unwrap();
                let (_, one) = server.object(&format!("{kept}one.txt")).unwrap();
                assert_eq!(one, b"ONE");
                assert_eq!(
                    server.object(&format!("{kept}later")).unwrap().1,
                    b"since then"
                );
                let (head, _) = server.object(&format!("{kept}picture.png")).unwrap();
                assert!(head.contains("content-type: text/html"), "{head}");
            }
            Kept::Versions(_) if versions => {
                for object in note["objects"].as_array().unwrap() {
                    let (key, version) = (
                        object["key"].as_str().unwrap(),
                        object["version"].as_str().unwrap(),
                    );
                    let old = server.object(&format!("/backups/{key}?versionId={version}"));
                    assert_eq!(
                        old.unwrap().1.len() as u64,
                        object["size"].as_u64().unwrap()
                    );
                }
            }
            other => panic!("{other:?}"),
        }
        let again = place
            .vault
            .restore_in_place(&backup.name, &uploads, at(7))
            .unwrap();
        assert_eq!(
            again.kept, replaced.kept,
            "called again it does nothing and says the same"
        );
        let other = place
            .vault
            .restore_in_place(&backup.name, &uploads, at(9))
            .unwrap();
        assert_eq!(other.kept, None, "nothing was replaced");
    }
}

#[test]
fn a_whole_bucket_is_a_store_without_what_lies_beside_it() {
    let (place, server) = (Place::new(), Server::s3(None));
    fill(&server);
    let mut whole = address(&server.url());
    whole.cloud.url = "s3://backups".to_owned();
    let uploads = Store::bucket("uploads", whole.clone());
    let drill = Store::bucket("uploads", whole.copied("one"));
    let backup = place.back_up(0, std::slice::from_ref(&uploads));
    place.vault.restore_copy(&backup.name, &drill).unwrap();
    put(&server, "one.txt", "ONE");
    let replaced = place
        .vault
        .restore_in_place(&backup.name, &uploads, at(7))
        .unwrap();
    let Some(Kept::Objects(kept)) = replaced.kept else {
        panic!("{replaced:?}")
    };
    assert!(
        kept.starts_with("s3://backups/.portcullis-replaced-2026"),
        "{kept}"
    );
    assert_eq!(
        store_digest(&uploads).unwrap(),
        backup.manifest.stores[0].digest
    );
    assert_eq!(uploads.leftovers().unwrap(), ["one"]);
    drill.drop_copy().unwrap();
    assert!(
        !server
            .text("/backups?list-type=2")
            .contains("portcullis-copy")
    );
}

#[test]
fn a_copy_in_a_bucket_with_versions_leaves_none_of_them() {
    let (place, server) = (Place::new(), Server::s3_in_pages(4));
    versioned(&server);
    fill(&server);
    let backup = place.back_up(0, &[store(&server.url())]);
    let drill = copy(&server.url(), "drill");
    place.vault.restore_copy(&backup.name, &drill).unwrap();
    drill.drop_copy().unwrap();
    let versions = server.text("/backups?versions");
    assert!(!versions.contains("portcullis-copy"), "{versions}");
}

#[test]
fn a_backup_under_writers_has_whole_objects_and_all_that_were_there() {
    let (place, server) = (Place::new(), Server::s3(None));
    for number in 0..40 {
        put(&server, &format!("still/{number}"), "still");
        put(&server, &format!("busy/{number}"), &"0".repeat(100));
    }
    let uploads = store(&server.url());
    let (stop, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let backups = thread::scope(|scope| {
        for writer in 0..2 {
            let (server, stop, written) = (&server, &stop, &written);
            scope.spawn(move || {
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let key = format!("busy/{}", (round * 7 + writer) % 40);
                    let digit = char::from(b'0' + (round % 10) as u8);
                    put(server, &key, &String::from(digit).repeat(100 + round % 50));
                    put(server, &format!("new/{writer}-{round}"), "new");
                    server.delete_object(&path(&format!("new/{writer}-{}", round / 2)));
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let mut backups = Vec::new();
        for second in 0..3 {
            let before = written.load(Ordering::SeqCst);
            while written.load(Ordering::SeqCst) < before + 5 {
                thread::yield_now();
            }
            backups.push(place.back_up(second, std::slice::from_ref(&uploads)));
        }
        stop.store(true, Ordering::Relaxed);
        backups
    });
    for (index, backup) in backups.iter().enumerate() {
        place.vault.verify(&backup.name).unwrap();
        let to = place.path(&format!("unpacked-{index}"));
        place.vault.restore(&backup.name, "uploads", &to).unwrap();
        assert_eq!(fs::read_dir(to.join("still")).unwrap().count(), 40);
        assert_eq!(fs::read_dir(to.join("busy")).unwrap().count(), 40);
        for entry in fs::read_dir(to.join("busy")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let first = text.chars().next().unwrap();
            assert!(
                text.len() >= 100 && text.chars().all(|c| c == first),
                "{text}"
            );
        }
    }
    assert!(
        backups
            .iter()
            .any(|backup| !backup.manifest.stores[0].steady)
    );
    let quiet = place.back_up(9, std::slice::from_ref(&uploads));
    assert!(quiet.manifest.stores[0].steady);
}

#[test]
fn more_objects_than_a_page_of_a_list_has() {
    let (place, server) = (Place::new(), Server::s3_in_pages(100));
    let all: BTreeMap<String, String> = (0..310)
        .map(|number| {
            (
                format!("{:02}/{number}", number % 30),
                format!("content {number}"),
            )
        })
        .collect();
    for (key, content) in &all {
        put(&server, key, content);
    }
    let uploads = store(&server.url());
    let backup = place.back_up(0, std::slice::from_ref(&uploads));
    assert_eq!(backup.manifest.stores[0].files.len(), 310);
    for key in all.keys().step_by(10) {
        server.delete_object(&path(key));
    }
    let since = place.vault.since(&backup.name, &uploads).unwrap();
    assert_eq!(
        since,
        Since::Files {
            added: 0,
            removed: 31,
            changed: 0
        }
    );
    place
        .vault
        .restore_in_place(&backup.name, &uploads, at(5))
        .unwrap();
    for (key, expected) in all.iter().step_by(31) {
        assert_eq!(content(&server, key).as_ref(), Some(expected));
    }
}

#[test]
#[ignore = "the child process of a_large_object_is_never_whole_in_memory"]
fn child_that_backs_up() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let endpoint = fs::read_to_string(folder.join("endpoint")).unwrap();
    let second: i64 = std::env::var(FROM_VARIABLE).unwrap().parse().unwrap();
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let uploads = store(&endpoint);
    let backup = vault
        .create(&request(second), std::slice::from_ref(&uploads))
        .unwrap();
    put_aside(&endpoint);
    vault
        .restore_in_place(&backup.name, &uploads, at(second + 1))
        .unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let high = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    fs::write(folder.join(format!("memory-{second}")), high).unwrap();
}

/// Removes the large object, so that a restore has something to do.
fn put_aside(endpoint: &str) {
    let port: u16 = endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let answer = crate::cloud::ask(
        port,
        &format!("DELETE {} HTTP/1.1\r\n{SHOWN}", path("large")),
        &[],
    );
    assert!(answer.starts_with(b"HTTP/1.1 204"));
}

#[test]
fn a_large_object_is_never_whole_in_memory() {
    let (place, server) = (Place::new(), Server::s3(None));
    fs::write(place.path("endpoint"), server.url()).unwrap();
    let mut memory = Vec::new();
    for (second, mib) in [(0, 1), (10, 50)] {
        server.put_object(&path("large"), "", &noise(mib * MIB));
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "bucket::child_that_backs_up",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER_VARIABLE, place.folder.path())
            .env(FROM_VARIABLE, second.to_string())
            .status();
        assert!(status.unwrap().success());
        let text = fs::read_to_string(place.path(&format!("memory-{second}"))).unwrap();
        let kib: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
        memory.push(kib / 1024);
        let (_, found) = server.object(&path("large")).unwrap();
        assert!(found == noise(mib * MIB));
    }
    // Eight pieces of 2 MiB are asked for at a time, four wait; three parts of 8 MiB are sent at a time.
    assert!(memory[1] < memory[0] + 64, "{memory:?} MiB");
}

#[test]
fn damaged_answers_are_asked_for_again_or_told() {
    let (place, server) = (Place::new(), Server::s3(None));
    put(&server, "one.txt", "one");
    put(&server, "empty", "");
    server.put_object(&path("pieces"), "", &noise(5 * MIB));
    let proxy = FaultProxy::before(&server);
    let uploads = store(&proxy.url());
    let good = place.back_up(0, &[store(&server.url())]).manifest.stores[0]
        .digest
        .clone();
    let faults = [
        Fault::Cut,
        Fault::HalfBody,
        Fault::ShortBody,
        Fault::Flip,
        Fault::Status(500),
        Fault::Status(503),
        Fault::LostAnswer,
        Fault::Slow(700),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        let broken = std::collections::BTreeSet::new();
        let broken = std::sync::Mutex::new(broken);
        // The first answer to each request for an object is bad.
        proxy.rule(move |_, _, path| {
            let is_object = !path.contains('?');
            match is_object && broken.lock().unwrap().insert(path.to_owned()) {
                true => fault,
                false => Fault::None,
            }
        });
        let backup = place.back_up(1 + index as i64, std::slice::from_ref(&uploads));
        assert_eq!(backup.manifest.stores[0].digest, good, "{fault:?}");
    }
    // Lists that break off.
    proxy.rule(
        |number, _, path| match path.contains("list-type") && number == 0 {
            true => Fault::ShortBody,
            false => Fault::None,
        },
    );
    let backup = place.back_up(20, std::slice::from_ref(&uploads));
    assert_eq!(backup.manifest.stores[0].digest, good);
    // What never gets better is told, and nothing is left of the attempt.
    let count = place.vault.list().unwrap().len();
    for (fault, told) in [
        (Fault::Status(500), "500"),
        (Fault::ShortBody, "bytes came instead of"),
    ] {
        proxy.rule(move |_, _, path| match path.ends_with("one.txt") {
            true => fault,
            false => Fault::None,
        });
        let failed = problem(
            place
                .vault
                .create(&request(30), std::slice::from_ref(&uploads)),
        );
        assert!(
            failed.is_passing() && failed.to_string().contains(told),
            "{failed}"
        );
        assert!(
            failed
                .to_string()
                .contains("cannot read shop/uploads/one.txt"),
            "{failed}"
        );
    }
    // Wrong once, and right when it is asked for again.
    let asked = AtomicUsize::new(0);
    proxy.rule(move |_, method, path| {
        let is_read = method == "GET" && path.ends_with("one.txt");
        match is_read && asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            true => Fault::Flip,
            false => Fault::None,
        }
    });
    let backup = place
        .vault
        .create(&request(31), std::slice::from_ref(&uploads))
        .unwrap();
    assert_eq!(backup.manifest.stores[0].digest, good);
    proxy.rule(|_, _, _| Fault::None);
    assert!(place.vault.list().unwrap().len() <= count + 1);
    assert_eq!(
        place.vault.leftovers().unwrap(),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn an_object_whose_etag_only_looks_like_a_digest_is_taken() {
    let (place, server) = (Place::new(), Server::s3(None));
    fill(&server);
    let proxy = FaultProxy::before(&server);
    // The same wrong bit each time: the server means it so.
    proxy.rule(|_, _, path| match path.ends_with("one.txt") {
        true => Fault::Flip,
        false => Fault::None,
    });
    let backup = place.back_up(0, &[store(&proxy.url())]);
    let to = place.path("unpacked");
    place.vault.restore(&backup.name, "uploads", &to).unwrap();
    assert_ne!(fs::read(to.join("one.txt")).unwrap(), b"one");
}

#[test]
fn refusals_say_what_to_do_and_show_no_secret() {
    let (place, server) = (Place::new(), Server::s3(None));
    let refused = |address: BucketAddress| {
        let store = Store::bucket("uploads", address);
        let create = place
            .vault
            .create(&request(1), std::slice::from_ref(&store));
        let told = problem(create);
        assert_eq!(place.vault.list().unwrap(), Vec::new());
        assert_eq!(
            std::mem::discriminant(&problem(store.examine())),
            std::mem::discriminant(&told)
        );
        let text = BackupError::Bucket {
            store: "uploads".to_owned(),
            problem: Box::new(told.clone()),
        };
        let text = text.to_string();
        assert!(
            !text.contains("hush") && text.starts_with("store \"uploads\": "),
            "{text}"
        );
        (told, text)
    };
    let mut elsewhere = address(&server.url());
    elsewhere.cloud.url = "s3://nowhere/shop".to_owned();
    let (told, text) = refused(elsewhere);
    assert!(matches!(told, BucketProblem::NoBucket { .. }), "{told:?}");
    assert!(text.contains("correct the store's url"), "{text}");
    // After the request that makes the bucket it knows no keys.
    let strict = Server::s3(Some(1));
    let mut wrong = address(&strict.url());
    wrong.cloud.credentials = CloudCredentials::S3 {
        access_key: "AKIAWRONG".to_owned(),
        secret: SecretString::from("hush"),
    };
    assert!(!format!("{wrong:?}").contains("hush"));
    let (told, text) = refused(wrong);
    assert!(matches!(told, BucketProblem::Refused { .. }), "{told:?}");
    assert!(text.contains("look at the key"), "{text}");
    let mut gone = address(&format!("http://127.0.0.1:{}", free_port()));
    gone.cloud.patience = Duration::from_millis(300);
    let (told, text) = refused(gone);
    assert!(
        told.is_passing() && text.contains("could not connect"),
        "{text}"
    );
    let mut clear = address("http://10.0.0.1:9000");
    clear.cloud.patience = Duration::from_millis(300);
    let (told, _) = refused(clear);
    assert!(matches!(told, BucketProblem::Address(_)), "{told:?}");
    for url in ["gs://backups/a", "az://backups/a", "s3://"] {
        let mut other = address(&server.url());
        other.cloud.credentials = CloudCredentials::Environment;
        other.cloud.url = url.to_owned();
        let (told, text) = refused(other);
        assert!(matches!(told, BucketProblem::Address(_)), "{told:?}");
        assert!(text.contains("expected s3://BUCKET/PREFIX"), "{text}");
    }
}

#[test]
#[ignore = "the child process of a_killed_restore_is_completed"]
fn child_that_restores() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let endpoint = fs::read_to_string(folder.join("endpoint")).unwrap();
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let name = vault.list().unwrap().remove(0).name;
    let second: i64 = std::env::var(FROM_VARIABLE).unwrap().parse().unwrap();
    vault
        .restore_in_place(&name, &store(&endpoint), at(second))
        .unwrap();
}

/// The restore stops at its n-th change, is killed there, and is completed by another call, with the same time and with
/// another one. Everything that was replaced is somewhere.
#[test]
fn a_killed_restore_is_completed() {
    for (moment, second) in [(0, 100), (2, 100), (5, 101), (7, 100), (9, 101)] {
        let (place, server) = (Place::new(), Server::s3(None));
        for number in 0..4 {
            put(&server, &format!("{number}"), &format!("old {number}"));
        }
        let backup = place.back_up(0, &[store(&server.url())]);
        for number in 0..4 {
            put(&server, &format!("{number}"), &format!("new {number}"));
        }
        put(&server, "later", "new later");
        let proxy = FaultProxy::before(&server);
        fs::write(place.path("endpoint"), proxy.url()).unwrap();
        let reached = std::sync::Arc::new(AtomicBool::new(false));
        let (tell, changes) = (reached.clone(), AtomicUsize::new(0));
        proxy.rule(move |_, method, _| {
            if method == "GET" || method == "HEAD" {
                return Fault::None;
            }
            match changes.fetch_add(1, Ordering::SeqCst) >= moment {
                true => {
                    tell.store(true, Ordering::SeqCst);
                    Fault::Slow(60_000)
                }
                false => Fault::None,
            }
        });
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "bucket::child_that_restores",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER_VARIABLE, place.folder.path())
            .env(FROM_VARIABLE, "100")
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !reached.load(Ordering::SeqCst) {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let uploads = store(&server.url());
        let replaced = place
            .vault
            .restore_in_place(&backup.name, &uploads, at(second))
            .unwrap();
        assert_eq!(store_digest(&uploads).unwrap(), replaced.digest);
        assert!(
            matches!(replaced.kept, Some(Kept::Objects(_))),
            "{replaced:?}"
        );
        let kept = server.text("/backups?list-type=2&prefix=shop/uploads.portcullis-replaced-");
        for key in ["0", "1", "2", "3", "later"] {
            assert!(kept.contains(&format!("Z/{key}</Key>")), "{key}: {kept}");
        }
        for found in kept
            .split("<Key>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap())
        {
            let key = found.rsplit('/').next().unwrap();
            if !key.ends_with(".json") {
                let (_, content) = server.object(&format!("/backups/{found}")).unwrap();
                assert_eq!(content, format!("new {key}").as_bytes(), "{found}");
            }
        }
    }
}

#[test]
fn who_writes_while_it_is_put_back_is_told() {
    let (place, server) = (Place::new(), Server::s3(None));
    fill(&server);
    let proxy = FaultProxy::before(&server);
    let uploads = store(&proxy.url());
    let backup = place.back_up(0, std::slice::from_ref(&uploads));
    put(&server, "one.txt", "ONE");
    // Somebody writes an object when the first is put back.
    let port = server.port;
    let once = AtomicBool::new(false);
    proxy.rule(move |_, method, asked| {
        if method == "PUT"
            && asked.ends_with("uploads/one.txt")
            && !once.swap(true, Ordering::SeqCst)
        {
            let head = format!(
                "PUT {} HTTP/1.1\r\n{SHOWN}Content-Length: 4\r\n",
                path("meanwhile")
            );
            crate::cloud::ask(port, &head, b"else");
        }
        Fault::None
    });
    let told = problem(place.vault.restore_in_place(&backup.name, &uploads, at(5)));
    assert!(
        !told.is_passing() || matches!(told, BucketProblem::Changed { .. }),
        "{told}"
    );
    place
        .vault
        .restore_in_place(&backup.name, &uploads, at(6))
        .unwrap();
    assert_eq!(
        store_digest(&uploads).unwrap(),
        backup.manifest.stores[0].digest
    );
}
