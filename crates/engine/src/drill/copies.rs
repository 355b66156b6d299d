//! The restored copies of a drill.

use std::ffi::OsString;
use std::path::Path;

use portcullis_analysis::counted;
use portcullis_backup::{
    BackupName, Manifest, Store, StoreKind, StoreManifest, Vault, examine_copy,
};
use portcullis_config::Config;
use portcullis_rollout::{Fact, StoreLocation, StoreRef};

use super::course::Short;
use super::{StoreRefs, blocking};
use crate::hands::{chain, size_words, stores_of};

/// The copies of all stores: of a backup each in a folder of its own or in a database beside its own, and those that were
/// recovered from a continuous archive, in clusters of their own.
#[derive(Clone, Default)]
pub(super) struct Copies {
    held: Vec<Copy>,
    /// What stands for the recovered ones in a command.
    recovered: StoreRefs,
}

/// One of them.
#[derive(Clone)]
struct Copy {
    store: Store,
    held: StoreManifest,
    /// What stands for it in a command.
    at: StoreRef,
}

/// What the names of databases for copies begin with.
const DATABASE: &str = "portcullis_drill_";

impl Copies {
    /// Where the stores of a backup go. A file keeps the name that it has in the configuration, since a program may
    /// go by it.
    ///
    /// # Errors
    /// When nobody can tell on which server a database would be restored.
    pub(super) async fn of(
        config: &Config,
        manifest: &Manifest,
        scratch: &Path,
        began_ms: u64,
    ) -> Result<Copies, Short> {
        let mut copies = Vec::new();
        for (index, held) in manifest.stores.iter().enumerate() {
            let live = config.stores.iter().find(|store| store.name == held.name);
            if live.is_some_and(|live| !live.can_be_copied()) {
                return Err(Short::could_not(format!(
                    "store {} cannot be copied: its commands would restore it over live data; if they heed \
                     PORTCULLIS_COPY, set copies = true and path in its [[store]]",
                    held.name
                )));
            }
            let at = match (place(held, live, scratch), live) {
                (Some(at), _) => at,
                (None, Some(live)) if live.path().is_none() => {
                    live.copied_to(scratch, &format!("{DATABASE}{began_ms:x}_{index}"))
                }
                (None, _) => {
                    return Err(Short::could_not(format!(
                        "store {} is a {} in the backup, and the configuration has none of that name, so nobody can tell \
                         where it would be restored",
                        held.name, held.kind
                    )));
                }
            };
            let store = stores_of(std::slice::from_ref(&at)).await;
            let store = store.map_err(|failure| Short::could_not(failure.message))?;
            copies.extend(store.into_iter().map(|store| Copy {
                store,
                held: held.clone(),
                at: at.clone(),
            }));
        }
        Ok(Copies {
            held: copies,
            recovered: StoreRefs::new(),
        })
    }

    /// Adds a store that was recovered from its archive.
    pub(super) fn add_recovered(&mut self, at: StoreRef) {
        self.recovered.push(at);
    }

    /// Drops the databases of this drill. Folders are cleared away with all that is in them.
    pub(super) async fn drop_databases(&self) -> Result<(), Short> {
        let copies = self.held.clone();
        blocking(move || {
            for copy in &copies {
                copy.store
                    .drop_copy()
                    .map_err(|error| Short::could_not(chain(&error)))?;
            }
            Ok(())
        })
        .await
    }

    /// Drops the databases that drills left which were killed, and says which. The lock of drills is held.
    pub(super) async fn drop_left(config: &Config) -> Result<Vec<String>, Short> {
        let databases = config.stores.iter().filter(|store| store.path().is_none());
        let databases: Vec<StoreRef> = databases.cloned().collect();
        let stores = stores_of(&databases).await;
        let stores = stores.map_err(|failure| Short::could_not(failure.message))?;
        let left = blocking(move || {
            let mut left = Vec::new();
            for (index, store) in stores.iter().enumerate() {
                let names = store
                    .leftovers()
                    .map_err(|error| Short::could_not(chain(&error)))?;
                let ours = names.into_iter().filter(|name| name.starts_with(DATABASE));
                left.extend(ours.map(|name| (index, name)));
            }
            Ok(left)
        })
        .await?;
        let mut dropped = Vec::new();
        for (index, name) in left {
            let copy = databases[index].copied_to(Path::new(""), &name);
            let stores = stores_of(&[copy]).await;
            let stores = stores.map_err(|failure| Short::could_not(failure.message))?;
            blocking(move || {
                for store in &stores {
                    store
                        .drop_copy()
                        .map_err(|error| Short::could_not(chain(&error)))?;
                }
                Ok(())
            })
            .await?;
            dropped.push(name);
        }
        Ok(dropped)
    }

    /// Unpacks every store.
    pub(super) async fn restore(
        &self,
        vault: &Vault,
        name: &BackupName,
    ) -> Result<((), Vec<Fact>), Short> {
        let (copies, vault, name) = (self.held.clone(), vault.clone(), name.clone());
        blocking(move || {
            let mut facts = Vec::new();
            for Copy {
                store: copy, held, ..
            } in &copies
            {
                let Some(path) = copy.path() else {
                    vault
                        .restore_copy(&name, copy)
                        .map_err(|error| Short::of_backup(&error))?;
                    facts.push(Fact::new(
                        &copy.name,
                        match held.kind {
                            StoreKind::Bucket => format!(
                                "{}, {}",
                                counted(held.files.len() as u64, "object", "objects"),
                                size_words(held.bytes())
                            ),
                            _ => format!("a dump of {}", size_words(held.bytes())),
                        },
                    ));
                    let read = vault
                        .check_by_commands(&name, std::slice::from_ref(copy))
                        .map_err(|error| Short::of_backup(&error))?;
                    let words = "its check command read the data";
                    facts.extend(read.iter().map(|store| Fact::new(store, words)));
                    continue;
                };
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
        let copies = self.held.clone();
        blocking(move || {
            let mut facts = Vec::new();
            for Copy {
                store: copy, held, ..
            } in &copies
            {
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
        for live in &config.stores {
            let held = self.held.iter().map(|copy| &copy.at);
            let mut all = held.chain(&self.recovered);
            let Some(at) = all.find(|at| at.name == live.name) else {
                return Err(Short::could_not(format!(
                    "the backup has no store {}, which the configuration has; the release would use live data",
                    live.name
                )));
            };
            if live.kind() != at.kind() {
                return Err(Short::could_not(format!(
                    "store {} is a {} in the configuration and a {} in the backup",
                    live.name,
                    live.kind().word(),
                    at.kind().word()
                )));
            }
            stores.push(at.clone());
        }
        Ok(stores)
    }
}

/// Where a store of a backup goes on the disk; `None` for a database of a server.
fn place(held: &StoreManifest, live: Option<&StoreRef>, scratch: &Path) -> Option<StoreRef> {
    let leaf: OsString = live
        .and_then(StoreRef::path)
        .and_then(Path::file_name)
        .map_or_else(|| "data".into(), Into::into);
    let path = scratch.join(&held.name).join(leaf);
    let location = match held.kind {
        StoreKind::File => StoreLocation::File { path },
        StoreKind::Directory => StoreLocation::Directory { path },
        StoreKind::Sqlite => StoreLocation::Sqlite { path },
        StoreKind::Chroma => StoreLocation::Chroma { path },
        StoreKind::Postgres | StoreKind::Redis | StoreKind::Bucket | StoreKind::Command => {
            return None;
        }
    };
    Some(StoreRef {
        name: held.name.clone(),
        location,
    })
}
