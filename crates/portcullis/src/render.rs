//! From wire types to text for people.

use portcullis_api::engine::{
    ConfigurationStanding, Detail, EngineStanding, Serving, Sharing, Status, Summary, Warm,
};
use portcullis_api::gateway::Bypass;
use portcullis_rollout::{Direction, Fact, HeldWhy, Moment, MomentKind, State, StepIndex};

use crate::clock::local;

mod data;
mod plan;
mod replay;
pub(crate) mod screen;
mod timeline;

pub(crate) use plan::{pace, plan, rule};
pub(crate) use replay::replay;
pub(crate) use timeline::{moment_as_told, span};

/// How a service stands.
pub(crate) fn status(status: &Status) -> String {
    let mut lines = vec![format!(
        "{} ({}): {}",
        status.service, status.environment, status.sentence
    )];
    match &status.serving {
        // What the gateway alone says has no program.
        Some(serving) if serving.artifact_sha256.is_empty() => lines.push(format!(
            "serving   {} at {}",
            serving.release, serving.address
        )),
        Some(serving) => lines.push(serving_line(serving, status.sharing.as_ref())),
        None => {
            lines.push("serving   nothing; `portcullis deploy` brings out a release".to_owned())
        }
    }
    if let Some(differs) = &status.split_differs {
        lines.push(format!("GATEWAY   {differs}"));
    }
    if let Some(bypass) = &status.bypass {
        lines.push(format!("bypass    {}", bypassed(bypass, &status.service)));
    }
    if let Some(warm) = &status.warm {
        lines.push(format!("kept warm {}", kept_warm(warm)));
    }
    if let Some(live) = &status.live {
        lines.push(format!(
            "rollout   {} {} -> {}, {}; `portcullis show {}`",
            live.rollout,
            live.from.as_deref().unwrap_or("nothing"),
            live.to,
            live.state,
            live.rollout
        ));
    }
    if let Some(loss) = &status.loss {
        lines.extend(data::loss_lines(loss));
    }
    if let Some(data) = &status.data {
        lines.extend(data::lines(data, crate::clock::now_ms()));
    }
    match &status.engine {
        EngineStanding::Acting => lines.push(format!(
            "engine    acting, epoch {}, {} journal entries",
            status.epoch, status.journal_seq
        )),
        EngineStanding::Stopped { why } => lines.push(format!("engine    stopped: {why}")),
    }
    if let ConfigurationStanding::Broken { since_ms, problems } = &status.configuration {
        lines.push(format!(
            "configuration: broken since {}, {}; the last good one is used, and nothing can be planned \
             until it is mended, see `portcullis check`",
            local(*since_ms).strftime("%Y-%m-%d %H:%M:%S"),
            if *problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
        ));
    }
    lines.join("\n")
}

/// The release that is kept warm, until when, and how the new one is watched meanwhile.
fn kept_warm(warm: &Warm) -> String {
    let time = |ms: u64| local(ms).strftime("%H:%M:%S").to_string();
    let fails_on = match warm.fails_on.is_empty() {
        true => "nothing goes back by itself".to_owned(),
        false => format!("goes back by itself for {}", warm.fails_on.join(", ")),
    };
    let warns_of = match warm.warns_of.is_empty() {
        true => String::new(),
        false => format!("; only warns of {}", warm.warns_of.join(", ")),
    };
    format!(
        "{} at {} since {} until {}; measured every {}; {fails_on}{warns_of}",
        warm.release,
        warm.address,
        time(warm.since_ms),
        time(warm.until_ms),
        span(warm.interval_ms)
    )
}

/// A bypass that is in force, with its end.
pub(crate) fn bypassed(bypass: &Bypass, service: &str) -> String {
    format!(
        "every request goes to the stable release until {}, by {}: {}; end it: portcullis gateway bypass \
         {service} --end",
        local(bypass.until_ms).strftime("%Y-%m-%d %H:%M:%S"),
        bypass.by,
        bypass.reason
    )
}

/// Who has the users; a release on trial may have all of them before it is promoted.
fn serving_line(serving: &Serving, sharing: Option<&Sharing>) -> String {
    let (release, address) = (&serving.release, &serving.address);
    let program = short(&serving.artifact_sha256);
    if serving.stopped {
        return stopped_line(release, sharing);
    }
    match sharing {
        None => format!("serving   {release} at {address}, program sha256 {program}"),
        Some(new) if new.percent == 100 => format!(
            "serving   {} at {} has 100 % of the users; {release} at {address} is kept until {} is promoted",
            new.release, new.address, new.release
        ),
        Some(new) => format!(
            "serving   {release} at {address}, program sha256 {program}; {} at {} has {} % of the users",
            new.release, new.address, new.percent
        ),
    }
}

/// Who has the users in a cut-over: the release before is stopped, and who is not let in gets no answer.
fn stopped_line(release: &str, sharing: Option<&Sharing>) -> String {
    match sharing {
        None => format!(
            "serving   nobody: {release} is stopped, and requests wait and then get 503 until a release is opened"
        ),
        Some(new) if new.percent == 100 => format!(
            "serving   {} at {} has 100 % of the users; {release} is stopped",
            new.release, new.address
        ),
        Some(new) => format!(
            "serving   {} at {} has {} % of the users; {release} is stopped, and the requests of the others wait and then \
             get 503",
            new.release, new.address, new.percent
        ),
    }
}

/// All rollouts, a line each.
pub(crate) fn history(rollouts: &[Summary]) -> String {
    let width = rollouts
        .iter()
        .map(|rollout| rollout.rollout.len())
        .max()
        .unwrap_or(0);
    let lines: Vec<String> = rollouts
        .iter()
        .map(|rollout| {
            format!(
                "{:width$}  {}  {:11}  {}",
                rollout.rollout,
                local(rollout.planned_at_ms).strftime("%Y-%m-%d %H:%M:%S"),
                rollout.state,
                rollout.sentence
            )
        })
        .collect();
    lines.join("\n")
}

/// A rollout with its timeline.
pub(crate) fn detail(detail: &Detail) -> String {
    let summary = &detail.summary;
    let mut lines = vec![summary.sentence.clone(), String::new()];
    lines.push(format!(
        "rollout {}, plan {}, {}",
        summary.rollout,
        short(&detail.plan.hash),
        local(summary.planned_at_ms).strftime("%Y-%m-%d %H:%M:%S %Z")
    ));
    lines.push(format!("data: {}", detail.plan.rollback_loss));
    lines.push(String::new());
    lines.extend(detail.moments.iter().map(timeline::moment_in_full));
    if may_abort(detail) {
        lines.push(String::new());
        lines.push(format!("stop it: portcullis abort {}", summary.rollout));
    }
    lines.join("\n")
}

/// Whether an abort would be taken now: not behind the pivot, and on the way back only where it is the answer to what
/// shall be done since a reverse has failed.
pub(crate) fn may_abort(detail: &Detail) -> bool {
    let before_pivot = |at: &StepIndex| *at < detail.plan.plan.pivot;
    match &detail.state_detail {
        State::Planned => true,
        State::Advancing { at, halt, .. } => halt.is_none() && before_pivot(at),
        State::Watching { at, .. } | State::Paused { at, .. } => before_pivot(at),
        State::Held {
            direction: Direction::Do,
            at,
            ..
        } => before_pivot(at),
        State::Held {
            at,
            why: HeldWhy::Unknown { .. },
            ..
        } => {
            let step = detail.plan.plan.step(*at);
            step.is_some_and(|step| step.undo.otherwise().is_some())
        }
        State::Held { why, .. } => matches!(why, HeldWhy::ReverseFailed { .. }),
        State::Unwinding { .. } | State::Done { .. } => false,
    }
}

/// A number of files as people read it.
pub(crate) fn files(count: u64) -> String {
    if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    }
}

/// The start of a hash, enough to recognise it.
pub(crate) fn short(hash: &str) -> &str {
    &hash[..hash.len().min(12)]
}

/// Facts in one line; what has several lines is in `--json` and, where it explains a failure, in `show`.
fn facts(facts: &[Fact]) -> String {
    let words: Vec<String> = facts
        .iter()
        .filter(|fact| !fact.value.contains('\n'))
        .map(|fact| format!("{}: {}", fact.name, fact.value))
        .collect();
    words.join("; ")
}

fn name_of(moment: &Moment) -> String {
    match &moment.kind {
        MomentKind::Began { .. } | MomentKind::Turned { .. } => String::new(),
        _ => moment.name.clone().unwrap_or_default(),
    }
}
