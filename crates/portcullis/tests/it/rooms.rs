//! Disks without enough room: everything that would write there says so before it touches anything.

use std::path::PathBuf;

use serde_json::Value;

use crate::drills::backup;
use crate::faults::SmallDisk;
use crate::rig::Rig;

/// The size of the disk that has the papers, and of the papers: they fit once, and not twice.
const DISK_MIB: u32 = 8;
const PAPERS: usize = 5 * 1024 * 1024;

/// A rig with a second store, a folder of papers on a small disk.
fn with_papers() -> (Rig, SmallDisk, PathBuf) {
    let rig = Rig::new("none");
    let disk = SmallDisk::mount(rig.path("disk"), DISK_MIB);
    let papers = rig.path("disk/papers");
    std::fs::create_dir(&papers).unwrap();
    std::fs::write(papers.join("all"), noise(PAPERS)).unwrap();
    rig.edit(
        "[data]",
        "[[store]]\nname = \"papers\"\nkind = \"directory\"\npath = \"disk/papers\"\n\n[data]",
    );
    rig.ok(&["init"]);
    (rig, disk, papers)
}

/// Bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = (0..count / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// What a command that must fail says on standard error.
fn refusal(rig: &Rig, args: &[&str]) -> String {
    let output = rig.run(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    said
}

#[test]
fn a_restore_that_does_not_fit_is_refused_before_anything_is_touched() {
    let (rig, _disk, papers) = with_papers();
    let name = backup(&rig);
    std::fs::write(papers.join("new"), "written since").unwrap();
    std::fs::write(rig.path("data/library.json"), "also written since").unwrap();
    let refused = refusal(&rig, &["backup", "restore", &name, "--in-place"]);
    assert!(
        refused.contains("there is no room to restore papers")
            && refused.contains("nothing was changed"),
        "{refused}"
    );
    // The other store, which would fit, was not restored either.
    let library = std::fs::read_to_string(rig.path("data/library.json")).unwrap();
    assert_eq!(library, "also written since");
    assert!(papers.join("new").exists());
    // A folder on that disk is not made; one elsewhere has room.
    let copy = rig.path("disk/copy");
    let to = copy.display().to_string();
    let refused = refusal(&rig, &["backup", "restore", &name, "--to", &to]);
    assert!(refused.contains("there is no room to restore"), "{refused}");
    assert!(!copy.exists());
    let only = [
        "backup", "restore", &name, "--store", "library", "--to", &to,
    ];
    rig.ok(&only);
    let elsewhere = rig.path("copy").display().to_string();
    rig.ok(&["backup", "restore", &name, "--to", &elsewhere]);
    let restored = std::fs::read(rig.path("copy/papers/all")).unwrap();
    assert!(restored == noise(PAPERS));
    // With room it is put back.
    std::fs::remove_dir_all(&copy).unwrap();
    std::fs::write(papers.join("all"), "short").unwrap();
    rig.ok(&["backup", "restore", &name, "--in-place"]);
    assert!(std::fs::read(papers.join("all")).unwrap() == noise(PAPERS));
    assert!(!papers.join("new").exists());
}

#[test]
fn a_drill_whose_copies_do_not_fit_could_not_run() {
    let rig = Rig::new("none");
    let _disk = SmallDisk::mount(rig.path("small"), DISK_MIB);
    rig.edit(
        "[data]",
        "[state]\nfolder = \"small/state\"\nvault = \"vault\"\n\n[data]",
    );
    rig.ok(&["init"]);
    backup(&rig);
    let output = rig.run(&["drill", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "could_not_run", "{report:#}");
    assert_ne!(output.status.code(), Some(0));
    let text = report.to_string();
    assert!(
        text.contains("put state.folder on a larger disk"),
        "{report:#}"
    );
}

#[test]
fn a_release_that_could_not_go_back_for_lack_of_room_does_not_begin() {
    let (mut rig, _disk, papers) = with_papers();
    rig.start();
    // The first release has nothing to migrate, so nothing is ever put back.
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let refused = rig.ok(&["show", "dhash-2"]);
    assert!(
        refused.contains("putting data back may need")
            && refused.contains("papers beside its place"),
        "{refused}"
    );
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(rig.library_sha256(), before);
    std::fs::write(papers.join("all"), "short").unwrap();
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(users.stop(), 0, "requests were dropped");
    rig.stop();
}
