//! The continuous archives of a configuration, with what their references lead to.

use portcullis_backup::{ContinuousArchive, ContinuousSource, Location, Store, Vault};
use portcullis_config::{Config, ContinuousConfig};
use portcullis_engine::stores_of;
use portcullis_rollout::StoreLocation;

/// The archive of a store in the vault.
pub(crate) fn archive(config: &Config, vault: &Vault, store: &str) -> ContinuousArchive {
    let service = &config.service;
    vault.continuous(service.name.as_str(), &service.environment, store)
}

/// The server of an archive.
///
/// # Errors
/// What keeps it from being known, in a sentence without secrets.
pub(crate) async fn source(
    config: &Config,
    archive: &ContinuousConfig,
) -> Result<ContinuousSource, String> {
    let declared = config
        .stores
        .iter()
        .find(|store| store.name == archive.store);
    let mut declared = declared
        .cloned()
        .ok_or_else(|| format!("there is no store {:?}", archive.store))?;
    if let (StoreLocation::Postgres { url, .. }, Some(other)) =
        (&mut declared.location, &archive.url)
    {
        other.clone_into(url);
    }
    let stores = stores_of(&[declared]).await;
    let stores = stores.map_err(|failure| failure.message)?;
    match stores.into_iter().next() {
        Some(Store {
            location: Location::Postgres { address, .. },
            ..
        }) => Ok(ContinuousSource {
            address,
            slot: archive.slot.clone(),
            synchronous: archive.synchronous,
            slot_bytes_max: archive.slot_bytes_max,
        }),
        _ => Err(format!("the store {:?} is no database", archive.store)),
    }
}
