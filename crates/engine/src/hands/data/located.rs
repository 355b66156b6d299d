//! Stores of an order as the backup crate knows them.

use std::path::Path;
use std::time::Duration;

use portcullis_backup::{
    CommandVariables, Location, PostgresAddress, RedisAddress, Store, StoreCommands,
};
use portcullis_driver::resolve_secret;
use portcullis_rollout::{Failure, StoreLocation, StoreRef, ValueSource};
use secrecy::{ExposeSecret, SecretString};

use super::super::{bucket, chain, lasting};

/// Stores as the backup crate knows them. References to URLs are resolved now; whoever holds the stores holds the
/// passwords.
///
/// # Errors
/// When a reference has no value, or it is no URL of a PostgreSQL database, or no address of a bucket. No message has any
/// of it.
pub async fn stores_of(refs: &[StoreRef]) -> Result<Vec<Store>, Failure> {
    let mut stores = Vec::with_capacity(refs.len());
    for store in refs {
        let location = match store.location.clone() {
            StoreLocation::File { path } => Location::File { path },
            StoreLocation::Directory { path } => Location::Directory { path },
            StoreLocation::Sqlite { path } => Location::Sqlite { path },
            StoreLocation::Redis { url, folder, copy } => {
                let url = resolved(&store.name, &url, &folder).await?;
                let address = RedisAddress::new(url.expose_secret());
                let address = address.map_err(|error| named(&store.name, &error))?;
                Location::Redis { address, copy }
            }
            StoreLocation::Chroma { path } => Location::Chroma { path },
            StoreLocation::Command(commands) => commands_of(&store.name, *commands).await?,
            StoreLocation::Postgres {
                url,
                folder,
                database,
                jobs,
            } => {
                let url = resolved(&store.name, &url, &folder).await?;
                let address = PostgresAddress::new(url.expose_secret());
                let address = address.map_err(|error| named(&store.name, &error))?;
                let address = match database {
                    Some(database) => address.with_database(&database),
                    None => address,
                };
                Location::Postgres { address, jobs }
            }
            StoreLocation::Bucket(bucket) => {
                let address = bucket::address(&store.name, &bucket).await;
                let named = |why: String| lasting(format!("store {:?}: {why}", store.name));
                Location::Bucket {
                    address: address.map_err(named)?,
                }
            }
        };
        stores.push(Store {
            name: store.name.clone(),
            location,
        });
    }
    Ok(stores)
}

/// The URL of a store, from where it is.
async fn resolved(store: &str, url: &str, folder: &Path) -> Result<SecretString, Failure> {
    let url = resolve_secret(url, folder).await;
    url.map_err(|error| named(store, &error))
}

fn named(store: &str, error: &dyn std::error::Error) -> Failure {
    lasting(format!("store {store:?}: {}", chain(error)))
}

/// The commands of a store, with the values of their variables.
async fn commands_of(
    name: &str,
    commands: portcullis_rollout::StoreCommands,
) -> Result<Location, Failure> {
    let mut env = CommandVariables::default();
    for (variable, text) in &commands.env {
        let value = resolve_secret(text, &commands.folder).await;
        let value = value.map_err(|error| {
            lasting(format!(
                "store {name:?}: the variable {variable}: {}",
                chain(&error)
            ))
        })?;
        let secret = ValueSource::of(text).is_reference();
        env.set(variable, value.expose_secret(), secret);
    }
    Ok(Location::Command {
        commands: Box::new(StoreCommands {
            backup: commands.backup,
            restore: commands.restore,
            check: commands.check,
            size: commands.size,
            digest: commands.digest,
            repeats: commands.repeats,
            env,
            folder: commands.folder,
            timeout: Duration::from_millis(commands.timeout_ms),
            memory: commands.memory,
            path: commands.path,
            copy: commands.copy,
        }),
    })
}
