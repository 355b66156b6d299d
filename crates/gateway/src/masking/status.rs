//! How masking stands, for the admin API: health, counts, the settings in force, and what can be masked.

mod settings;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_api::gateway::GatewayStatus;
use portcullis_api::masking::{
    AdapterVersion, CacheStats, ConversationStats, LatencyStats, MaskHealth, MaskStats,
    MaskingConfig, MaskingHealth, MaskingReason, MaskingStanding, MaskingStats, MaskingVersion,
    ServerVersion, StoreHealth,
};
use portcullis_config::{DifyApi, MaskApplication};
use portcullis_mask::wire::DifyVersion;
use portcullis_mask::{Action, Rules};

use super::audit::told;
use super::counters::{EDGES_US, Found, MaskingBlock};
use super::{MaskProfile, Vault};
use crate::bounds::{MASKING_ERROR_PERCENT_MAX, MASKING_RATE_REQUESTS_MIN, MASKING_SAMPLES_MAX};
use crate::clock;
use crate::control::Control;
use crate::observe::{Backing, Observers, WatchedRoute};
use crate::routing::Routing;

/// What the admin API tells of masking.
pub(crate) struct MaskingOverview {
    control: Arc<Control>,
    observers: Arc<Observers>,
    vault: Arc<Vault>,
    began_ms: u64,
    /// What was counted at several times until now, the oldest first.
    samples: Mutex<VecDeque<BTreeMap<Arc<str>, Counted>>>,
}

/// What was counted of one mask until some time.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    arrived: u64,
    failed: u64,
}

/// What health is told from.
struct Look {
    routing: Arc<Routing>,
    watched: Arc<Vec<WatchedRoute>>,
    status: GatewayStatus,
    store: Option<StoreHealth>,
}

impl MaskingOverview {
    /// An overview that begins now.
    pub(crate) fn new(
        control: Arc<Control>,
        observers: Arc<Observers>,
        vault: Arc<Vault>,
    ) -> MaskingOverview {
        MaskingOverview {
            control,
            observers,
            vault,
            began_ms: clock::monotonic_ms(),
            samples: Mutex::default(),
        }
    }

    /// Notes what was counted until now. To be called once in a while.
    pub(crate) async fn sample(&self) {
        let routing = self.control.routing().await;
        let masks = routing.masks.iter();
        let sample = masks.map(|mask| (Arc::clone(&mask.config.name), Counted::of(mask)));
        let sample = sample.collect();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back(sample);
        if samples.len() > MASKING_SAMPLES_MAX {
            samples.pop_front();
        }
    }

    /// Whether requests are masked as they should be.
    pub(crate) async fn health(&self) -> MaskingHealth {
        let look = self.look().await;
        let (masks, mut reasons) = self.masks(&look);
        let enforced: Vec<&MaskHealth> = masks
            .iter()
            .filter(|mask| mask.mode == "enforce" && !mask.routes.is_empty())
            .collect();
        let is_down = look.store.as_ref().is_some_and(|store| !store.is_up);
        let needs_store = |mask: &&MaskHealth| mask.application == "dify";
        let is_closed = is_down && !enforced.is_empty() && enforced.iter().all(needs_store);
        if let Some(store) = look.store.as_ref().filter(|store| !store.is_up) {
            let why = store.error.as_deref().unwrap_or("it does not answer");
            let message = format!(
                "conversations can neither be read nor kept, so requests that need them are refused: {why}"
            );
            reasons.push(reason("store-down", None, message));
        }
        if let Some(path) = self.vault.lost_keys() {
            let message = format!(
                "{} is gone; this process still has the keys of conversations, the next one will not and can read none",
                path.display()
            );
            reasons.push(reason("keys-missing", None, message));
        }
        let lost = self.vault.audit().lost();
        if lost > 0 {
            let message =
                format!("{lost} lines of the masking audit could not be written; see the log");
            reasons.push(reason("audit-lost", None, message));
        }
        let status = match (masks.is_empty(), is_closed, reasons.is_empty()) {
            (true, ..) => MaskingStanding::Disabled,
            (_, true, _) => MaskingStanding::Error,
            (_, _, false) => MaskingStanding::Degraded,
            (_, _, true) => MaskingStanding::Healthy,
        };
        let recognizers = look.routing.masks.iter().map(|mask| recognizers_on(mask));
        MaskingHealth {
            status,
            reasons,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            timestamp: timestamp(clock::wall_ms()),
            uptime: self.uptime_s(),
            patterns_loaded: recognizers.max().unwrap_or(0),
            masks,
            store: look.store,
        }
    }

    /// What was counted since the start.
    pub(crate) async fn stats(&self) -> MaskingStats {
        let routing = self.control.routing().await;
        let masks: Vec<MaskStats> = routing.masks.iter().map(|mask| stats_of(mask)).collect();
        let total_requests = masks.iter().map(|mask| mask.total_requests).sum();
        let error_count = masks.iter().map(|mask| mask.error_count).sum();
        let refused_count = masks.iter().map(|mask| mask.refused_count).sum();
        let usage = match masks.is_empty() {
            true => None,
            false => self.vault.usage().await,
        };
        MaskingStats {
            uptime_seconds: self.uptime_s(),
            total_requests,
            error_count,
            error_rate: share(error_count, total_requests),
            refused_count,
            conversations: usage.map(|usage| {
                let usage = usage.unwrap_or_default();
                ConversationStats {
                    keep: settings::keep(self.vault.settings()).to_owned(),
                    records: usage.records,
                    bytes: usage.bytes,
                }
            }),
            audit_lines_lost: self.vault.audit().lost(),
            masks,
        }
    }

    /// The settings in force, without secrets and without what may be personal data itself.
    pub(crate) async fn config(&self) -> MaskingConfig {
        let routing = self.control.routing().await;
        let watched = self.observers.watched();
        let masks = routing.masks.iter();
        MaskingConfig {
            masks: masks
                .map(|mask| settings::effective(mask, routes_of(mask, &watched)))
                .collect(),
            conversations: settings::conversations(self.vault.settings()),
            counts_only: settings::COUNTS_ONLY.map(str::to_owned).to_vec(),
        }
    }

    async fn look(&self) -> Look {
        let routing = self.control.routing().await;
        let usage = match routing.masks.is_empty() {
            true => None,
            false => self.vault.usage().await,
        };
        Look {
            routing,
            watched: self.observers.watched(),
            status: self.control.status().await,
            store: usage.map(|usage| StoreHealth {
                keep: settings::keep(self.vault.settings()).to_owned(),
                is_up: usage.is_ok(),
                error: usage.err(),
            }),
        }
    }

    /// Every mask, and what is not as it should be about them.
    fn masks(&self, look: &Look) -> (Vec<MaskHealth>, Vec<MaskingReason>) {
        let mut reasons = Vec::new();
        let masks = look.routing.masks.iter().map(|mask| {
            let health = self.mask(mask, look);
            tell_versions(mask, &health, &mut reasons);
            let name = health.name.as_str();
            if mask.is_shadow() {
                let message = "nothing is hidden: it only counts what would be".to_owned();
                reasons.push(reason("shadow-mode", Some(name), message));
            }
            let percent = health.error_percent_lately;
            let is_many = health.requests_lately >= MASKING_RATE_REQUESTS_MIN;
            if is_many && percent > MASKING_ERROR_PERCENT_MAX {
                let message = format!(
                    "masking could not do its work on {percent:.1} % of the latest {} requests; `refusals` of /masking/stats \
                     says why",
                    health.requests_lately
                );
                reasons.push(reason("error-rate", Some(name), message));
            }
            for route in bypassed(mask, look) {
                let message = format!("route `{route}` is bypassed: its requests are not masked");
                reasons.push(reason("bypass", Some(name), message));
            }
            health
        });
        (masks.collect(), reasons)
    }

    fn mask(&self, mask: &Arc<MaskProfile>, look: &Look) -> MaskHealth {
        let now = Counted::of(mask);
        let before = {
            let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = samples.front();
            oldest.and_then(|sample| sample.get(&mask.config.name).copied())
        };
        let before = before.unwrap_or_default();
        let requests = now.arrived.saturating_sub(before.arrived);
        let failed = now.failed.saturating_sub(before.failed);
        let routes = routes_of(mask, &look.watched);
        let seen = mask.versions.seen();
        let servers = seen
            .iter()
            .filter(|one| routes.iter().any(|route| **route == *one.route));
        let (adapter, adapter_source) = adapter(mask);
        MaskHealth {
            name: mask.config.name.to_string(),
            application: settings::application(&mask.config.application).to_owned(),
            mode: mode(mask).to_owned(),
            adapter: adapter.to_owned(),
            adapter_source: adapter_source.to_owned(),
            servers: servers
                .map(|one| ServerVersion {
                    route: one.route.to_string(),
                    upstream: one.upstream.to_string(),
                    version: one.version.to_string(),
                    source: "header".to_owned(),
                    is_exact: one.is_exact,
                    since: timestamp(one.since_ms),
                })
                .collect(),
            routes,
            requests_lately: requests,
            error_percent_lately: share(failed, requests) * 100.0,
        }
    }

    fn uptime_s(&self) -> u64 {
        clock::monotonic_ms().saturating_sub(self.began_ms) / 1000
    }
}

/// What can be masked. It depends on the program alone.
pub(crate) fn version() -> MaskingVersion {
    let rules = Rules::default();
    let adapter = |application: &str, versions: &[&str]| AdapterVersion {
        application: application.to_owned(),
        versions: versions.iter().map(|one| (*one).to_owned()).collect(),
    };
    MaskingVersion {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        recognizers: rules.recognizer_names().count(),
        entities: rules.entities().count(),
        adapters: vec![
            adapter("dify", &["0.15", "1"]),
            adapter("openai", &[]),
            adapter("anthropic", &[]),
            adapter("json", &[]),
        ],
    }
}

impl Counted {
    fn of(mask: &Arc<MaskProfile>) -> Counted {
        Counted {
            arrived: mask.counters.sum(|block| &block.arrived),
            failed: mask.counters.sum(|block| &block.failed),
        }
    }
}

fn reason(code: &str, mask: Option<&str>, message: String) -> MaskingReason {
    MaskingReason {
        code: code.to_owned(),
        mask: mask.map(str::to_owned),
        message,
    }
}

/// What is not as it should be about the versions of servers.
fn tell_versions(mask: &MaskProfile, health: &MaskHealth, reasons: &mut Vec<MaskingReason>) {
    let configured = match &mask.config.application {
        MaskApplication::Dify { version, .. } => match version {
            DifyApi::Detect => None,
            DifyApi::V0_15 => Some((DifyVersion::V0_15, "0.15")),
            DifyApi::V1 => Some((DifyVersion::V1, "1")),
        },
        _ => return,
    };
    let seen = mask.versions.seen();
    for server in &health.servers {
        let (version, upstream) = (&server.version, &server.upstream);
        if !server.is_exact {
            let message = format!(
                "`{upstream}` says that it is {version}, for which nothing was written; it is treated as {}",
                health.adapter
            );
            reasons.push(reason("unknown-version", Some(&health.name), message));
        }
        let table = seen.iter().find(|one| *one.route == *server.route);
        if let (Some((wanted, name)), Some(table)) = (configured, table)
            && table.table != wanted
        {
            let message = format!(
                "`{upstream}` says that it is {version}, but version = \"{name}\" is configured; take it away, or set \
                 the right one"
            );
            reasons.push(reason("version-mismatch", Some(&health.name), message));
        }
    }
}

/// Which table is in use, and why.
fn adapter(mask: &MaskProfile) -> (&'static str, &'static str) {
    let name = |table| match table {
        DifyVersion::V0_15 => "dify-0.15",
        DifyVersion::V1 => "dify-1",
    };
    match &mask.config.application {
        MaskApplication::Dify { version, .. } => match (version, mask.versions.table()) {
            (DifyApi::V0_15, _) => ("dify-0.15", "configured"),
            (DifyApi::V1, _) => ("dify-1", "configured"),
            (DifyApi::Detect, Some(table)) => (name(table), "detected"),
            (DifyApi::Detect, None) => ("dify-1", "default"),
        },
        other => (settings::application(other), "only"),
    }
}

/// The routes of a mask whose requests pass it by now.
fn bypassed(mask: &Arc<MaskProfile>, look: &Look) -> Vec<String> {
    let services = &look.status.routes;
    let is_all = !services.is_empty() && services.iter().all(|one| one.bypass.is_some());
    let named = look.watched.iter().filter(|route| uses(route, mask));
    let bypassed = named.filter(|route| match &route.backing {
        Backing::Service(name) => services
            .iter()
            .any(|one| *one.service == **name && one.bypass.is_some()),
        Backing::Upstream(_) => is_all,
        Backing::Gateway => false,
    });
    bypassed
        .map(|route| route.observed.name.to_string())
        .collect()
}

fn uses(route: &WatchedRoute, mask: &Arc<MaskProfile>) -> bool {
    route
        .mask
        .as_ref()
        .is_some_and(|one| Arc::ptr_eq(one, mask))
}

fn routes_of(mask: &Arc<MaskProfile>, watched: &[WatchedRoute]) -> Vec<String> {
    let named = watched.iter().filter(|route| uses(route, mask));
    named.map(|route| route.observed.name.to_string()).collect()
}

fn mode(mask: &MaskProfile) -> &'static str {
    match mask.is_shadow() {
        true => "shadow",
        false => "enforce",
    }
}

fn recognizers_on(mask: &MaskProfile) -> usize {
    let names = mask.masker.finder().rules().recognizer_names();
    names.filter(|(_, _, is_on)| *is_on).count()
}

fn stats_of(mask: &MaskProfile) -> MaskStats {
    let counters = &*mask.counters;
    let sum = |pick: fn(&MaskingBlock) -> &std::sync::atomic::AtomicU64| counters.sum(pick);
    let (total_requests, error_count) = (sum(|block| &block.arrived), sum(|block| &block.failed));
    let leaks = counters.leaks();
    let refusals = counters.refusals().into_iter();
    MaskStats {
        name: mask.config.name.to_string(),
        mode: mode(mask).to_owned(),
        total_requests,
        looked_into: sum(|block| &block.requests),
        passed: sum(|block| &block.passed),
        error_count,
        error_rate: share(error_count, total_requests),
        refused_count: sum(|block| &block.refused),
        values: told(counters.found()),
        restored: sum(|block| &block.restored),
        unrestored_look_alikes: sum(|block| &block.look_alikes),
        leaks_reported: of_action(&leaks, Action::Report),
        leaks_masked: of_action(&leaks, Action::Redact),
        leaks_blocked: of_action(&leaks, Action::Block),
        leaks: told(leaks),
        refusals: refusals
            .map(|(cause, count)| (cause.to_owned(), count))
            .collect(),
        unread_answers: sum(|block| &block.unread),
        cache: CacheStats {
            hits: sum(|block| &block.conversations_found),
            misses: sum(|block| &block.conversations_missed),
            unbound: sum(|block| &block.unbound),
        },
        latency: latency(counters.durations()),
    }
}

fn of_action(found: &Found, action: Action) -> u64 {
    let counts = found.values().filter_map(|actions| actions.get(&action));
    counts.sum()
}

fn latency((counts, sum_us): ([u64; EDGES_US.len() + 1], u64)) -> LatencyStats {
    let count: u64 = counts.iter().sum();
    let ms = |us: f64| us / 1e3;
    LatencyStats {
        count,
        mean_ms: (count > 0).then(|| ms(sum_us as f64 / count as f64)),
        p50_ms: quantile_us(&counts, 0.50).map(ms),
        p95_ms: quantile_us(&counts, 0.95).map(ms),
        p99_ms: quantile_us(&counts, 0.99).map(ms),
    }
}

/// The duration below which this share is, in microseconds: evenly within a bucket; above the last edge, the last edge.
fn quantile_us(counts: &[u64; EDGES_US.len() + 1], share: f64) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return None;
    }
    let wanted = all as f64 * share;
    let (mut below, mut lower_us) = (0.0, 0.0);
    for (count, edge_us) in counts.iter().zip(EDGES_US) {
        let (count, edge_us) = (*count as f64, edge_us as f64);
        if below + count >= wanted && count > 0.0 {
            return Some(lower_us + (edge_us - lower_us) * (wanted - below) / count);
        }
        below += count;
        lower_us = edge_us;
    }
    Some(lower_us)
}

/// A share from 0 to 1.
fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

fn timestamp(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok();
    let at = at.and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
    format!("{:.3}", at.unwrap_or(jiff::Timestamp::MAX))
}

#[cfg(test)]
mod tests;
