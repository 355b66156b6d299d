//! The restored copies of a drill.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use portcullis_analysis::counted;
use portcullis_backup::{
    BackupName, Location, Manifest, Store, StoreKind, StoreManifest, Vault, examine_copy,
};
use portcullis_config::Config;
use portcullis_rollout::{Fact, StoreRef};

use super::course::Short;
use super::{StoreRefs, blocking};
use crate::hands::{size_words, stores_of};

/// The copies of all stores of a backup, each in a folder of its own.
#[derive(Clone)]
pub(super) struct Copies(Vec<(Store, StoreManifest)>);

impl Copies {
    /// Where the stores of a backup go. A file keeps the name that it has in the configuration, since a program may
    /// go by it.
    pub(super) fn of(config: &Config, manifest: &Manifest, scratch: &Path) -> Copies {
        let copies = manifest.stores.iter().map(|held| {
            let live = config.stores.iter().find(|store| store.name == held.name);
            let leaf: OsString = live
                .and_then(|store| store.path().file_name())
                .map_or_else(|| "data".into(), Into::into);
            (
                copy(held, scratch.join(&held.name).join(leaf)),
                held.clone(),
            )
        });
        Copies(copies.collect())
    }

    /// Unpacks every store.
    pub(super) async fn restore(
        &self,
        vault: &Vault,
        name: &BackupName,
    ) -> Result<((), Vec<Fact>), Short> {
        let (copies, vault, name) = (self.0.clone(), vault.clone(), name.clone());
        blocking(move || {
            let mut facts = Vec::new();
            for (copy, _) in &copies {
                let path = copy.path();
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(|error| {
                        Short::could_not(format!("{} cannot be made: {error}", folder.display()))
                    })?;
                }
                let restored = vault
                    .restore(&name, &copy.name, path)
                    .map_err(|error| Short::of_backup(&error))?;
                let words = format!(
                    "{}, {}",
                    counted(restored.files, "file", "files"),
                    size_words(restored.bytes)
                );
                facts.push(Fact::new(&copy.name, words));
            }
            Ok(((), facts))
        })
        .await
    }

    /// Has every store checked by its own means, and compared with the manifest.
    pub(super) async fn examine(&self) -> Result<((), Vec<Fact>), Short> {
        let copies = self.0.clone();
        blocking(move || {
            let mut facts = Vec::new();
            for (copy, held) in &copies {
                let examined =
                    examine_copy(copy, held).map_err(|error| Short::of_backup(&error))?;
                let mut words = examined.checks.join(", ");
                if let Some((tables, rows)) = examined.rows {
                    words.push_str(&format!(
                        "; {} in {}",
                        counted(rows, "row", "rows"),
                        counted(tables, "table", "tables")
                    ));
                }
                facts.push(Fact::new(&copy.name, words));
                facts.push(Fact::new(format!("{} sha256", copy.name), examined.digest));
            }
            Ok(((), facts))
        })
        .await
    }

    /// The stores of the configuration at the places of their copies.
    ///
    /// # Errors
    /// When the backup does not have one of them, or has it as another kind: the release could not be started
    /// without live data.
    pub(super) fn stores(&self, config: &Config) -> Result<StoreRefs, Short> {
        let mut stores = Vec::new();
        for (live, known) in config.stores.iter().zip(stores_of(&config.stores)) {
            let Some((copy, held)) = self.0.iter().find(|(copy, _)| copy.name == live.name) else {
                return Err(Short::could_not(format!(
                    "the backup has no store {}, which the configuration has; the release would use live data",
                    live.name
                )));
            };
            if known.kind() != held.kind {
                return Err(Short::could_not(format!(
                    "store {} is a {} in the configuration and a {} in the backup",
                    live.name,
                    known.kind(),
                    held.kind
                )));
            }
            stores.push(live.moved_to(copy.path().to_owned()));
        }
        Ok(stores)
    }
}

/// Whether the texts with which a release is started lead to live data, or not to the copies.
pub(super) fn leads_astray(
    texts: &[&str],
    live: &[StoreRef],
    copies: &[StoreRef],
) -> Option<String> {
    for store in live {
        let path = store.path().to_string_lossy();
        if texts.iter().any(|text| text.contains(path.as_ref())) {
            return Some(format!(
                "its command names {path}, so it would use live data; write {{store.{}}} instead",
                store.name
            ));
        }
    }
    for store in copies {
        let path = store.path().to_string_lossy();
        if !texts.iter().any(|text| text.contains(path.as_ref())) {
            let name = &store.name;
            return Some(format!(
                "neither its command nor its environment has {{store.{name}}}, so nobody can tell that it would \
                 use the copy and not live data"
            ));
        }
    }
    None
}

/// A store of a backup at a new place. A store of another kind gets its place here: one that is not a path needs
/// something in which it can be restored and thrown away.
fn copy(held: &StoreManifest, path: PathBuf) -> Store {
    let location = match held.kind {
        StoreKind::File => Location::File { path },
        StoreKind::Directory => Location::Directory { path },
        StoreKind::Sqlite => Location::Sqlite { path },
    };
    Store {
        name: held.name.clone(),
        location,
    }
}
