//! Stores that are buckets, end to end: released, rolled back with their data, drilled on, restored by command and by
//! hand.

use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis_backup::{BucketAddress, CloudAddress, CloudCredentials, Store, store_digest};

use crate::cloud::Server;
use crate::rig::{Ports, Rig};
use crate::server_databases::with_word;

const ALBUM: &str = include_str!("fixtures/album/album.py");
const CONFIGURATION: &str = include_str!("fixtures/album/portcullis.toml");
const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");
const SECRET: &str = "5530172-hush";

/// An album with forty pictures, and a folder's mark, which is no path of a file.
fn album() -> (Server, Rig) {
    let server = Server::s3(None);
    for number in 0..40 {
        let headers = format!("Content-Type: image/png\r\nx-amz-meta-number: {number}\r\n");
        let body = format!("picture number {number}");
        server.put_object(
            &path(&format!("picture-{number}")),
            &headers,
            body.as_bytes(),
        );
    }
    server.put_object(&path("version"), "", b"1");
    server.put_object(&path("extra/"), "", b"");
    server.put_object(&path("extra/old"), "", b"old");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::write(root.join("bucket.secret"), SECRET).unwrap();
    std::fs::write(root.join("album.py"), ALBUM).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let text = CONFIGURATION
        .replace("@ENDPOINT@", &server.url())
        .replace("@PORT@", &port.to_string())
        .replace("@FIRST@", &first.to_string())
        .replace("@LAST@", &last.to_string());
    std::fs::write(root.join("portcullis.toml"), text).unwrap();
    (server, Rig::of(folder, ports))
}

fn path(key: &str) -> String {
    format!("/backups/shop/uploads/{key}")
}

fn digest(server: &Server) -> String {
    let address = BucketAddress {
        cloud: CloudAddress {
            name: "uploads".to_owned(),
            url: "s3://backups/shop/uploads".to_owned(),
            endpoint: Some(server.url()),
            region: None,
            ca: None,
            credentials: CloudCredentials::S3 {
                access_key: "testing".to_owned(),
                secret: "testing".to_owned().into(),
            },
            patience: Duration::from_secs(10),
        },
        copy: None,
    };
    store_digest(&Store::bucket("uploads", address)).unwrap()
}

/// The keys of Portcullis's own beside the store.
fn beside(server: &Server, what: &str) -> Vec<String> {
    let listed = server.text(&format!(
        "/backups?list-type=2&prefix=shop/uploads.portcullis-{what}"
    ));
    let keys = listed.split("<Key>").skip(1);
    keys.map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_bad_release_on_a_bucket_goes_back_with_its_objects() {
    let (server, mut rig) = album();
    rig.ok(&["check"]);
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = digest(&server);
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.1", "--wait"]),
        3,
        "{}",
        rig.log()
    );
    let shown = rig.ok(&["show", "album-2"]);
    assert_eq!(rig.state_of("album-2"), "rolled back", "{shown}");
    assert!(shown.contains("error rate"), "{shown}");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(digest(&server), before);
    let (head, body) = server.object(&path("picture-7")).unwrap();
    assert_eq!(body, b"picture number 7");
    assert!(head.contains("x-amz-meta-number: 7"), "{head}");
    assert_eq!(server.object(&path("index.json")), None);
    assert_eq!(
        beside(&server, "copy"),
        Vec::<String>::new(),
        "no copy of the rehearsal may be left"
    );
    let kept = beside(&server, "replaced");
    assert!(
        kept.iter().any(|key| key.ends_with("Z/index.json")),
        "{kept:?}"
    );
    let seven = kept
        .iter()
        .find(|key| key.ends_with("Z/picture-7"))
        .unwrap();
    assert_eq!(
        server.object(&format!("/backups/{seven}")).unwrap().1,
        b"pic"
    );

    // And a good one goes on from there.
    let users = rig.users();
    assert_eq!(
        rig.exit(&["deploy", "--release", "1.2", "--wait"]),
        0,
        "{}",
        rig.log()
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(server.object(&path("version")).unwrap().1, b"2");
    rig.ok(&["journal", "verify"]);
    rig.ok(&["backup", "verify"]);
    assert_eq!(rig.stop(), Some(0));
    assert_eq!(with_word(rig.folder.path(), SECRET), ["bucket.secret"]);
}

#[test]
fn a_backup_of_a_bucket_is_made_verified_and_restored_by_command() {
    let (server, rig) = album();
    rig.ok(&["init"]);
    let before = digest(&server);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    rig.ok(&["backup", "verify", &name]);
    server.put_object(&path("picture-3"), "", b"spoiled");
    server.delete_object(&path("extra/old"));
    rig.ok(&["backup", "restore", &name, "--to", "copies"]);
    let three = std::fs::read_to_string(rig.path("copies/uploads/picture-3"));
    assert_eq!(three.unwrap(), "picture number 3");
    let told = rig.run(&["backup", "restore", &name, "--in-place"]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(
        told.contains("s3://backups/shop/uploads.portcullis-replaced-"),
        "{told}"
    );
    assert!(told.contains("aws s3 sync"), "{told}");
    assert_eq!(digest(&server), before);
    assert_eq!(
        beside(&server, "replaced").len(),
        2,
        "the note and one object"
    );

    rig.edit("s3://backups/shop", "s3://nowhere/shop");
    let output = rig.run(&["backup", "create"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.starts_with("error[PC0808]: "), "{told}");
    assert!(
        told.contains("there is no bucket nowhere") && !told.contains(SECRET),
        "{told}"
    );
}

#[test]
fn a_drill_on_a_bucket_passes_and_leaves_no_copy() {
    let (server, mut rig) = album();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    rig.until("a backup of the serving release", |rig| {
        rig.run(&["backup", "create"]).status.success()
    });
    let before = digest(&server);
    let drill = rig.json(&["drill"]);
    assert_eq!(drill["verdict"], "passed", "{drill}");
    let text = drill.to_string();
    assert!(
        text.contains("43 objects") && text.contains("every object read back"),
        "{text}"
    );
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(beside(&server, "copy"), Vec::<String>::new());
    assert_eq!(digest(&server), before);
    assert_eq!(rig.stop(), Some(0));
}

/// The commands of docs/guide/restore-by-hand.md, as they stand there: only the names at their beginning differ.
#[test]
fn the_runbook_restores_a_bucket_without_portcullis() {
    let (server, rig) = album();
    server.put_object(
        &path("sp%20ace%20%26%20more/a"),
        "Cache-Control: max-age=60\r\n",
        b"a",
    );
    rig.ok(&["init"]);
    let before = digest(&server);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    for key in ["picture-3", "extra/", "sp%20ace%20%26%20more/a"] {
        server.delete_object(&path(key));
    }
    let blocks = |heading: &str| -> Vec<String> {
        let rest = RUNBOOK.split_once(heading).unwrap().1;
        let section = rest.split("\n## ").next().unwrap();
        let blocks = section.split("```sh\n").skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
        blocks.filter(|block| block.contains(' ')).collect()
    };
    let mut commands = blocks("## Unpack\n");
    commands.extend(blocks("## Put the objects of a bucket back\n"));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands.concat()])
        .env("VAULT", rig.path(".portcullis/vault"))
        .env("NAME", &name)
        .env("STORE", "uploads")
        .env("RESTORED", rig.path("restored"))
        .env("PLACE", format!("{}/backups/shop/uploads", server.url()))
        .env("REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(digest(&server), before, "{out}{err}");
}
