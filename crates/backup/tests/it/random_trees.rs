//! Random trees come back as they were, and a change anywhere changes the digest.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use portcullis_backup::{Store, store_digest};
use proptest::prelude::*;

use crate::{Place, look, path_of};

#[derive(Clone, Debug)]
enum Node {
    File {
        content: Vec<u8>,
        mode: u32,
    },
    Symlink {
        target: Vec<u8>,
    },
    Directory {
        children: Vec<(Vec<u8>, Node)>,
        mode: u32,
    },
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = prop::collection::vec(1..=255_u8, 1..20);
    let long = prop::collection::vec(b'a'..=b'c', 90..255);
    prop_oneof![4 => any_bytes, 2 => "[a-c.]{1,3}".prop_map(String::into_bytes), 1 => long]
        .prop_map(|mut name| {
            for byte in &mut name {
                if *byte == b'/' {
                    *byte = b'_';
                }
            }
            if name == b"." || name == b".." {
                b"dots".to_vec()
            } else {
                name
            }
        })
}

fn node() -> impl Strategy<Value = Node> {
    let file = (prop::collection::vec(any::<u8>(), 0..2_000), 0..=0o777_u32).prop_map(
        |(content, mode)| Node::File {
            content,
            mode: mode | 0o400,
        },
    );
    let link =
        prop::collection::vec(1..=255_u8, 1..150).prop_map(|target| Node::Symlink { target });
    let leaf = prop_oneof![4 => file, 1 => link];
    leaf.prop_recursive(4, 24, 6, |child| {
        (prop::collection::vec((name(), child), 0..6), 0..=0o777_u32).prop_map(
            |(children, mode)| Node::Directory {
                children,
                mode: mode | 0o700,
            },
        )
    })
}

fn tree() -> impl Strategy<Value = Vec<(Vec<u8>, Node)>> {
    prop::collection::vec((name(), node()), 0..8)
}

fn build(at: &Path, children: &[(Vec<u8>, Node)]) {
    fs::create_dir(at).unwrap();
    for (name, node) in children {
        let path = at.join(OsString::from_vec(name.clone()));
        if fs::symlink_metadata(&path).is_ok() {
            continue; // the same name twice
        }
        let mode = match node {
            Node::File { content, mode } => {
                fs::write(&path, content).unwrap();
                *mode
            }
            Node::Symlink { target } => {
                symlink(OsString::from_vec(target.clone()), &path).unwrap();
                continue;
            }
            Node::Directory { children, mode } => {
                build(&path, children);
                *mode
            }
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back(tree in tree(), other in tree()) {
        let place = Place::new();
        let path = place.path("tree");
        build(&path, &tree);
        let store = Store::directory("tree", path.clone());
        let before = look(&path);
        let backup = place.back_up(0, std::slice::from_ref(&store));
        place.vault.verify(&backup.name).unwrap();

        let copy = place.path("copy");
        let restored = place.vault.restore(&backup.name, "tree", &copy).unwrap();
        prop_assert_eq!(look(&copy), before.clone());

        // In the place of any other tree.
        fs::remove_dir_all(&path).unwrap();
        build(&path, &other);
        let replaced = look(&path);
        let outcome = place.vault.restore_in_place(&backup.name, &store, crate::at(1)).unwrap();
        prop_assert_eq!(look(&path), before);
        prop_assert_eq!(look(&path_of(outcome.kept)), replaced);
        prop_assert_eq!(&outcome.digest, &restored.digest);
        prop_assert_eq!(store_digest(&store).unwrap(), restored.digest);
    }

    #[test]
    fn a_change_anywhere_changes_the_digest(tree in tree(), pick in any::<prop::sample::Index>()) {
        let place = Place::new();
        let path = place.path("tree");
        build(&path, &tree);
        let store = Store::directory("tree", path.clone());
        let digest = store_digest(&store).unwrap();
        let paths: Vec<_> = look(&path).into_iter().collect();
        let (at, seen) = &paths[pick.index(paths.len())];
        let at = path.join(at);
        match seen {
            crate::Seen::File { content, .. } => {
                let mut content = content.clone();
                content.push(b'!');
                fs::set_permissions(&at, fs::Permissions::from_mode(0o600)).unwrap();
                fs::write(&at, content).unwrap();
            }
            crate::Seen::Directory { .. } => fs::create_dir(at.join("a new and empty folder")).unwrap(),
            crate::Seen::Symlink { .. } => {
                fs::remove_file(&at).unwrap();
                symlink("elsewhere than before", &at).unwrap();
            }
        }
        prop_assert_ne!(store_digest(&store).unwrap(), digest);
    }
}
