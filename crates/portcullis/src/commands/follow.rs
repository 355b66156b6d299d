//! Following a rollout to its end: each moment once, then the verdict as the exit code.

use std::time::Duration;

use portcullis_api::engine::{Detail, Status, Summary};
use portcullis_api::{Client, ClientError};
use portcullis_rollout::{
    Cause, End, HeldWhy, Moment, MomentKind, PausedWhy, Purpose, State, Strategy,
};
use serde::Serialize;

use super::watch::feed::Feed;
use super::watch::live::Live;
use super::watch::surroundings::Surroundings;
use crate::bounds::{FOLLOW_PAUSE, FRAME_PAUSE, LOST_PATIENCE, RETRY_PAUSE, TICK};
use crate::clock::now_ms;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;
use crate::{output, render};

/// What the person who follows wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The release serves; the old one may still be kept warm.
    Promotion,
    /// The release serves in the end, and the old one is stopped.
    Retirement,
    /// The rollout is undone in the end.
    Return,
}

/// In which form it is told.
#[derive(Debug)]
pub(super) enum Form {
    /// A screen that is redrawn. A person can answer a question in another terminal, so it goes on while
    /// the rollout waits.
    Live(Box<Live>),
    /// A line for each moment.
    Lines,
    /// A JSON object in one line for each moment, then the rollout.
    JsonLines,
    /// The rollout as JSON, at the end.
    Json,
}

/// A line of `watch --json`.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Told<'a> {
    /// Something happened.
    Moment {
        schema: &'static str,
        rollout: &'a str,
        moment: &'a Moment,
    },
    /// It is over, or waits for a person.
    Rollout {
        schema: &'static str,
        rollout: &'a str,
        exit_code: u8,
        detail: &'a Detail,
    },
}

/// The fact by which a restore tells where it has put what it replaced.
const REPLACED_FACT: &str = "replaced data kept as";

const WATCH_SCHEMA: &str = "portcullis.watch/1";

impl Form {
    /// A live screen on a terminal that can show one, else lines.
    pub(super) fn fitting(site: &Site) -> Form {
        let look = output::look();
        if look.live {
            Form::Live(Box::new(Live::new(look, Surroundings::of(site))))
        } else {
            Form::Lines
        }
    }

    /// How long to wait for news before looking again.
    fn pause(&self) -> Duration {
        match self {
            Form::Live(_) => TICK,
            Form::Lines | Form::JsonLines | Form::Json => FOLLOW_PAUSE,
        }
    }

    /// Tells what is new since the first `told` moments.
    async fn tell(&mut self, detail: &Detail, told: usize) {
        let fresh = &detail.moments[told.min(detail.moments.len())..];
        match self {
            Form::Live(live) => live.show(detail.clone()).await,
            Form::Lines => fresh
                .iter()
                .for_each(|moment| output::result(&render::moment_as_told(moment))),
            Form::JsonLines => fresh.iter().for_each(|moment| {
                output::json_line(&Told::Moment {
                    schema: WATCH_SCHEMA,
                    rollout: &detail.summary.rollout,
                    moment,
                });
            }),
            Form::Json => {}
        }
    }

    /// Tells that nobody answers since `lost_ms` milliseconds; in lines, once.
    fn lost(&mut self, lost_ms: Option<u64>) {
        match (self, lost_ms) {
            (Form::Live(live), lost_ms) => live.lost(lost_ms.unwrap_or(0)),
            (_, None) => output::talk(&format!(
                "no server answers; trying again for {} s",
                LOST_PATIENCE.as_secs()
            )),
            (_, Some(_)) => {}
        }
    }

    /// Whether it ends with this state: a live screen stays while a person is waited for.
    fn ends_with(&self, state: &State) -> bool {
        state.is_done() || !matches!(self, Form::Live(_))
    }

    fn finish(&self, detail: &Detail, exit: Exit) {
        match self {
            // The last frame says it all.
            Form::Live(_) => {}
            Form::Lines => last_words(detail, exit),
            Form::JsonLines => output::json_line(&Told::Rollout {
                schema: WATCH_SCHEMA,
                rollout: &detail.summary.rollout,
                exit_code: exit as u8,
                detail,
            }),
            Form::Json => output::json(detail),
        }
    }
}

/// Follows until the rollout is over or waits for a person. An interrupt detaches; the rollout goes on.
pub(super) async fn follow(
    site: &Site,
    client: &Client,
    id: &str,
    goal: Goal,
    json: bool,
) -> Result<Exit, CommandError> {
    let form = if json {
        Form::Json
    } else {
        Form::fitting(site)
    };
    follow_as(client, id, goal, form).await
}

/// Follows in a form of one's choice.
pub(super) async fn follow_as(
    client: &Client,
    id: &str,
    goal: Goal,
    form: Form,
) -> Result<Exit, CommandError> {
    let on_a_screen = matches!(form, Form::Live(_));
    tokio::select! {
        ended = to_the_end(client, id, goal, form) => ended,
        _ = tokio::signal::ctrl_c() => {
            if on_a_screen {
                // The terminal has shown the key as ^C below the last frame.
                output::paint("\r\x1b[K");
            }
            output::talk(&format!(
                "detached; the rollout goes on\n  come back: portcullis watch {id}\n  stop it:   \
                 portcullis abort {id}"
            ));
            Ok(Exit::Detached)
        }
    }
}

async fn to_the_end(
    client: &Client,
    id: &str,
    goal: Goal,
    mut form: Form,
) -> Result<Exit, CommandError> {
    let mut feed = Feed::new(client, id);
    let mut told = None;
    let mut lost_at_ms = None;
    loop {
        let began_ms = now_ms();
        match feed.look().await {
            Ok(detail) => {
                lost_at_ms = None;
                form.tell(&detail, told.unwrap_or(0)).await;
                let is_news = told.replace(detail.moments.len()) != Some(detail.moments.len());
                if goal == Goal::Promotion && keeps_warm(&detail) {
                    form.finish(&detail, Exit::Done);
                    return Ok(Exit::Done);
                }
                let exit = verdict(&detail.state_detail, goal);
                if let Some(exit) = exit.filter(|_| form.ends_with(&detail.state_detail)) {
                    form.finish(&detail, exit);
                    return Ok(exit);
                }
                // Where nothing happens, perhaps nothing can happen any more.
                if !is_news && let Some(why) = why_stopped(client).await {
                    return Err(stopped(id, &why));
                }
                feed.wait(form.pause()).await;
            }
            Err(error) if told.is_some() && may_come_back(&error) => {
                let lost_ms = lost_at_ms.map(|at_ms| now_ms().saturating_sub(at_ms));
                if lost_ms.is_some_and(|ms| u128::from(ms) >= LOST_PATIENCE.as_millis()) {
                    return Err(CommandError::of(Exit::Unreachable, &error).hint(format!(
                        "the rollout is in the journal; `portcullis serve` goes on with it, \
                         `portcullis watch {id}` comes back"
                    )));
                }
                form.lost(lost_ms);
                lost_at_ms.get_or_insert(began_ms);
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
        let spent_ms = now_ms().saturating_sub(began_ms);
        tokio::time::sleep(FRAME_PAUSE.saturating_sub(Duration::from_millis(spent_ms))).await;
        feed.catch_up();
    }
}

/// Why the engine had to stop, if it had to.
async fn why_stopped(client: &Client) -> Option<String> {
    let status: Status = client.get("/api/v1/status").await.ok()?;
    status.engine.failure().map(str::to_owned)
}

fn stopped(id: &str, why: &str) -> CommandError {
    CommandError::new(Exit::Failed, format!("the engine had to stop: {why}"))
        .code(ErrorCode::EngineStopped)
        .hint(format!(
            "the rollout stays where it is and users are still served; mend the cause, then stop `portcullis \
             serve` and start it again: it goes on, and `portcullis watch {id}` follows it"
        ))
}

/// Whether a server that is restarted may answer later: it is gone, it hung up in the middle of an
/// answer, or it is not ready.
pub(super) fn may_come_back(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Malformed { .. } => true,
        ClientError::Refused(problem) => problem.status == 503,
        ClientError::Setup(_) => false,
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
        } if goal != Goal::Return => Some(Exit::Done),
        State::Done {
            cause: Some(Cause::GateFailed { .. }),
            ..
        } => Some(Exit::RolledBack),
        State::Done { .. } => Some(Exit::Failed),
        State::Held { .. }
        | State::Paused {
            why: PausedWhy::Approval { .. } | PausedWhy::Asked(_) | PausedWhy::Within { .. },
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

/// Whether the release serves and the old one is only kept warm.
fn keeps_warm(detail: &Detail) -> bool {
    let plan = &detail.plan.plan;
    matches!(&detail.state_detail, State::Watching { at, .. } if plan.keeps_warm(*at))
}

/// How what was reached is taken back, and what that would lose.
fn undo(detail: &Detail) -> Option<String> {
    let Summary { from, to, .. } = &detail.summary;
    match (&detail.state_detail, from) {
        (
            State::Done {
                end: End::Promoted, ..
            },
            Some(from),
        ) => Some(match &detail.plan.plan.strategy {
            Strategy::CutOver { .. } => format!(
                "portcullis rollback (closes the service, puts its data back as {from} left it, and starts {from}; what \
                 was written since is lost to it, and you are asked first)"
            ),
            _ if !detail.plan.plan.takes_away().is_empty() => no_way_back(detail, from),
            _ => format!(
                "portcullis rollback (starts {from} again and moves traffic to it; the data stays as it is)"
            ),
        }),
        (State::Done { .. }, _) => {
            let again = match detail.plan.plan.purpose {
                Purpose::Deploy => format!("deploy --release {to}"),
                Purpose::Rollback => format!("rollback {to}"),
            };
            Some(format!(
                "portcullis {again} (a rollout of its own, from the beginning)"
            ))
            .filter(|_| {
                !matches!(
                    &detail.state_detail,
                    State::Done {
                        end: End::Promoted,
                        ..
                    }
                )
            })
        }
        (_, Some(from)) => Some(format!(
            "portcullis rollback (goes back to {from} at once; {})",
            detail.plan.rollback_loss
        )),
        (_, None) => None,
    }
}

/// Why nothing goes back behind a contraction, and what there is instead.
fn no_way_back(detail: &Detail, from: &str) -> String {
    let files = detail.plan.plan.takes_away().join(", ");
    format!(
        "none: {files} took away what {from} may need; only a backup of before it brings that back, with the data of then \
         (`portcullis backup list`)"
    )
}

/// Where the data is that a restore replaced: it is kept beside the store until somebody removes it.
fn replaced(detail: &Detail) -> impl Iterator<Item = &str> {
    let undone = detail
        .moments
        .iter()
        .filter_map(|moment| match &moment.kind {
            MomentKind::Settled { facts, .. } => Some(facts),
            _ => None,
        });
    let kept = undone.flatten().filter(|fact| fact.name == REPLACED_FACT);
    kept.map(|fact| fact.value.as_str())
}

/// What a person can do now.
fn last_words(detail: &Detail, exit: Exit) {
    let id = &detail.summary.rollout;
    for kept in replaced(detail) {
        let how = match kept {
            path if path.starts_with('/') => format!(": rm -r {path}"),
            objects if objects.starts_with("s3://") => format!(": aws s3 rm --recursive {objects}"),
            _ => String::new(),
        };
        output::talk(&format!(
            "kept: {kept} has the data from before going back; nothing removes it but you{how}"
        ));
    }
    match exit {
        Exit::Done => {
            if let Some(undo) = undo(detail) {
                output::talk(&format!("undo: {undo}"));
            }
        }
        Exit::Waits | Exit::Inconclusive => {
            output::talk(&format!("look:  portcullis show {id}"));
            let words = match &detail.state_detail {
                State::Held {
                    why: HeldWhy::WouldLoseWrites,
                    ..
                } => {
                    "portcullis retry (puts the backup back; what users wrote since is lost) or skip (keeps the data)"
                }
                State::Held { .. } => "portcullis retry (look again) or skip (vouch for the step)",
                _ => "portcullis resume",
            };
            output::talk(&format!("go on: {words}"));
            if render::may_abort(detail) {
                output::talk(&format!("stop:  portcullis abort {id}"));
            }
        }
        _ => output::talk(&format!("look: portcullis show {id}")),
    }
}
