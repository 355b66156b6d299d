//! A plan for a reviewer: what would happen, how each step is undone, what cannot be.

use portcullis_analysis::{Analysis, Bound, Enough, Rule, Signal, Test, counted};
use portcullis_api::engine::PlanView;
use portcullis_rollout::{
    Action, ClosedTo, GateOrder, GateRole, Launch, LockLimit, MigrationOrder, Plan, Proof,
    Rehearsal, ReverseOrder, Split, SqlOrder, Step, Strategy, Undo,
};

/// Of more SQL files than this a plan names the first and the last.
const SQL_FILES_NAMED: usize = 4;

use super::short;
use super::timeline::{duration, span};

/// The plan as text.
pub(crate) fn plan(view: &PlanView) -> String {
    let plan = &view.plan;
    let mut lines = vec![format!("{} ({})", view.title, plan.environment)];
    lines.push(format!(
        "plan {}, program {} sha256 {}, at {}",
        short(&view.hash),
        plan.release.artifact.path.display(),
        short(&plan.release.artifact.sha256),
        plan.target.address
    ));
    lines.push(format!("data: {}", view.rollback_loss));
    lines.push(String::new());
    let width = plan
        .steps
        .iter()
        .map(|step| step.name.len())
        .max()
        .unwrap_or(0);
    if let Some(total) = total(view) {
        lines.push(format!("time: {total}"));
        lines.push(String::new());
    }
    for (index, step) in plan.steps.iter().enumerate() {
        if index == plan.pivot.0 {
            lines.push(format!(
                "  -- pivot: from here on nothing is undone {}",
                "-".repeat(20)
            ));
        }
        let number = index + 1;
        lines.push(format!(
            "{number:>3} {:width$}  {}",
            step.name,
            what(plan, step)
        ));
        if let Some(Some(expected)) = view.expected_ms.get(index) {
            let took = format!("took {} before", range(*expected));
            lines.push(format!("    {:width$}  {took}", ""));
        }
        if let Some(undo) = undo(step) {
            lines.push(format!("    {:width$}  undo: {undo}", ""));
        }
    }
    if !plan.notes.is_empty() {
        lines.push(String::new());
        lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
    }
    lines.push(String::new());
    let release = &plan.release.id;
    lines.push(format!(
        "Nothing was changed. To do it: portcullis deploy --release {release}"
    ));
    lines.join("\n")
}

/// How long it takes until the release serves, from the steps that were done before and from the windows
/// of gates, which are never shorter; and how long the old release is kept warm after that. `None` when
/// nothing is known.
fn total(view: &PlanView) -> Option<String> {
    let (mut least, mut most, mut unknown, mut known) = (0, 0, 0_u64, false);
    let mut warm_ms = None;
    for (index, step) in view.plan.steps.iter().enumerate() {
        let expected = view.expected_ms.get(index).copied().flatten();
        let took = match &step.action {
            Action::Gate(gate) if gate.role == GateRole::KeepWarm => {
                warm_ms = Some(gate.analysis.window_ms);
                continue;
            }
            // What comes after the time in which it is kept warm is not waited for.
            _ if warm_ms.is_some() => continue,
            Action::Gate(gate) => {
                let window_ms = gate.analysis.window_ms;
                let (least, most) = expected.unwrap_or((window_ms, window_ms));
                Some((least.max(window_ms), most.max(window_ms)))
            }
            _ => expected,
        };
        match took {
            Some((step_least, step_most)) => {
                known = true;
                least += step_least;
                most += step_most;
            }
            None => unknown += 1,
        }
    }
    let mut words = match unknown {
        0 => format!(
            "{}, from earlier rollouts and the gates' windows",
            range((least, most))
        ),
        _ => format!(
            "at least {}, from the gates' windows and what was done in earlier rollouts; {} never done \
             before",
            duration(least),
            counted(unknown, "step was", "steps were")
        ),
    };
    if let (Some(warm_ms), Some(previous)) = (warm_ms, &view.plan.previous) {
        let kept = &previous.release.id;
        words.push_str(&format!(
            "; after that {kept} is kept warm for {}",
            span(warm_ms)
        ));
    }
    known.then_some(words)
}

fn range((least, most): (u64, u64)) -> String {
    let (least, most) = (duration(least), duration(most));
    if least == most {
        least
    } else {
        format!("{least} to {most}")
    }
}

/// What a step does.
pub(super) fn what(plan: &Plan, step: &Step) -> String {
    match &step.action {
        Action::Preflight(_) => {
            "look at program, address, data, vault and what serves now".to_owned()
        }
        Action::Backup(order) => {
            let stores: Vec<&str> = order
                .stores
                .iter()
                .map(|store| store.name.as_str())
                .collect();
            format!("copy {} to {}, read it back", stores.join(", "), order.name)
        }
        Action::Rehearse(rehearsal) => rehearse(rehearsal),
        Action::Approve(approval) => format!("wait for a person: {}", approval.question),
        Action::Migrate(MigrationOrder::Sql(order)) => sql(plan, order),
        Action::Migrate(MigrationOrder::Command(migration)) => {
            let proof = match &migration.proof {
                Proof::Command(command) => command.argv.join(" "),
                Proof::Json {
                    pointer, equals, ..
                } => format!("{pointer} is {equals}"),
            };
            format!("{}; proof: {proof}", migration.command.argv.join(" "))
        }
        Action::Start(launch) => start(plan, launch),
        Action::Smoke(order) => {
            let count = order.checks.len() as u64;
            let questions = counted(count, "known question", "known questions");
            format!("ask {} {questions}", order.release)
        }
        Action::Shift(split) => shift(plan, split),
        Action::Gate(gate) => rules(plan, gate),
        Action::Promote(promotion) => {
            format!(
                "{} is the release that serves",
                promotion.split.stable.release
            )
        }
        Action::Hook(order) => {
            let then = if order.must_succeed {
                "a failure fails the rollout"
            } else {
                "a failure is only noted"
            };
            format!("run {}; {then}", order.command.argv.join(" "))
        }
        Action::Retire(order) => format!("let {} finish its requests and stop it", order.release),
        Action::Restore(order) => format!("put {} back", order.backup),
        Action::Reverse(order) => reverse(order),
    }
}

/// Where a release is started, and beside which other.
fn start(plan: &Plan, launch: &Launch) -> String {
    let cuts_over = matches!(plan.strategy, Strategy::CutOver { .. });
    let beside = plan.previous.as_ref().filter(|_| !cuts_over);
    let beside = beside.map_or_else(String::new, |previous| {
        format!(" beside {}", previous.release.id)
    });
    format!(
        "start {} at {}{beside}",
        launch.release, launch.target.address
    )
}

/// What a rehearsal tries.
fn rehearse(rehearsal: &Rehearsal) -> String {
    let new = &rehearsal.new.launch.release;
    let tried = match &rehearsal.old {
        Some(old) => format!("{} and {new}", old.launch.release),
        None => new.to_string(),
    };
    let back = rehearsal.back.as_ref().map(|back| {
        let old = &back.old.launch.release;
        format!("; reverse it: all must be as before, and {old} work")
    });
    let limit = rehearsal.lock_limit.as_ref().map(lock_limit);
    format!(
        "restore it to scratch, migrate there, try {tried} on the result{}{}",
        back.unwrap_or_default(),
        limit.unwrap_or_default()
    )
}

/// What undoes a migration.
fn reverse(order: &ReverseOrder) -> String {
    match order {
        ReverseOrder::Command { command, .. } => format!("run {}", command.argv.join(" ")),
        ReverseOrder::Sql { reverses } => {
            let files = reverses.files.iter().rev();
            let names: Vec<&str> = files
                .filter_map(|file| Some(file.reverse.as_ref()?.name.as_str()))
                .collect();
            format!("run {}", names.join(", "))
        }
    }
}

/// Which locks of the migration a rehearsal refuses.
fn lock_limit(limit: &LockLimit) -> String {
    let who = match limit.only_reads {
        true => "reads",
        false => "reads or writes",
    };
    format!(
        "; refuse locks for which {who} would wait longer than {}",
        duration(limit.longest_ms)
    )
}

/// What a change of the split does, and who is kept out.
fn shift(plan: &Plan, split: &Split) -> String {
    let new = &plan.release.id;
    match (&split.canary, &split.closed) {
        (None, None) => format!("open it to {}", split.stable.release),
        (None, Some(closed)) => {
            let until = "wait until none of it is under way";
            match closed.to {
                ClosedTo::Writes => format!("let users read and not write; {until}"),
                ClosedTo::Everything => format!("let nobody in; {until}"),
            }
        }
        (Some(_), Some(closed)) if closed.to == ClosedTo::Everything => {
            format!("let {} of the users in, to {new}", split.weight)
        }
        (Some(_), Some(_)) => format!("{} of the traffic to {new}, no writes", split.weight),
        (_, None) => format!("{} of the traffic to {new}", split.weight),
    }
}

/// What a phase of the SQL files does: the files that the serving release does not have.
fn sql(plan: &Plan, order: &SqlOrder) -> String {
    let serving = plan.previous.as_ref();
    let serving = serving.and_then(|running| running.release.migration.as_ref());
    let new = order.migration.new_files(order.phase, serving);
    let store = &order.migration.store.name;
    let names: Vec<&str> = new.iter().map(|file| file.name.as_str()).collect();
    match names.as_slice() {
        [] => format!(
            "nothing to {} in {store}; going back puts {store} back here",
            order.phase
        ),
        [.., last] if names.len() > SQL_FILES_NAMED => {
            let (first, count) = (names[0], names.len());
            format!("apply {count} files to {store}, {first} to {last}; proof: its ledger")
        }
        _ => format!("apply {} to {store}; proof: its ledger", names.join(", ")),
    }
}

/// How a step is undone; `None` when it leaves nothing to undo.
pub(super) fn undo(step: &Step) -> Option<String> {
    match &step.undo {
        Undo::Nothing => None,
        Undo::Impossible => Some("impossible".to_owned()),
        Undo::Run { action } => Some(match action.as_ref() {
            Action::Shift(split) => match (&split.closed, &step.action) {
                (Some(closed), _) if closed.to == ClosedTo::Everything => {
                    "let nobody in".to_owned()
                }
                (Some(_), _) => {
                    format!("all traffic back to {}, no writes", split.stable.release)
                }
                (None, Action::Shift(done)) if done.closed.is_some() => {
                    format!("open it again to {}", split.stable.release)
                }
                (None, _) => format!("all traffic back to {}", split.stable.release),
            },
            Action::Start(launch) => format!("start {} again", launch.release),
            Action::Retire(order) => format!("stop {}", order.release),
            other => other.word().to_owned(),
        }),
        Undo::Reverse {
            order,
            otherwise,
            loses_writes,
            automatic,
        } => {
            let backup = &otherwise.backup;
            let fails = match (loses_writes, automatic) {
                (true, false) => format!("a person is asked before {backup} is put back"),
                (true, true) => format!("{backup} is put back, and loses the writes taken since"),
                (false, _) => format!("{backup} is put back"),
            };
            Some(format!(
                "{}; loses nothing; if it fails, {fails}",
                reverse(order)
            ))
        }
        Undo::Restore {
            order,
            loses_writes,
            automatic,
            ..
        } => {
            let loss = match (loses_writes, automatic) {
                (true, _) if matches!(step.action, Action::Backup(_)) => {
                    let then = if *automatic {
                        ""
                    } else {
                        ", then a person is asked"
                    };
                    let words =
                        format!("loses nothing until users can write to the new release{then}");
                    return Some(format!("put {} back; {words}", order.backup));
                }
                (false, _) => "loses nothing",
                (true, true) => "loses the writes taken since",
                (true, false) => "would lose the writes taken since: a person is asked",
            };
            Some(format!("put {} back; {loss}", order.backup))
        }
    }
}

fn rules(plan: &Plan, gate: &GateOrder) -> String {
    let rules: Vec<String> = gate.analysis.rules.iter().map(rule).collect();
    let (window, rules) = (span(gate.analysis.window_ms), rules.join("; "));
    match (gate.role, &plan.previous) {
        (GateRole::KeepWarm, Some(previous)) => {
            let kept = &previous.release.id;
            format!(
                "keep {kept} warm for {window}, going back is at once{}",
                watched(gate)
            )
        }
        _ => format!("for {window}: {rules}"),
    }
}

/// How the new release is watched while the old one is kept warm.
fn watched(gate: &GateOrder) -> String {
    let words = |only_warns: bool| {
        let rules = gate.analysis.rules.iter();
        let rules = rules.filter(|rule| rule.test.only_warns() == only_warns);
        rules.map(rule).collect::<Vec<_>>().join("; ")
    };
    let mut watched = format!("; measured {}", pace(&gate.analysis));
    match words(false) {
        none if none.is_empty() => watched.push_str("; it never goes back by itself"),
        rules => watched.push_str(&format!("; it goes back by itself unless {rules}")),
    }
    match words(true) {
        none if none.is_empty() => {}
        rules => watched.push_str(&format!("; it warns unless {rules}")),
    }
    watched
}

/// How often is measured: `every 30 s, after 5 min every 2 min`.
pub(crate) fn pace(analysis: &Analysis) -> String {
    let mut pace = format!("every {}", span(analysis.interval_ms));
    for later in &analysis.cadence {
        pace.push_str(&format!(
            ", after {} every {}",
            span(later.after_ms),
            span(later.interval_ms)
        ));
    }
    pace
}

/// A rule in words.
pub(crate) fn rule(rule: &Rule) -> String {
    let words = rule.signal.words();
    let signal = &rule.signal;
    // Where a rule passes by evidence, no number of requests is enough by itself.
    let least = match rule.enough {
        Enough::Evidence => String::new(),
        Enough::Requests => format!(" (from {})", signal.counted(rule.requests_min)),
    };
    let breaker = if rule.breaker {
        "circuit breaker: "
    } else {
        ""
    };
    let alone = if rule.alone {
        " where no stable release serves beside it"
    } else {
        ""
    };
    let told = match &rule.test {
        Test::Limit { max } => {
            format!("{breaker}{words} at most {}{least}", signal.format(*max))
        }
        Test::Baseline { ratio_max, margin } => format!(
            "{words} at most {ratio_max} times the stable one's plus {}{least}",
            signal.format(*margin)
        ),
        Test::Window {
            reading,
            over_ms,
            max,
        } => format!(
            "{breaker}{words} ({} over {}) at most {}{least}",
            reading.words(),
            span(*over_ms),
            signal.format(*max)
        ),
        Test::Beside {
            reading,
            over_ms,
            tolerated,
        } => format!(
            "{words} ({} over {}) at most {}, compared as it stands{least}",
            reading.words(),
            span(*over_ms),
            bound(tolerated, signal)
        ),
        Test::AtMost { max, matters } => {
            let shown = shown(rule, "below", &signal.format(*matters));
            format!("{words} at most {}{shown}{least}", signal.format(*max))
        }
        Test::NotWorseThanBefore { tolerated } => {
            let before =
                bound(tolerated, signal).replace("the stable one's", "the release before's");
            format!("{words} not worse than {before}")
        }
        Test::NotWorse { tolerated, matters } => {
            let shown = shown(rule, "better than", &bound(matters, signal));
            format!(
                "{words} not worse than {}{shown}{least}",
                bound(tolerated, signal)
            )
        }
    };
    format!("{told}{alone}")
}

/// What has to be shown before the rule passes; nothing where a number of requests is enough.
fn shown(rule: &Rule, than: &str, matters: &str) -> String {
    match rule.enough {
        Enough::Evidence => format!(", proven {than} {matters}"),
        Enough::Requests => String::new(),
    }
}

/// `1.5 times the stable one's plus 0.5 %`.
fn bound(bound: &Bound, signal: &Signal) -> String {
    let ratio = format!("{:.3}", bound.ratio);
    let ratio = ratio.trim_end_matches('0').trim_end_matches('.');
    let base = match ratio {
        "1" => "the stable one's".to_owned(),
        ratio => format!("{ratio} times the stable one's"),
    };
    match bound.margin {
        0.0 => base,
        margin => format!("{base} plus {}", signal.format(margin)),
    }
}
