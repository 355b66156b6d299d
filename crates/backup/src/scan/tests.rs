//! The order of what is found, and that nothing is there twice.

use super::*;

fn found(path: &str, size: u64) -> Item {
    Item {
        path: path.parse().unwrap(),
        kind: ItemKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        stamp: Stamp {
            device: 1,
            inode: 1,
            size,
            mtime_seconds: 0,
            mtime_nanoseconds: 0,
        },
    }
}

/// A manifest in which a path stands twice is refused by whoever reads it.
#[test]
fn a_name_that_is_listed_twice_is_one_item_and_the_root_comes_first() {
    let all = [("b", 1), ("!", 2), (".", 3), ("a", 4), ("b", 5), ("a/b", 6)];
    let items = in_order(all.map(|(path, size)| found(path, size)).to_vec());
    let paths: Vec<String> = items.iter().map(|item| item.path.to_string()).collect();
    assert_eq!(paths, [".", "!", "a", "a/b", "b"]);
    let scan = Scan {
        root: openat(CWD, ".", FOLDER, Mode::empty()).unwrap(),
        items,
    };
    for (place, path) in paths.iter().enumerate() {
        assert_eq!(scan.position(&path.parse().unwrap()), Some(place));
    }
    assert_eq!(scan.position(&"c".parse().unwrap()), None);
}
