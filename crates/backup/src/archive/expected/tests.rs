use super::*;
use crate::{ExtendedAttributes, StoreKind};

fn path(text: &str) -> RelativePath {
    text.parse().unwrap()
}

/// A store with these folders, and with one name of a file for each of these links.
fn store(name: &str, folders: &[&str], links: &[&str]) -> StoreManifest {
    let mut store = StoreManifest::empty(name, StoreKind::Directory);
    let folder = |text: &&str| DirectoryEntry {
        path: path(text),
        mode: 0o755,
        uid: 0,
        gid: 0,
        xattrs: ExtendedAttributes::default(),
    };
    store.directories = folders.iter().map(folder).collect();
    let link = |text: &&str| HardLinkEntry {
        path: path(text),
        to: path("file"),
    };
    store.hard_links = links.iter().map(link).collect();
    store
}

/// Names of stores that begin with one another, and paths on both sides of a slash and of the dot of a root.
fn stores() -> [StoreManifest; 3] {
    [
        store("b", &[".", "!", "x\\x0a", "z"], &["!/one", "z-", "z/!"]),
        store("a", &[".", "z", "z/z"], &["-", "z/b"]),
        store("a-b", &[".", "a"], &["a/stores"]),
    ]
}

fn all_paths(stores: &[StoreManifest]) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(MANIFEST_PATH)];
    for store in stores {
        let folders = store.directories.iter().map(|entry| &entry.path);
        let all = folders.chain(store.hard_links.iter().map(|entry| &entry.path));
        paths.extend(all.map(|path| archive_path(&store.name, path)));
    }
    paths
}

#[test]
fn what_is_missing_is_told_in_order_of_the_bytes_of_its_path() {
    let stores = stores();
    let expected = Expectations::of(&stores);
    let mut wanted: Vec<_> = all_paths(&stores)
        .into_iter()
        .map(PathBuf::into_os_string)
        .collect();
    wanted.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    let wanted: Vec<_> = wanted.iter().map(|path| escape(path)).collect();
    assert_eq!(wanted.len(), 16);
    assert_eq!(expected.missing().collect::<Vec<_>>(), wanted);
}

#[test]
fn every_path_is_met_once_and_what_was_not_met_is_missing() {
    let stores = stores();
    let paths = all_paths(&stores);
    for left in &paths {
        let mut expected = Expectations::of(&stores);
        for path in paths.iter().rev().filter(|path| *path != left) {
            let found = expected.meet(path.as_os_str());
            let found = found.map(Expected::archive_path);
            assert_eq!(found.as_ref(), Some(path));
            assert!(expected.meet(path.as_os_str()).is_none(), "a second time");
        }
        let missing: Vec<_> = expected.missing().collect();
        assert_eq!(missing, [escape(left.as_os_str())]);
    }
}

#[test]
fn no_other_spelling_meets_anything() {
    let stores = stores();
    let mut expected = Expectations::of(&stores);
    let all = expected.missing().count();
    for other in [
        "",
        "/",
        ".",
        "manifest.json/",
        "./manifest.json",
        "manifest.jso",
        "stores",
        "stores/",
        "stores//",
        "stores/.",
        "stores/c",
        "stores//a",
        "/stores/a",
        "storesa",
        "a",
        "stores/a/",
        "stores/a/.",
        "stores/a/./z",
        "stores/a//z",
        "stores/a/z/",
        "stores/a/z/.",
        "stores/a/../a-b",
        "stores/a-",
        "stores/b/x\\x0a",
    ] {
        assert!(expected.meet(OsStr::new(other)).is_none(), "{other:?}");
    }
    assert_eq!(expected.missing().count(), all);
}
