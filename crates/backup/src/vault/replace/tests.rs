//! What the file systems of test machines do not need: the ways for those that lack links or the
//! exchange of names.

use super::*;

fn swap(folder: &Path) -> Swap {
    let now = "2026-11-21T01:00:00Z".parse().unwrap();
    let path = folder.join("live");
    let store = OnDisk {
        name: "live".to_owned(),
        shape: crate::on_disk::Shape::Directory,
        path,
    };
    Swap::new(&store, now)
}

#[test]
fn two_renames_do_what_the_exchange_does() {
    let folder = tempfile::tempdir().unwrap();
    let swap = swap(folder.path());
    fs::create_dir(&swap.live).unwrap();
    fs::write(swap.live.join("old"), "").unwrap();
    fs::create_dir(&swap.kept).unwrap();
    fs::write(swap.kept.join("new"), "").unwrap();
    swap.rename_twice(&swap.kept).unwrap();
    assert!(swap.live.join("new").exists() && swap.kept.join("old").exists());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing else is left"
    );
}

#[test]
fn a_file_is_replaced_by_exchange_where_links_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let swap = swap(folder.path());
    let data = folder.path().join("data");
    fs::write(&swap.live, "old").unwrap();
    fs::write(&data, "new").unwrap();
    swap.replace_by_exchange(&data).unwrap();
    assert_eq!(fs::read_to_string(&swap.live).unwrap(), "new");
    assert_eq!(fs::read_to_string(&swap.kept).unwrap(), "old");
    assert!(!data.exists());
}

#[test]
fn refused_links_are_told_from_other_failures() {
    for error in [Errno::PERM, Errno::OPNOTSUPP, Errno::MLINK] {
        assert!(refuses_links(&error.into()), "{error}");
    }
    for error in [Errno::EXIST, Errno::NOSPC, Errno::NOENT, Errno::IO] {
        assert!(!refuses_links(&error.into()), "{error}");
    }
}
