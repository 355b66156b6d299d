//! What a plan says besides its steps.

use portcullis_analysis::Analysis;

use crate::sentence::span;
use crate::{Pace, PlanRequest, Release, ReleaseId, StoreLocation, Strategy, SyntheticTraffic};

/// What goes back by itself while the old release is kept warm, and what only warns.
fn watch_note(watch: &Analysis, release: &Release, kept: &ReleaseId) -> String {
    let words = |only_warns: bool| {
        let rules = watch.rules.iter();
        let rules = rules.filter(|rule| rule.test.only_warns() == only_warns);
        let mut words: Vec<String> = rules.map(|rule| rule.signal.words()).collect();
        words.dedup();
        words
    };
    let (fail, warn) = (words(false), words(true));
    let mut note = match fail.is_empty() {
        true => {
            format!("in that time nothing goes back to {kept} by itself: no rule has a fixed limit")
        }
        false => format!(
            "in that time only a fixed limit on {} goes back to {kept} by itself",
            listed(&fail)
        ),
    };
    if !warn.is_empty() {
        note.push_str(&format!(
            "; {} of {} is compared with what {kept} showed in the gates, and warns",
            listed(&warn),
            release.id
        ));
    }
    note
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// What gates send themselves.
fn synthetic_note(traffic: &SyntheticTraffic) -> String {
    let pace = |pace: Pace| format!("{} in {}", pace.requests, span(pace.per_ms));
    let asked = traffic.requests.iter();
    let asked: Vec<String> = asked
        .map(|request| format!("{} {}", request.check.method, request.check.path))
        .collect();
    format!(
        "while users send the new release fewer requests than {}, gates send {} to each release, past the \
         gateway: {}",
        pace(traffic.below),
        pace(traffic.rate),
        listed(&asked)
    )
}

/// Who is kept out, and for how long.
fn closing_note(request: &PlanRequest) -> Option<String> {
    let previous = request.previous.as_ref()?;
    if !request.closes() {
        return None;
    }
    let hold = match request.closing.hold_ms {
        0 => "are refused at once".to_owned(),
        ms => format!("wait for up to {} and are refused then", span(ms)),
    };
    let (old, new) = (&previous.release.id, &request.release.id);
    Some(match request.cuts_over() {
        true => format!(
            "from `close` to the first `open` nobody is let in: requests {hold} (503). {old} and {new} never run \
             beside each other; the first write that {new} takes is the last moment from which going back loses \
             nothing"
        ),
        false => format!(
            "from `close` to `promote` users can read and not write: requests that may write {hold} (503)"
        ),
    })
}

/// That nothing is tried on a copy, where something would be and a store cannot be copied.
fn copies_note(request: &PlanRequest) -> Option<String> {
    let rehearsed = request.migrates() || request.cuts_over();
    let stores = request.stores.iter();
    let mut live_only = stores.filter(|store| rehearsed && !store.can_be_copied());
    let store = &live_only.next()?.name;
    Some(format!(
        "nothing is rehearsed: the store {store} cannot be copied, since its commands would work on live data; if they \
         heed PORTCULLIS_COPY, set copies = true and path in its [[store]]"
    ))
}

/// That the release which serves keeps its data from being put back, where it may have it open while it is needed.
fn open_note(request: &PlanRequest) -> Option<String> {
    let old = &request.previous.as_ref()?.release.id;
    let restores = request.policy.restore || request.reverses();
    if !restores || !request.migrates() || request.cuts_over() {
        return None;
    }
    let stores = request.stores.iter();
    let held = stores.filter(|store| {
        matches!(
            store.location,
            StoreLocation::Sqlite { .. } | StoreLocation::Chroma { .. }
        )
    });
    let held: Vec<String> = held.map(|store| store.name.clone()).collect();
    if held.is_empty() {
        return None;
    }
    Some(format!(
        "a backup of {} can be put back only while no program has it open: if {old} keeps it open, going back is \
         held until somebody stops {old}; `strategy = \"cut-over\"` stops it first",
        listed(&held)
    ))
}

/// All notes of a plan.
pub(super) fn notes(request: &PlanRequest) -> Vec<String> {
    let mut notes = Vec::new();
    let compares = request
        .analysis
        .rules
        .iter()
        .any(|rule| rule.test.needs_baseline());
    let gated = !matches!(request.strategy, Strategy::AtOnce) && request.previous.is_some();
    if compares && request.cuts_over() {
        notes.push(
            "in a cut-over no other release runs to compare with: gates have the fixed limits only"
                .to_owned(),
        );
    } else if compares && gated {
        notes.push(
            "at 100 % no traffic is left to compare with: that gate has the fixed limits only"
                .to_owned(),
        );
    }
    if gated && let Some(traffic) = &request.synthetic {
        notes.push(synthetic_note(traffic));
    }
    notes.extend(closing_note(request));
    notes.extend(copies_note(request));
    notes.extend(open_note(request));
    if request.keep_warm.window_ms > 0
        && !request.cuts_over()
        && let Some(previous) = &request.previous
    {
        let kept = &previous.release.id;
        notes.push(format!(
            "{kept} is kept warm for {} after the promotion: until then `portcullis rollback` takes \
             seconds, and `portcullis resume` ends the wait",
            span(request.keep_warm.window_ms)
        ));
        let watch = request
            .keep_warm
            .analysis_after(&request.analysis, &request.strategy);
        notes.push(watch_note(&watch, &request.release, kept));
    }
    if request.previous.is_none() {
        notes.push(
            "first release: nothing serves yet, so there is no gate and nothing to go back to"
                .to_owned(),
        );
    }
    notes
}
