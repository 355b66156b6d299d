//! Following a rollout to its end: each moment once, then the verdict as the exit code.

use futures::StreamExt;
use portcullis_api::engine::Detail;
use portcullis_api::{Client, ClientError};
use portcullis_rollout::{Cause, End, PausedWhy, State};

use crate::bounds::FOLLOW_PAUSE;
use crate::command_error::{CommandError, Exit};
use crate::{output, render};

/// What the person who follows wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The release serves in the end.
    Promotion,
    /// The rollout is undone in the end.
    Return,
}

/// Follows until the rollout is over or waits for a person. An interrupt detaches; the rollout goes on.
pub(super) async fn follow(
    client: &Client,
    id: &str,
    goal: Goal,
    json: bool,
) -> Result<Exit, CommandError> {
    tokio::select! {
        ended = to_the_end(client, id, goal, json) => ended,
        _ = tokio::signal::ctrl_c() => {
            output::talk(&format!(
                "detached; the rollout goes on: portcullis show {id}, stop it: portcullis abort {id}"
            ));
            Ok(Exit::Detached)
        }
    }
}

async fn to_the_end(
    client: &Client,
    id: &str,
    goal: Goal,
    json: bool,
) -> Result<Exit, CommandError> {
    let mut told = 0;
    // The stream only says that something happened; what, is read from the rollout. If it breaks, the
    // rollout is looked at every now and then all the same.
    let mut news = client.stream("/api/v1/events").await?.boxed();
    loop {
        let detail: Detail = match client.get(&format!("/api/v1/rollouts/{id}")).await {
            Ok(detail) => detail,
            Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
            Err(error) => return Err(error.into()),
        };
        if !json {
            for moment in &detail.moments[told.min(detail.moments.len())..] {
                output::result(&render::moment(moment));
            }
        }
        told = detail.moments.len();
        if let Some(exit) = verdict(&detail.state_detail, goal) {
            finish(&detail, exit, json);
            return Ok(exit);
        }
        let _ = tokio::time::timeout(FOLLOW_PAUSE, news.next()).await;
    }
}

/// The exit code of a rollout that is over or waits for a person.
fn verdict(state: &State, goal: Goal) -> Option<Exit> {
    match state {
        State::Done {
            end: End::RolledBack | End::Aborted,
            ..
        } if goal == Goal::Return => Some(Exit::Done),
        State::Done {
            end: End::Promoted, ..
        } if goal == Goal::Promotion => Some(Exit::Done),
        State::Done {
            cause: Some(Cause::GateFailed { .. }),
            ..
        } => Some(Exit::RolledBack),
        State::Done { .. } => Some(Exit::Failed),
        State::Held { .. }
        | State::Paused {
            why: PausedWhy::Approval { .. } | PausedWhy::Asked(_),
            ..
        } => Some(Exit::Waits),
        State::Paused {
            why: PausedWhy::Inconclusive { .. },
            ..
        } => Some(Exit::Inconclusive),
        State::Planned
        | State::Advancing { .. }
        | State::Watching { .. }
        | State::Unwinding { .. } => None,
    }
}

fn finish(detail: &Detail, exit: Exit, json: bool) {
    if json {
        output::json(detail);
        return;
    }
    let id = &detail.summary.rollout;
    match exit {
        Exit::Done => {
            if let Some(from) = &detail.summary.from {
                output::talk(&format!(
                    "undo: portcullis rollback (starts {from} again and moves traffic to it; the \
                     data stays as it is)"
                ));
            }
        }
        Exit::Waits | Exit::Inconclusive => {
            output::talk(&format!("look:  portcullis show {id}"));
            let words = match detail.state_detail {
                State::Held { .. } => "portcullis retry (look again) or skip (vouch for the step)",
                _ => "portcullis resume",
            };
            output::talk(&format!("go on: {words}"));
            output::talk(&format!("stop:  portcullis abort {id}"));
        }
        _ => output::talk(&format!("look: portcullis show {id}")),
    }
}
