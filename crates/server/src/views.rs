//! From a service's history to what goes over the wire; also for a reader of the journal's file when no
//! server runs.

use portcullis_api::engine::{
    ConfigurationStanding, Detail, EngineStanding, JournalEvent, PlanView, Serving, Sharing,
    Status, Summary, Warm,
};
use portcullis_api::gateway::Split;
use portcullis_engine::{Engine, History, Outline, Past, Standing};
use portcullis_rollout::{Action, GateRole, HeldWhy, MomentKind, Rollout, State};

/// How a service stands, from its history and what is known of its engine.
pub fn status(
    service: &str,
    environment: &str,
    history: &History,
    standing: EngineStanding,
    epoch: u64,
) -> Status {
    let serving = history.serving().map(|running| Serving {
        release: running.release.id.to_string(),
        address: running.target.address,
        artifact_sha256: running.release.artifact.sha256,
        stopped: history
            .live()
            .is_some_and(|live| live.rollout().stopped_previous()),
    });
    let sharing = history.live().and_then(sharing);
    let live = history.live().map(|past| summary(&past.outline()));
    let split = history.recorded_split().filter(|recorded| !recorded.moving);
    let sentence = sentence(history, live.as_ref(), serving.as_ref());
    Status {
        schema: "portcullis.status/1".to_owned(),
        server_version: None,
        service: service.to_owned(),
        environment: environment.to_owned(),
        engine: standing,
        sentence,
        serving,
        sharing,
        warm: history.live().and_then(warm),
        live,
        journal_seq: history.next_seq() - 1,
        epoch,
        split: split.map(|recorded| Split::from(&recorded.split)),
        split_differs: None,
        configuration: ConfigurationStanding::Valid,
        data: None,
        loss: None,
        bypass: None,
    }
}

fn sharing(live: &Past) -> Option<Sharing> {
    let rollout = live.rollout();
    let percent = rollout.share_percent();
    let plan = rollout.plan();
    (percent > 0 && !rollout.is_promoted()).then(|| Sharing {
        release: plan.release.id.to_string(),
        address: plan.target.address.to_string(),
        percent,
    })
}

/// The time in which the old release is kept warm, if it is that time.
fn warm(live: &Past) -> Option<Warm> {
    let rollout = live.rollout();
    let State::Watching { at, tally } = rollout.state() else {
        return None;
    };
    let Some(Action::Gate(gate)) = rollout.plan().step(*at).map(|step| &step.action) else {
        return None;
    };
    let kept = rollout.plan().previous.as_ref()?;
    if gate.role != GateRole::KeepWarm {
        return None;
    }
    let timeline = live.timeline();
    let mut moments = timeline.moments().iter().rev();
    let promoted = moments.find(|moment| {
        matches!(
            moment.kind,
            MomentKind::Turned {
                until_ms: Some(_),
                ..
            }
        )
    });
    let changed_ms = live.outline().changed_at_ms;
    let left_ms = gate.analysis.window_ms.saturating_sub(tally.measured_ms());
    let words = |only_warns: bool| {
        let rules = gate.analysis.rules.iter();
        let rules = rules.filter(|rule| rule.test.only_warns() == only_warns);
        let mut words: Vec<String> = rules.map(|rule| rule.signal.words()).collect();
        words.dedup();
        words
    };
    Some(Warm {
        release: kept.release.id.to_string(),
        address: kept.target.address.clone(),
        since_ms: promoted.map_or(changed_ms, |moment| moment.at_ms),
        until_ms: changed_ms.saturating_add(left_ms),
        interval_ms: rollout.measures_every_ms()?,
        fails_on: words(false),
        warns_of: words(true),
    })
}

pub(crate) fn standing(engine: &Engine) -> EngineStanding {
    match engine.standing() {
        Standing::Acting => EngineStanding::Acting,
        Standing::Stopped => EngineStanding::Stopped {
            why: EngineStanding::ON_REQUEST.to_owned(),
        },
        Standing::Failed(why) => EngineStanding::Stopped { why },
    }
}

fn sentence(history: &History, live: Option<&Summary>, serving: Option<&Serving>) -> String {
    match (live, history.last(), serving) {
        (Some(live), _, _) => live.sentence.clone(),
        (None, Some(last), _) => last.rollout().sentence(),
        (None, None, Some(serving)) => format!("{} serves", serving.release),
        (None, None, None) => "Nothing was released yet".to_owned(),
    }
}

/// A rollout in short.
pub fn summary(outline: &Outline) -> Summary {
    Summary {
        rollout: outline.id.to_string(),
        from: outline.from.as_ref().map(ToString::to_string),
        to: outline.to.to_string(),
        state: outline.state.to_owned(),
        sentence: outline.sentence.to_string(),
        over: outline.over,
        planned_at_ms: outline.planned_at_ms,
        changed_at_ms: outline.changed_at_ms,
    }
}

/// How a live rollout stands and what may be said to it now, for somebody who was refused something else.
pub(crate) fn takes(rollout: &Rollout) -> String {
    let plan = rollout.plan();
    let (id, sentence) = (&plan.id, rollout.sentence());
    let words = rollout.words_taken();
    if words.is_empty() {
        return format!(
            "{id} stands so: {sentence}; it goes back by itself, `portcullis watch {id}` follows it"
        );
    }
    let came_from = plan.previous.as_ref().map(|running| &running.release.id);
    let going = came_from.map_or("undoes what was done".to_owned(), |from| {
        format!("goes back to {from}")
    });
    let held = match rollout.state() {
        State::Held { why, .. } => Some(why),
        _ => None,
    };
    let would_lose = matches!(held, Some(HeldWhy::WouldLoseWrites));
    let asks = matches!(held, Some(HeldWhy::GoingBackLoses { .. }));
    let meaning = |word: &str| match word {
        "abort" if asks => format!("{going}; what users wrote since is lost"),
        "abort" => going.clone(),
        "resume" if rollout.keeps_warm() => {
            let kept = came_from.map_or("the old release".to_owned(), ToString::to_string);
            format!("ends the time for which {kept} is kept warm")
        }
        "resume" => "goes on".to_owned(),
        "pause" => "waits at the end of the step".to_owned(),
        "approve" => "answers its question with yes".to_owned(),
        "retry" if would_lose => "puts the backup back; what users wrote since is lost".to_owned(),
        "retry" => "looks again".to_owned(),
        "skip" if would_lose => "keeps the data as it is and goes on back".to_owned(),
        _ => "you vouch for the step".to_owned(),
    };
    let words: Vec<String> = words
        .into_iter()
        .map(|word| format!("`portcullis {word}` ({})", meaning(word)))
        .collect();
    format!(
        "{id} stands so: {sentence}; it takes now: {}",
        words.join(", ")
    )
}

/// A rollout with everything that happened.
pub fn detail(past: &Past) -> Detail {
    Detail {
        schema: "portcullis.rollout/1".to_owned(),
        summary: summary(&past.outline()),
        plan: PlanView::of(past.rollout().plan().clone()),
        state_detail: past.rollout().state().clone(),
        moments: past.timeline().moments().to_vec(),
        loss: None,
    }
}

pub(crate) fn journal_event(entry: &portcullis_engine::JournalEntry) -> JournalEvent {
    JournalEvent {
        seq: entry.seq,
        at_ms: entry.at_ms,
        by: entry.by.clone(),
        hash: entry.hash.to_string(),
        body: serde_json::from_str(&entry.body).unwrap_or(serde_json::Value::Null),
    }
}
