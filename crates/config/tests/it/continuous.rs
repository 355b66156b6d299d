//! Continuous archives of PostgreSQL stores.

use portcullis_config::DrilledFrom;

use crate::{least, read, wrong};

/// A file with a PostgreSQL store and these lines in its archive's table.
fn with(lines: &str) -> String {
    let store = "[[store]]\nname = \"my-notes\"\nkind = \"postgres\"\nurl = \"env:NOTES_URL\"\n";
    least(
        "environment = \"test\"",
        &format!("{store}[store.continuous]\n{lines}"),
    )
}

#[test]
fn an_archive_is_read_and_written_again_and_is_off_by_default() {
    let config = read(&with("")).unwrap_or_else(|problems| panic!("{problems}"));
    let [archive] = config.continuous.as_slice() else {
        panic!("{:?}", config.continuous)
    };
    assert_eq!(archive.store, "my-notes");
    assert_eq!(archive.slot, "portcullis_dhash_test_my_notes");
    assert_eq!((archive.keep, archive.synchronous), (7, true));
    assert_eq!(
        (archive.base_every_ms, archive.rpo_ms),
        (86_400_000, 300_000)
    );
    assert_eq!(archive.slot_bytes_max, 16 << 30);
    assert_eq!(archive.url, None);
    let text = with(
        "url = \"file:replication.url\"\nslot = \"mine_1\"\nbase_every = \"6h\"\nkeep = 3\nrpo = \"30s\"\n\
         slot_keep_max = \"2GiB\"\nsynchronous = false\n",
    );
    let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let archive = &config.continuous[0];
    assert_eq!(
        archive.url.as_deref(),
        Some("file:/srv/dhash/replication.url")
    );
    assert_eq!((archive.slot.as_str(), archive.keep), ("mine_1", 3));
    assert_eq!(archive.verify_every_ms, 7 * 86_400_000);
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again.continuous, config.continuous);
    let none = with("").replace("[store.continuous]\n", "");
    assert!(read(&none).unwrap().continuous.is_empty());
}

#[test]
fn drills_restore_from_archives_only_where_there_are_some() {
    let text = with("verify_every = \"1d\"\n[drill]\nfrom = \"archive\"\n");
    let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.drill.from, DrilledFrom::Archive);
    assert_eq!(config.continuous[0].verify_every_ms, 86_400_000);
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        (&again.drill, &again.continuous),
        (&config.drill, &config.continuous)
    );
    let none = text.replace("[store.continuous]\nverify_every = \"1d\"\n", "");
    let found = wrong(&none);
    assert!(
        found.contains("no store has a continuous archive"),
        "{found}"
    );
}

#[test]
fn mistakes_about_archives_are_named_with_what_to_do() {
    for (lines, expected) in [
        ("slot = \"My-Slot\"", "did you mean \"my_slot\"?"),
        ("slot = \"\"", "slot"),
        ("base_every = \"1m\"", "base_every"),
        ("keep = 0", "keep"),
        ("rpo = \"1s\"", "rpo"),
        ("base_every = \"1h\"\nrpo = \"2h\"", "write rpo = \"5m\""),
        ("slot_keep_max = \"1MiB\"", "slot_keep_max"),
        ("slot_keep_max = 5", "a number needs a unit"),
        ("synchronous = \"yes\"", "true or false"),
        (
            "url = \"postgres://me:hush@db/notes\"",
            "this URL has a password",
        ),
        ("every = \"1d\"", "every"),
    ] {
        let found = wrong(&with(lines));
        assert!(found.contains(expected), "{lines}\n{found}");
        assert!(!found.contains("hush"), "{found}");
    }
    let file = "[[store]]\nname = \"library\"\nkind = \"file\"\npath = \"library.json\"\n[store.continuous]\n";
    let found = wrong(&least("", file));
    assert!(found.contains("has no continuous archive"), "{found}");
    let two = with("slot = \"one\"")
        + "[[store]]\nname = \"more\"\nkind = \"postgres\"\n\
        url = \"env:MORE_URL\"\n[store.continuous]\nslot = \"one\"\n";
    let found = wrong(&two);
    assert!(
        found.contains("the store `my-notes` has a slot of this name"),
        "{found}"
    );
}

#[test]
fn an_archive_in_the_clear_beside_encrypted_backups_must_be_agreed_to() {
    let encrypted = "[backup.encryption]\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\n";
    let found = wrong(&(with("keep = 3\n") + encrypted));
    assert!(
        found.contains("backups are encrypted, and a continuous archive cannot be"),
        "{found}"
    );
    assert!(found.contains("write in_clear = true"), "{found}");
    let config = read(&(with("in_clear = true\n") + encrypted));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.continuous[0].in_clear);
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again.continuous, config.continuous);
}
