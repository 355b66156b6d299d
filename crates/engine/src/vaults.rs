//! The vault of a configuration with its keys, and the places elsewhere to which it is copied.

use jiff::SignedDuration;
use portcullis_backup::{
    BackupError, CloudAddress, CloudCredentials, Copies, CopyLock, Encryption, Vault,
};
use portcullis_config::{Config, CopyConfig, EncryptionConfig, RetentionConfig, SecretText};
use portcullis_driver::resolve_secret;
use secrecy::{ExposeSecret, SecretString};

use crate::bounds::COPY_PATIENCE;
use crate::hands::chain;

/// Why a vault or a copy cannot be used. Never quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultRefused {
    /// The vault itself.
    #[error(transparent)]
    Vault(#[from] BackupError),
    /// A key or an address in the configuration.
    #[error("{key}: {why}")]
    Configured {
        /// The key.
        key: String,
        /// What is wrong.
        why: String,
    },
}

/// A place elsewhere, as it is configured.
#[derive(Debug, Clone)]
pub struct CopyPlace {
    /// The place.
    pub copies: Copies,
    /// Whether a release waits for the copy.
    pub required: bool,
    /// How long copies are kept there.
    pub retention: RetentionConfig,
}

/// Opens the vault of a configuration with its keys. With `make` it is made if it is missing.
///
/// # Errors
/// When it cannot be opened, or a recipient is none. An identity that cannot be read is no error: whoever needs it
/// hears of it then.
pub async fn vault_of(config: &Config, make: bool) -> Result<Vault, VaultRefused> {
    let vault = match make {
        true => Vault::open_or_create(&config.state.vault)?,
        false => Vault::open(&config.state.vault)?,
    };
    Ok(vault.with_encryption(encryption_of(config).await?))
}

/// The vault of a configuration with its keys, where it is not there now and must not be made: whatever needs it fails
/// until it is.
///
/// # Errors
/// When a recipient is none.
pub async fn absent_vault_of(config: &Config) -> Result<Vault, VaultRefused> {
    let vault = Vault::absent(&config.state.vault);
    Ok(vault.with_encryption(encryption_of(config).await?))
}

/// The keys of a configuration's vault.
///
/// # Errors
/// When a recipient is none.
pub async fn encryption_of(config: &Config) -> Result<Encryption, VaultRefused> {
    let EncryptionConfig {
        recipients,
        identities,
    } = &config.backup.encryption;
    let encryption = Encryption::for_recipients(recipients);
    let mut encryption = encryption.map_err(|error| VaultRefused::Configured {
        key: "backup.encryption.recipients".to_owned(),
        why: error.to_string(),
    })?;
    for identity in identities {
        let shown = identity.shown();
        let why = match resolve_secret(identity.expose(), &config.folder).await {
            Err(error) => chain(&error),
            Ok(text) => match encryption.clone().with_identities(text.expose_secret()) {
                Ok(with) => {
                    encryption = with;
                    continue;
                }
                Err(error) => format!("`{shown}` cannot be used: {error}"),
            },
        };
        encryption = encryption.without_identity(why);
    }
    Ok(encryption)
}

/// Every place to which backups are copied.
///
/// # Errors
/// When a secret has no value or an address cannot be one.
pub async fn copies_of(config: &Config) -> Result<Vec<CopyPlace>, VaultRefused> {
    let mut places = Vec::with_capacity(config.backup.copies.len());
    for copy in &config.backup.copies {
        let refused = |why: String| VaultRefused::Configured {
            key: format!("backup.copy {:?}", copy.name),
            why,
        };
        let credentials = credentials(config, copy).await.map_err(refused)?;
        let address = CloudAddress {
            name: copy.name.clone(),
            url: copy.url.clone(),
            endpoint: copy.endpoint.clone(),
            region: copy.region.clone(),
            ca: copy.ca.clone(),
            credentials,
            patience: COPY_PATIENCE,
        };
        let copies = Copies::new(address);
        let copies = copies.map_err(|error| refused(error.problem.to_string()))?;
        let copies = match copy.lock {
            None => copies,
            Some(lock) => copies.with_lock(CopyLock {
                duration: SignedDuration::from_millis(
                    i64::try_from(lock.for_ms).unwrap_or(i64::MAX),
                ),
                compliance: lock.compliance,
            }),
        };
        places.push(CopyPlace {
            copies,
            required: copy.required,
            retention: copy.retention,
        });
    }
    Ok(places)
}

async fn credentials(config: &Config, copy: &CopyConfig) -> Result<CloudCredentials, String> {
    let value = |text: Option<&SecretText>| {
        let text = text.map(|text| text.expose().to_owned());
        async move {
            match text {
                None => Ok::<Option<SecretString>, String>(None),
                Some(text) => {
                    let value = resolve_secret(&text, &config.folder).await;
                    value.map(Some).map_err(|error| chain(&error))
                }
            }
        }
    };
    let secret = value(copy.secret.as_ref()).await?;
    let access_key = value(copy.access_key.as_ref()).await?;
    Ok(match (access_key, &copy.account, secret) {
        (Some(access_key), _, Some(secret)) => CloudCredentials::S3 {
            access_key: access_key.expose_secret().to_owned(),
            secret,
        },
        (None, Some(account), secret) => CloudCredentials::Azure {
            account: account.clone(),
            secret,
        },
        (None, None, Some(service_account)) => CloudCredentials::Gcs { service_account },
        _ => CloudCredentials::Environment,
    })
}
