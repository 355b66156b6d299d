//! portcullis.toml: what a user writes, read strictly and explained kindly.
//!
//! [`parse`] turns a text into a [`Config`] in which everything was found to be right, or into
//! [`Problems`]: all of them at once, each with file, line, column, key, what was found, what was
//! expected and, where there is a good guess, what was probably meant. Reading goes in two named steps:
//! values with their places (unknown keys, wrong types, units), then the comparison of values with each
//! other. Neither reads a clock, the environment or the network; the disk is only looked at by
//! [`load`], for the file itself, by [`Config::check_files`], and by [`MaskConfig::rules`] for files of words.
//!
//! A file may have environments, tables that are laid over the rest of it, see [`parse_environment`]; all
//! of them are read whichever is chosen. Secrets stand in it by reference only, see [`SecretText`].
//!
//! The table of keys that the parser uses is also the reference for users, see [`reference()`].

mod bounds;
mod config;
mod explain;
mod keys;
mod origin;
mod overlay;
mod parse;
mod problem;
mod problems;
mod raw;
mod reference;
mod render;
mod report;
mod schema;
mod similar;
mod source;
mod table;
mod template;
mod units;
mod validate;

pub use config::{
    AccessConfig, AccessLogConfig, AccessLogPlace, AcmeChallenge, AcmeConfig, ApiKeysConfig,
    BackupConfig, BuiltInSearch, CapacityConfig, CertificateConfig, ClientCertificates,
    ClientsConfig, CluesConfig, Config, ContinuousConfig, ConversationStore, ConversationsConfig,
    CopyConfig, CorsConfig, DatasetRequests, DictionaryConfig, DictionaryWords, DifyApi,
    DrillConfig, DrilledBackup, DrilledFrom, EjectConfig, EncryptionConfig, GatewayConfig,
    HeaderCondition, HealthConfig, HookConfig, HookFailure, HookPoint, HookStep, HostPattern,
    JournalConfig, JwksSource, JwtAlgorithm, JwtConfig, LeakAction, LimitConfig, LimitKey, Listen,
    LockConfig, LoggedPaths, MaskApplication, MaskConfig, MaskFault, MetricsConfig, ModelConfig,
    PathPattern, PlaceholderForm, PortRange, PortRangeRefused, RecognizerConfig, RedirectConfig,
    ReleaseConfig, RetentionConfig, RetryConfig, RewriteConfig, RouteConfig, RouteTarget,
    RouteTimeouts, Schedule, SearchConfig, SecretText, SecurityHeaders, ServerConfig, ServerWeight,
    ServiceConfig, SharedConfig, StateConfig, StickyConfig, TlsConfig, TlsVersion, TooOld,
    TracesConfig, UnknownMessage, UnknownRequest, UploadConfig, UpstreamChoice, UpstreamConfig,
    UpstreamProtocol, UpstreamTls, WordsError,
};
pub use explain::{Explained, KeyUnknown, ValueOrigin, explain, explain_text};
pub use origin::FileFault;
pub use parse::{check, load, load_environment, parse, parse_environment};
pub use problem::{Code, Problem};
pub use problems::Problems;
pub use reference::reference;
pub use schema::schema;
pub use template::{TemplateOptions, TemplateStore, template};
pub use validate::within;
