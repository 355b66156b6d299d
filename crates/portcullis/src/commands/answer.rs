//! What a person tells the live rollout: `abort`, `rollback`, `resume`, `retry`, `skip`.

use std::time::Duration;

use portcullis_api::Client;
use portcullis_api::data::Loss;
use portcullis_api::engine::{Accepted, CommandName, CommandWish, Detail, RollbackWish, Status};
use portcullis_rollout::{Action, Direction, HeldWhy, PausedWhy, State};

use super::follow::{Goal, follow};
use super::question;
use crate::bounds::{LOSS_LOOK_PAUSE, LOSS_PATIENCE};
use crate::cli::{Abort, Consent, Pause, Rollback};
use crate::clock::monotonic_us;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{connect, output};

/// A word that lets a waiting rollout go on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Resume,
    Retry,
    Approve,
    Skip,
}

pub(super) async fn abort(site: &Site, json: bool, args: &Abort) -> Result<Exit, CommandError> {
    let client = connect::running(site)?;
    let rollout = args.rollout.as_deref();
    agreed(&client, rollout, CommandName::Abort, args.consent).await?;
    let wish = CommandWish {
        rollout: args.rollout.clone(),
        command: CommandName::Abort,
        reason: args.reason.clone(),
        by: connect::user(),
    };
    let accepted: Accepted = connect::ask(&client, "/api/v1/commands", &wish).await?;
    after(site, &client, accepted, Goal::Return, args.wait, json).await
}

pub(super) async fn rollback(
    site: &Site,
    json: bool,
    args: &Rollback,
) -> Result<Exit, CommandError> {
    let client = connect::running(site)?;
    let wish = RollbackWish {
        to: args.to.clone(),
        reason: args.reason.clone(),
        by: connect::user(),
    };
    let before: Status = client.get("/api/v1/status").await?;
    // Going back from a live rollout undoes it; otherwise a rollout of its own is promoted.
    let goal = if before.live.is_some() {
        Goal::Return
    } else {
        Goal::Promotion
    };
    // Going back from a live rollout is an abort of it.
    agreed(&client, None, CommandName::Abort, args.consent).await?;
    let accepted: Accepted = connect::ask(&client, "/api/v1/rollback", &wish).await?;
    after(site, &client, accepted, goal, args.wait, json).await
}

pub(super) async fn answer(
    site: &Site,
    json: bool,
    (rollout, consent): (&Option<String>, Consent),
    word: Word,
) -> Result<Exit, CommandError> {
    let client = connect::running(site)?;
    let command = match word {
        Word::Resume => CommandName::Resume,
        Word::Retry => CommandName::Retry,
        Word::Approve => CommandName::Approve,
        Word::Skip => CommandName::Skip,
    };
    agreed(&client, rollout.as_deref(), command, consent).await?;
    let (rollout, reason, by) = (rollout.clone(), String::new(), connect::user());
    let wish = CommandWish {
        rollout,
        command,
        reason,
        by,
    };
    let accepted: Accepted = connect::ask(&client, "/api/v1/commands", &wish).await?;
    after(site, &client, accepted, Goal::Promotion, false, json).await
}

/// Says what going back would lose, where this word goes back behind writes of users, and asks whoever sits at a terminal.
/// Elsewhere it must have been agreed to beforehand.
///
/// # Errors
/// They do not want it, or nobody can be asked.
async fn agreed(
    client: &Client,
    rollout: Option<&str>,
    word: CommandName,
    consent: Consent,
) -> Result<(), CommandError> {
    if matches!(word, CommandName::Pause | CommandName::Skip) {
        return Ok(());
    }
    // A server that cannot say how it stands refuses the word itself, with a better reason.
    let Ok(status) = client.get::<Status>("/api/v1/status").await else {
        return Ok(());
    };
    let live = status.live.map(|live| live.rollout);
    let Some(live) = live.filter(|live| rollout.is_none_or(|id| id == live)) else {
        return Ok(());
    };
    let detail: Detail = client.get(&format!("/api/v1/rollouts/{live}")).await?;
    if !goes_back(&detail, word) {
        return Ok(());
    }
    match counted(client, &live).await? {
        Some(loss) => {
            output::talk(&format!("puts {} back; lost then:", loss.backup));
            for store in &loss.stores {
                output::talk(&format!("  {}: {}", store.store, store.words));
            }
        }
        None => output::talk(
            "puts a backup back; what users wrote since is lost then, and how much that is could not be counted yet",
        ),
    }
    if consent.accept_loss {
        return Ok(());
    }
    if !question::can_be_asked() {
        return Err(CommandError::new(
            Exit::Failed,
            "nothing was done: this loses what users wrote, and nobody is at a terminal to be asked",
        )
        .hint("with --accept-loss you agree to that beforehand"));
    }
    question::agreed("Go back and lose this?", "nothing was done")
}

/// Whether this word is the consent to losing what users wrote.
fn goes_back(detail: &Detail, word: CommandName) -> bool {
    match &detail.state_detail {
        State::Held {
            why: HeldWhy::GoingBackLoses { .. } | HeldWhy::ReverseFailed { .. },
            ..
        } => word == CommandName::Abort,
        // Then the backup is put back instead of a reverse.
        State::Held {
            direction: Direction::Undo,
            at,
            why: HeldWhy::Unknown { .. },
            ..
        } => {
            let step = detail.plan.plan.step(*at);
            let otherwise = step.and_then(|step| step.undo.otherwise());
            word == CommandName::Abort && otherwise.is_some_and(|(_, asks)| asks)
        }
        State::Held {
            why: HeldWhy::WouldLoseWrites,
            ..
        } => word == CommandName::Retry,
        State::Paused {
            why: PausedWhy::Approval { .. },
            ..
        } => {
            let mut steps = detail.plan.plan.steps.iter();
            matches!(word, CommandName::Approve | CommandName::Resume)
                && steps.any(|step| matches!(step.action, Action::Restore(_)))
        }
        _ => false,
    }
}

/// What would be lost, as soon as it is counted; nothing if that takes longer than a person waits.
async fn counted(client: &Client, rollout: &str) -> Result<Option<Loss>, CommandError> {
    let began_us = monotonic_us();
    loop {
        let status: Status = client.get("/api/v1/status").await?;
        let loss = status.loss.filter(|loss| loss.rollout == rollout);
        let waited = Duration::from_micros(monotonic_us().saturating_sub(began_us));
        if loss.is_some() || waited > LOSS_PATIENCE {
            return Ok(loss);
        }
        tokio::time::sleep(LOSS_LOOK_PAUSE).await;
    }
}

async fn after(
    site: &Site,
    client: &Client,
    accepted: Accepted,
    goal: Goal,
    wait: bool,
    json: bool,
) -> Result<Exit, CommandError> {
    if wait {
        output::talk(&accepted.sentence);
        return follow(site, client, &accepted.rollout, goal, json).await;
    }
    if json {
        output::json(&accepted);
    } else {
        output::result(&accepted.sentence);
        output::talk(&format!("follow it: portcullis watch {}", accepted.rollout));
        if let Some(undo) = &accepted.undo {
            output::talk(&format!("undo: {undo}"));
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn pause(site: &Site, json: bool, args: &Pause) -> Result<Exit, CommandError> {
    let client = connect::running(site)?;
    let wish = CommandWish {
        rollout: args.rollout.clone(),
        command: CommandName::Pause,
        reason: args.reason.clone(),
        by: connect::user(),
    };
    let accepted: Accepted = connect::ask(&client, "/api/v1/commands", &wish).await?;
    after(site, &client, accepted, Goal::Promotion, false, json).await
}
