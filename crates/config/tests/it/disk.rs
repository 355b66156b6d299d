//! What is looked at on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use portcullis_config::{Code, load};

use crate::least;

const TABLES: &str = "
[[service.smoke]]
path = \"/hash\"
body_file = \"samples/tux.png\"
[[store]]
name = \"library\"
kind = \"file\"
path = \"data\"
[[store]]
name = \"images\"
kind = \"directory\"
path = \"images\"
";

#[test]
fn files_that_are_missing_or_of_another_kind_are_found_at_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    fs::write(&file, least("", TABLES)).unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("images"), "").unwrap();
    fs::write(folder.path().join("dhash"), "").unwrap();
    let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    let problems = config.check_files().expect_err("problems");
    let shown = problems
        .to_string()
        .replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(shown);

    fs::remove_dir(folder.path().join("data")).unwrap();
    fs::remove_file(folder.path().join("images")).unwrap();
    fs::create_dir_all(folder.path().join("samples")).unwrap();
    fs::create_dir_all(folder.path().join("images")).unwrap();
    fs::write(folder.path().join("data"), "").unwrap();
    fs::write(folder.path().join("samples/tux.png"), "").unwrap();
    let program = folder.path().join("dhash");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    config
        .check_files()
        .unwrap_or_else(|problems| panic!("{problems}"));
}

/// A copy of the file of a database that is used may be torn, so that a database is not taken for a file.
#[test]
fn an_sqlite_database_is_told_from_a_file_by_its_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("dhash");
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("notes.db");
    let file = folder.path().join("portcullis.toml");
    let look = |kind: &str| {
        let table = format!("[[store]]\nname = \"notes\"\nkind = \"{kind}\"\npath = \"notes.db\"");
        fs::write(&file, least("", &table)).unwrap();
        let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
        let checked = config.check_files();
        checked
            .err()
            .map(|problems| problems.to_string())
            .unwrap_or_default()
    };
    let database = [b"SQLite format 3\0".as_slice(), &[0; 100]].concat();
    for (content, kind, told) in [
        (database.as_slice(), "sqlite", ""),
        (&[], "sqlite", ""),
        (b"SQLite", "sqlite", "is not an SQLite database"),
        (b"a file like any other", "sqlite", "set kind = \"file\""),
        (&database, "file", "set kind = \"sqlite\""),
        (b"SQLite", "file", ""),
    ] {
        fs::write(&data, content).unwrap();
        let found = look(kind);
        assert_eq!(found.is_empty(), told.is_empty(), "{found}");
        assert!(found.contains(told), "{found}");
    }
    fs::remove_file(&data).unwrap();
    assert!(look("sqlite").contains("there is nothing at"));
    fs::create_dir(&data).unwrap();
    assert!(look("sqlite").contains("is a folder, expected a file"));
}

/// Paths as they are written do not tell that two stores are one.
#[test]
fn stores_that_meet_through_a_symbolic_link_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("dhash");
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(folder.path().join("real/within")).unwrap();
    fs::write(folder.path().join("real/a"), "").unwrap();
    fs::write(folder.path().join("real/b"), "").unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("linked")).unwrap();
    let file = folder.path().join("portcullis.toml");
    let store = |name: &str, (kind, path): (&str, &str)| {
        format!("[[store]]\nname = \"{name}\"\nkind = \"{kind}\"\npath = \"{path}\"\n")
    };
    for (one, other, meet) in [
        (("file", "real/a"), ("file", "linked/a"), true),
        (("file", "linked/a"), ("sqlite", "real/a"), true),
        (("directory", "real"), ("file", "linked/b"), true),
        (("file", "real/a"), ("directory", "linked"), true),
        (("directory", "linked"), ("directory", "real/within"), true),
        (("file", "real/a"), ("file", "linked/b"), false),
        (("file", "linked/a"), ("directory", "real/within"), false),
    ] {
        let tables = store("one", one) + &store("other", other);
        fs::write(&file, least("", &tables)).unwrap();
        let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
        match config.check_files() {
            Ok(()) => assert!(!meet, "{one:?} {other:?}"),
            Err(problems) => {
                assert!(meet, "{problems}");
                assert_eq!(problems.count(), 1, "{problems}");
                assert_eq!(problems.as_slice()[0].code, Code::Duplicate);
                assert!(
                    problems.to_string().contains("through a symbolic link"),
                    "{problems}"
                );
            }
        }
    }
}

#[test]
fn a_vault_that_is_a_file_is_found_and_one_that_is_not_made_yet_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("dhash");
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("portcullis.toml");
    fs::write(&file, least("", "[state]\nvault = \"vault\"")).unwrap();
    let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    let vault = folder.path().join("vault");
    let fits = || {
        config
            .check_files()
            .map_err(|problems| problems.to_string())
    };
    fits().unwrap();
    fs::write(&vault, "").unwrap();
    let told = fits().unwrap_err();
    assert!(told.contains("is not a folder"), "{told}");
    fs::remove_file(&vault).unwrap();
    fs::create_dir(&vault).unwrap();
    fits().unwrap();
}

#[test]
fn a_socket_path_that_the_system_refuses_is_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("dhash"), "").unwrap();
    let program = folder.path().join("dhash");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("portcullis.toml");
    let state = format!("[state]\nfolder = \"{}\"", "s".repeat(100));
    fs::write(&file, least("", &state)).unwrap();
    let config = load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    let problems = config.check_files().expect_err("problems");
    assert_eq!(problems.count(), 2, "{problems}");
    assert!(
        problems.to_string().contains("the system allows 107"),
        "{problems}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    let code = |problems: &portcullis_config::Problems| problems.as_slice()[0].code;
    let missing = load(&file).expect_err("a problem");
    assert_eq!(code(&missing), Code::Unreadable);
    assert!(missing.to_string().contains("portcullis init"), "{missing}");

    fs::write(&file, b"[service]\nname = \"d\xffhash\"").unwrap();
    let bytes = load(&file).expect_err("a problem");
    assert!(
        bytes
            .to_string()
            .contains("portcullis.toml:2:10: this byte is not UTF-8"),
        "{bytes}"
    );

    fs::write(&file, "#".repeat(256 * 1024 + 1)).unwrap();
    let large = load(&file).expect_err("a problem");
    assert!(large.to_string().contains("larger than"), "{large}");
}

#[test]
fn what_the_text_and_what_the_disk_lacks_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.toml");
    let tables = "
[[hook]]
name = \"tell\"
on = [\"before-start\"]
command = [\"hooks/tell\"]
env = { TOKEN = \"file:secrets/token\" }
[gate]
rule = 3
";
    let text = least("", tables).replace(
        "[service]",
        "[service]\nstrategy = \"canry\"\nweights = [100, 20]",
    );
    fs::write(&file, text).unwrap();
    let problems = portcullis_config::check(&file, None).expect_err("problems");
    let shown = problems
        .to_string()
        .replace(&folder.path().display().to_string(), "FOLDER");
    for wanted in [
        "did you mean",
        "weights must rise",
        "the last weight must be 100",
        "there is nothing at `FOLDER/dhash`",
        "there is nothing at `FOLDER/hooks/tell`",
        "there is nothing at `FOLDER/secrets/token`",
    ] {
        assert!(shown.contains(wanted), "{wanted} is not in\n{shown}");
    }
    assert_eq!(problems.count(), 7, "{shown}");
}
