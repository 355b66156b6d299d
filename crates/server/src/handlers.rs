//! One handler per call.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use portcullis_api::data::{DataStanding, Loss};
use portcullis_api::engine::{
    Accepted, CommandName, CommandWish, ConfigurationStanding, DeployWish, Detail, PlanView,
    PlanWish, RollbackWish, Status, Summary,
};
use portcullis_api::gateway::{FollowerReport, Lead};
use portcullis_api::{Client, ClientError};
use portcullis_engine::{Command, GoneBack, Service, ServiceError, Wanted};
use portcullis_rollout::{Actor, Plan, ReleaseId, Replay, Rollout};
use tokio::sync::watch;

use crate::answer::Answer;
use crate::{events, views};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) service: Service,
    pub(crate) name: String,
    pub(crate) environment: String,
    pub(crate) configuration: watch::Receiver<ConfigurationStanding>,
    pub(crate) data: watch::Receiver<Option<DataStanding>>,
    pub(crate) loss: watch::Receiver<Option<Loss>>,
    /// The admin API of the engine's own gateway.
    pub(crate) gateway: Client,
}

impl Shared {
    /// Refuses a wish that is meant for another environment than this server's.
    fn is_meant(&self, wanted: Option<&str>) -> Result<(), Answer> {
        match wanted {
            Some(wanted) if wanted != self.environment => Err(Answer::other_environment(format!(
                "this server is of environment {}, the wish is meant for {wanted}; nothing was done",
                self.environment
            ))),
            _ => Ok(()),
        }
    }

    /// A refusal; where the live rollout is the reason, with what may be said to it now.
    fn refusal(&self, error: ServiceError) -> Answer {
        let history = self.service.engine().history();
        let live = history.live().map(|past| views::takes(past.rollout()));
        Answer::from(error).about_live(live)
    }
}

pub(crate) async fn status(State(shared): State<Shared>) -> Json<Status> {
    let engine = shared.service.engine();
    let (name, environment) = (&shared.name, &shared.environment);
    let standing = views::standing(engine);
    let history = engine.history();
    let status = views::status(name, environment, &history, standing, engine.epoch());
    let sentence = match status.engine.failure() {
        // What the rollout says does not happen any more.
        Some(why) => format!(
            "The engine had to stop: {why}. Before that: {}",
            status.sentence
        ),
        None => status.sentence.clone(),
    };
    Json(Status {
        server_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        configuration: shared.configuration.borrow().clone(),
        data: shared.data.borrow().clone(),
        loss: shared.loss.borrow().clone(),
        sentence,
        ..status
    })
}

pub(crate) async fn rollouts(State(shared): State<Shared>) -> Json<Vec<Summary>> {
    let history = shared.service.engine().history();
    Json(
        history
            .outlines()
            .rev()
            .map(|outline| views::summary(&outline))
            .collect(),
    )
}

pub(crate) async fn rollout(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Detail>, Answer> {
    let found = shared.service.engine().rollout(&id).await?;
    let loss = shared.loss.borrow().clone();
    let loss = loss.filter(|loss| loss.rollout == id);
    let detail = |past| Detail {
        loss: loss.clone(),
        ..views::detail(past)
    };
    found.as_ref().map(detail).map(Json).ok_or_else(|| {
        Answer::unknown_rollout(format!(
            "there is no rollout {id}; `portcullis history` lists them"
        ))
    })
}

pub(crate) async fn replay(
    State(shared): State<Shared>,
    Path((id, gate)): Path<(String, String)>,
) -> Result<Json<Replay>, Answer> {
    let found = shared.service.engine().rollout(&id).await?;
    let past = found.ok_or_else(|| {
        Answer::unknown_rollout(format!(
            "there is no rollout {id}; `portcullis history` lists them"
        ))
    })?;
    let replay = past.replay(&gate);
    replay
        .map(Json)
        .map_err(|error| Answer::not_found(error.to_string()))
}

pub(crate) async fn plan(
    State(shared): State<Shared>,
    Json(wish): Json<PlanWish>,
) -> Result<Json<PlanView>, Answer> {
    shared.is_meant(wish.environment.as_deref())?;
    let wanted = if wish.back {
        Wanted::Earlier(wish.release.map(ReleaseId::new))
    } else {
        Wanted::Release(wish.release.map(ReleaseId::new))
    };
    let plan = shared.service.plan(wanted).await?;
    Ok(Json(view(&shared, Arc::new(plan))))
}

/// A plan with what earlier rollouts say of it.
fn view(shared: &Shared, plan: Arc<Plan>) -> PlanView {
    let expected_ms = shared.service.engine().history().expected_ms(&plan);
    PlanView::of(plan).expecting(expected_ms)
}

pub(crate) async fn deploy(
    State(shared): State<Shared>,
    Json(wish): Json<DeployWish>,
) -> Result<Json<PlanView>, Answer> {
    shared.is_meant(wish.environment.as_deref())?;
    let by = person(wish.by);
    let begun = match wish.plan {
        Some(saved) => shared.service.deploy_saved(*saved, by).await,
        None => {
            let wanted = Wanted::Release(wish.release.map(ReleaseId::new));
            shared.service.deploy(wanted, by).await
        }
    };
    let begun = begun.map_err(|error| shared.refusal(error))?;
    let mut view = view(&shared, begun.plan);
    view.ended_warm = begun.ended_warm.map(|release| release.to_string());
    Ok(Json(view))
}

pub(crate) async fn command(
    State(shared): State<Shared>,
    Json(wish): Json<CommandWish>,
) -> Result<Json<Accepted>, Answer> {
    let command = match wish.command {
        CommandName::Abort => Command::Abort {
            reason: wish.reason,
        },
        CommandName::Pause => Command::Pause {
            reason: wish.reason,
        },
        CommandName::Resume => Command::Resume,
        CommandName::Approve => Command::Approve,
        CommandName::Retry => Command::Retry,
        CommandName::Skip => Command::Skip,
    };
    let engine = shared.service.engine();
    let id = engine
        .command(wish.rollout, command, person(wish.by))
        .await
        .map_err(|error| shared.refusal(error.into()))?;
    Ok(Json(accepted(&shared, id.as_str(), wish.command)))
}

pub(crate) async fn rollback(
    State(shared): State<Shared>,
    Json(wish): Json<RollbackWish>,
) -> Result<Json<Accepted>, Answer> {
    let to = wish.to.map(ReleaseId::new);
    let went = shared
        .service
        .go_back(to, person(wish.by), wish.reason)
        .await
        .map_err(|error| shared.refusal(error))?;
    let (id, command) = match &went {
        GoneBack::Aborted(id) => (id.as_str(), CommandName::Abort),
        GoneBack::Begun(begun) => (begun.plan.id.as_str(), CommandName::Resume),
    };
    Ok(Json(accepted(&shared, id, command)))
}

pub(crate) async fn event_stream(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Answer> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after_seq = last.and_then(|id| id.trim().parse().ok()).unwrap_or(0);
    Ok(events::stream(shared.service.engine().clone(), after_seq).await?)
}

/// Passes a follower's report on to the engine's own gateway, whose split is the one in force.
pub(crate) async fn hear_gateway(
    State(shared): State<Shared>,
    Path(instance): Path<String>,
    Json(report): Json<FollowerReport>,
) -> Result<Json<Lead>, Answer> {
    // It becomes part of another path.
    if instance.is_empty() || !instance.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let detail = "an instance of a gateway is a word of letters and digits";
        return Err(Answer::not_found(detail.to_owned()));
    }
    let path = format!("/v1/followers/{instance}");
    match shared.gateway.put(&path, &report).await {
        Ok(lead) => Ok(Json(lead)),
        Err(ClientError::Refused(problem)) => Err(Answer::from(*problem)),
        Err(error) => Err(Answer::gateway_unreachable(error.to_string())),
    }
}

pub(crate) async fn unknown() -> Answer {
    Answer::not_found("there is no such call; the API is under /api/v1".to_owned())
}

fn accepted(shared: &Shared, id: &str, command: CommandName) -> Accepted {
    let history = shared.service.engine().history();
    let found = history.find(id).map(|past| past.rollout());
    Accepted {
        rollout: id.to_owned(),
        sentence: found.map(|rollout| rollout.sentence()).unwrap_or_default(),
        undo: found.and_then(|rollout| undo(rollout, command)),
    }
}

/// How a command is taken back, and what that would lose.
fn undo(rollout: &Rollout, command: CommandName) -> Option<String> {
    let plan = rollout.plan();
    match command {
        CommandName::Abort => Some(format!(
            "portcullis deploy --release {} (a rollout of its own, from the beginning)",
            plan.release.id
        )),
        CommandName::Pause => Some("portcullis resume (loses nothing)".to_owned()),
        CommandName::Resume | CommandName::Approve | CommandName::Retry | CommandName::Skip => {
            // Behind the pivot, and on the way back, it is refused.
            rollout
                .words_taken()
                .contains(&"abort")
                .then(|| format!("portcullis abort {} ({})", plan.id, plan.rollback_loss()))
        }
    }
}

/// Nobody can pass for the engine itself.
fn person(name: String) -> Actor {
    let name = name.trim();
    match name {
        "" | "engine" => Actor::Person("someone".to_owned()),
        name => Actor::Person(name.chars().filter(|c| !c.is_control()).take(64).collect()),
    }
}
