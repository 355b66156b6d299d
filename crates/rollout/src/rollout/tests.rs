use std::sync::Arc;

use portcullis_analysis::{ArmSample, HealthSample, Rule, Sample, Signal, Test};

use crate::*;

mod consent;
mod reversal;
mod suspension;

fn plan() -> Arc<Plan> {
    Arc::new(Plan::build(&crate::plan::tests::request()).unwrap())
}

fn event(kind: EventKind) -> Event {
    Event {
        at_ms: 0,
        by: Actor::Engine,
        kind,
    }
}

fn ok(rollout: &Rollout) -> EventKind {
    EventKind::Succeeded {
        key: rollout.op().unwrap().key,
        facts: Vec::new(),
    }
}

fn failed(rollout: &Rollout) -> EventKind {
    let failure = Failure {
        message: "no".to_owned(),
        retryable: true,
        facts: Vec::new(),
    };
    EventKind::Failed {
        key: rollout.op().unwrap().key,
        failure,
    }
}

fn probed(rollout: &Rollout, presence: Presence) -> EventKind {
    EventKind::Probed {
        key: rollout.op().unwrap().key,
        presence,
        facts: Vec::new(),
    }
}

fn measured(rollout: &Rollout, requests: u64, errors: u64) -> EventKind {
    let mut canary = ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    (0..requests).for_each(|_| canary.latency.record(1_000));
    let baseline = Some(canary.clone());
    let sample = Sample {
        from_ms: 0,
        to_ms: 1_000,
        canary: Some(canary),
        baseline,
        ..Sample::default()
    };
    EventKind::measured(rollout.state().step().unwrap(), sample)
}

fn abort() -> EventKind {
    EventKind::Abort {
        reason: "test".to_owned(),
    }
}

fn pause() -> EventKind {
    EventKind::Pause {
        reason: "let me look".to_owned(),
    }
}

fn apply(rollout: &Rollout, kind: EventKind) -> Rollout {
    rollout.apply(&event(kind)).unwrap().0
}

/// A plan in which everything can happen: approval, hooks, the old release kept warm.
fn rich_plan() -> Arc<Plan> {
    let hook = |name: &str, time, kind: &str| Hook {
        name: name.to_owned(),
        points: vec![HookPoint::Step {
            time,
            kind: Some(kind.to_owned()),
        }],
        command: Command {
            argv: vec!["tell".to_owned(), "{release}".to_owned()],
            env: Default::default(),
            folder: "/srv".into(),
        },
        timeout_ms: 1_000,
        must_succeed: true,
        must_succeed_back: false,
    };
    let request = PlanRequest {
        approval: Some("Now?".to_owned()),
        hooks: vec![
            hook("freeze", HookTime::Before, "migrate"),
            hook("thaw", HookTime::After, "migrate"),
        ],
        keep_warm: crate::KeepWarm::lasting(2_000),
        ..crate::plan::tests::request()
    };
    Arc::new(Plan::build(&request).unwrap())
}

/// Applies what lets the rollout go on, until a step is reached.
fn advance_to(name: &str) -> Rollout {
    advance(plan(), name)
}

fn advance(plan: Arc<Plan>, name: &str) -> Rollout {
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    loop {
        let at = rollout.state().step().unwrap();
        if rollout.plan().steps[at.0].name == name {
            return rollout;
        }
        let kind = match rollout.state() {
            State::Watching { .. } => measured(&rollout, 100, 0),
            State::Paused { .. } => EventKind::Approve,
            _ => ok(&rollout),
        };
        rollout = apply(&rollout, kind);
    }
}

/// One rollout in every state that a rollout can be in.
fn every_state() -> Vec<Rollout> {
    let in_flight = advance_to("start");
    let in_doubt = apply(&in_flight, EventKind::Recovered);
    let resting = apply(&in_flight, failed(&in_flight));
    let watching = advance_to("gate-10");
    let paused = apply(&watching, measured(&watching, 0, 0));
    let unwinding = apply(&watching, abort());
    let unwinding_in_doubt = apply(&unwinding, EventKind::Recovered);
    let unwinding_resting = apply(&unwinding, failed(&unwinding));
    let held = apply(&in_doubt, probed(&in_doubt, Presence::Unknown));
    let held_back = apply(
        &unwinding_in_doubt,
        probed(&unwinding_in_doubt, Presence::Unknown),
    );
    let filling = suspension::filling();
    let asked = apply(&filling, pause());
    let suspended = apply(&asked, suspension::suspended(&asked));
    let retire = advance_to("retire");
    let done = apply(&retire, ok(&retire));
    vec![
        Rollout::new(plan()),
        in_flight,
        in_doubt,
        resting,
        watching,
        paused,
        unwinding,
        unwinding_in_doubt,
        unwinding_resting,
        held,
        held_back,
        asked,
        suspended,
        done,
    ]
}

fn every_event(rollout: &Rollout) -> Vec<EventKind> {
    let key = rollout.op().map(|op| op.key).unwrap_or(OpKey {
        rollout: rollout.plan().id.clone(),
        direction: Direction::Do,
        step: StepIndex(0),
        attempt: 1,
    });
    let failure = Failure {
        message: "no".to_owned(),
        retryable: false,
        facts: Vec::new(),
    };
    let probe = |presence| EventKind::Probed {
        key: key.clone(),
        presence,
        facts: Vec::new(),
    };
    vec![
        EventKind::Start,
        EventKind::Succeeded {
            key: key.clone(),
            facts: Vec::new(),
        },
        EventKind::Failed {
            key: key.clone(),
            failure,
        },
        EventKind::TimedOut { key: key.clone() },
        EventKind::Unclear {
            key: key.clone(),
            message: "who knows".to_owned(),
        },
        EventKind::Suspended {
            key: key.clone(),
            facts: Vec::new(),
        },
        EventKind::Progress {
            key: key.clone(),
            message: "half".to_owned(),
        },
        probe(Presence::Applied),
        probe(Presence::Absent),
        probe(Presence::Unknown),
        EventKind::Woke { key: key.clone() },
        EventKind::measured(
            rollout.state().step().unwrap_or(StepIndex(7)),
            Sample::default(),
        ),
        EventKind::Recovered,
        abort(),
        pause(),
        EventKind::Resume,
        EventKind::Approve,
        EventKind::Retry,
        EventKind::Skip,
    ]
}

fn place(rollout: &Rollout) -> String {
    match rollout.state() {
        State::Advancing { run, .. } => format!("advancing {}", run_word(run)),
        State::Unwinding { run, .. } => format!("unwinding {}", run_word(run)),
        State::Paused {
            why: PausedWhy::Within { .. },
            ..
        } => "paused within a step".to_owned(),
        State::Held { direction, .. } => format!("held {direction:?}").to_lowercase(),
        other => other.word().to_owned(),
    }
}

fn run_word(run: &Run) -> &'static str {
    match run {
        Run::InFlight => "in flight",
        Run::InDoubt => "in doubt",
        Run::Resting { .. } => "resting",
    }
}

/// Invariant 8: every pair of state and event is a transition or a typed refusal. The table is the
/// reference that people read; a change of the machine shows here.
#[test]
fn every_state_answers_every_event() {
    let mut table = String::new();
    for rollout in every_state() {
        for kind in every_event(&rollout) {
            let word = match &kind {
                EventKind::Probed { presence, .. } => format!("probed {presence:?}").to_lowercase(),
                other => other.word().to_owned(),
            };
            let answer = match rollout.apply(&event(kind)) {
                Ok((next, effects)) => {
                    let at = next
                        .state()
                        .step()
                        .map(|at| next.plan().steps[at.0].name.clone());
                    let wants: Vec<&str> = effects.iter().map(effect_word).collect();
                    format!(
                        "{}{} [{}]",
                        place(&next),
                        at.map(|at| format!(" {at}")).unwrap_or_default(),
                        wants.join(", ")
                    )
                }
                Err(refused) => format!("refused: {refused}"),
            };
            table.push_str(&format!("{} + {word} -> {answer}\n", place(&rollout)));
        }
    }
    insta::assert_snapshot!(table);
}

fn effect_word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Perform(_) => "perform",
        Effect::Probe(_) => "probe",
        Effect::Cancel(_) => "cancel",
        Effect::Suspend(_) => "suspend",
        Effect::Measure { .. } => "measure",
        Effect::Wake { .. } => "wake",
        Effect::Notify(_) => "notify",
        Effect::ReleaseLease => "release lease",
    }
}

#[test]
fn an_accepted_abort_survives_doubt_and_hold() {
    let in_flight = advance_to("start");
    let aborted = apply(&in_flight, abort());
    let in_doubt = apply(&aborted, EventKind::Recovered);
    let held = apply(&in_doubt, probed(&in_doubt, Presence::Unknown));
    let again = apply(&held, EventKind::Retry);
    let back = apply(&again, probed(&again, Presence::Applied));
    assert!(matches!(
        back.state(),
        State::Unwinding {
            cause: Cause::Aborted(_),
            ..
        }
    ));
    assert_eq!(back.state().step(), in_flight.state().step());
}

#[test]
fn a_failed_step_is_undone_itself_because_it_may_have_half_happened() {
    let migrate = advance_to("migrate");
    let (back, effects) = migrate.apply(&event(failed(&migrate))).unwrap();
    let undo = effects.iter().find_map(|effect| match effect {
        Effect::Perform(op) => Some(op.clone()),
        _ => None,
    });
    let undo = undo.unwrap();
    assert_eq!(undo.key.direction, Direction::Undo);
    assert_eq!(undo.action.word(), "restore");
    assert_eq!(back.state().step(), migrate.state().step());
}

#[test]
fn a_failure_past_the_pivot_holds_and_never_undoes() {
    let mut retire = advance_to("retire");
    for _ in 0..2 {
        retire = apply(&retire, failed(&retire));
        let key = retire.op().unwrap().key;
        retire = apply(&retire, EventKind::Woke { key });
    }
    let held = apply(&retire, failed(&retire));
    assert!(matches!(
        held.state(),
        State::Held {
            why: HeldWhy::PastPivot { .. },
            ..
        }
    ));
    let refused = held.apply(&event(abort())).unwrap_err();
    assert!(matches!(refused, Refused::PastPivot(_)));
}

#[test]
fn losing_writes_needs_a_person_once_the_release_was_exposed() {
    let mut request = crate::plan::tests::request();
    request.policy.service_writes = true;
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.judgement().is_none() {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout = apply(&rollout, measured(&rollout, 100, 50));
    while matches!(rollout.state(), State::Unwinding { .. }) {
        rollout = apply(&rollout, ok(&rollout));
    }
    assert!(
        matches!(
            rollout.state(),
            State::Held {
                why: HeldWhy::WouldLoseWrites,
                ..
            }
        ),
        "{:?}",
        rollout.state()
    );
    // Traffic is back already; only the data waits for a person.
    let kept = apply(&rollout, EventKind::Skip);
    assert!(matches!(
        kept.state(),
        State::Done {
            end: End::RolledBack,
            ..
        }
    ));
    let asked = apply(&rollout, EventKind::Retry);
    let (restoring, effects) = asked
        .apply(&event(probed(&asked, Presence::Applied)))
        .unwrap();
    assert!(matches!(restoring.state(), State::Unwinding { .. }));
    assert!(matches!(&effects[0], Effect::Perform(op) if op.action.word() == "restore"));
}

/// A cut-over that has come to its first gate.
fn opened() -> Rollout {
    let request = crate::plan::tests::closing::cut_over();
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.judgement().is_none() {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout
}

fn asks_first(rollout: &Rollout) -> bool {
    let why = match rollout.state() {
        State::Held { why, direction, .. } if *direction == Direction::Do => why,
        _ => return false,
    };
    matches!(why, HeldWhy::GoingBackLoses { .. })
}

#[test]
fn a_failed_gate_of_a_cut_over_asks_before_it_closes_the_service_again() {
    let failed = apply(&opened(), measured(&opened(), 100, 50));
    assert!(asks_first(&failed), "{:?}", failed.state());
    let sentence = failed.sentence();
    assert!(sentence.contains("would close the service"), "{sentence}");
    // The split in force is the one under which it failed.
    assert_eq!(failed.split().unwrap().weight.percent(), 10);

    let mut back = apply(&failed, abort());
    assert!(matches!(back.state(), State::Unwinding { .. }));
    while !back.state().is_done() {
        back = apply(&back, ok(&back));
    }
    let State::Done { end, cause } = back.state() else {
        panic!("{:?}", back.state());
    };
    assert_eq!(*end, End::RolledBack);
    let words = cause.as_ref().unwrap().words();
    assert!(
        words.contains("error rate") && words.contains("agreed to"),
        "{words}"
    );

    let on = apply(&failed, EventKind::Skip);
    assert!(
        matches!(on.state(), State::Advancing { .. }),
        "{:?}",
        on.state()
    );
    let again = apply(&failed, EventKind::Retry);
    assert!(
        matches!(again.state(), State::Watching { .. }),
        "{:?}",
        again.state()
    );
}

#[test]
fn an_abort_of_a_cut_over_is_answered_with_a_question_once_users_could_write() {
    let asked = apply(&opened(), abort());
    assert!(asks_first(&asked), "{:?}", asked.state());
    let mut early = apply(&Rollout::new(Arc::clone(opened().plan())), EventKind::Start);
    while early
        .plan()
        .step(early.state().step().unwrap())
        .unwrap()
        .name
        != "smoke"
    {
        early = apply(&early, ok(&early));
    }
    // Nobody was let in yet, so nothing is lost and nobody is asked.
    early = apply(&early, abort());
    while !early.state().is_done() {
        early = apply(&early, ok(&early));
    }
    assert!(matches!(
        early.state(),
        State::Done {
            end: End::RolledBack,
            ..
        }
    ));
}

/// What is undone, in order, when the rollout of a cut-over is aborted in a step.
fn undone_from(step: &str) -> Vec<&'static str> {
    let plan = Arc::clone(opened().plan());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout
        .plan()
        .step(rollout.state().step().unwrap())
        .unwrap()
        .name
        != step
    {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout = apply(&rollout, abort());
    rollout = apply(&rollout, ok(&rollout));
    let mut undone = Vec::new();
    while !rollout.state().is_done() {
        undone.push(rollout.op().unwrap().action.word());
        rollout = apply(&rollout, ok(&rollout));
    }
    undone
}

#[test]
fn a_backup_is_put_back_for_what_came_after_it_and_not_for_itself() {
    assert_eq!(undone_from("final-backup"), ["start", "shift"]);
    assert_eq!(undone_from("migrate"), ["restore", "start", "shift"]);
    assert_eq!(
        undone_from("smoke"),
        ["retire", "restore", "start", "shift"]
    );
}

#[test]
fn a_cut_over_whose_loss_is_accepted_goes_back_by_itself() {
    let mut request = crate::plan::tests::closing::cut_over();
    request.policy.accept_loss = true;
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.judgement().is_none() {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout = apply(&rollout, measured(&rollout, 100, 50));
    assert!(matches!(rollout.state(), State::Unwinding { .. }));
}

#[test]
fn with_writes_kept_out_nobody_is_asked_before_the_backup_is_put_back() {
    let mut request = crate::plan::tests::request();
    request.policy.service_writes = true;
    request.policy.read_only = true;
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.judgement().is_none() {
        rollout = apply(&rollout, ok(&rollout));
    }
    rollout = apply(&rollout, measured(&rollout, 100, 50));
    while !rollout.state().is_done() {
        assert!(matches!(rollout.state(), State::Unwinding { .. }));
        rollout = apply(&rollout, ok(&rollout));
    }
}

#[test]
fn a_late_outcome_of_an_earlier_attempt_is_refused() {
    let first = advance_to("start");
    let late = ok(&first);
    let resting = apply(&first, failed(&first));
    let key = resting.op().unwrap().key;
    let second = apply(&resting, EventKind::Woke { key });
    let refused = second.apply(&event(late)).unwrap_err();
    assert!(matches!(refused, Refused::StaleKey(_)));
}

#[test]
fn the_sentence_has_the_numbers() {
    let watching = advance_to("gate-10");
    assert_eq!(watching.sentence(), "Holding at 10 %: measuring");
    let back = apply(&watching, measured(&watching, 100, 5));
    assert!(
        back.sentence().contains(
            "Going back to 1.0: undoing step 7 of 14, shift-10, because error rate 5.0 %, stable \
             5.0 %, limit 1.0 %, 100 requests; the stable release is over this limit too"
        ),
        "{}",
        back.sentence()
    );
}

/// A golden journal: recovering from every prefix of it gives a rollout that can still end.
#[test]
fn every_prefix_of_a_journal_recovers() {
    let mut rollout = Rollout::new(plan());
    let mut events = vec![event(EventKind::Start)];
    rollout = apply(&rollout, EventKind::Start);
    let mut gates = 0;
    while !rollout.state().is_done() {
        let kind = match rollout.state() {
            State::Watching { .. } => {
                gates += 1;
                measured(&rollout, 100, if gates == 2 { 50 } else { 0 })
            }
            _ => ok(&rollout),
        };
        events.push(event(kind.clone()));
        rollout = apply(&rollout, kind);
    }
    assert_eq!(rollout.state().word(), "rolled back");
    for length in 0..=events.len() {
        let prefix = Rollout::fold(plan(), &events[..length]).unwrap();
        let mut back = apply(&prefix, EventKind::Recovered);
        for _ in 0..100 {
            let kind = match back.state() {
                State::Planned => EventKind::Start,
                State::Watching { .. } => measured(&back, 100, 50),
                State::Advancing {
                    run: Run::InDoubt, ..
                } => probed(&back, Presence::Applied),
                State::Unwinding {
                    run: Run::InDoubt, ..
                } => probed(&back, Presence::Absent),
                State::Done { .. } => break,
                _ => ok(&back),
            };
            back = apply(&back, kind);
        }
        assert!(
            back.state().is_done(),
            "prefix {length}: {:?}",
            back.state()
        );
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_stretch_the_pause_between_two_attempts() {
    let day_ms = 24 * 60 * 60 * 1000;
    let first = advance_to("start");
    let at = |at_ms, kind| Event {
        at_ms,
        ..event(kind)
    };
    let (resting, _) = first.apply(&at(2 * day_ms, failed(&first))).unwrap();
    let wakes_at = |now_ms| {
        let (_, effects) = resting.apply(&at(now_ms, EventKind::Recovered)).unwrap();
        effects.iter().find_map(|effect| match effect {
            Effect::Wake { at_ms, .. } => Some(*at_ms),
            _ => None,
        })
    };
    assert_eq!(wakes_at(2 * day_ms + 100), Some(2 * day_ms + 500));
    assert_eq!(wakes_at(day_ms), Some(day_ms + 500));
    assert_eq!(wakes_at(3 * day_ms), Some(2 * day_ms + 500));
}

#[test]
fn a_pause_takes_effect_when_the_step_has_settled() {
    let start = advance_to("start");
    let asked = apply(&start, pause());
    assert!(
        asked
            .sentence()
            .ends_with("; pausing as soon as this settles")
    );
    assert_eq!(asked.apply(&event(pause())), Err(Refused::AlreadyPaused));
    // It survives a crash and a repeated attempt.
    let doubt = apply(&asked, EventKind::Recovered);
    let paused = apply(&doubt, probed(&doubt, Presence::Applied));
    assert_eq!(
        paused.sentence(),
        "Paused by engine (let me look) at step 5 of 14, start"
    );
    assert_eq!(paused.pause(), None);
    let on = apply(&paused, EventKind::Resume);
    assert_eq!(
        on.plan().place(on.state().step().unwrap()),
        "step 6 of 14, smoke"
    );
    let back = apply(&paused, abort());
    assert!(
        matches!(
            back.state(),
            State::Unwinding {
                at: StepIndex(4),
                ..
            }
        ),
        "{:?}",
        back.state()
    );
}

#[test]
fn a_pause_is_forgotten_when_the_rollout_goes_back() {
    let asked = apply(&advance_to("start"), pause());
    let failure = Failure {
        message: "no".to_owned(),
        retryable: false,
        facts: Vec::new(),
    };
    let key = asked.op().unwrap().key;
    let back = apply(&asked, EventKind::Failed { key, failure });
    assert!(matches!(back.state(), State::Unwinding { .. }));
    assert_eq!(back.pause(), None);
}

#[test]
fn a_paused_gate_goes_on_measuring_and_still_fails() {
    let paused = apply(&advance_to("gate-10"), pause());
    assert!(matches!(paused.state(), State::Paused { .. }));
    let still = apply(&paused, measured(&paused, 100, 0));
    assert!(
        matches!(still.state(), State::Paused { .. }),
        "a pass does not end a pause"
    );
    let watching = apply(&still, EventKind::Resume);
    assert!(
        matches!(watching.state(), State::Watching { .. }),
        "the gate is not skipped"
    );
    let failing = apply(&still, measured(&still, 100, 50));
    assert!(matches!(failing.state(), State::Unwinding { .. }));
}

#[test]
fn only_a_planned_question_is_approved() {
    let asked = advance(rich_plan(), "approve");
    assert_eq!(asked.sentence(), "Waiting for approval: Now?");
    let on = apply(&asked, EventKind::Approve);
    assert!(matches!(on.state(), State::Advancing { .. }));
    let paused = apply(&advance_to("gate-10"), pause());
    assert_eq!(
        paused.apply(&event(EventKind::Approve)),
        Err(Refused::NoQuestion)
    );
}

#[test]
fn a_promoted_release_goes_back_while_the_old_one_is_warm() {
    let warm = advance(rich_plan(), "keep-warm");
    assert!(warm.is_promoted());
    assert_eq!(warm.sentence(), "1.1 serves, 1.0 is kept warm");
    let failing = apply(&warm, measured(&warm, 100, 50));
    assert!(!failing.is_promoted());
    // The undo of the promotion: all traffic back to the old release, which still runs.
    let op = failing.op().unwrap();
    assert!(matches!(op.action, Action::Shift(ref split) if split.canary.is_none()));
    let quiet = |rollout: &Rollout| measured(rollout, 0, 0);
    let half = apply(&warm, quiet(&warm));
    let over = apply(&half, quiet(&half));
    assert_eq!(
        over.plan()
            .place(over.state().step().unwrap())
            .split(", ")
            .last(),
        Some("retire"),
        "a quiet hour asks nobody"
    );
    let early = apply(&warm, EventKind::Resume);
    assert_eq!(early.state().step(), over.state().step());
    let gate = advance_to("gate-10");
    assert!(
        gate.apply(&event(EventKind::Resume)).is_err(),
        "a gate that decides is not skipped"
    );
}

#[test]
fn hooks_are_steps_around_their_step() {
    let plan = rich_plan();
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    let at = names.iter().position(|name| *name == "migrate").unwrap();
    assert_eq!(
        names[at - 1..=at + 1],
        ["freeze-before-migrate", "migrate", "thaw-after-migrate"]
    );
    let hook = advance(plan, "thaw-after-migrate");
    let Action::Hook(order) = hook.op().unwrap().action else {
        panic!("not a hook");
    };
    assert_eq!(order.command.argv, ["tell", "1.1"]);
    let input: serde_json::Value = serde_json::from_str(&order.input).unwrap();
    assert_eq!(input["kind"], "migrate");
    assert_eq!(input["when"], "after");
    assert_eq!(input["sentence"], hook.sentence());
    assert_eq!(input["plan"]["release"]["id"], "1.1");
}

#[test]
fn a_gate_holds_and_says_why_while_its_candidate_gets_no_traffic() {
    let next = |rollout: &Rollout, kind| rollout.apply(&event(kind)).unwrap().0;
    let mut request = crate::plan::tests::request();
    request.analysis.window_ms = 2_000;
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = Rollout::new(plan);
    rollout = next(&rollout, EventKind::Start);
    while !matches!(rollout.state(), State::Watching { .. }) {
        rollout = next(&rollout, ok(&rollout));
    }
    let at = rollout.state().step();
    // Enough is seen to pass, if only the time were over.
    rollout = next(&rollout, measured(&rollout, 500, 0));
    for _ in 0..1000 {
        let sample = Sample {
            from_ms: 1_000,
            to_ms: 1_000,
            unmeasured: Some("the split is bypassed by ana (orders are lost)".to_owned()),
            ..Sample::default()
        };
        let step = rollout.state().step().unwrap();
        rollout = next(&rollout, EventKind::measured(step, sample));
    }
    assert!(matches!(rollout.state(), State::Watching { .. }));
    assert_eq!(rollout.state().step(), at);
    let sentence = rollout.sentence();
    assert!(
        sentence.starts_with("Holding at ")
            && sentence.ends_with("not measuring: the split is bypassed by ana (orders are lost)"),
        "{sentence}"
    );
    rollout = next(&rollout, measured(&rollout, 500, 0));
    assert_ne!(rollout.state().step(), at, "measured in full, it passes");
}

/// What a release that hangs gives: a check without an answer, and no requests.
fn hanging(rollout: &Rollout, in_a_row: u32) -> EventKind {
    let health = HealthSample {
        passed: 0,
        failed: 1,
        consecutive_failures: in_a_row,
        last_failure: Some("GET /health got no answer within 1000 ms".to_owned()),
    };
    let sample = Sample {
        from_ms: 0,
        to_ms: 1_000,
        health: Some(health),
        ..Sample::default()
    };
    EventKind::measured(rollout.state().step().unwrap(), sample)
}

fn measured_again_in_ms(rollout: &Rollout, kind: EventKind) -> Option<u64> {
    let (_, effects) = rollout.apply(&event(kind)).unwrap();
    effects.into_iter().find_map(|effect| match effect {
        Effect::Measure { interval_ms, .. } => Some(interval_ms),
        _ => None,
    })
}

#[test]
fn a_paused_gate_looks_again_soon_while_checks_fail_and_tells_the_same_numbers_everywhere() {
    let mut request = crate::plan::tests::request();
    request.analysis.rules.push(Rule {
        signal: Signal::HealthFailures,
        test: Test::Limit { max: 2.0 },
        requests_min: 1,
        enough: portcullis_analysis::Enough::Requests,
        breaker: false,
        alone: false,
    });
    let plan = Arc::new(Plan::build(&request).unwrap());
    let interval_ms = request.analysis.interval_ms;
    let window_ms = request.analysis.window_ms;
    let mut timeline = Timeline::new(plan.clone());
    let mut push = |kind: EventKind| {
        timeline.push(&event(kind)).unwrap();
        timeline.rollout().clone()
    };
    let mut rollout = push(EventKind::Start);
    while !matches!(rollout.state(), State::Watching { .. }) {
        rollout = push(ok(&rollout));
    }
    for _ in 0..window_ms.div_ceil(1_000) {
        rollout = push(measured(&rollout, 0, 0));
    }
    assert!(matches!(rollout.state(), State::Paused { .. }));
    let quiet = measured_again_in_ms(&rollout, measured(&rollout, 0, 0));
    assert!(quiet > Some(interval_ms), "{quiet:?}");
    for in_a_row in 1..=2 {
        let kind = hanging(&rollout, in_a_row);
        assert_eq!(
            measured_again_in_ms(&rollout, kind.clone()),
            Some(interval_ms)
        );
        rollout = push(kind);
    }
    let last = hanging(&rollout, 3);
    rollout = push(last);
    assert!(matches!(rollout.state(), State::Unwinding { .. }));
    let numbers = "failed checks in a row 3, limit 2, 3 checks";
    assert!(
        rollout.sentence().ends_with(numbers),
        "{}",
        rollout.sentence()
    );
    let decided = timeline
        .moments()
        .iter()
        .rev()
        .find_map(|moment| match &moment.kind {
            MomentKind::Decided { judgement } => Some(judgement.phrase()),
            _ => None,
        });
    assert_eq!(decided.as_deref(), Some(numbers));
}

#[test]
fn a_gate_warns_once_when_a_signal_stops_and_once_when_a_rule_approaches_its_limit() {
    let mut request = crate::plan::tests::request();
    request.analysis.window_ms = 60_000;
    request.analysis.rules = vec![Rule {
        requests_min: 1,
        ..Rule::new(Signal::ErrorRate, Test::Limit { max: 0.1 })
    }];
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut timeline = Timeline::new(plan.clone());
    let mut rollout = Rollout::new(plan);
    let mut push = |rollout: &Rollout, kind: EventKind| -> (Rollout, Vec<String>) {
        timeline.push(&event(kind.clone())).unwrap();
        let (next, effects) = rollout.apply(&event(kind)).unwrap();
        let notices = effects.into_iter().filter_map(|effect| match effect {
            Effect::Notify(notice) if notice.kind == NoticeKind::Warning => Some(notice.sentence),
            _ => None,
        });
        (next, notices.collect())
    };
    (rollout, _) = push(&rollout, EventKind::Start);
    while !matches!(rollout.state(), State::Watching { .. }) {
        (rollout, _) = push(&rollout, ok(&rollout));
    }
    let step = rollout.state().step().unwrap();
    let silent = || {
        let why = "the gateway's counters could not be read".to_owned();
        let sample = Sample {
            to_ms: 1_000,
            missing: [(Sample::CANARY_COUNTS.to_owned(), why)].into(),
            ..Sample::default()
        };
        EventKind::measured(step, sample)
    };
    let mut warned = Vec::new();
    let kinds = [
        measured(&rollout, 100, 0),
        silent(),
        silent(),
        measured(&rollout, 100, 18),
        measured(&rollout, 100, 9),
    ];
    for kind in kinds {
        let notices;
        (rollout, notices) = push(&rollout, kind);
        warned.push(notices);
    }
    let counts: Vec<usize> = warned.iter().map(Vec::len).collect();
    assert_eq!(counts, [0, 1, 0, 1, 0], "{warned:?}");
    assert!(
        warned[1][0].contains("no data now: the gateway's counters could not be read"),
        "{warned:?}"
    );
    assert!(
        warned[3][0].contains("error rate 9.0 %") && warned[3][0].contains("near its limit"),
        "{warned:?}"
    );
    let told = timeline.moments().iter().filter(|moment| {
        matches!(&moment.kind, MomentKind::Turned { sentence, .. } if warned.iter().flatten().any(|one| one == sentence))
    });
    assert_eq!(told.count(), 2, "the timeline has them too");
}

#[test]
fn a_warning_names_the_rule_that_it_is_about_when_two_look_at_one_figure() {
    let signal = || Signal::Metric {
        name: "queue".to_owned(),
    };
    let mut request = crate::plan::tests::request();
    request.analysis.window_ms = 60_000;
    request.analysis.rules = vec![
        Rule::new(signal(), Test::Limit { max: 100.0 }),
        Rule::new(signal(), Test::Limit { max: 110.0 }),
    ];
    let mut rollout = advance(Arc::new(Plan::build(&request).unwrap()), "gate-10");
    let step = rollout.state().step().unwrap();
    let mut push = |sample: Sample| {
        let kind = EventKind::measured(step, sample);
        let (next, effects) = rollout.apply(&event(kind)).unwrap();
        rollout = next;
        let told = effects.into_iter().find_map(|effect| match effect {
            Effect::Notify(notice) if notice.kind == NoticeKind::Warning => Some(notice.sentence),
            _ => None,
        });
        (told, rollout.sentence())
    };
    let queue = |value: f64| Sample {
        to_ms: 1_000,
        metrics: [("queue".to_owned(), value)].into(),
        ..Sample::default()
    };
    let (first, _) = push(queue(85.0));
    let first = first.unwrap();
    assert!(
        first.contains("queue 85, limit 100") && !first.contains("110"),
        "{first}"
    );
    let (second, sentence) = push(queue(95.0));
    let second = second.unwrap();
    assert!(
        second.contains("queue 95, limit 110") && !second.contains("limit 100"),
        "{second}"
    );
    assert_eq!(sentence, second);
    // It is well again: nothing is left of the warning.
    let (none, sentence) = push(queue(5.0));
    assert_eq!(none, None);
    assert!(sentence.contains("queue 5, limit 100"), "{sentence}");
    // Neither has data: that is one thing and told once.
    let silent = Sample {
        to_ms: 1_000,
        missing: [("queue".to_owned(), "no answer within 5000 ms".to_owned())].into(),
        ..Sample::default()
    };
    let (told, _) = push(silent);
    let told = told.unwrap();
    assert_eq!(
        told.matches("no answer within 5000 ms").count(),
        2,
        "{told}"
    );
    assert!(
        told.contains("limit 100") && told.contains("limit 110"),
        "{told}"
    );
}

#[test]
fn going_back_because_a_gate_could_not_decide_says_so() {
    let mut request = crate::plan::tests::request();
    request.analysis.inconclusive = portcullis_analysis::WhenInconclusive::RollBack;
    request.analysis.extend_ms = 0;
    let rollout = advance(Arc::new(Plan::build(&request).unwrap()), "gate-10");
    let back = apply(&rollout, measured(&rollout, 0, 0));
    let sentence = back.sentence();
    assert!(
        sentence.contains(
            "because the gate could not decide, and rolls back then (inconclusive = \"roll-back\"): error rate"
        ),
        "{sentence}"
    );
}

#[test]
fn the_cadence_is_kept_over_a_restart_and_a_pause() {
    let mut request = crate::plan::tests::request();
    request.analysis.window_ms = 60_000;
    request.analysis.cadence = vec![portcullis_analysis::Cadence {
        after_ms: 2_000,
        interval_ms: 20_000,
    }];
    let interval_ms = request.analysis.interval_ms;
    let mut rollout = advance(Arc::new(Plan::build(&request).unwrap()), "gate-10");
    let asked = |rollout: &Rollout, kind| measured_again_in_ms(rollout, kind);
    let first = measured(&rollout, 500, 0);
    assert_eq!(asked(&rollout, first.clone()), Some(interval_ms));
    rollout = apply(&rollout, first);
    let second = measured(&rollout, 500, 0);
    assert_eq!(asked(&rollout, second.clone()), Some(20_000));
    rollout = apply(&rollout, second);
    assert_eq!(asked(&rollout, EventKind::Recovered), Some(20_000));
    let paused = apply(&rollout, pause());
    assert_eq!(asked(&paused, EventKind::Resume), Some(20_000));
}

/// Whose data there is, and whether the release before is stopped.
fn standing(rollout: &Rollout) -> (DataOf, bool) {
    (rollout.data_of(), rollout.stopped_previous())
}

#[test]
fn in_a_cut_over_the_data_is_of_the_new_release_from_the_migration_on() {
    let plan = Arc::clone(opened().plan());
    let before = (DataOf::Before, false);
    assert_eq!(standing(&Rollout::new(Arc::clone(&plan))), before);
    for (step, data, stopped) in [
        ("close", DataOf::Before, false),
        ("final-backup", DataOf::Before, true),
        ("migrate", DataOf::Between, true),
        ("start", DataOf::After, true),
        ("smoke", DataOf::After, true),
    ] {
        let there = advance(Arc::clone(&plan), step);
        assert_eq!(standing(&there), (data, stopped), "{step}");
    }
    let opened = opened();
    assert_eq!(standing(&opened), (DataOf::After, true));
    let held = apply(&opened, measured(&opened, 100, 50));
    assert_eq!(standing(&held), (DataOf::After, true));
    let mut back = apply(&held, abort());
    let mut undone = Vec::new();
    while !back.state().is_done() {
        undone.push((back.op().unwrap().action.word(), standing(&back)));
        back = apply(&back, ok(&back));
    }
    let restore = undone.iter().position(|(word, _)| *word == "restore");
    for (at, (word, found)) in undone.iter().enumerate() {
        let wanted = match restore.map(|restore| at.cmp(&restore)) {
            Some(std::cmp::Ordering::Less) => DataOf::After,
            Some(std::cmp::Ordering::Equal) => DataOf::Between,
            _ => DataOf::Before,
        };
        assert_eq!(found.0, wanted, "{word}");
    }
    assert_eq!(undone.last().map(|(_, found)| found.1), Some(false));
    assert_eq!(standing(&back), before);
}

#[test]
fn data_that_waits_for_a_person_before_it_is_put_back_is_still_of_the_new_release() {
    let mut request = crate::plan::tests::request();
    request.policy.service_writes = true;
    let plan = Arc::new(Plan::build(&request).unwrap());
    let mut rollout = apply(&Rollout::new(plan), EventKind::Start);
    while rollout.judgement().is_none() {
        rollout = apply(&rollout, ok(&rollout));
    }
    assert_eq!(standing(&rollout), (DataOf::After, false));
    rollout = apply(&rollout, measured(&rollout, 100, 50));
    while matches!(rollout.state(), State::Unwinding { .. }) {
        rollout = apply(&rollout, ok(&rollout));
    }
    assert_eq!(standing(&rollout), (DataOf::After, false));
    let asked = apply(&rollout, EventKind::Retry);
    assert_eq!(standing(&asked), (DataOf::Between, false));
}
