//! Copies elsewhere, against real servers and against ones that misbehave.

use std::fs;
use std::path::Path;
use std::time::Duration;

use age::secrecy::SecretString;
use portcullis_backup::{
    Backup, BackupError, BackupState, CloudAddress, CloudCredentials, Copies, CopyError,
    CopyProblem, NewKey, Store, Vault,
};

use crate::cloud::{Fault, FaultProxy, Server, free_port};
use crate::encrypted::keyed;
use crate::killed::{FOLDER_VARIABLE, run_and_kill, say_round};
use crate::{Place, flip, names, noise, request};

/// As much as three parts and a bit of an upload.
const LARGE: usize = 26 * 1024 * 1024;
const PART: u64 = 8 * 1024 * 1024;

pub(crate) fn at(endpoint: &str) -> CloudAddress {
    CloudAddress {
        name: "elsewhere".to_owned(),
        url: "s3://backups/shop".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        region: Some("eu-central-1".to_owned()),
        ca: None,
        credentials: CloudCredentials::S3 {
            access_key: "testing".to_owned(),
            secret: SecretString::from("testing"),
        },
        patience: Duration::from_secs(4),
    }
}

fn copies(endpoint: &str) -> Copies {
    Copies::new(at(endpoint)).unwrap()
}

fn go_on() -> bool {
    false
}

fn small(place: &Place, second: i64) -> Backup {
    place.back_up(second, &[place.file_store("a")])
}

fn large(place: &Place) -> Backup {
    let path = place.path("noise");
    fs::write(&path, noise(LARGE)).unwrap();
    place.back_up(0, &[Store::file("noise", path)])
}

fn problem(outcome: Result<impl std::fmt::Debug, CopyError>) -> CopyProblem {
    *outcome.unwrap_err().problem
}

/// A machine with nothing but the keys.
fn empty_machine() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_create(&folder.path().join("vault")).unwrap();
    (folder, vault)
}

#[test]
fn a_lost_machine_is_restored_from_the_bucket_alone() {
    let (place, server) = (Place::new(), Server::s3(None));
    let key = NewKey::generate("today");
    let path = place.path("noise");
    fs::write(&path, noise(LARGE)).unwrap();
    let vault = keyed(&place, &[&key], &[&key]);
    let backup = vault
        .create(&request(0), &[Store::file("noise", path)])
        .unwrap();
    let there = copies(&server.url());
    let copied = there.copy(&vault, &backup.name, &go_on).unwrap();
    assert!(!copied.was_there && copied.sent_bytes == copied.bytes);
    assert_eq!(copied.archive_sha256, backup.archive_sha256);
    assert!(there.has(&vault, &backup.name).unwrap());
    assert!(there.copy(&vault, &backup.name, &go_on).unwrap().was_there);
    assert_eq!(names(&vault.root().join(".copies/elsewhere")), ["lock"]);
    let listed = there.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].name, listed[0].bytes),
        (&backup.name, backup.bytes)
    );
    assert!(listed[0].verified && listed[0].sealed.is_some());
    fs::remove_dir_all(vault.root()).unwrap();

    let (folder, vault) = empty_machine();
    let read = there.read_back(&backup.name, &go_on).unwrap();
    assert_eq!(read.manifest_sha256, backup.manifest_sha256);
    there.fetch(&vault, &backup.name, &go_on).unwrap();
    assert!(
        !vault.list().unwrap()[0].verified,
        "it was not read through yet"
    );
    let encryption = keyed(&Place::new(), &[], &[&key]).encryption().clone();
    let vault = vault.with_encryption(encryption);
    vault.verify(&backup.name).unwrap();
    vault
        .restore(&backup.name, "noise", &folder.path().join("noise"))
        .unwrap();
    assert!(fs::read(folder.path().join("noise")).unwrap() == noise(LARGE));
    let again = problem(there.fetch(&vault, &backup.name, &go_on));
    assert!(
        matches!(again, CopyProblem::Vault(BackupError::NameTaken { .. })),
        "{again}"
    );
}

#[test]
fn an_upload_that_was_cut_off_goes_on_from_its_last_part() {
    let (place, server) = (Place::new(), Server::s3(None));
    let (backup, proxy) = (large(&place), FaultProxy::before(&server));
    let there = copies(&proxy.url());
    proxy.rule(
        |_, method, path| match method == "PUT" && path.contains("partNumber=4") {
            true => Fault::Status(500),
            false => Fault::None,
        },
    );
    let failed = problem(there.copy(&place.vault, &backup.name, &go_on));
    assert!(failed.is_passing(), "{failed}");
    assert!(failed.to_string().contains("send a part of"), "{failed}");
    assert!(
        there.list().unwrap().is_empty(),
        "an upload under way is no copy"
    );
    proxy.rule(|_, _, _| Fault::None);
    let copied = there.copy(&place.vault, &backup.name, &go_on).unwrap();
    let manifest = copied.bytes - backup.bytes;
    assert_eq!(copied.sent_bytes, backup.bytes - 3 * PART + manifest);
    there.read_back(&backup.name, &go_on).unwrap();
    let uploads = server.get("/backups?uploads");
    let uploads = String::from_utf8_lossy(&uploads).into_owned();
    assert!(!uploads.contains("<Upload>"), "{uploads}");
}

#[test]
fn an_upload_that_the_server_forgot_begins_anew() {
    let (place, server) = (Place::new(), Server::s3(None));
    let (backup, proxy) = (large(&place), FaultProxy::before(&server));
    proxy.rule(
        |_, method, path| match method == "PUT" && path.contains("partNumber=4") {
            true => Fault::Status(500),
            false => Fault::None,
        },
    );
    problem(copies(&proxy.url()).copy(&place.vault, &backup.name, &go_on));
    let sent = proxy.seen();
    let upload = sent
        .iter()
        .find_map(|one| one.split("uploadId=").nth(1))
        .unwrap();
    let upload = upload.split('&').next().unwrap().to_owned();
    // moto answers 500 for an upload that it does not know; S3 says 404 NoSuchUpload.
    proxy.rule(
        move |_, method, path| match method == "PUT" && path.contains(&upload) {
            true => Fault::Status(404),
            false => Fault::None,
        },
    );
    let copied = copies(&proxy.url())
        .copy(&place.vault, &backup.name, &go_on)
        .unwrap();
    assert_eq!(copied.sent_bytes, copied.bytes);
}

#[test]
#[ignore = "the child process of a_killed_upload_goes_on"]
fn child_that_copies() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let endpoint = fs::read_to_string(folder.join("endpoint")).unwrap();
    let vault = Vault::open(&folder.join("vault")).unwrap();
    let name = vault.list().unwrap().remove(0).name;
    say_round(0);
    // The stop is asked for before each part.
    let told = || {
        say_round(1);
        false
    };
    copies(&endpoint).copy(&vault, &name, &told).unwrap();
}

#[test]
fn a_killed_upload_goes_on() {
    let (place, server) = (Place::new(), Server::s3(None));
    let (backup, proxy) = (large(&place), FaultProxy::before(&server));
    fs::write(place.path("endpoint"), proxy.url()).unwrap();
    // One part is through when the fourth and last is begun.
    proxy.rule(
        |_, method, path| match method == "PUT" && path.contains("partNumber=4") {
            true => Fault::Slow(20_000),
            false => Fault::None,
        },
    );
    run_and_kill("copies::child_that_copies", place.folder.path(), 0, 5);
    proxy.rule(|_, _, _| Fault::None);
    let copied = copies(&proxy.url())
        .copy(&place.vault, &backup.name, &go_on)
        .unwrap();
    assert!(copied.sent_bytes < copied.bytes, "{copied:?}");
    copies(&server.url())
        .read_back(&backup.name, &go_on)
        .unwrap();
}

#[test]
fn broken_answers_are_asked_for_again() {
    let (place, server) = (Place::new(), Server::s3(None));
    let (backup, proxy) = (large(&place), FaultProxy::before(&server));
    let there = copies(&proxy.url());
    // Every third request goes wrong, each time in another way.
    proxy.rule(|number, _, _| match number {
        2 | 17 => Fault::Cut,
        5 | 20 => Fault::Status(503),
        8 => Fault::LostAnswer,
        11 => Fault::HalfBody,
        14 => Fault::Slow(300),
        _ => Fault::None,
    });
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(proxy.seen().len() > 14, "{:?}", proxy.seen());
    copies(&server.url())
        .read_back(&backup.name, &go_on)
        .unwrap();
}

#[test]
fn a_lost_answer_to_the_last_request_is_no_failure() {
    let (place, server) = (Place::new(), Server::s3(None));
    let (backup, proxy) = (large(&place), FaultProxy::before(&server));
    proxy.rule(
        |_, method, path| match method == "POST" && path.contains("uploadId") {
            true => Fault::LostAnswer,
            false => Fault::None,
        },
    );
    copies(&proxy.url())
        .copy(&place.vault, &backup.name, &go_on)
        .unwrap();
}

#[test]
fn wrong_bytes_are_never_taken_for_a_copy() {
    let (place, server) = (Place::new(), Server::s3(None));
    let (backup, proxy) = (large(&place), FaultProxy::before(&server));
    let there = copies(&proxy.url());
    let archive = format!("{}.tar.zst", backup.name);
    for fault in [Fault::Flip, Fault::ShortBody] {
        let archive = archive.clone();
        proxy.rule(
            move |_, method, path| match method == "GET" && path.contains(&archive) {
                true => fault,
                false => Fault::None,
            },
        );
        let failed = problem(there.copy(&place.vault, &backup.name, &go_on));
        let told = match fault {
            Fault::Flip => matches!(failed, CopyProblem::Differs { .. }),
            _ => failed.to_string().contains("bytes came instead of"),
        };
        assert!(told, "{fault:?}: {failed}");
        let listed = copies(&server.url()).list().unwrap();
        assert!(listed.iter().all(|copy| !copy.verified), "{listed:?}");
    }
    proxy.rule(|_, _, _| Fault::None);
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
    // The same on the way back: nothing is left in the vault.
    let (_folder, vault) = empty_machine();
    proxy.rule(
        move |_, method, path| match method == "GET" && path.contains(&archive) {
            true => Fault::Flip,
            false => Fault::None,
        },
    );
    let failed = problem(there.fetch(&vault, &backup.name, &go_on));
    assert!(matches!(failed, CopyProblem::Differs { .. }), "{failed}");
    assert!(names(vault.root()).is_empty(), "{:?}", names(vault.root()));
}

#[test]
fn a_local_backup_that_went_bad_is_not_copied() {
    let (place, server) = (Place::new(), Server::s3(None));
    let backup = small(&place, 0);
    flip(&backup.archive, 40);
    let failed = problem(copies(&server.url()).copy(&place.vault, &backup.name, &go_on));
    assert!(failed.to_string().contains("the local file of"), "{failed}");
    assert!(
        copies(&server.url())
            .list()
            .unwrap()
            .iter()
            .all(|copy| !copy.verified)
    );
}

#[test]
fn what_is_in_the_way_is_said() {
    let (place, server) = (Place::new(), Server::s3(None));
    let backup = small(&place, 0);
    let nobody = copies(&format!("http://127.0.0.1:{}", free_port()));
    let failed = nobody.copy(&place.vault, &backup.name, &go_on).unwrap_err();
    let said = failed.to_string();
    assert!(
        said.contains("could not connect") && said.contains("s3://backups/shop"),
        "{said}"
    );
    assert!(failed.problem.is_passing());

    let mut address = at(&server.url());
    address.url = "s3://no-such-bucket/shop".to_owned();
    let there = Copies::new(address).unwrap();
    let failed = problem(there.copy(&place.vault, &backup.name, &go_on));
    assert!(
        failed
            .to_string()
            .contains("there is no bucket or container no-such-bucket"),
        "{failed}"
    );

    let there = copies(&server.url());
    let missing = problem(there.read_back(&backup.name, &go_on));
    assert!(matches!(missing, CopyProblem::Missing { .. }), "{missing}");
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
    let other = Place::new();
    let same_name = small(&other, 0);
    assert_eq!(same_name.name, backup.name);
    fs::write(other.path("library.json"), "something else").unwrap();
    let other = Place::new();
    let same_name = other.back_up(0, &[other.file_store("something else")]);
    let failed = problem(there.copy(&other.vault, &same_name.name, &go_on));
    assert!(
        matches!(failed, CopyProblem::OtherBackup { .. }),
        "{failed}"
    );
    let kept = there.read_back(&backup.name, &go_on).unwrap();
    assert_eq!(kept.archive_sha256, backup.archive_sha256);
}

#[test]
fn a_key_that_the_server_does_not_know_is_refused() {
    // The bucket is made by the one request that is let through.
    let (place, server) = (Place::new(), Server::s3(Some(1)));
    let backup = small(&place, 0);
    let failed = problem(copies(&server.url()).copy(&place.vault, &backup.name, &go_on));
    assert!(matches!(failed, CopyProblem::Refused { .. }), "{failed}");
    assert!(!failed.to_string().contains("testing"), "{failed}");
}

#[test]
fn two_do_not_copy_at_once_and_a_stop_is_heard() {
    let (place, server) = (Place::new(), Server::s3(None));
    let backup = large(&place);
    let there = copies(&server.url());
    let outcome = there.copy(&place.vault, &backup.name, &|| {
        let second = problem(there.copy(&place.vault, &backup.name, &go_on));
        assert!(matches!(second, CopyProblem::Busy), "{second}");
        let removal = problem(there.remove(&place.vault, &backup.name));
        assert!(matches!(removal, CopyProblem::Busy), "{removal}");
        true
    });
    let stopped = problem(outcome);
    assert!(matches!(stopped, CopyProblem::Stopped), "{stopped}");
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
}

#[test]
fn copies_are_listed_newest_first_and_removed() {
    let (place, server) = (Place::new(), Server::s3(None));
    let there = copies(&server.url());
    let backups = [small(&place, 0), small(&place, 1)];
    for backup in &backups {
        there.copy(&place.vault, &backup.name, &go_on).unwrap();
    }
    let listed = there.list().unwrap();
    let listed: Vec<_> = listed.iter().map(|copy| copy.name.as_str()).collect();
    assert_eq!(listed, [backups[1].name.as_str(), backups[0].name.as_str()]);
    there.remove(&place.vault, &backups[0].name).unwrap();
    let listed = there.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(matches!(listed[0].state, BackupState::Complete { .. }));
    // What is left when a removal is cut off is no copy.
    let proxy = FaultProxy::before(&server);
    proxy.rule(|number, _, _| match number {
        0 => Fault::None,
        _ => Fault::Cut,
    });
    copies(&proxy.url())
        .remove(&place.vault, &backups[1].name)
        .unwrap_err();
    let listed = there.list().unwrap();
    assert!(
        matches!(listed[0].state, BackupState::Broken { .. }),
        "{listed:?}"
    );
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let (place, server) = (Place::new(), Server::s3(None));
    let backup = large(&place);
    let there = copies(&server.url());
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
    let Some(small) = SmallDisk::mount(place.path("small")) else {
        eprintln!("nothing can be mounted here: not tried");
        return;
    };
    let vault = Vault::open_or_create(&small.0.join("vault")).unwrap();
    let failed = problem(there.fetch(&vault, &backup.name, &go_on));
    assert!(matches!(failed, CopyProblem::NoRoom { .. }), "{failed}");
    assert!(names(vault.root()).is_empty());
}

/// A file system of 4 MiB, unmounted when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: std::path::PathBuf) -> Option<SmallDisk> {
        fs::create_dir(&at).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m,mode=0700", "none"]);
        let mounted = mount.arg(&at).stderr(std::process::Stdio::null()).status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(SmallDisk(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        std::process::Command::new("umount")
            .arg(&self.0)
            .status()
            .ok();
    }
}

/// By moto, which speaks the same XML as Google Cloud Storage does: fake-gcs-server knows its JSON only, and answers uploads
/// in XML with `invalid uploadType`. Google's own server was not asked.
#[test]
fn google_cloud_storage_keeps_copies_too() {
    let (place, server) = (Place::new(), Server::s3(None));
    let proxy = FaultProxy::before(&server);
    let mut address = at(&proxy.url());
    address.url = "gs://backups/shop".to_owned();
    address.credentials = CloudCredentials::Gcs {
        service_account: SecretString::from(
            r#"{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}"#,
        ),
    };
    round_trip(&place, &Copies::new(address).unwrap(), large(&place));
}

#[test]
fn azure_blob_keeps_copies_too() {
    let place = Place::new();
    let server = Server::azure(&place.path("azure"));
    let mut address = at(&format!("{}/devstoreaccount1", server.url()));
    address.url = "az://backups/shop".to_owned();
    address.credentials = CloudCredentials::Azure {
        account: "devstoreaccount1".to_owned(),
        // Azurite's own, the same everywhere; it is in its documentation.
        secret: Some(SecretString::from(
            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        )),
    };
    let there = Copies::new(address.clone()).unwrap();
    let failed = problem(there.list());
    assert!(
        failed
            .to_string()
            .contains("there is no bucket or container backups"),
        "{failed}"
    );
    azure_container(&server);
    round_trip(&place, &there, large(&place));
    address.credentials = CloudCredentials::Azure {
        account: "devstoreaccount1".to_owned(),
        secret: Some(SecretString::from("d3Jvbmc=")),
    };
    let failed = problem(Copies::new(address).unwrap().list());
    assert!(matches!(failed, CopyProblem::Refused { .. }), "{failed}");
}

/// Makes the container, with Azurite's own key.
fn azure_container(server: &Server) {
    let script = "const c = require('crypto'), h = require('http'); const [port] = process.argv.slice(1); \
        const key = Buffer.from('Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==', 'base64'); \
        const date = new Date().toUTCString(); \
        const text = 'PUT\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\nx-ms-date:' + date + '\\nx-ms-version:2021-12-02\\n' + \
        '/devstoreaccount1/devstoreaccount1/backups\\nrestype:container'; \
        const sign = c.createHmac('sha256', key).update(text, 'utf8').digest('base64'); \
        h.request({port, host: '127.0.0.1', method: 'PUT', path: '/devstoreaccount1/backups?restype=container', \
        headers: {'x-ms-date': date, 'x-ms-version': '2021-12-02', 'content-length': 0, \
        authorization: 'SharedKey devstoreaccount1:' + sign}}, r => process.exit(r.statusCode === 201 ? 0 : 1)).end();";
    let made = std::process::Command::new("node")
        .args(["-e", script, &server.port.to_string()])
        .status();
    assert!(made.unwrap().success());
}

fn round_trip(place: &Place, there: &Copies, backup: Backup) {
    assert!(there.list().unwrap().is_empty());
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(
        there
            .copy(&place.vault, &backup.name, &go_on)
            .unwrap()
            .was_there
    );
    there.read_back(&backup.name, &go_on).unwrap();
    assert_eq!(there.list().unwrap()[0].bytes, backup.bytes);
    let (_folder, vault) = empty_machine();
    there.fetch(&vault, &backup.name, &go_on).unwrap();
    assert_eq!(
        vault.verify(&backup.name).unwrap().archive_sha256,
        backup.archive_sha256
    );
    there.remove(&place.vault, &backup.name).unwrap();
    assert!(there.list().unwrap().is_empty());
}

#[test]
fn a_copy_that_was_read_as_damaged_is_sent_again() {
    let (place, server) = (Place::new(), Server::s3(None));
    let backup = small(&place, 0);
    let there = copies(&server.url());
    there.copy(&place.vault, &backup.name, &go_on).unwrap();
    let proxy = FaultProxy::before(&server);
    proxy.rule(
        |_, method, path| match method == "GET" && path.contains(".tar.zst") {
            true => Fault::Flip,
            false => Fault::None,
        },
    );
    let read = problem(copies(&proxy.url()).read_back(&backup.name, &go_on));
    assert!(matches!(read, CopyProblem::Differs { .. }), "{read:?}");
    there.note_damaged(&place.vault, &backup.name).unwrap();
    assert!(!there.has(&place.vault, &backup.name).unwrap());
    let listed = there.list_marked(&place.vault).unwrap();
    assert!(matches!(&listed[0].state, BackupState::Broken { why } if why.starts_with("damaged")));
    let again = there.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(
        !again.was_there && again.sent_bytes == again.bytes,
        "{again:?}"
    );
    assert!(there.damaged(&place.vault).is_empty());
    assert!(there.list_marked(&place.vault).unwrap()[0].verified);
    there.read_back(&backup.name, &go_on).unwrap();
}
