use std::collections::BTreeMap;

use super::*;

fn sqlite(path: &Path) -> StoreRef {
    StoreRef {
        name: "db".to_owned(),
        location: StoreLocation::Sqlite {
            path: path.to_owned(),
        },
    }
}

fn command(word: &str, folder: &Path) -> Command {
    Command {
        argv: vec!["run".to_owned(), word.to_owned()],
        env: BTreeMap::new(),
        folder: folder.to_owned(),
    }
}

/// Whether a word of a command in the folder of the service leads to the live one of two stores.
fn leads(word: &str, live: &Path, folder: &Path) -> bool {
    let live = [sqlite(live)];
    let copies = [live[0].copied_to(&folder.join("state/scratch"), "copy")];
    let guard = Guard::of(&live, &copies);
    let program = folder.join("releases/app");
    guard
        .command("it", &command(word, folder), &program)
        .is_some()
}

#[test]
fn live_data_is_known_however_it_is_written() {
    let (folder, live) = (Path::new("/srv/notes"), Path::new("/srv/notes/db/notes.db"));
    for word in [
        "/srv/notes/db/notes.db",
        "db/notes.db",
        "./db/notes.db",
        "../notes/db/notes.db",
        "db/../db//notes.db",
        "--file=db/notes.db",
        "-f/srv/notes/db/notes.db",
        "sqlite:////srv/notes/db/notes.db",
        "sqlite:///db/notes.db",
        "file:db/notes.db?mode=rw",
        "sqlite3 'db/notes.db' \"ALTER TABLE note ADD COLUMN body\"",
        "cp /srv/notes/state/scratch/db/notes.db db/notes.db",
        "sqlite3 \"$PWD/db/notes.db\" < up.sql",
        "sqlite3 ${PWD}/db/notes.db",
        "sqlite3 $(pwd)/db/notes.db",
    ] {
        assert!(leads(word, live, folder), "{word}");
    }
    for word in [
        "/srv/notes/state/scratch/db/notes.db",
        "sqlite:////srv/notes/state/scratch/db/notes.db?mode=rw",
        "/srv/notes/db/notes.db.before",
        "/srv/notes/db",
        "db",
        "notes.db",
        "/srv/notes/releases/app",
        "https://example.org/db/notes.db",
        "",
    ] {
        assert!(!leads(word, live, folder), "{word}");
    }
}

#[test]
fn a_folder_is_live_with_all_that_is_in_it_and_nothing_beside_it() {
    let (folder, live) = (Path::new("/srv/notes"), Path::new("/srv/notes/data"));
    for word in ["data", "data/a/b", "--folder=data", "/srv/notes/data/a"] {
        assert!(leads(word, live, folder), "{word}");
    }
    for word in ["/srv/notes/data-old/a", "export data", "database", "."] {
        assert!(!leads(word, live, folder), "{word}");
    }
}

#[test]
fn what_only_looks_like_a_store_is_none() {
    let (folder, live) = (Path::new("/srv/notes"), Path::new("/data"));
    for word in [
        "https://api.example.org/data/v1",
        "cmd:vault kv get -field=k secret/data/app",
        "/opt/app/data/x",
        "http://data:8080",
        // What lies within the copy.
        "/srv/notes/state/scratch/db/data/n.db",
    ] {
        let live = [StoreRef {
            name: "db".to_owned(),
            location: StoreLocation::Directory {
                path: live.to_owned(),
            },
        }];
        let copy = StoreRef {
            name: "db".to_owned(),
            location: StoreLocation::Directory {
                path: "/srv/notes/state/scratch/db".into(),
            },
        };
        let guard = Guard::of(&live, std::slice::from_ref(&copy));
        let found = guard.command("it", &command(word, folder), Path::new("/srv/app"));
        assert!(found.is_none(), "{word}");
    }
    assert!(leads("/data/n.db", live, folder));
    for word in [
        "redis://media:6379/0",
        "postgres://media/notes",
        "http://media:8080/x",
    ] {
        assert!(
            !leads(word, Path::new("/srv/notes/media"), folder),
            "{word}"
        );
    }
    // `flask db upgrade`, with the copy in a variable.
    let live = [sqlite(Path::new("/srv/notes/db"))];
    let copies = [live[0].copied_to(Path::new("/scratch"), "copy")];
    let guard = Guard::of(&live, &copies);
    let mut flask = command("db", folder);
    assert!(guard.command("it", &flask, Path::new("/srv/app")).is_some());
    flask.env.insert("DATABASE".to_owned(), copies[0].place());
    assert!(guard.command("it", &flask, Path::new("/srv/app")).is_none());
}

#[test]
fn another_database_of_the_same_server_is_not_live_data() {
    let live = [StoreRef {
        name: "cache".to_owned(),
        location: StoreLocation::Postgres {
            url: "postgres://notes@db".to_owned(),
            folder: "/srv/notes".into(),
            database: None,
            jobs: 1,
        },
    }];
    let guard = Guard::of(&live, &[]);
    let leads = |word: &str| {
        let command = command(word, Path::new("/srv/notes"));
        guard
            .command("it", &command, Path::new("/srv/app"))
            .is_some()
    };
    assert!(leads("postgres://notes@db"));
    assert!(leads("--url=postgres://notes@db?sslmode=disable"));
    assert!(leads("postgres://notes@db/"));
    assert!(!leads("postgres://notes@db/other"));
    assert!(!leads("postgres://notes@db2"));
}

/// Sentences go into plans, journals and logs.
#[test]
fn no_sentence_has_what_a_url_or_its_command_may_hide() {
    for (url, shown) in [
        (
            "text:postgres://notes:hidden@db/notes",
            "the URL of the store ledger",
        ),
        ("cmd:pass show hidden", "cmd:pass ..."),
        ("env:LEDGER_URL", "env:LEDGER_URL"),
    ] {
        let live = [StoreRef {
            name: "ledger".to_owned(),
            location: StoreLocation::Postgres {
                url: url.to_owned(),
                folder: "/srv/notes".into(),
                database: None,
                jobs: 1,
            },
        }];
        let guard = Guard::of(&live, &[]);
        let command = command(url, Path::new("/srv/notes"));
        let astray = guard.command("it", &command, Path::new("/srv/app"));
        let aimed = guard.aimed(&ReleaseId::new("1.1"), &live[0]);
        for sentence in [astray.unwrap().mended(), aimed.unwrap()] {
            assert!(sentence.contains(shown), "{sentence}");
            assert!(!sentence.contains("hidden"), "{sentence}");
        }
    }
}

#[test]
fn a_symbolic_link_to_live_data_is_live_data() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir(root.join("data")).unwrap();
    std::fs::write(root.join("data/notes.db"), "").unwrap();
    std::os::unix::fs::symlink("data", root.join("link")).unwrap();
    let live = root.join("data/notes.db");
    assert!(leads("link/notes.db", &live, root));
    std::fs::create_dir(root.join("other")).unwrap();
    std::fs::write(root.join("other/notes.db"), "").unwrap();
    assert!(!leads("other/notes.db", &live, root));
}

#[test]
fn a_database_of_a_server_is_known_from_its_copy_by_its_url() {
    let live = [StoreRef {
        name: "db".to_owned(),
        location: StoreLocation::Postgres {
            url: "file:/srv/notes/db.url".to_owned(),
            folder: "/srv/notes".into(),
            database: None,
            jobs: 1,
        },
    }];
    let copies = [live[0].copied_to(Path::new("/scratch"), "portcullis_copy")];
    let guard = Guard::of(&live, &copies);
    let leads = |word: &str| {
        let command = command(word, Path::new("/srv/notes"));
        guard
            .command("it", &command, Path::new("/srv/app"))
            .is_some()
    };
    assert!(leads("file:/srv/notes/db.url"));
    assert!(leads("psql \"$(cat db.url)\""));
    assert!(!leads(&copies[0].place()));
    assert!(!leads("file:/srv/notes/other.url"));
}

#[test]
fn a_change_must_name_a_copy_and_sql_files_must_be_aimed_at_one() {
    let (folder, live) = (
        Path::new("/srv/notes"),
        [sqlite(Path::new("/srv/notes/notes.db"))],
    );
    let copies = [live[0].copied_to(Path::new("/scratch"), "copy")];
    let guard = Guard::of(&live, &copies);
    let release = ReleaseId::new("1.1");
    let change = |word: &str| {
        let command = command(word, folder);
        guard.change(&release, "command", &command, Path::new("/srv/app"))
    };
    assert_eq!(change(&copies[0].place()), None);
    let hidden = change("migrate.sh").unwrap();
    assert!(
        hidden.contains("has {store.db}, so nobody can tell"),
        "{hidden}"
    );
    let named = change("notes.db").unwrap();
    assert_eq!(
        named,
        "release 1.1: the command of its migration names notes.db, so it would use live data; write {store.db} instead"
    );
    assert_eq!(guard.aimed(&release, &copies[0]), None);
    assert!(guard.aimed(&release, &live[0]).is_some());
}
