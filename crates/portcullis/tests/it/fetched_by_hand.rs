//! Copies of backups that a person fetches from a bucket without Portcullis, by the commands of the runbook.

use std::process::{Command, Stdio};

use crate::cloud::{FaultProxy, SHOWN, Server, ask};
use crate::rig::Rig;

const RUNBOOK: &str = include_str!("../../../../docs/guide/restore-by-hand.md");

/// The commands of a section of docs/guide/restore-by-hand.md, as they stand there. What only says how something is called
/// is left out: here it is called otherwise.
fn commands(heading: &str) -> Vec<String> {
    let (_, rest) = RUNBOOK.split_once(heading).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let section = section.split("\n### ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| block.contains(' ')).collect()
}

/// Makes a backup and copies it to a place. Returns its name.
fn copied_to(rig: &Rig, place: &str, secret: &str) -> String {
    std::fs::write(rig.path("secret"), secret).unwrap();
    let copy = format!(
        "[[backup.copy]]\nname = \"offsite\"\nsecret = \"file:secret\"\n{place}\n[timeouts]"
    );
    rig.edit("[timeouts]", &copy);
    rig.ok(&["init"]);
    let name = rig.ok(&["backup", "create"]).trim().to_owned();
    rig.ok(&["backup", "copy", &name]);
    name
}

/// Carries out what the runbook says of a place of this kind, with the archive's download cut off and gone on with, and
/// then what it says of unpacking. What comes out must be the data.
fn fetch_and_unpack(
    rig: &Rig,
    kind: &str,
    unpacking: &str,
    name: &str,
    variables: &[(&str, &str)],
) {
    let (mut script, look, unpack) = (
        commands(kind),
        commands("### Look and fetch\n"),
        commands(unpacking),
    );
    assert_eq!((script.len(), look.len(), unpack.len()), (1, 3, 2));
    let again = look.last().cloned();
    script.extend(look);
    script.push("truncate --size 100 \"$NAME\".tar.zst*\n".to_owned());
    script.extend(again);
    script.extend(unpack);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script.concat()])
        .env("PREFIX", "shop/")
        .env("VAULT", rig.path("fetched"))
        .env("BEGINNING", "dhash_test_2")
        .env("NAME", name)
        .env("STORE", "library")
        .env("RESTORED", rig.path("restored"))
        .env("IDENTITY", rig.path("backup.key"))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{out}{err}");
    assert!(out.lines().any(|line| line == name), "the list: {out}{err}");
    // After the fetch, after what was fetched again, and before the archive is unpacked.
    assert_eq!(out.matches(": OK").count(), 6, "{out}{err}");
    let restored = std::fs::read(rig.path("restored/stores/library/library.json"));
    let live = std::fs::read(rig.path("data/library.json"));
    assert!(restored.unwrap() == live.unwrap(), "{out}{err}");
}

/// The key and the secret of a user of moto who may read and list objects, and nothing else. From here on moto looks at
/// everybody's key and signature.
fn reader(server: &Server) -> (String, String) {
    let user = |form: &str| {
        let head = format!(
            "POST / HTTP/1.1\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            SHOWN.replace("/s3/", "/iam/"),
            form.len()
        );
        let answer = ask(server.port, &head, form.as_bytes());
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{form}: {answer}");
        answer
    };
    let of_reader = "&Version=2010-05-08&UserName=reader";
    user(&format!("Action=CreateUser{of_reader}"));
    let rights = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}"#;
    user(&format!(
        "Action=PutUserPolicy{of_reader}&PolicyName=read&PolicyDocument={rights}"
    ));
    let key = user(&format!("Action=CreateAccessKey{of_reader}"));
    let part = |tag: &str| {
        let rest = key.split_once(&format!("<{tag}>")).unwrap().1;
        rest.split('<').next().unwrap().to_owned()
    };
    let strict =
        "POST /moto-api/reset-auth HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n";
    let answer = ask(server.port, strict, b"0");
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    (part("AccessKeyId"), part("SecretAccessKey"))
}

#[test]
fn the_runbook_fetches_a_copy_from_s3_with_a_key_that_may_only_read() {
    let (server, rig) = (Server::s3(None), Rig::new("none"));
    let place = format!(
        "url = \"s3://backups/shop\"\nendpoint = \"{}\"\naccess_key = \"testing\"\n",
        server.url()
    );
    let name = copied_to(&rig, &place, "testing");
    let (key, secret) = reader(&server);
    let unsigned = server.get(&format!("/backups/shop/{name}.sha256"));
    assert!(unsigned.starts_with(b"HTTP/1.1 403"));
    let variables = [
        ("BUCKET", format!("{}/backups", server.url())),
        ("REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let kind = "### S3, or a server that speaks it\n";
    fetch_and_unpack(&rig, kind, "## Unpack\n", &name, &variables);
}

/// By moto, as where such copies are made: nobody looks at the token. Google's own server was not asked.
#[test]
fn the_runbook_fetches_a_copy_from_google() {
    let (server, rig) = (Server::s3(None), Rig::new("none"));
    let proxy = FaultProxy::before(&server);
    let place = format!(
        "url = \"gs://backups/shop\"\nendpoint = \"{}\"\n",
        proxy.url()
    );
    let account =
        r#"{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}"#;
    let name = copied_to(&rig, &place, account);
    let bucket = format!("{}/backups", proxy.url());
    let variables = [("BUCKET", bucket.as_str()), ("TOKEN", "a-token")];
    let kind = "### Google Cloud Storage\n";
    fetch_and_unpack(&rig, kind, "## Unpack\n", &name, &variables);
}

/// Makes the container of a new Azurite with its own key, which is in its documentation, and prints a shared access
/// signature that lets read and list.
const CONTAINER: &str = r"
const c = require('crypto'), h = require('http'), [port] = process.argv.slice(1);
const key = Buffer.from('Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==', 'base64');
const sign = text => c.createHmac('sha256', key).update(text, 'utf8').digest('base64');
const date = new Date().toUTCString(), version = '2021-12-02', until = '2099-01-01T00:00:00Z';
const made = sign('PUT' + '\n'.repeat(12) + 'x-ms-date:' + date + '\nx-ms-version:' + version
    + '\n/devstoreaccount1/devstoreaccount1/backups\nrestype:container');
const shown = sign(['rl', '', until, '/blob/devstoreaccount1/backups', '', '', '', version, 'c',
    '', '', '', '', '', '', ''].join('\n'));
console.log(new URLSearchParams({sp: 'rl', se: until, sv: version, sr: 'c', sig: shown}).toString());
h.request({port, host: '127.0.0.1', method: 'PUT', path: '/devstoreaccount1/backups?restype=container',
    headers: {'x-ms-date': date, 'x-ms-version': version, 'content-length': 0,
    authorization: 'SharedKey devstoreaccount1:' + made}}, r => process.exit(r.statusCode === 201 ? 0 : 1)).end();
";

#[test]
fn the_runbook_fetches_an_encrypted_copy_from_azure() {
    let folder = tempfile::tempdir().unwrap();
    let (server, rig) = (Server::azure(folder.path()), Rig::new("none"));
    let made = Command::new("node")
        .args(["-e", CONTAINER, &server.port.to_string()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let signature = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let recipient = rig.ok(&["backup", "key", "new", "--file", "backup.key"]);
    let account = format!("{}/devstoreaccount1", server.url());
    let place = format!(
        "url = \"az://backups/shop\"\nendpoint = \"{account}\"\naccount = \"devstoreaccount1\"\n\n\
         [backup.encryption]\nrecipients = [\"{}\"]\nidentities = [\"file:backup.key\"]\n",
        recipient.trim()
    );
    let key = CONTAINER.split('\'').find(|part| part.ends_with("=="));
    let name = copied_to(&rig, &place, key.unwrap());
    let bucket = format!("{account}/backups");
    let variables = [("BUCKET", bucket.as_str()), ("SAS", signature.as_str())];
    fetch_and_unpack(
        &rig,
        "### Azure\n",
        "## An encrypted backup\n",
        &name,
        &variables,
    );
}
