//! `portcullis plan`: asks the server, or plans from the files when none runs.

use std::sync::Arc;

use portcullis_api::ClientError;
use portcullis_api::engine::{PlanView, PlanWish};
use portcullis_config::Config;
use portcullis_driver::ProcessDriver;
use portcullis_engine::{Planner, PlanningError};
use portcullis_rollout::ReleaseId;

use crate::cli::Plan;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::serve_process::ServeProcess;
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{clock, connect, offline, output, render, saved_plan};

pub(super) async fn run(site: &Site, json: bool, args: &Plan) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    let wish = PlanWish {
        environment: Some(config.service.environment.clone()),
        release: args.release.clone(),
        back: args.back,
    };
    let asked = match connect::client(&config) {
        Ok(client) => connect::ask::<PlanView>(&client, "/api/v1/plans", &wish).await,
        // Without a token there is no server either.
        Err(_) => return finish(&offline(&config, &wish).await?, json, args),
    };
    let view: PlanView = match asked {
        Ok(view) => view,
        Err(ClientError::Unreachable { .. }) => offline(&config, &wish).await?,
        Err(error) => return Err(error.into()),
    };
    finish(&view, json, args)
}

/// Saves the plan if that was asked for, and shows it.
fn finish(view: &PlanView, json: bool, args: &Plan) -> Result<Exit, CommandError> {
    if let Some(out) = &args.out {
        saved_plan::save(out, view)?;
        output::talk(&format!(
            "saved to {}, plan {}; carry it out: portcullis deploy {}",
            out.display(),
            view.hash,
            out.display()
        ));
    }
    show(view, json)
}

pub(super) fn show(view: &PlanView, json: bool) -> Result<Exit, CommandError> {
    if json {
        output::json(view);
    } else {
        output::result(&render::plan(view));
    }
    Ok(Exit::Done)
}

/// The plan from the configuration and the journal's file alone.
async fn offline(config: &Config, wish: &PlanWish) -> Result<PlanView, CommandError> {
    let folder = StateFolder::new(&config.state.folder);
    let process = ServeProcess::of(folder.root(), &config.server.listen);
    output::talk(&format!("{}; planned from the files", process.sentence()));
    let history = offline::history(config).await?;
    let process = ProcessDriver::open(folder.root().to_owned())
        .map_err(|error| CommandError::of(Exit::Failed, &error))?;
    let planner = Planner::new(process);
    let wanted = wish.release.clone().map(ReleaseId::new);
    let planned = if wish.back {
        planner.rollback(config, &history, wanted.as_ref(), clock::now_ms())
    } else {
        planner.deploy(config, &history, wanted.as_ref(), clock::now_ms())
    };
    let plan = planned.map_err(|error| refused(&error))?;
    let expected_ms = history.expected_ms(&plan);
    Ok(PlanView::of(Arc::new(plan)).expecting(expected_ms))
}

/// Why there is no plan.
pub(super) fn refused(error: &PlanningError) -> CommandError {
    let told = CommandError::of(Exit::Failed, error).code(planning_code(error));
    match error {
        PlanningError::Migrations { problems, .. } => told.saying(problems.iter().cloned()),
        _ => told,
    }
}

/// The kind of a refusal to plan; the same as the server's.
fn planning_code(error: &PlanningError) -> ErrorCode {
    match error {
        PlanningError::UnknownRelease { .. } => ErrorCode::UnknownRelease,
        PlanningError::NoPredecessor(_) => ErrorCode::NoPredecessor,
        PlanningError::Artifact { .. } => ErrorCode::ArtifactUnreadable,
        PlanningError::Address(_) => ErrorCode::NoFreePort,
        PlanningError::Moved(_) => ErrorCode::PlanMoved,
        PlanningError::Migrations { .. } => ErrorCode::MigrationRefused,
        _ => ErrorCode::PlanRefused,
    }
}
