//! Copies over TLS, with an authority that nobody but the configuration knows.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use portcullis_backup::{Copies, CopyProblem};

use crate::Place;
use crate::authority::Authority;
use crate::cloud::Server;
use crate::copies::at;

fn go_on() -> bool {
    false
}

/// Makes the bucket, as somebody with another client.
fn make_bucket(server: &Server, ca: &std::path::Path) {
    let script = "import http.client, ssl, sys\n\
        context = ssl.create_default_context(cafile=sys.argv[2])\n\
        there = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context)\n\
        there.request('PUT', '/backups')\n\
        sys.exit(there.getresponse().status != 200)\n";
    let done = Command::new("python3")
        .args(["-c", script, &server.port.to_string()])
        .arg(ca)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn copies_go_over_tls_to_whom_the_configured_authority_vouches_for() {
    let (ours, other) = (Authority::new("ours"), Authority::new("another"));
    let pair = ours.sign("127.0.0.1");
    let server = Server::s3_over_tls(&pair.chain, &pair.key);
    make_bucket(&server, &ours.ca());
    let place = Place::new();
    let backup = place.back_up(0, &[place.file_store("a")]);
    let copies = |ca: Option<PathBuf>| {
        let mut address = at(&format!("https://127.0.0.1:{}", server.port));
        address.ca = ca;
        Copies::new(address).unwrap()
    };

    let known = copies(Some(ours.ca()));
    known.copy(&place.vault, &backup.name, &go_on).unwrap();
    assert!(known.has(&place.vault, &backup.name).unwrap());
    known.read_back(&backup.name, &go_on).unwrap();

    // Neither the system nor another authority knows the server, so nothing is told to it.
    for ca in [None, Some(other.ca())] {
        let refused = copies(ca).has(&place.vault, &backup.name).unwrap_err();
        let CopyProblem::Failed { why, .. } = &*refused.problem else {
            panic!("{refused:?}");
        };
        assert!(why.contains("certificate"), "{why}");
    }
    // A file that has no certificate is named.
    let file = place.path("no.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let refused = copies(Some(file))
        .has(&place.vault, &backup.name)
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("no.pem has no certificate in it"),
        "{refused}"
    );
}
