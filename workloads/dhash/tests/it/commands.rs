//! `hash`, `build`, `migrate` and `check`: output and exit codes.

use std::fs;

use serde_json::Value;

use crate::stage::{Stage, data, dhash};

#[test]
fn hash_goes_on_after_a_failure_and_says_so() {
    let files = [
        data("jpeg-420.jpg"),
        data("missing.jpg"),
        data("png-rgb.png"),
    ];
    let output = dhash().arg("hash").args(&files).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].ends_with("jpeg-420.jpg") && lines[1].ends_with("png-rgb.png"),
        "{out}"
    );
    assert!(err.contains("missing.jpg: cannot read"), "{err}");
}

#[test]
fn wrong_usage_is_exit_code_2_with_the_choices() {
    let output = dhash()
        .args(["hash", "--algorithm", "md5", "a.png"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("`imagehash4/pillow13`"), "{err}");
    for arguments in [
        &["hash"][..],
        &["serve"],
        &["migrate", "--library", "x", "--schema", "9"],
    ] {
        assert_eq!(
            dhash().args(arguments).output().unwrap().status.code(),
            Some(2)
        );
    }
}

#[test]
fn build_queues_broken_images_and_ignores_other_files() {
    let stage = Stage::new();
    let library = dhash::Library::open(&stage.library()).unwrap();
    assert_eq!(library.images.len(), 4);
    let queue: Vec<_> = library
        .queue
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(queue, ["cut.jpg"]);
    assert!(
        library.queue[0].reason.contains("truncated"),
        "{}",
        library.queue[0].reason
    );

    let empty = stage.path("empty");
    fs::create_dir(&empty).unwrap();
    let output = dhash()
        .args(["build", "--images"])
        .arg(&empty)
        .arg("--library")
        .arg(stage.path("other.json"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!stage.path("other.json").exists());
}

#[test]
fn migrate_is_proven_by_check() {
    let stage = Stage::new();
    let newest = ["--algorithm", "imagehash4/pillow13", "--schema", "2"];
    let (code, _, err) = stage.run("check", &newest);
    assert_eq!(code, 1);
    assert!(
        err.contains("`imagehash4/pillow<=12`, expected `imagehash4/pillow13`"),
        "{err}"
    );

    let before = fs::read(stage.library()).unwrap();
    let to_newest = ["--to", "imagehash4/pillow13", "--schema", "2", "--json"];
    let (code, out, _) = stage.run("migrate", &[&to_newest[..], &["--dry-run"]].concat());
    assert_eq!(code, 0);
    let planned: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&planned["changed"], &planned["written"]),
        (&1.into(), &false.into())
    );
    assert_eq!(fs::read(stage.library()).unwrap(), before);

    let (code, out, _) = stage.run("migrate", &to_newest);
    assert_eq!(code, 0);
    let done: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&done["changed"], &done["written"]),
        (&1.into(), &true.into())
    );
    assert_eq!(done["bits_changed"], planned["bits_changed"]);
    assert_eq!(stage.run("check", &newest).0, 0);

    let (code, out, _) = stage.run("migrate", &to_newest[..4]);
    assert_eq!(code, 0);
    assert!(out.starts_with("nothing to do"), "{out}");
}

#[test]
fn check_notices_damage() {
    let stage = Stage::new();
    assert_eq!(stage.run("check", &[]).0, 0);
    let text = fs::read_to_string(stage.library()).unwrap();
    fs::write(stage.library(), text.replacen("jpeg-420", "jpeg-421", 1)).unwrap();
    let (code, _, err) = stage.run("check", &[]);
    assert_eq!(code, 1);
    assert!(err.contains("the digest does not fit the content"), "{err}");
    fs::write(stage.library(), "{").unwrap();
    let (code, _, err) = stage.run("check", &[]);
    assert_eq!(code, 1);
    assert!(err.contains("is not a library"), "{err}");
}
