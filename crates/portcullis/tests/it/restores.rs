//! Restoring several stores by command: what is in the way of one is found before another is touched, copies keep away from live
//! data, and what putting back takes away is said.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::drills::backup;
use crate::rig::Rig;
use crate::server_databases::notebook;

/// What was written to the first store since the backup.
const SINCE: &str = "written since";

/// A rig with a second store, a folder of papers.
fn with_papers() -> Rig {
    let rig = Rig::new("none");
    std::fs::create_dir(rig.path("papers")).unwrap();
    std::fs::write(rig.path("papers/one"), "the first paper").unwrap();
    declare(&rig, "papers", "directory");
    rig.ok(&["init"]);
    rig
}

/// Declares one more store, at the path of its name.
fn declare(rig: &Rig, name: &str, kind: &str) {
    let store =
        format!("[[store]]\nname = \"{name}\"\nkind = \"{kind}\"\npath = \"{name}\"\n\n[data]");
    rig.edit("[data]", &store);
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a restore that must fail says.
fn refused(rig: &Rig, args: &[&str]) -> String {
    let output = rig.run(&[["backup", "restore"].as_slice(), args].concat());
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
    told
}

/// Every path below a folder, with what is in its files.
fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_folder = path.symlink_metadata().unwrap().is_dir();
        let content = match is_folder {
            true => Vec::new(),
            false => std::fs::read(&path).unwrap_or_default(),
        };
        found.push((path.display().to_string(), content));
        if is_folder {
            found.extend(tree(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn a_store_that_cannot_be_put_back_keeps_all_others_as_they_are() {
    let rig = with_papers();
    let name = backup(&rig);
    let before = rig.library_sha256();
    std::fs::write(rig.path("data/library.json"), SINCE).unwrap();
    let live = tree(&rig.path("data"));
    let in_place = [name.as_str(), "--in-place"];
    let stays = |code: &str, words: &[&str]| {
        let told = refused(&rig, &in_place);
        assert!(told.contains(&format!("error[{code}]: ")), "{told}");
        for words in words {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(told.contains("nothing was changed"), "{told}");
        assert!(!told.contains("taken away"), "{told}");
        // Neither the data nor anything beside it.
        assert_eq!(tree(&rig.path("data")), live, "{told}");
    };

    // A link, and a file, where the folder was.
    std::fs::rename(rig.path("papers"), rig.path("elsewhere")).unwrap();
    symlink(rig.path("elsewhere"), rig.path("papers")).unwrap();
    let papers = "store \"papers\" cannot be put back: ";
    stays("PC0801", &[papers, "it is a symbolic link", "move away"]);
    std::fs::remove_file(rig.path("papers")).unwrap();
    std::fs::write(rig.path("papers"), "a file").unwrap();
    stays(
        "PC0801",
        &[
            papers,
            "it is a file, expected a directory",
            "nothing is in the way of library",
        ],
    );
    // Another kind than that of the backup.
    let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
    rig.edit("kind = \"directory\"", "kind = \"file\"");
    stays(
        "PC0801",
        &["store \"papers\" is a file, and the backup holds a directory"],
    );
    std::fs::write(rig.path("portcullis.toml"), &text).unwrap();
    // A store that is newer than the backup; what else is in the way is told too.
    std::fs::write(rig.path("more"), "").unwrap();
    declare(&rig, "more", "file");
    stays("PC0801", &[papers, "has no store \"more\"; it has library"]);
    std::fs::remove_file(rig.path("papers")).unwrap();
    std::fs::rename(rig.path("elsewhere"), rig.path("papers")).unwrap();
    stays("PC0803", &["has no store \"more\"", "library, papers"]);

    // One store alone, and all of them when nothing is in the way.
    rig.ok(&[
        "backup",
        "restore",
        &name,
        "--in-place",
        "--store",
        "library",
    ]);
    assert_eq!(rig.library_sha256(), before);
    std::fs::write(rig.path("portcullis.toml"), text).unwrap();
    std::fs::write(rig.path("data/library.json"), SINCE).unwrap();
    std::fs::remove_dir_all(rig.path("papers")).unwrap();
    rig.ok(&["backup", "restore", &name, "--in-place"]);
    assert_eq!(rig.library_sha256(), before);
    let paper = std::fs::read_to_string(rig.path("papers/one"));
    assert_eq!(paper.unwrap(), "the first paper");
}

#[test]
fn a_database_server_that_cannot_take_its_store_back_keeps_the_files_as_they_are() {
    let (mut server, rig) = notebook();
    std::fs::create_dir(rig.path("files")).unwrap();
    std::fs::write(rig.path("files/one"), "one").unwrap();
    rig.edit(
        "[[store]]\nname = \"notes\"",
        "[[store]]\nname = \"files\"\nkind = \"directory\"\npath = \"files\"\n\n[[store]]\nname = \"notes\"",
    );
    rig.ok(&["init"]);
    let name = backup(&rig);
    std::fs::write(rig.path("files/one"), SINCE).unwrap();
    server.sql("notes", "INSERT INTO note (text) VALUES ('a'), ('b')");
    let live = tree(&rig.path("files"));
    let stays = |words: &str| {
        let told = refused(&rig, &[name.as_str(), "--in-place"]);
        assert!(told.contains("error[PC0805]: store \"notes\": "), "{told}");
        assert!(
            told.contains(words) && told.contains("nothing was changed"),
            "{words}: {told}"
        );
        assert_eq!(tree(&rig.path("files")), live, "{told}");
        let entries = std::fs::read_dir(rig.folder.path()).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name());
        let kept = names.find(|name| name.to_string_lossy().contains(".replaced-"));
        assert_eq!(kept, None, "{told}");
    };
    server.sql("postgres", "ALTER ROLE app NOCREATEDB");
    stays("the user may not create a database");
    server.sql("postgres", "ALTER ROLE app CREATEDB");
    server.stop();
    stays("cannot be reached");
    server.launch();

    let restored = rig.json(&["backup", "restore", &name, "--in-place"]);
    let lost = restored["lost"].as_array().unwrap();
    assert_eq!(lost[1]["store"], "notes", "{restored:#}");
    assert_eq!(lost[1]["added"], 2, "{restored:#}");
    assert_eq!(server.sql("notes", "SELECT count(*) FROM note"), "500");
    assert_eq!(
        std::fs::read_to_string(rig.path("files/one")).unwrap(),
        "one"
    );
}

#[test]
fn a_copy_goes_neither_into_live_data_nor_among_the_files_of_portcullis() {
    let rig = with_papers();
    let name = backup(&rig);
    std::fs::create_dir(rig.path("papers/deep")).unwrap();
    symlink(rig.path("papers/deep"), rig.path("link")).unwrap();
    let library = rig.library_sha256();
    let papers = tree(&rig.path("papers"));
    let root = rig.folder.path().display().to_string();
    let absolute = format!("{root}/papers/deep/new");
    for (to, overlaps) in [
        ("papers", "the live data of the store papers"),
        ("papers/sub", "the live data of the store papers"),
        ("new/../papers/sub", "the live data of the store papers"),
        ("link", "the live data of the store papers"),
        ("link/sub", "the live data of the store papers"),
        (absolute.as_str(), "the live data of the store papers"),
        (".portcullis", "the state folder"),
        (".portcullis/copy", "the state folder"),
        (".portcullis/vault/copy", "the vault"),
        // The place of one copy is that of the live store itself.
        (".", "the live data of the store papers"),
    ] {
        let told = refused(&rig, &[name.as_str(), "--to", to]);
        assert!(told.contains("error[PC0801]: "), "{to}: {told}");
        assert!(
            told.contains(&format!("overlaps {overlaps} ("))
                && told.contains("nothing was written")
                && told.contains("--to names a folder outside"),
            "{to}: {told}"
        );
        assert_eq!(tree(&rig.path("papers")), papers, "{to}");
        for made in [
            "library",
            "new",
            ".portcullis/library",
            ".portcullis/copy",
            ".portcullis/vault/copy",
        ] {
            assert!(!rig.path(made).exists(), "{to}: {made}");
        }
    }
    // Nor where a store was that is lost.
    std::fs::rename(rig.path("papers"), rig.path("lost")).unwrap();
    let told = refused(&rig, &[name.as_str(), "--store", "papers", "--to", "."]);
    assert!(told.contains("overlaps the live data of"), "{told}");
    assert!(!rig.path("papers").exists());
    std::fs::rename(rig.path("lost"), rig.path("papers")).unwrap();
    // Around and beside live data there is room for copies: the folder of a file is nobody's.
    for to in [".", "data"] {
        rig.ok(&["backup", "restore", &name, "--store", "library", "--to", to]);
    }
    assert!(rig.path("library").is_file() && rig.path("data/library").is_file());
    assert_eq!(rig.library_sha256(), library);
    assert_eq!(tree(&rig.path("papers")), papers);
}

#[test]
fn no_copy_is_written_while_the_place_of_another_is_taken() {
    let rig = with_papers();
    let name = backup(&rig);
    std::fs::create_dir_all(rig.path("copy/papers")).unwrap();
    std::fs::write(rig.path("copy/papers/mine"), "mine").unwrap();
    let before = tree(&rig.path("copy"));
    let told = refused(&rig, &[name.as_str(), "--to", "copy"]);
    assert!(
        told.contains("copy/papers exists") && told.contains("nothing was written"),
        "{told}"
    );
    assert_eq!(tree(&rig.path("copy")), before, "{told}");
    std::fs::rename(rig.path("copy/papers"), rig.path("copy/mine")).unwrap();
    rig.ok(&["backup", "restore", &name, "--to", "copy"]);
    assert!(rig.path("copy/library").is_file() && rig.path("copy/papers/one").is_file());
}

/// Nobody is asked where there is no terminal, so what is taken away must stand in what a script keeps of it.
#[test]
fn what_putting_back_takes_away_is_told_without_a_terminal_too() {
    let rig = with_papers();
    let name = backup(&rig);
    let lost = |restored: &Value, store: &str| {
        let rows = restored["lost"].as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["store"] == store);
        rows.next().unwrap().clone()
    };
    let none: &[&str] = &[];
    for more in [none, &["--accept-loss"]] {
        let in_place = [["backup", "restore", &name, "--in-place"].as_slice(), more].concat();
        std::fs::write(rig.path("papers/two"), SINCE).unwrap();
        std::fs::write(rig.path("papers/three"), SINCE).unwrap();
        let output = rig.run(&in_place);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(
            told.contains("taken away then:")
                && told.contains("papers: 2 files added, 0 changed and 0 gone since the backup")
                && told.contains("library: nothing: its files are as in the backup"),
            "{told}"
        );
        assert!(!told.contains("[y/N]"), "{told}");
        assert!(!rig.path("papers/two").exists());

        std::fs::write(rig.path("papers/two"), SINCE).unwrap();
        let restored = rig.json(&in_place);
        assert_eq!(lost(&restored, "papers")["added"], 1, "{restored:#}");
        assert_eq!(lost(&restored, "library")["added"], 0, "{restored:#}");
        assert!(!rig.path("papers/two").exists());
    }
    // A store that is lost has nothing to lose; a copy takes nothing away.
    std::fs::remove_dir_all(rig.path("papers")).unwrap();
    let restored = rig.json(&["backup", "restore", &name, "--in-place"]);
    let papers = lost(&restored, "papers");
    assert_eq!(papers["added"], 0, "{restored:#}");
    assert_eq!(papers["words"], "nothing: there is no data at its place");
    let copied = rig.json(&["backup", "restore", &name, "--to", "copy"]);
    assert_eq!(copied.get("lost"), None, "{copied:#}");
}
