//! The disk of the vault is full, really: a small tmpfs where mounting is allowed, and the limit
//! on file sizes in any case.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use portcullis_backup::{BackupError, Store, Vault};

use crate::{noise, request};

const FOLDER_VARIABLE: &str = "PORTCULLIS_TEST_FULL";

#[test]
#[ignore = "the child process of the tests below"]
fn child_that_fills_its_vault() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let vault = Vault::open_or_create(&folder.join("vault")).unwrap();
    let store = |name: &str| Store::file(name, folder.join(name));
    match vault.create(&request(0), &[store("large")]) {
        Err(error @ BackupError::VaultFull { .. }) => {
            assert!(error.to_string().contains("is full"), "{error}");
        }
        other => panic!("expected a full vault, got {other:?}"),
    }
    assert_eq!(
        fs::read_dir(vault.root()).unwrap().count(),
        0,
        "nothing is left behind"
    );
    // What fits still goes in, so it was the size and nothing else.
    let small = vault.create(&request(1), &[store("small")]).unwrap();
    vault.verify(&small.name).unwrap();
    writeln!(std::io::stdout(), "the child is done").unwrap();
}

/// Runs the child in a shell that makes the vault small first.
fn run_child(program: &str, arguments: &[&str], prepare: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("large"), noise(3_000_000)).unwrap();
    fs::write(folder.path().join("small"), noise(3_000)).unwrap();
    fs::create_dir(folder.path().join("vault")).unwrap();
    let test = "full_disk::child_that_fills_its_vault";
    let script = format!("{prepare} && exec \"$1\" --exact {test} --ignored --nocapture");
    Command::new(program)
        .args(arguments)
        .args(["sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER_VARIABLE, folder.path())
        .output()
        .unwrap()
}

fn assert_done(output: &Output) {
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        out.contains("the child is done"),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const CHMOD: &str = "chmod 700 \"$PORTCULLIS_TEST_FULL/vault\"";

#[test]
fn a_vault_on_a_small_file_system() {
    let may_mount = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !may_mount {
        println!("skipped: no file system may be mounted here; the other test has a real limit");
        return;
    }
    let prepare = "mount -t tmpfs -o size=300k,mode=700 tmpfs \"$PORTCULLIS_TEST_FULL/vault\"";
    assert_done(&run_child("unshare", &["-rm"], prepare));
}

#[test]
fn a_vault_with_a_limit_on_file_sizes() {
    // Blocks of 512 or 1024 bytes, depending on the shell; either way less than the large store.
    let prepare = format!("{CHMOD} && trap '' XFSZ && ulimit -f 200");
    assert_done(&run_child("env", &[], &prepare));
}
