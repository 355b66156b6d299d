//! What a configuration file means, once everything in it was found to be right.
//!
//! A [`Config`] only comes out of [`crate::parse`] and [`crate::load`], so whoever holds one need not
//! check it again: paths are absolute, names are plain, weights rise to 100, every `{place}` has a
//! value and every gate has rules that can be judged. What depends on the disk is looked at only by
//! [`Config::check_files`].

use std::path::PathBuf;

use portcullis_analysis::Analysis;
use portcullis_rollout::{
    Closing, DataPolicy, FigureOrder, ReleaseId, StoreRef, SyntheticTraffic, Timeouts,
};

use crate::Problems;
use crate::origin::{FileFault, Origin};

mod backup;
mod continuous;
mod copies;
mod drill;
mod gateway;
mod hook;
mod journal;
mod listen;
mod ports;
mod release;
mod retention;
mod schedule;
mod secret_text;
mod server;
mod service;
mod state;

pub use backup::{BackupConfig, TooOld};
pub use continuous::ContinuousConfig;
pub use copies::{CopyConfig, EncryptionConfig, LockConfig};
pub use drill::{DrillConfig, DrilledBackup};
pub use gateway::{
    AccessConfig, AccessLogConfig, AccessLogPlace, AcmeChallenge, AcmeConfig, ApiKeysConfig,
    BuiltInSearch, CapacityConfig, CertificateConfig, ClientCertificates, ClientsConfig,
    CluesConfig, ConversationStore, ConversationsConfig, CorsConfig, DatasetRequests,
    DictionaryConfig, DictionaryWords, DifyApi, EjectConfig, GatewayConfig, HeaderCondition,
    HealthConfig, HostPattern, JwksSource, JwtAlgorithm, JwtConfig, LeakAction, LimitConfig,
    LimitKey, LoggedPaths, MaskApplication, MaskConfig, MaskFault, MetricsConfig, ModelConfig,
    PathPattern, PlaceholderForm, RecognizerConfig, RedirectConfig, RetryConfig, RewriteConfig,
    RouteConfig, RouteTarget, RouteTimeouts, SearchConfig, SecurityHeaders, ServerWeight,
    SharedConfig, StickyConfig, TlsConfig, TlsVersion, TracesConfig, UnknownMessage,
    UnknownRequest, UploadConfig, UpstreamChoice, UpstreamConfig, UpstreamProtocol, UpstreamTls,
    WordsError,
};
pub(crate) use gateway::{is_known, read_words};
pub use hook::{HookConfig, HookFailure, HookPoint, HookStep};
pub use journal::JournalConfig;
pub use listen::Listen;
pub use ports::{PortRange, PortRangeRefused};
pub use release::ReleaseConfig;
pub use retention::RetentionConfig;
pub use schedule::Schedule;
pub use secret_text::SecretText;
pub(crate) use secret_text::shown;
pub use server::ServerConfig;
pub use service::ServiceConfig;
pub use state::StateConfig;

/// A service, its data, its gates and its releases.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub file: PathBuf,
    /// The folder of that file, absolute. Relative paths in the file start here, and commands run here.
    pub folder: PathBuf,
    /// The service.
    pub service: ServiceConfig,
    /// Its stores, with absolute paths and different names.
    pub stores: Vec<StoreRef>,
    /// What a rollback means for the data.
    pub policy: DataPolicy,
    /// How users are kept out while data is moved.
    pub closing: Closing,
    /// The rules of the gates: those of the file, or the documented ones of the strategy.
    pub analysis: Analysis,
    /// Figures from elsewhere that gates ask for. Places are not filled in.
    pub figures: Vec<FigureOrder>,
    /// What gates ask both releases when too few users do. Places are not filled in.
    pub synthetic: Option<SyntheticTraffic>,
    /// Where the service's clients connect, and how they are divided.
    pub gateway: GatewayConfig,
    /// Where Portcullis itself is reached.
    pub server: ServerConfig,
    /// Where Portcullis keeps what it knows.
    pub state: StateConfig,
    /// How long backups are kept.
    pub retention: RetentionConfig,
    /// When backups are made, and how old the last one may be.
    pub backup: BackupConfig,
    /// The continuous archives of stores, in the order of the stores.
    pub continuous: Vec<ContinuousConfig>,
    /// When backups are tried out, and what must come of it.
    pub drill: DrillConfig,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// The releases, in the order of the file; at least one, with different versions.
    pub releases: Vec<ReleaseConfig>,
    /// Commands of the user's own at the steps of a rollout, in the order of the file.
    pub hooks: Vec<HookConfig>,
    /// Where things stand in the file, for [`Config::check_files`].
    pub(crate) origin: Origin,
}

impl Config {
    /// The release of a version, if the file has it.
    pub fn release(&self, id: &ReleaseId) -> Option<&ReleaseConfig> {
        self.releases.iter().find(|release| release.id == *id)
    }

    /// The names of all environments of the file, whichever was chosen.
    pub fn environments(&self) -> &[String] {
        &self.origin.environments
    }

    /// Looks at the disk: whether every artifact, body file and store is there and of the right kind,
    /// whether the paths of Unix sockets are short enough, and whether certificates, keys and key sets
    /// can be read and are what they should be. Everything else was checked when the file was read;
    /// nothing here touches the network.
    ///
    /// # Errors
    /// All problems found, each at its place in the configuration file.
    pub fn check_files(&self) -> Result<(), Problems> {
        self.origin.check_files()
    }

    /// Tells what was found wrong with files and secrets when they were used, each at the place of the key that
    /// names it; at the file's beginning if no key of that name refers to anything.
    ///
    /// # Errors
    /// The faults as problems, in the order of the file; none without faults.
    pub fn tell_faults(&self, faults: Vec<FileFault>) -> Result<(), Problems> {
        if faults.is_empty() {
            return Ok(());
        }
        Err(self.origin.tell(faults))
    }

    /// One fault as [`Config::tell_faults`] tells it.
    pub fn fault(&self, fault: FileFault) -> Problems {
        self.origin.tell(vec![fault])
    }
}
