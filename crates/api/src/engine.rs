//! The engine's API under `/api/v1`.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `GET /status` | | [`Status`] |
//! | `GET /rollouts` | | `[`[`Summary`]`]`, newest first |
//! | `GET /rollouts/{id}` | | [`Detail`] |
//! | `GET /rollouts/{id}/gates/{gate}` | | [`portcullis_rollout::Replay`]: the gate judged again from what was recorded |
//! | `POST /plans` | [`PlanWish`] | [`PlanView`]; changes nothing |
//! | `POST /rollouts` | [`DeployWish`] | [`PlanView`] of the rollout that has begun |
//! | `POST /commands` | [`CommandWish`] | [`Accepted`] |
//! | `POST /rollback` | [`RollbackWish`] | [`Accepted`] |
//! | `PUT /gateways/{instance}` | [`crate::gateway::FollowerReport`] | [`crate::gateway::Lead`]; for gateways elsewhere |
//! | `GET /events` | | server-sent events, one per journal entry: [`JournalEvent`] |
//!
//! Every call needs `Authorization: Bearer TOKEN`. Refusals are [`crate::Problem`]s.

use crate::data::{DataStanding, Loss};
use std::sync::Arc;

use portcullis_rollout::{DataPolicy, Moment, Plan, State};
use serde::{Deserialize, Serialize};

use crate::gateway::{Bypass, Split};

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// `portcullis.status/1`.
    pub schema: String,
    /// The version of the server that says so; missing when no server was asked, or one that did not tell
    /// its version yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// Whether the engine acts, or why not.
    pub engine: EngineStanding,
    /// The verdict sentence.
    pub sentence: String,
    /// The release that serves.
    pub serving: Option<Serving>,
    /// The release that a live rollout brings out, while it has some of the users and is not promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
    /// The release that is kept warm after a promotion, and how the new one is watched meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<Warm>,
    /// The rollout that is not over.
    pub live: Option<Summary>,
    /// The newest journal entry.
    pub journal_seq: u64,
    /// The fencing epoch.
    pub epoch: u64,
    /// The split that is in force by the journal; missing where nothing serves yet, and while a step moves
    /// traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// How the gateway divides requests, in words, where that is not as the journal has it. The engine does
    /// not know of it: who shows a status asks the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_differs: Option<String>,
    /// Whether the configuration file can be used.
    #[serde(default)]
    pub configuration: ConfigurationStanding,
    /// How the service's data is looked after; missing without stores, and until that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataStanding>,
    /// What going back would lose, while a held rollout asks whether to go back, once it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The gateway's bypass of the service, if one is in force. The engine does not know of it: who shows
    /// a status asks the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass: Option<Bypass>,
}

/// Whether the configuration file can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum ConfigurationStanding {
    /// It is valid, or nobody has looked.
    #[default]
    Valid,
    /// It was broken while Portcullis ran. What runs goes on with the last good one; nothing can be
    /// planned until it is mended.
    Broken {
        /// When that was noticed, milliseconds since the Unix epoch.
        since_ms: u64,
        /// How many problems it has; `portcullis check` lists them.
        problems: u64,
    },
}

/// Whether the engine acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum EngineStanding {
    /// It acts.
    Acting,
    /// It stopped.
    Stopped {
        /// Why.
        why: String,
    },
}

impl EngineStanding {
    /// The reason of an engine that was asked to stop, for example because its server ends or is succeeded.
    pub const ON_REQUEST: &'static str = "on request";

    /// Why the engine had to stop; `None` when it acts, or was asked to stop.
    pub fn failure(&self) -> Option<&str> {
        match self {
            EngineStanding::Stopped { why } if why != EngineStanding::ON_REQUEST => Some(why),
            EngineStanding::Stopped { .. } | EngineStanding::Acting => None,
        }
    }
}

/// A release that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The release.
    pub release: String,
    /// Where it listens.
    pub address: String,
    /// SHA-256 of its program.
    pub artifact_sha256: String,
    /// Whether it is stopped, because a cut-over is under way: users whom the new release is not open to get 503.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

/// A release that is on trial with some of the users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// The release.
    pub release: String,
    /// Where it listens.
    pub address: String,
    /// Its share of the users, 1 to 100; the release that serves has the others, unless that is stopped.
    pub percent: u8,
}

/// The time after a promotion in which the old release runs on without traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warm {
    /// The old release.
    pub release: String,
    /// Where it listens.
    pub address: String,
    /// When the new one was promoted, milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When the time is over if it is measured without a gap, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// How far apart measurements of the new release are now, in milliseconds.
    pub interval_ms: u64,
    /// What goes back by itself if it breaks its limit, for example `error rate`.
    pub fails_on: Vec<String>,
    /// What is compared with the time before and only warns.
    pub warns_of: Vec<String>,
}

/// A rollout in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Its name.
    pub rollout: String,
    /// The release it came from.
    pub from: Option<String>,
    /// The release it goes to.
    pub to: String,
    /// The word of its state: planned, advancing, watching, paused, unwinding, held, promoted, rolled
    /// back, aborted.
    pub state: String,
    /// The verdict sentence.
    pub sentence: String,
    /// Whether it is over.
    pub over: bool,
    /// When it was planned, milliseconds since the Unix epoch.
    pub planned_at_ms: u64,
    /// When something last happened to it, milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
}

/// A rollout with everything that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// `portcullis.rollout/1`.
    pub schema: String,
    /// In short.
    #[serde(flatten)]
    pub summary: Summary,
    /// Its plan.
    pub plan: PlanView,
    /// Where it is.
    pub state_detail: State,
    /// What happened.
    pub moments: Vec<Moment>,
    /// What going back would lose, while it is held and asks whether to go back, once it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
}

/// A plan, and what a reader wants to know about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    /// `portcullis.plan/1`.
    pub schema: String,
    /// The plan's content hash.
    pub hash: String,
    /// What it does.
    pub title: String,
    /// What a rollback would lose.
    pub rollback_loss: String,
    /// What a rollback means for the data.
    pub policy: DataPolicy,
    /// How long each step took in earlier rollouts, shortest and longest in milliseconds; `null` for a
    /// step that was never done. Empty when nobody looked.
    #[serde(default)]
    pub expected_ms: Vec<Option<(u64, u64)>>,
    /// The release that was kept warm and was stopped because this rollout began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_warm: Option<String>,
    /// The plan.
    pub plan: Arc<Plan>,
}

impl PlanView {
    /// The view of a plan.
    pub fn of(plan: Arc<Plan>) -> PlanView {
        PlanView {
            schema: "portcullis.plan/1".to_owned(),
            hash: plan.hash(),
            title: plan.title(),
            rollback_loss: plan.rollback_loss(),
            policy: plan.policy,
            expected_ms: Vec::new(),
            ended_warm: None,
            plan,
        }
    }

    /// This view with the times that its steps took before.
    #[must_use]
    pub fn expecting(mut self, expected_ms: Vec<Option<(u64, u64)>>) -> PlanView {
        self.expected_ms = expected_ms;
        self
    }
}

/// What to plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanWish {
    /// The environment that is meant; refused when the server is of another. Not checked when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The release; the last in the configuration when missing.
    #[serde(default)]
    pub release: Option<String>,
    /// Plan the way back instead, to that release, or to the one that served before.
    #[serde(default)]
    pub back: bool,
}

/// What to bring out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployWish {
    /// The environment that is meant; refused when the server is of another. Not checked when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The release; the last in the configuration when missing.
    #[serde(default)]
    pub release: Option<String>,
    /// A saved plan, to be carried out as it is or refused; then `release` must be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
    /// Who asks.
    pub by: String,
}

/// What to tell the live rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandWish {
    /// The rollout; the live one when missing.
    #[serde(default)]
    pub rollout: Option<String>,
    /// What.
    pub command: CommandName,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who asks.
    pub by: String,
}

/// Commands to a live rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandName {
    /// Stop and go back.
    Abort,
    /// Wait: at once at a gate, else at the end of the step.
    Pause,
    /// Go on after a pause; also ends the time for which the old release is kept warm.
    Resume,
    /// Answer a planned question with yes.
    Approve,
    /// Look again at a held step and go on from what is found.
    Retry,
    /// Vouch for a held step.
    Skip,
}

/// Who wants to go back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackWish {
    /// The release to return to; the one that served before when missing.
    #[serde(default)]
    pub to: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who asks.
    pub by: String,
}

/// A command was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The rollout it concerns.
    pub rollout: String,
    /// What happens now.
    pub sentence: String,
    /// How this is taken back and what that would lose; missing when it cannot be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

/// A journal entry as a listener sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEvent {
    /// The entry's number; also the event's id, so that a listener can go on where it was.
    pub seq: u64,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// By whom.
    pub by: String,
    /// Its hash, hexadecimal.
    pub hash: String,
    /// The record.
    pub body: serde_json::Value,
}
