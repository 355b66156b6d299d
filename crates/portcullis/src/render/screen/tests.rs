use portcullis_analysis::{ArmSample, HealthSample, Sample, Tally};
use portcullis_api::gateway::{Arm, ArmHealth, ArmStatus, Split};
use portcullis_rollout::{
    Attempt, Cause, Direction, End, HeldWhy, PausedWhy, Run, State, StepIndex,
};

use super::*;

/// A rollout that was rolled back by its gate, as the API gave it.
fn rolled_back() -> Detail {
    serde_json::from_str(include_str!("rolled_back.json")).unwrap()
}

fn at(name: &str) -> StepIndex {
    let detail = rolled_back();
    let steps = &detail.plan.plan.steps;
    StepIndex(steps.iter().position(|step| step.name == name).unwrap())
}

/// The same rollout in another state, with what had happened before the step of that state.
fn in_state(state: State, sentence: &str) -> Detail {
    let mut detail = rolled_back();
    if let Some(now) = state.step() {
        let before = |moment: &portcullis_rollout::Moment| {
            let going_back = standing::cause(&state).is_some();
            going_back || moment.step.is_none_or(|step| step < now)
        };
        detail.moments.retain(before);
        let undone = |kind: &MomentKind| {
            let back = Direction::Undo;
            matches!(kind, MomentKind::Settled { direction, .. } if *direction == back)
        };
        let has_cause = standing::cause(&state).is_some();
        detail
            .moments
            .retain(|moment| has_cause || !undone(&moment.kind));
        let turned = |kind: &MomentKind| matches!(kind, MomentKind::Turned { .. });
        detail.moments.retain(|moment| !turned(&moment.kind));
    }
    detail.summary.over = state.is_done();
    detail.summary.sentence = sentence.to_owned();
    detail.state_detail = state;
    detail
}

fn samples(requests: u64, errors: u64) -> Vec<Sample> {
    let arm = |requests, errors| ArmSample {
        requests,
        errors,
        ..ArmSample::default()
    };
    vec![Sample {
        from_ms: 0,
        to_ms: 4_000,
        canary: Some(arm(requests, errors)),
        baseline: Some(arm(requests * 4, 1)),
        health: Some(HealthSample {
            passed: 12,
            ..HealthSample::default()
        }),
        ..Sample::default()
    }]
}

/// What the gate at 20 % has seen with these samples.
fn tally(samples: &[Sample]) -> Box<Tally> {
    let portcullis_rollout::Action::Gate(gate) =
        &rolled_back().plan.plan.steps[at("gate-20").0].action
    else {
        panic!("no gate");
    };
    let mut tally = Tally::new(&gate.analysis);
    for sample in samples {
        tally.observe(&gate.analysis, sample);
    }
    Box::new(tally)
}

fn measuring() -> Detail {
    let state = State::Watching {
        at: at("gate-20"),
        tally: tally(&samples(120, 0)),
    };
    in_state(
        state,
        "Holding at 20 %: error rate 0.0 %, limit 1.0 %, 120 requests",
    )
}

fn starting() -> Detail {
    let state = State::Advancing {
        at: at("start"),
        attempt: Attempt::first(1),
        run: Run::InFlight,
        halt: None,
    };
    in_state(state, "Releasing dhash 1.1 -> 1.2: step 5 of 12, start")
}

fn inconclusive() -> Detail {
    let gate = rolled_back().plan.plan.steps[at("gate-20").0]
        .action
        .clone();
    let portcullis_rollout::Action::Gate(gate) = gate else {
        panic!("no gate");
    };
    let samples = samples(12, 0);
    let judgement = gate.analysis.judge(&samples);
    let state = State::Paused {
        at: at("gate-20"),
        tally: tally(&samples),
        why: PausedWhy::Inconclusive { judgement },
    };
    let sentence = "Paused at 20 %, cannot decide: error rate 0.0 %, limit 1.0 %, 12 requests of 250 \
                    needed";
    in_state(state, sentence)
}

fn held() -> Detail {
    let state = State::Held {
        direction: Direction::Undo,
        at: at("migrate"),
        attempt: Attempt::first(1),
        halt: None,
        cause: match rolled_back().state_detail {
            State::Done { cause, .. } => cause,
            _ => None,
        },
        why: HeldWhy::WouldLoseWrites,
    };
    in_state(
        state,
        "Held undoing step 4 of 12, migrate: putting the backup back would lose writes",
    )
}

fn unwinding() -> Detail {
    let State::Done { cause, .. } = rolled_back().state_detail else {
        panic!("not over");
    };
    let state = State::Unwinding {
        at: at("shift-20"),
        attempt: Attempt::first(1),
        run: Run::InFlight,
        cause: cause.unwrap(),
    };
    let sentence = "Going back to 1.1: undoing step 7 of 12, shift-20, because error rate 20.0 %, limit \
                    1.0 %, 250 requests";
    let mut detail = in_state(state, sentence);
    let undone = |kind: &MomentKind| {
        matches!(
            kind,
            MomentKind::Settled {
                direction: Direction::Undo,
                ..
            }
        )
    };
    detail.moments.retain(|moment| !undone(&moment.kind));
    detail
}

fn promoted() -> Detail {
    let state = State::Done {
        end: End::Promoted,
        cause: None,
    };
    in_state(state, "Releasing dhash 1.1 -> 1.2: done, 1.2 serves")
}

/// What is refused is not offered.
#[test]
fn an_abort_is_offered_only_while_it_would_be_taken() {
    let offers =
        |detail: &Detail| crate::render::detail(detail).contains("stop it: portcullis abort ");
    for detail in [starting(), measuring(), inconclusive()] {
        assert!(offers(&detail), "{}", detail.summary.sentence);
    }
    for detail in [unwinding(), held(), promoted()] {
        assert!(!offers(&detail), "{}", detail.summary.sentence);
    }
    let mut failed = held();
    if let State::Held { why, .. } = &mut failed.state_detail {
        *why = HeldWhy::ReverseFailed {
            message: "it failed".to_owned(),
        };
    }
    assert!(offers(&failed));
}

fn route(detail: &Detail, percent: u8) -> RouteStatus {
    let plan = &detail.plan.plan;
    let previous = plan.previous.as_ref().unwrap();
    let stable = Arm {
        release: previous.release.id.to_string(),
        address: previous.target.address.clone(),
    };
    let canary = Arm {
        release: plan.release.id.to_string(),
        address: plan.target.address.clone(),
    };
    let status = |arm: &Arm, requests, errors| ArmStatus {
        arm: arm.clone(),
        requests,
        errors,
        failed_over: 0,
        in_flight: 0,
        writes_in_flight: 0,
        by_class: [0; 5],
        latency: portcullis_analysis::Histogram::default(),
        last_sent_at_ms: 0,
        health: ArmHealth {
            healthy: true,
            ..ArmHealth::default()
        },
        shadow: None,
        first_errors: 0,
        refused: 0,
        streams: None,
    };
    RouteStatus {
        service: "dhash".to_owned(),
        arms: vec![status(&stable, 10_240, 3), status(&canary, 120, 24)],
        split: Some(Split {
            stable,
            canary: Some(canary),
            weight_percent: percent,
            closed: None,
            mirror_only: false,
        }),
        epoch: 1,
        changes: 1,
        changed_at_ms: 0,
        unrouted: 0,
        held: 0,
        turned_away: 0,
        bypass: None,
        pause: None,
    }
}

fn shown(detail: &Detail, percent: u8, width: usize, height: usize, unicode: bool) -> Screen {
    let route = route(detail, percent);
    let log: Vec<String> = (1..=8)
        .map(|n| format!("request {n} answered\twith a rather long line that tells much about it"))
        .collect();
    let began_ms = standing::current_since_ms(detail);
    let scene = Scene {
        detail,
        traffic: Some(&route),
        log: &log,
        expected_ms: &[],
        trouble: None,
        now_ms: began_ms + 4_200,
        unicode,
    };
    screen(&scene, width, height)
}

fn all() -> Vec<Detail> {
    vec![
        starting(),
        measuring(),
        inconclusive(),
        held(),
        unwinding(),
        rolled_back(),
        promoted(),
    ]
}

#[test]
fn a_gate_on_a_wide_screen() {
    insta::assert_snapshot!(shown(&measuring(), 20, 120, 60, true).text());
}

#[test]
fn a_gate_on_a_usual_screen_folds_finished_steps_first() {
    insta::assert_snapshot!(shown(&measuring(), 20, 79, 24, true).text());
}

#[test]
fn a_gate_on_a_narrow_screen() {
    insta::assert_snapshot!(shown(&measuring(), 20, 40, 40, true).text());
}

#[test]
fn a_screen_of_eight_lines_keeps_sentence_and_commands() {
    insta::assert_snapshot!(shown(&measuring(), 20, 79, 8, true).text());
}

#[test]
fn a_rollback_in_ascii() {
    insta::assert_snapshot!(shown(&unwinding(), 0, 80, 60, false).text());
}

#[test]
fn the_end_of_a_rollback() {
    insta::assert_snapshot!(shown(&rolled_back(), 0, 80, 60, true).text());
}

#[test]
fn a_person_is_asked_what_each_answer_means() {
    let text = [inconclusive(), held(), promoted()].map(|detail| {
        let lines = foot(&scene_of(&detail), &Room::ample(100));
        let lines: Vec<String> = lines.iter().map(Line::text).collect();
        lines.join("\n")
    });
    insta::assert_snapshot!(text.join("\n\n"));
}

fn scene_of(detail: &Detail) -> Scene<'_> {
    Scene {
        detail,
        traffic: None,
        log: &[],
        expected_ms: &[],
        trouble: None,
        now_ms: 0,
        unicode: true,
    }
}

#[test]
fn whatever_the_size_nothing_is_too_long_and_the_sentence_comes_first() {
    for detail in all() {
        for width in [20, 25, 31, 39, 40, 52, 66, 75, 76, 80, 101, 132, 140] {
            for height in [1, 2, 3, 5, 8, 10, 12, 16, 24, 33, 50] {
                let screen = shown(&detail, 20, width, height, width % 2 == 0);
                let text = screen.text();
                assert!(screen.lines.len() <= height, "{width}x{height}:\n{text}");
                let widest = screen.lines.iter().map(Line::width).max();
                assert!(widest <= Some(width), "{width}x{height}:\n{text}");
                let sentence = wrap(&detail.summary.sentence, width.min(WIDTH_MAX));
                assert_eq!(screen.lines[0].text(), sentence[0], "{width}x{height}");
                if width >= 40 && height >= 8 {
                    let first = actions::choices(&scene_of(&detail));
                    let command = first.first().map(|c| format!("portcullis {}", c.command));
                    let command = command.unwrap_or("nothing to decide".to_owned());
                    assert!(text.contains(&command), "{width}x{height}:\n{text}");
                    assert!(text.contains(sentence.last().unwrap()), "{width}x{height}");
                }
            }
        }
    }
}

#[test]
fn a_step_that_failed_shows_its_evidence() {
    let mut detail = rolled_back();
    let moment = &mut detail.moments[3];
    moment.kind = MomentKind::Failed {
        direction: Direction::Do,
        message: "the health check answered 500".to_owned(),
        facts: vec![portcullis_rollout::Fact::new(
            "last lines",
            "one\ntwo\x1b[2J",
        )],
    };
    let step = moment.step.unwrap();
    detail.state_detail = State::Done {
        end: End::RolledBack,
        cause: Some(Cause::StepFailed {
            step,
            message: "the health check answered 500".to_owned(),
        }),
    };
    let text = shown(&detail, 0, 80, 60, true).text();
    assert!(
        text.contains("failed  the health check answered 500"),
        "{text}"
    );
    assert!(text.contains("last lines: two"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn a_share_that_is_neither_nothing_nor_all_is_not_drawn_as_one() {
    let marks = Marks { unicode: false };
    let bar = |part| marks.bar(Line::new(), part, 100, 10, Tone::Plain).text();
    assert_eq!(bar(0), "[..........]");
    assert_eq!(bar(1), "[#.........]");
    assert_eq!(bar(99), "[#########.]");
    assert_eq!(bar(100), "[##########]");
}
