//! Where conversations are kept: opened once for the process, when there is something to mask.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis_mask::Limits;
use secrecy::{ExposeSecret, SecretString};

use super::MaskingAudit;
use crate::bounds::MASKING_LOOK_MS;
use crate::conversations::{
    ConversationKeys, Conversations, KeysError, MemoryStore, RedisStore, SqliteStore, Store,
    StoreError, StoreUsage, Turns,
};
use crate::settings::{ConversationPlace, ConversationSettings};
use crate::shared::SharedServer;

/// The file of the state folder that has the keys where the settings give none.
const KEY_FILE: &str = "mask.keys";
/// The file of the state folder that has the conversations.
const CONVERSATION_FILE: &str = "conversations.db";
/// The file of the state folder with the key of names in the audit.
const AUDIT_KEY_FILE: &str = "masking-audit.key";

/// Why conversations cannot be kept as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The keys of `[gateway.conversations]`.
    #[error("the keys of [gateway.conversations] cannot be used")]
    Keys(#[from] KeysError),
    /// The file or the system's random numbers.
    #[error("conversations cannot be kept")]
    Store(#[from] StoreError),
    /// The file with the keys.
    #[error("the file {path} with the keys of conversations cannot be {doing}")]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// `read` or `made`.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Conversations are to be kept on a server that is not there.
    #[error("keep = \"shared\" needs [gateway.shared] with a server")]
    NoServer,
}

impl VaultError {
    /// What a person can do about it; `None` where the message says all.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            VaultError::Keys(_) => Some("correct `keys` of [gateway.conversations]".to_owned()),
            VaultError::Store(error) => error.hint(),
            VaultError::KeyFile { path, .. } => Some(format!(
                "see that {} can be read and its folder be written by this user",
                path.display()
            )),
            VaultError::NoServer => None,
        }
    }
}

/// The conversations of the process, for its workers.
pub(crate) struct Vault {
    settings: ConversationSettings,
    /// The folder of the state file.
    folder: PathBuf,
    server: Option<Arc<SharedServer>>,
    opened: OnceLock<Opened>,
    /// The control thread's own.
    looked_at: OnceLock<Arc<Conversations>>,
    /// The record of what was masked.
    audit: Arc<MaskingAudit>,
}

enum Opened {
    /// All workers use the same.
    Together(Arc<Conversations>),
    /// Every worker has a connection of its own.
    Apart {
        server: Arc<SharedServer>,
        keys: SecretString,
        turns: Arc<Turns>,
    },
}

impl Vault {
    /// A vault that is not open yet. `state_file` says in which folder files are.
    pub(crate) fn new(
        settings: ConversationSettings,
        state_file: &Path,
        server: Option<Arc<SharedServer>>,
        workers: usize,
    ) -> Vault {
        Vault {
            settings,
            folder: state_file.parent().unwrap_or(Path::new("")).to_owned(),
            server,
            opened: OnceLock::new(),
            looked_at: OnceLock::new(),
            audit: Arc::new(MaskingAudit::new(state_file, workers)),
        }
    }

    /// Opens it, if it is not open. Called on the control thread, which lives as long as the workers do.
    ///
    /// # Errors
    /// Keys, files or the server cannot be used.
    pub(crate) async fn open(&self) -> Result<(), VaultError> {
        if self.opened.get().is_some() {
            return Ok(());
        }
        let ttl_ms = self.settings.ttl_ms;
        let opened = match &self.settings.keep {
            ConversationPlace::Memory {
                conversations_max,
                bytes_max,
            } => {
                let conversations_max = usize::try_from(*conversations_max).unwrap_or(usize::MAX);
                let bytes_max = usize::try_from(*bytes_max).unwrap_or(usize::MAX);
                let store = Store::Memory(MemoryStore::new(conversations_max, bytes_max));
                let keys = ConversationKeys::parse(&ConversationKeys::generate()?)?;
                Opened::Together(Arc::new(Conversations::new(store, keys, ttl_ms)))
            }
            ConversationPlace::File { keys } => {
                let keys = match keys {
                    Some(keys) => keys.clone(),
                    None => {
                        self.warn_of_lost_key();
                        key_file(&self.folder.join(KEY_FILE))?
                    }
                };
                let keys = ConversationKeys::parse(&keys)?;
                let store = SqliteStore::open(&self.folder.join(CONVERSATION_FILE)).await?;
                let kept = Conversations::new(Store::Sqlite(store), keys, ttl_ms);
                Opened::Together(Arc::new(kept))
            }
            ConversationPlace::Shared { keys } => {
                ConversationKeys::parse(keys)?;
                Opened::Apart {
                    server: self.server.clone().ok_or(VaultError::NoServer)?,
                    keys: keys.clone(),
                    turns: Arc::default(),
                }
            }
        };
        self.audit
            .open(key_file(&self.folder.join(AUDIT_KEY_FILE))?);
        // Only the control thread opens it, so nobody was faster.
        let _ = self.opened.set(opened);
        Ok(())
    }

    /// Says so when what is kept has lost the key that was made for it: a new one is made, and nobody can read the rest.
    fn warn_of_lost_key(&self) {
        let (key, kept) = (
            self.folder.join(KEY_FILE),
            self.folder.join(CONVERSATION_FILE),
        );
        if kept.exists() && !key.exists() {
            tracing::warn!(
                "{} is gone, so a new key is made: conversations that {} holds cannot be read with it, and their \
                 placeholders stay as they are; to have them back, stop, put the old key file back, and start again",
                key.display(),
                kept.display()
            );
        }
    }

    /// The conversations for one worker, which keeps them; `None` before it is open.
    pub(crate) fn of_worker(&self) -> Option<Arc<Conversations>> {
        match self.opened.get()? {
            Opened::Together(kept) => Some(Arc::clone(kept)),
            Opened::Apart {
                server,
                keys,
                turns,
            } => {
                let keys = ConversationKeys::parse(keys).ok()?;
                let store = Store::Redis(RedisStore::new(Arc::clone(server)));
                let kept = Conversations::new(store, keys, self.settings.ttl_ms);
                Some(Arc::new(kept.taking_turns(Arc::clone(turns))))
            }
        }
    }

    /// The record of what was masked.
    pub(crate) fn audit(&self) -> &Arc<MaskingAudit> {
        &self.audit
    }

    /// How conversations are kept.
    pub(crate) fn settings(&self) -> &ConversationSettings {
        &self.settings
    }

    /// How much is kept, asked of the store now. For the control thread alone, on whose runtime the store is asked;
    /// `None` before it is open.
    pub(crate) async fn usage(&self) -> Option<Result<StoreUsage, String>> {
        let kept = match self.looked_at.get() {
            Some(kept) => kept,
            None => {
                let kept = self.of_worker()?;
                self.looked_at.get_or_init(|| kept)
            }
        };
        let limit = Duration::from_millis(MASKING_LOOK_MS);
        Some(match tokio::time::timeout(limit, kept.usage()).await {
            Ok(usage) => usage.map_err(|error| {
                let told = crate::error::with_causes(&error);
                error
                    .hint()
                    .map_or(told.clone(), |hint| format!("{told}; {hint}"))
            }),
            Err(_) => Err(format!("no answer within {MASKING_LOOK_MS} ms")),
        })
    }

    /// The file with the keys, if they were made and are gone: this process still has them, the next one will not.
    pub(crate) fn lost_keys(&self) -> Option<PathBuf> {
        let path = self.folder.join(KEY_FILE);
        let makes = matches!(self.settings.keep, ConversationPlace::File { keys: None });
        (makes && self.opened.get().is_some() && !path.exists()).then_some(path)
    }

    /// The most that one conversation may hold.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            entries_max: usize::try_from(self.settings.values_max).unwrap_or(usize::MAX),
            ..Limits::default()
        }
    }
}

#[cfg(test)]
impl Vault {
    /// A vault that nobody opens.
    pub(crate) fn none() -> Vault {
        Vault::new(ConversationSettings::default(), Path::new(""), None, 1)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Vault({})", self.folder.display())
    }
}

/// The keys of a file that only its owner can read. It is made if it is missing; of two processes that make it at the
/// same time, both get the keys of the same one.
fn key_file(path: &Path) -> Result<SecretString, VaultError> {
    let failed = |doing| {
        move |source| VaultError::KeyFile {
            path: path.to_owned(),
            doing,
            source,
        }
    };
    match std::fs::read_to_string(path) {
        Ok(keys) => return Ok(keys.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("read")(error)),
    }
    let keys = ConversationKeys::generate()?;
    let draft = path.with_extension(format!("new-{:016x}", rand::random::<u64>()));
    let made = write_private(&draft, keys.expose_secret())
        // It appears whole, or somebody else's does.
        .and_then(|()| match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
    let _ = std::fs::remove_file(&draft);
    made.map_err(failed("made"))?;
    let keys = std::fs::read_to_string(path).map_err(failed("read"))?;
    Ok(keys.into())
}

/// Writes a file that only its owner can read; when this returns, it is on the disk.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
