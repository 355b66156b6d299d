//! The gateway's admin API: `GET /v1/gateway`, `GET /v1/routes/{service}`,
//! `PUT /v1/routes/{service}/split` and `POST /v1/reload`, and for emergencies
//! `PUT /v1/routes/{service}/bypass` and `POST /v1/routes/{service}/bypass/end`.
//!
//! A split is always replaced as a whole and carries the epoch of whoever asks; the gateway remembers
//! the highest epoch it has seen for a service and refuses older ones with 409, so that an engine
//! that lost its lease cannot move traffic (invariant 9).
//!
//! On a Unix socket, which only its owner may open, nothing else is asked for; on a TCP address every
//! call needs `Authorization: Bearer TOKEN`. Refusals are [`crate::Problem`]s with a code.

use portcullis_analysis::Histogram;
pub use portcullis_rollout::{ClosedFor, ClosedTo, Closure, ReadRequest};
use serde::{Deserialize, Serialize};

/// How the traffic of one service is divided. Replaced as a whole, never edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The release that serves.
    pub stable: Arm,
    /// The candidate, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Arm>,
    /// The canary's share of the traffic in percent, 0..=100; 0 without a canary.
    pub weight_percent: u8,
    /// Which requests are kept out; none when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closure>,
    /// The canary gets mirrored requests alone, whose answers are thrown away: no user meets it, whoever asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirror_only: bool,
}

/// One release as the gateway reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// The release's version, for example `1.1`.
    pub release: String,
    /// Where it listens, `host:port`.
    pub address: String,
}

impl From<&portcullis_rollout::Split> for Split {
    fn from(split: &portcullis_rollout::Split) -> Split {
        let arm = |arm: &portcullis_rollout::SplitArm| Arm {
            release: arm.release.to_string(),
            address: arm.address.clone(),
        };
        Split {
            stable: arm(&split.stable),
            canary: split.canary.as_ref().map(arm),
            weight_percent: split.weight.percent(),
            closed: split.closed.clone(),
            mirror_only: false,
        }
    }
}

impl std::fmt::Display for Split {
    /// In words, for example `20 % to 1.1 at 127.0.0.1:9001, 80 % to 1.0 at 127.0.0.1:9000`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stable = &self.stable;
        let closed = self.closed.as_ref();
        match &self.canary {
            None => write!(f, "all to {} at {}", stable.release, stable.address)?,
            Some(canary) if self.mirror_only => write!(
                f,
                "all to {} at {}, mirrored to {} at {}",
                stable.release, stable.address, canary.release, canary.address
            )?,
            Some(canary) => write!(
                f,
                "{} % to {} at {}, {} % to {} at {}",
                self.weight_percent,
                canary.release,
                canary.address,
                100_u8.saturating_sub(self.weight_percent),
                stable.release,
                stable.address
            )?,
        }
        closed.map_or(Ok(()), |closed| write!(f, ", closed to {closed}"))
    }
}

/// A request to replace a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitChange {
    /// The whole new split.
    pub split: Split,
    /// The fencing epoch of the asker.
    pub epoch: u64,
    /// Refuse with 409 `overtaken` unless the split was changed exactly this often
    /// ([`RouteStatus::changes`]): for an asker whose new split is made from the one it saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_changes: Option<u64>,
}

/// The code of a refusal because of an old epoch.
pub const STALE_EPOCH: &str = "stale_epoch";
/// The code of a refusal because another change took effect first.
pub const OVERTAKEN: &str = "overtaken";
/// The code of a refusal because an arm is not healthy.
pub const UNHEALTHY_ARM: &str = "unhealthy_arm";

/// The code of a refusal because a running gateway cannot change a setting.
pub const RESTART_NEEDED: &str = "restart_needed";
/// The code of a refusal because the settings cannot be carried out.
pub const NOT_RELOADED: &str = "not_reloaded";
/// The code of a refusal because the configuration file has problems; the same as of the engine's API.
pub const CONFIGURATION: &str = "configuration";

/// A request to read the configuration file again and to put the gateway's part of it in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadWish {
    /// Who asks.
    pub by: String,
}

/// The gateway's part of the configuration file is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The keys that took effect now, for example `[[gateway.route]]`; empty when nothing differed.
    pub changed: Vec<String>,
    /// Keys that differ from what runs, are not the gateway's, and are read at a start only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_restart: Vec<String>,
}

/// A request to take the split of a service out of the way for a while. One that is in force is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BypassWish {
    /// Who asks, for the record.
    pub by: String,
    /// Why, for the record: one line, not empty.
    pub reason: String,
    /// For how long, in milliseconds from now: more than 0 and at most 24 hours.
    pub for_ms: u64,
}

/// A request to end a bypass before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BypassEnd {
    /// Who asks, for the record.
    pub by: String,
}

/// A bypass: until it ends, every request of the service goes to the stable release, whatever the split
/// says and whoever asks for the canary. The split itself stays as it is and holds again afterwards.
/// Limits and access stay in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// Who began it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it began, milliseconds since the Unix epoch.
    pub begun_at_ms: u64,
    /// When it ends by itself, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// The code of a refusal to end a bypass where none is in force.
pub const NO_BYPASS: &str = "no_bypass";

/// A request to keep writes out of a service for a moment, while its stores are backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseWish {
    /// Who asks, for the log.
    pub by: String,
    /// Why: one line, not empty.
    pub reason: String,
    /// Which requests wait, and for how long each: writes, of everyone.
    pub closure: Closure,
    /// After how much time the gateway ends the pause by itself, in milliseconds from now: more than 0 and at most 10
    /// minutes.
    pub for_ms: u64,
}

/// A request to end a pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseEnd {
    /// Which.
    pub id: u64,
}

/// A pause of writes: until it ends, requests that may write wait at the gateway. It is no part of the split, is kept in
/// memory alone and ends by itself, so that nobody who is gone keeps a service closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritePause {
    /// Its name, by which it is ended.
    pub id: u64,
    /// Who began it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it began, milliseconds since the Unix epoch.
    pub begun_at_ms: u64,
    /// When it ends by itself, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// What came of a pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEnded {
    /// How long it was in force, in milliseconds, by a clock that nobody can set.
    pub lasted_ms: u64,
    /// What ended it before it was asked to end; then writes may have been let in meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// The code of a refusal to begin a pause while something else holds the split.
pub const NOT_PAUSED: &str = "not_paused";
/// The code of a refusal to end a pause that the gateway does not know.
pub const NO_PAUSE: &str = "no_pause";

/// The gateway and all its routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// Differs after every start of the gateway: counters of different instances do not subtract.
    pub instance: String,
    /// When it started, milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// The gateway's clock at the time of the answer, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Where it listens for traffic, `host:port`.
    pub listen: String,
    /// Every route.
    pub routes: Vec<RouteStatus>,
    /// Gateways elsewhere that follow this one's splits, as they told it lately. The counters of the routes
    /// above are this gateway's alone, but requests in flight are those of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
}

/// A gateway that follows the splits of another one, as it was heard last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Follower {
    /// How long ago it was heard, in milliseconds.
    pub heard_ms_ago: u64,
    /// What it said.
    #[serde(flatten)]
    pub report: FollowerReport,
}

/// What a follower tells the gateway that it follows, each time it asks for the split in force:
/// `PUT /v1/followers/{instance}`, or over the engine's API `PUT /api/v1/gateways/{instance}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FollowerReport {
    /// What it is called, for people.
    pub name: String,
    /// The service whose split it wants to know.
    pub service: String,
    /// Why it does not do as it was told, if it does not: an arm that it cannot reach, for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// How it stands, without followers of its own.
    pub status: GatewayStatus,
}

/// What a follower is told: the split in force at the gateway that it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// The service.
    pub service: String,
    /// The split in force; `None` before the first release.
    pub split: Option<Split>,
    /// The highest epoch seen. A follower that has seen a higher one does not follow.
    pub epoch: u64,
}

impl Follower {
    /// The route of a service there.
    pub fn route(&self, service: &str) -> Option<&RouteStatus> {
        let mut routes = self.report.status.routes.iter();
        routes.find(|route| route.service == service)
    }
}

/// One service's route: its split and what each arm answered since the gateway started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// The service.
    pub service: String,
    /// The split in force; `None` before the first release.
    pub split: Option<Split>,
    /// The highest epoch seen.
    pub epoch: u64,
    /// How often the split was changed.
    pub changes: u64,
    /// When it was changed last, milliseconds since the Unix epoch; 0 if never.
    pub changed_at_ms: u64,
    /// Every arm that the gateway knows, also ones that were removed (bounded, the oldest forgotten).
    pub arms: Vec<ArmStatus>,
    /// Requests that found no release to serve them and were answered 503.
    pub unrouted: u64,
    /// Requests that wait now for the service to be opened.
    #[serde(default)]
    pub held: u64,
    /// Requests that found it closed and were answered 503, since the gateway started.
    #[serde(default)]
    pub turned_away: u64,
    /// The bypass in force; the canary gets nothing while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass: Option<Bypass>,
    /// The pause of writes in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<WritePause>,
}

/// Counters of one arm since the gateway started. They only grow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmStatus {
    /// Which arm.
    #[serde(flatten)]
    pub arm: Arm,
    /// Requests that were assigned to this arm and are over.
    pub requests: u64,
    /// Of those, failed ones: a 5xx answer, a connection that failed or broke, a time-out.
    pub errors: u64,
    /// Of the errors, those where the arm could not be reached at all and the stable arm answered the
    /// user instead.
    pub failed_over: u64,
    /// Requests under way now, streams included.
    pub in_flight: u64,
    /// Of those, the ones that may write.
    #[serde(default)]
    pub writes_in_flight: u64,
    /// Answers by status class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub by_class: [u64; 5],
    /// Time from the request's head to the answer's head.
    pub latency: Histogram,
    /// When a request was last sent to it, milliseconds since the Unix epoch; 0 if never.
    pub last_sent_at_ms: u64,
    /// Its health as the gateway's own checks see it.
    pub health: ArmHealth,
    /// Requests that were mirrored to it; they count in nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowStatus>,
    /// Routing keys whose first error since the canary joined the split was here. A key counts once, with the arm that
    /// it had then; users that were sent to an arm otherwise than by the weight are not among them.
    #[serde(default)]
    pub first_errors: u64,
    /// Answers that masking refused or broke off.
    #[serde(default)]
    pub refused: u64,
    /// How fast streamed answers came; `None` before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<StreamStatus>,
}

/// How fast streamed answers came. A token is an event with data, or a line of `application/x-ndjson`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Time from the request's head to the first token, of each answer.
    pub first_token: Histogram,
    /// Pauses between tokens that did not come together.
    pub token_gap: Histogram,
    /// Mean time per token, of each answer that came whole.
    pub token_time: Histogram,
}

/// Requests that the stable arm answered and that were also sent to this one, whose answers were compared and
/// thrown away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShadowStatus {
    /// Mirrored requests that are over.
    pub requests: u64,
    /// Of those, the ones that this arm answered with a 5xx or not at all.
    pub errors: u64,
    /// Of those, the ones that the two arms answered with different statuses.
    pub differed: u64,
    /// Requests that were not mirrored because too many were under way.
    pub skipped: u64,
    /// How long this arm took, the answer's body included.
    pub latency: Histogram,
    /// How long the stable arm took for the same requests, to the answer's head.
    pub stable_latency: Histogram,
}

/// What the gateway's active health checks of an arm say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmHealth {
    /// Whether traffic may go there. An arm is not healthy before its first passed check.
    pub healthy: bool,
    /// Failed checks in a row.
    pub consecutive_failures: u32,
    /// Checks that passed.
    pub passed: u64,
    /// Checks that failed.
    pub failed: u64,
    /// What the last failed check saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}
