//! What the gateway's admin API tells of masking: `GET /masking/health`, `/masking/stats`, `/masking/config` and
//! `/masking/version`. Numbers and names of the configuration; never a value that was hidden, and no secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts by label of an entity (`EMAIL`), then by what was done (`mask`, `redact`, `block`, `report`).
pub type CountsByEntity = BTreeMap<String, BTreeMap<String, u64>>;

/// How masking stands: `GET /masking/health`. Answered with 503 when [`MaskingStanding::Error`], else with 200.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskingHealth {
    /// In one word.
    pub status: MaskingStanding,
    /// Why it is not healthy; empty when it is.
    pub reasons: Vec<MaskingReason>,
    /// The version of Portcullis.
    pub version: String,
    /// When this was told, in RFC 3339.
    pub timestamp: String,
    /// How long this gateway has been running, in seconds.
    pub uptime: u64,
    /// How many recognizers are on, in the mask that has most.
    pub patterns_loaded: usize,
    /// Every mask.
    pub masks: Vec<MaskHealth>,
    /// Where conversations are kept; `None` where nothing is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreHealth>,
}

/// How masking stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskingStanding {
    /// No mask is configured.
    Disabled,
    /// Everything is masked as configured.
    Healthy,
    /// Something is not as it should be, or nothing is hidden on some route.
    Degraded,
    /// Every masked request is refused now.
    Error,
}

/// Why masking is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskingReason {
    /// What it is, the same word every time: `store-down`, `keys-missing`, `error-rate`, `shadow-mode`, `bypass`,
    /// `unknown-version`, `version-mismatch` or `audit-lost`.
    pub code: String,
    /// Which mask is concerned; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// In a sentence.
    pub message: String,
}

/// One mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskHealth {
    /// Its name.
    pub name: String,
    /// `dify`, `openai`, `anthropic` or `json`.
    pub application: String,
    /// `enforce` or `shadow`.
    pub mode: String,
    /// The routes that name it.
    pub routes: Vec<String>,
    /// Which table of the application is in use, such as `dify-1` or `openai`.
    pub adapter: String,
    /// Why this one: `configured`, `detected`, `default` (no server has said its version yet) or `only`.
    pub adapter_source: String,
    /// What the servers said of themselves.
    pub servers: Vec<ServerVersion>,
    /// Requests of the last five minutes, or since the start.
    pub requests_lately: u64,
    /// Of those, the share in percent on which masking could not do its work.
    pub error_percent_lately: f64,
}

/// The version of a server, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerVersion {
    /// The route behind which it is.
    pub route: String,
    /// The upstream's name, or `service`.
    pub upstream: String,
    /// What it said.
    pub version: String,
    /// By what: `header` (`X-Version` of its answers).
    pub source: String,
    /// Whether a table was written for this version; otherwise the nearest one is used.
    pub is_exact: bool,
    /// When it began to say this, in RFC 3339.
    pub since: String,
}

/// Where conversations are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreHealth {
    /// `memory`, `file` or `shared`.
    pub keep: String,
    /// Whether it answers.
    pub is_up: bool,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was counted since the gateway started: `GET /masking/stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskingStats {
    /// How long this gateway has been running, in seconds.
    pub uptime_seconds: u64,
    /// Requests on masked routes.
    pub total_requests: u64,
    /// Requests and answers on which masking could not do its work: what looks for data, the store or the service failed.
    pub error_count: u64,
    /// Their share of the requests, from 0 to 1.
    pub error_rate: f64,
    /// Requests and answers that were not let through for another reason: as the settings say, or because of what the client
    /// sent. They are no errors.
    #[serde(default)]
    pub refused_count: u64,
    /// What is kept; `None` where nothing is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<ConversationStats>,
    /// Lines of the masking audit that could not be written.
    pub audit_lines_lost: u64,
    /// By mask.
    pub masks: Vec<MaskStats>,
}

/// What is kept of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationStats {
    /// `memory`, `file` or `shared`.
    pub keep: String,
    /// Mappings, and what leads to them, that are kept now; `None` where that would cost too much to find out.
    pub records: Option<u64>,
    /// The room that they take, in bytes; in a file the file's size.
    pub bytes: Option<u64>,
}

/// What was counted of one mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskStats {
    /// Its name.
    pub name: String,
    /// `enforce`, or `shadow` where all of this is what would have been.
    pub mode: String,
    /// Requests on its routes.
    pub total_requests: u64,
    /// Of those, the ones that were looked into.
    pub looked_into: u64,
    /// Of those, the ones that passed without a look, as the settings say.
    pub passed: u64,
    /// Requests and answers on which masking could not do its work: what looks for data, the store or the service failed.
    pub error_count: u64,
    /// Their share of the requests, from 0 to 1.
    pub error_rate: f64,
    /// Requests and answers that were not let through for another reason: as the settings say, or because of what the client
    /// sent. They are no errors.
    #[serde(default)]
    pub refused_count: u64,
    /// Values in requests.
    pub values: CountsByEntity,
    /// Placeholders in answers that became their values.
    pub restored: u64,
    /// Names in answers that look like placeholders and were never given; they pass as they are.
    pub unrestored_look_alikes: u64,
    /// Values in answers that the conversation did not hide.
    pub leaks: CountsByEntity,
    /// Of those, the ones that were only reported.
    pub leaks_reported: u64,
    /// Of those, the ones that were replaced by their label.
    pub leaks_masked: u64,
    /// Of those, the ones for which the answer was withheld.
    pub leaks_blocked: u64,
    /// Requests and answers that were not let through (in shadow mode: would not have been), by reason.
    pub refusals: BTreeMap<String, u64>,
    /// Answers and events that passed as they are because they are not what they say, or too long.
    pub unread_answers: u64,
    /// How the conversations of requests were found.
    pub cache: CacheStats,
    /// How long looking into a request took.
    pub latency: LatencyStats,
}

/// How the conversations of requests were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheStats {
    /// Requests whose conversation was kept.
    pub hits: u64,
    /// Requests that named a conversation of which nothing was known.
    pub misses: u64,
    /// Conversations that could not be kept under the id that their answer told.
    pub unbound: u64,
}

/// How long looking into a request took, with reading and keeping its conversation. Quantiles are estimated from the
/// buckets, evenly within one; `None` before the first request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyStats {
    /// Requests.
    pub count: u64,
    /// The mean, in milliseconds.
    pub mean_ms: Option<f64>,
    /// Half of them took less, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95 of a hundred took less, in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99 of a hundred took less, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// The masks in force: `GET /masking/config`. Words that only one company uses, allowed values and patterns may be
/// personal data themselves: of those there are only counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskingConfig {
    /// Every mask.
    pub masks: Vec<EffectiveMask>,
    /// Where conversations are kept.
    pub conversations: EffectiveConversations,
    /// What of the settings is told as a number only.
    pub counts_only: Vec<String>,
}

/// One mask as it is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectiveMask {
    /// Its name.
    pub name: String,
    /// The routes that name it.
    pub routes: Vec<String>,
    /// `dify`, `openai`, `anthropic` or `json`.
    pub application: String,
    /// What is configured besides, by key of the file: the application's own keys and `mode`, `placeholders`, `unknown`,
    /// `leaks`, `body_max` (in bytes), `threshold`, `thresholds`, `action`, `actions`, `only`, `without`, `dictionaries`.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// How many recognizers are on.
    pub recognizers_on: usize,
    /// How many there are.
    pub recognizers: usize,
    /// How many values are never hidden.
    pub allow_count: usize,
    /// How many patterns say what is never hidden.
    pub allow_patterns_count: usize,
    /// Recognizers of the file's own, and how many words or patterns each has.
    pub own: Vec<OwnRecognizer>,
}

/// A dictionary or recognizer of the file's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRecognizer {
    /// Its name.
    pub name: String,
    /// `dictionary` or `recognizer`.
    pub kind: String,
    /// What it finds.
    pub entity: String,
    /// How many words or patterns are in the configuration; `None` for a file of words.
    pub count: Option<usize>,
}

/// Where conversations are kept, as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveConversations {
    /// `memory`, `file` or `shared`.
    pub keep: String,
    /// How long one is kept after its last use, in seconds.
    pub ttl_seconds: u64,
    /// The most values of one conversation.
    pub values_max: u32,
    /// The most conversations, in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations_max: Option<u32>,
    /// The most memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_max: Option<u64>,
    /// Where the keys are from: `none` (nothing leaves the process), `made` (the state folder's own) or `given`. Never
    /// the keys.
    pub keys: String,
}

/// What can be masked: `GET /masking/version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskingVersion {
    /// The version of Portcullis.
    pub version: String,
    /// How many built-in recognizers there are.
    pub recognizers: usize,
    /// How many kinds of data they tell apart.
    pub entities: usize,
    /// Which applications' messages are known.
    pub adapters: Vec<AdapterVersion>,
}

/// One application whose messages are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterVersion {
    /// As `application` of a mask names it.
    pub application: String,
    /// Which versions of its API, as `version` of a mask names them; empty where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}
