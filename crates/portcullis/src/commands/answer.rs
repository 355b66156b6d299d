//! What a person tells the live rollout: `abort`, `rollback`, `resume`, `retry`, `skip`.

use std::io::{BufRead, IsTerminal};

use portcullis_api::Client;
use portcullis_api::engine::{Accepted, CommandName, CommandWish, Detail, RollbackWish, Status};
use portcullis_rollout::{HeldWhy, PausedWhy, State};

use super::follow::{Goal, follow};
use crate::cli::{Abort, Answer, Pause, Rollback};
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
    agreed(&client, args.rollout.as_deref(), CommandName::Abort).await?;
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
    let accepted: Accepted = connect::ask(&client, "/api/v1/rollback", &wish).await?;
    after(site, &client, accepted, goal, args.wait, json).await
}

pub(super) async fn answer(
    site: &Site,
    json: bool,
    args: &Answer,
    word: Word,
) -> Result<Exit, CommandError> {
    let client = connect::running(site)?;
    let command = match word {
        Word::Resume => CommandName::Resume,
        Word::Retry => CommandName::Retry,
        Word::Approve => CommandName::Approve,
        Word::Skip => CommandName::Skip,
    };
    agreed(&client, args.rollout.as_deref(), command).await?;
    let (rollout, reason, by) = (args.rollout.clone(), String::new(), connect::user());
    let wish = CommandWish {
        rollout,
        command,
        reason,
        by,
    };
    let accepted: Accepted = connect::ask(&client, "/api/v1/commands", &wish).await?;
    after(site, &client, accepted, Goal::Promotion, false, json).await
}

/// Says what going back would lose, where this word goes back behind writes of users. Who sits at a terminal is asked once
/// more.
///
/// # Errors
/// They do not want it.
async fn agreed(
    client: &Client,
    rollout: Option<&str>,
    word: CommandName,
) -> Result<(), CommandError> {
    if matches!(word, CommandName::Pause | CommandName::Skip) {
        return Ok(());
    }
    // A server that cannot say how it stands refuses the word itself, with a better reason.
    let Ok(status) = client.get::<Status>("/api/v1/status").await else {
        return Ok(());
    };
    let loss = status
        .loss
        .filter(|loss| rollout.is_none_or(|id| id == loss.rollout));
    let Some(loss) = loss else { return Ok(()) };
    let detail: Detail = client
        .get(&format!("/api/v1/rollouts/{}", loss.rollout))
        .await?;
    let goes_back = match &detail.state_detail {
        State::Held {
            why: HeldWhy::GoingBackLoses { .. } | HeldWhy::ReverseFailed { .. },
            ..
        } => word == CommandName::Abort,
        State::Held {
            why: HeldWhy::WouldLoseWrites,
            ..
        } => word == CommandName::Retry,
        State::Paused {
            why: PausedWhy::Approval { .. },
            ..
        } => matches!(word, CommandName::Approve | CommandName::Resume),
        _ => false,
    };
    if !goes_back {
        return Ok(());
    }
    output::talk(&format!("puts {} back; lost then:", loss.backup));
    for store in &loss.stores {
        output::talk(&format!("  {}: {}", store.store, store.words));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    output::ask("Go back and lose this? [y/N] ");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    match (read, line.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(CommandError::new(Exit::Failed, "nothing was done")),
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
