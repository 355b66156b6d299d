//! `portcullis deploy`.

use portcullis_api::engine::{DeployWish, PlanView, PlanWish};

use super::follow::{Goal, follow};
use super::plan::show;
use crate::cli::Deploy;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{connect, output, saved_plan};

pub(super) async fn run(site: &Site, json: bool, args: &Deploy) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    let client = connect::client(&config)?;
    let saved = match &args.plan {
        Some(file) => Some(saved_plan::read(file)?),
        None => None,
    };
    if args.dry_run {
        let wish = PlanWish {
            environment: Some(config.service.environment.clone()),
            release: args.release.clone(),
            back: false,
        };
        return show(&connect::ask(&client, "/api/v1/plans", &wish).await?, json);
    }
    let wish = DeployWish {
        environment: Some(config.service.environment.clone()),
        release: args.release.clone(),
        plan: saved.map(|view| Box::new((*view.plan).clone())),
        by: connect::user(),
    };
    let begun: PlanView = connect::ask(&client, "/api/v1/rollouts", &wish).await?;
    let id = begun.plan.id.to_string();
    if let Some(kept) = &begun.ended_warm {
        output::talk(&format!(
            "{kept} is no longer kept warm: a new release was asked for"
        ));
    }
    if args.wait {
        output::talk(&format!("{} as rollout {id}", begun.title));
        return follow(site, &client, &id, Goal::Promotion, json).await;
    }
    if json {
        output::json(&begun);
    } else {
        output::result(&id);
        output::talk(&format!(
            "{} has begun; follow it: portcullis watch {id}",
            begun.title
        ));
        output::talk(&format!(
            "undo: portcullis abort {id} ({})",
            begun.rollback_loss
        ));
    }
    Ok(Exit::Done)
}
