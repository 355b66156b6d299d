//! `portcullis gate advise`: limits that good releases of the past would have held. Proposes; never applies.

use portcullis_analysis::{ArmSample, Signal};
use portcullis_config::Config;
use portcullis_engine::Past;
use portcullis_rollout::{Action, EventKind, StepIndex};
use serde_json::json;

use crate::cli::Advise;
use crate::command_error::{CommandError, Exit};
use crate::{offline, output};

mod proposal;

use proposal::{Proposal, Seen, propose};

pub(super) async fn run(config: &Config, args: &Advise, json: bool) -> Result<Exit, CommandError> {
    let history = offline::history(config).await?;
    let mut seen = Vec::new();
    for outline in history.outlines().filter(|outline| outline.over) {
        let past = match history.find(outline.id.as_str()) {
            Some(past) => Some(past.clone()),
            None => offline::rollout(config, outline.id.as_str()).await?,
        };
        if let Some(past) = past.filter(|past| past.rollout().is_promoted()) {
            seen.extend(of(&past));
        }
    }
    let enough = seen.len() as u64 >= args.releases_min;
    let proposals = match enough {
        true => propose(&config.analysis, &seen),
        false => Vec::new(),
    };
    if json {
        output::json(&json!({
            "schema": "portcullis.gate-advice/1",
            "releases": seen.len(),
            "releases_min": args.releases_min,
            "proposals": proposals,
        }));
    } else {
        output::result(&told(&seen, args.releases_min, &proposals));
    }
    Ok(Exit::Done)
}

/// What the gates of a rollout have seen; `None` when they saw no request of the candidate.
fn of(past: &Past) -> Option<Seen> {
    let plan = past.rollout().plan();
    let is_gate = |step: StepIndex| {
        let step = plan.step(step).map(|step| &step.action);
        matches!(step, Some(Action::Gate(_)))
    };
    let (mut alone, mut canary, mut stable) = (
        ArmSample::default(),
        ArmSample::default(),
        ArmSample::default(),
    );
    let mut beside_ms = 0;
    for event in past.events() {
        let EventKind::Measured { step, sample, .. } = &event.kind else {
            continue;
        };
        if !is_gate(*step) {
            continue;
        }
        if let Some(arm) = &sample.canary {
            alone.merge(arm);
            if let Some(other) = sample.baseline.as_ref().filter(|other| other.requests > 0) {
                canary.merge(arm);
                stable.merge(other);
                beside_ms += sample.duration_ms();
            }
        }
    }
    (alone.requests > 0).then(|| Seen {
        release: plan.release.id.to_string(),
        alone,
        beside: (canary.requests > 0).then_some((canary, stable)),
        beside_ms,
    })
}

fn told(seen: &[Seen], least: u64, proposals: &[Proposal]) -> String {
    let releases = portcullis_analysis::counted(seen.len() as u64, "release", "releases");
    if (seen.len() as u64) < least {
        return format!(
            "{releases} with measured gates were promoted here; nothing is proposed before there are {least}"
        );
    }
    let mut lines = vec![format!(
        "from {releases} that were promoted ({}); nothing was changed",
        names(seen)
    )];
    for proposal in proposals {
        lines.push(String::new());
        lines.push(format!("# {}", proposal.reason));
        lines.push("[[gate.rule]]".to_owned());
        lines.extend(proposal.keys.iter().cloned());
        lines.push(match &proposal.now {
            Some(now) => format!("# now: {now}"),
            None => "# no such rule now".to_owned(),
        });
    }
    if proposals.is_empty() {
        lines.push("their traffic was too little to propose anything".to_owned());
    }
    lines.join("\n")
}

fn names(seen: &[Seen]) -> String {
    const NAMED_MAX: usize = 5;
    let latest: Vec<&str> = seen
        .iter()
        .rev()
        .take(NAMED_MAX)
        .map(|s| s.release.as_str())
        .collect();
    match seen.len() > NAMED_MAX {
        true => format!("the latest: {}", latest.join(", ")),
        false => latest.join(", "),
    }
}

/// A signal's word in the file.
fn signal_word(signal: &Signal) -> &'static str {
    match signal {
        Signal::ErrorRate => "error-rate",
        _ => "latency",
    }
}
