//! Plans that keep users out.

use super::*;

/// The release of [`request`] as a cut-over of a service that writes.
pub(crate) fn cut_over() -> PlanRequest {
    let mut request = request();
    let Strategy::Canary { weights } = request.strategy.clone() else {
        panic!("the request is of a canary");
    };
    request.strategy = Strategy::CutOver { weights };
    request.policy.compatible = false;
    request.policy.service_writes = true;
    request.closing.hold_ms = 10_000;
    request
}

fn split<'p>(plan: &'p Plan, name: &str) -> &'p Split {
    let step = plan.steps.iter().find(|step| step.name == name).unwrap();
    match &step.action {
        Action::Shift(split) => split,
        Action::Promote(promotion) => &promotion.split,
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_a_cut_over_the_two_releases_never_run_beside_each_other() {
    let plan = Plan::build(&cut_over()).unwrap();
    assert_eq!(
        outline(&plan),
        [
            "preflight | -",
            "backup | -",
            "rehearse | -",
            "close | shift",
            "stop | start",
            "final-backup | restore, loses true",
            "migrate | -",
            "start | retire",
            "smoke | -",
            "open-10 | shift",
            "gate-10 | -",
            "open-50 | shift",
            "gate-50 | -",
            "open-100 | shift",
            "gate-100 | -",
            "promote | impossible",
        ]
    );
    assert!(split(&plan, "close").shuts_stable() && !split(&plan, "close").exposes_canary());
    let opened = split(&plan, "open-10");
    assert!(opened.shuts_stable() && opened.exposes_canary());
    assert_eq!(split(&plan, "promote").closed, None);
    // What is put back is what was there when nobody was let in any more.
    let names: Vec<&str> = plan.steps.iter().filter_map(backup_name).collect();
    assert_eq!(names.len(), 2);
    let restored = plan.steps.iter().find_map(|step| match &step.undo {
        Undo::Restore { order, .. } => Some(order),
        _ => None,
    });
    assert_eq!(restored.unwrap().backup, names[1]);
    // Each gate has only what needs no second release.
    for step in &plan.steps {
        if let Action::Gate(gate) = &step.action {
            assert_eq!(gate.baseline, None, "{}", step.name);
        }
    }
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("nobody is let in"))
    );
    assert!(
        plan.rollback_loss()
            .contains("loses nothing until it is opened")
    );
}

fn backup_name(step: &Step) -> Option<&str> {
    match &step.action {
        Action::Backup(order) => Some(order.name.as_str()),
        _ => None,
    }
}

#[test]
fn only_the_new_release_is_tried_in_the_rehearsal_of_a_cut_over() {
    let mut request = cut_over();
    let rehearsal = |request: &PlanRequest| {
        let plan = Plan::build(request).unwrap();
        plan.steps.into_iter().find_map(|step| match step.action {
            Action::Rehearse(rehearsal) => Some(*rehearsal),
            _ => None,
        })
    };
    let tried = rehearsal(&request).unwrap();
    assert!(tried.old.is_none() && tried.migration.is_some());
    // One that changes the data itself as it starts is tried on a copy as well.
    request.release.migration = None;
    let tried = rehearsal(&request).unwrap();
    assert!(tried.old.is_none() && tried.migration.is_none());
}

#[test]
fn the_first_release_of_a_service_has_nobody_to_keep_out() {
    let mut request = cut_over();
    request.previous = None;
    let plan = Plan::build(&request).unwrap();
    assert!(!outline(&plan).iter().any(|step| step.starts_with("close")));
}

#[test]
fn with_writes_kept_out_going_back_loses_nothing_until_the_promotion() {
    let mut request = request();
    request.policy.service_writes = true;
    request.policy.read_only = true;
    let plan = Plan::build(&request).unwrap();
    assert_eq!(
        outline(&plan)[..8],
        [
            "preflight | -",
            "backup | -",
            "rehearse | -",
            "close | shift",
            "final-backup | restore, loses true",
            "migrate | -",
            "start | retire",
            "smoke | -",
        ]
    );
    for name in ["close", "shift-10", "shift-100"] {
        let split = split(&plan, name);
        assert!(
            split.keeps_all_writes_out() && !split.shuts_stable(),
            "{name}"
        );
        assert!(!split.exposes_canary(), "{name}");
    }
    assert_eq!(split(&plan, "promote").closed, None);
    assert!(
        plan.rollback_loss()
            .contains("loses nothing until the promotion")
    );
    // Nothing is kept out where nothing is migrated.
    request.release.migration = None;
    let plan = Plan::build(&request).unwrap();
    assert!(!outline(&plan).iter().any(|step| step.starts_with("close")));
}

#[test]
fn a_release_that_serves_is_not_stopped_while_requests_go_to_it() {
    let request = cut_over();
    let mut steps = Plan::build(&request).unwrap().steps;
    let close = steps.iter().position(|step| step.name == "close").unwrap();
    steps.remove(close);
    let pivot = StepIndex(steps.len() - 1);
    let problems = Plan::from_steps(&request, steps, pivot).unwrap_err();
    assert_eq!(problems, [PlanProblem::StoppedWhileOpen("stop".to_owned())]);
}
