//! One handler per call.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use portcullis_api::engine::{
    Accepted, CommandName, CommandWish, ConfigurationStanding, DeployWish, Detail, PlanView,
    PlanWish, RollbackWish, Status, Summary,
};
use portcullis_engine::{Command, GoneBack, Service, Wanted};
use portcullis_rollout::{Actor, ReleaseId};
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
}

pub(crate) async fn status(State(shared): State<Shared>) -> Json<Status> {
    let engine = shared.service.engine();
    let (name, environment) = (&shared.name, &shared.environment);
    let standing = views::standing(engine);
    let history = engine.history();
    Json(Status {
        configuration: shared.configuration.borrow().clone(),
        ..views::status(name, environment, &history, standing, engine.epoch())
    })
}

pub(crate) async fn rollouts(State(shared): State<Shared>) -> Json<Vec<Summary>> {
    let history = shared.service.engine().history();
    Json(
        history
            .rollouts()
            .iter()
            .rev()
            .map(|past| views::summary(past))
            .collect(),
    )
}

pub(crate) async fn rollout(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Detail>, Answer> {
    let history = shared.service.engine().history();
    let found = history.find(&id).map(views::detail);
    found.map(Json).ok_or_else(|| {
        Answer::not_found(format!(
            "there is no rollout {id}; `portcullis history` lists them"
        ))
    })
}

pub(crate) async fn plan(
    State(shared): State<Shared>,
    Json(wish): Json<PlanWish>,
) -> Result<Json<PlanView>, Answer> {
    let wanted = if wish.back {
        Wanted::Predecessor
    } else {
        Wanted::Release(wish.release.map(ReleaseId::new))
    };
    let plan = shared.service.plan(wanted).await?;
    Ok(Json(PlanView::of(Arc::new(plan))))
}

pub(crate) async fn deploy(
    State(shared): State<Shared>,
    Json(wish): Json<DeployWish>,
) -> Result<Json<PlanView>, Answer> {
    let wanted = Wanted::Release(wish.release.map(ReleaseId::new));
    let plan = shared.service.deploy(wanted, person(wish.by)).await?;
    Ok(Json(PlanView::of(plan)))
}

pub(crate) async fn command(
    State(shared): State<Shared>,
    Json(wish): Json<CommandWish>,
) -> Result<Json<Accepted>, Answer> {
    let command = match wish.command {
        CommandName::Abort => Command::Abort {
            reason: wish.reason,
        },
        CommandName::Resume => Command::Resume,
        CommandName::Retry => Command::Retry,
        CommandName::Skip => Command::Skip,
    };
    let engine = shared.service.engine();
    let id = engine
        .command(wish.rollout, command, person(wish.by))
        .await?;
    Ok(Json(accepted(&shared, id.as_str())))
}

pub(crate) async fn rollback(
    State(shared): State<Shared>,
    Json(wish): Json<RollbackWish>,
) -> Result<Json<Accepted>, Answer> {
    let went = shared.service.go_back(person(wish.by), wish.reason).await?;
    let id = match &went {
        GoneBack::Aborted(id) => id.as_str(),
        GoneBack::Begun(plan) => plan.id.as_str(),
    };
    Ok(Json(accepted(&shared, id)))
}

pub(crate) async fn event_stream(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Answer> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after_seq = last.and_then(|id| id.trim().parse().ok()).unwrap_or(0);
    Ok(events::stream(shared.service.engine().clone(), after_seq).await?)
}

pub(crate) async fn unknown() -> Answer {
    Answer::not_found("there is no such call; the API is under /api/v1".to_owned())
}

fn accepted(shared: &Shared, id: &str) -> Accepted {
    let history = shared.service.engine().history();
    let sentence = history
        .find(id)
        .map(|past| past.rollout().sentence())
        .unwrap_or_default();
    Accepted {
        rollout: id.to_owned(),
        sentence,
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
