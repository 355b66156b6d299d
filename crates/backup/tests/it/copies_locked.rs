//! Copies that nobody can remove for a time: Object Lock of S3, with moto.

use jiff::SignedDuration;
use portcullis_backup::{Copies, CopyLock, CopyProblem};

use crate::cloud::{Fault, FaultProxy, Server};
use crate::copies::at;
use crate::{Place, names};

fn go_on() -> bool {
    false
}

fn locked(endpoint: &str, bucket: &str) -> Copies {
    let mut address = at(endpoint);
    address.url = format!("s3://{bucket}/shop");
    Copies::new(address).unwrap().with_lock(CopyLock {
        // Backups of tests are of a fixed moment, which may be long ago.
        duration: SignedDuration::from_hours(24 * 36_500),
        compliance: true,
    })
}

fn server() -> Server {
    let server = Server::s3(None);
    server.put_with("/safe", "x-amz-bucket-object-lock-enabled: true\r\n");
    server
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}

fn is_locked(server: &Server, key: &str) -> bool {
    let answer = text(&server.get(&format!("/safe/{key}"))).to_ascii_lowercase();
    answer.contains("x-amz-object-lock-mode: compliance")
}

#[test]
fn what_is_copied_is_locked_and_cannot_be_removed_for_good() {
    let (place, server) = (Place::new(), server());
    let backup = place.back_up(0, &[place.file_store("a")]);
    let copies = locked(&server.url(), "safe");
    copies.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(copies.to_be_locked(&place.vault).is_empty());
    let versions = text(&server.get("/safe?versions"));
    for end in [".tar.zst", ".manifest.json", ".sha256"] {
        let key = format!("shop/{}{end}", backup.name);
        assert!(is_locked(&server, &key), "{end}");
        let (_, of_key) = versions.split_once(&format!("<Key>{key}</Key>")).unwrap();
        let (_, id) = of_key.split_once("<VersionId>").unwrap();
        let (id, _) = id.split_once("</VersionId>").unwrap();
        let answer = text(&server.delete(&format!("/safe/{key}?versionId={id}")));
        assert!(answer.starts_with("HTTP/1.1 403"), "{end}: {answer}");
    }
    // Its rules may let a copy go: what is there then is a note that it was removed, and the data still.
    copies.remove(&place.vault, &backup.name).unwrap();
    assert!(copies.list().unwrap().is_empty());
    let versions = text(&server.get("/safe?versions"));
    assert_eq!(versions.matches("<Version>").count(), 3, "{versions}");
    // And it can be copied there again.
    let again = copies.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(!again.was_there);
}

#[test]
fn a_bucket_that_cannot_lock_is_refused_and_a_lock_that_was_cut_off_is_made_up_for() {
    let (place, server) = (Place::new(), server());
    let backup = place.back_up(0, &[place.file_store("a")]);
    let copied = locked(&server.url(), "backups").copy(&place.vault, &backup.name, &go_on);
    let refused = copied.unwrap_err();
    assert!(
        matches!(*refused.problem, CopyProblem::NotLocked { .. }),
        "{refused:?}"
    );
    assert!(
        refused
            .to_string()
            .contains("must have been made with Object Lock"),
        "{refused}"
    );

    // The connection breaks before the last lock.
    let proxy = FaultProxy::before(&server);
    let copies = locked(&proxy.url(), "safe");
    proxy.rule(
        |_, method, path| match method == "PUT" && path.contains(".sha256?retention") {
            true => Fault::Status(403),
            false => Fault::None,
        },
    );
    copies.copy(&place.vault, &backup.name, &go_on).unwrap_err();
    assert_eq!(copies.list().unwrap().len(), 1, "it is there");
    assert_eq!(
        copies.to_be_locked(&place.vault),
        std::slice::from_ref(&backup.name)
    );
    assert!(
        !copies.has(&place.vault, &backup.name).unwrap(),
        "and not done"
    );
    proxy.rule(|_, _, _| Fault::None);
    assert!(
        copies
            .copy(&place.vault, &backup.name, &go_on)
            .unwrap()
            .was_there
    );
    assert!(copies.to_be_locked(&place.vault).is_empty());
    assert!(copies.has(&place.vault, &backup.name).unwrap());
    assert!(is_locked(&server, &format!("shop/{}.sha256", backup.name)));
    assert_eq!(
        names(&place.vault.root().join(".copies/elsewhere")),
        ["lock"]
    );
    // What is locked already is not asked for it again.
    proxy.rule(|_, _, _| Fault::None);
    copies.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(
        proxy
            .seen()
            .iter()
            .all(|request| !request.starts_with("PUT")),
        "{:?}",
        proxy.seen()
    );
}
