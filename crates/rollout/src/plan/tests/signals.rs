//! What gates of a plan ask besides users' requests.

use portcullis_analysis::{Bound, Reading};

use super::*;

/// A canary whose gates send synthetic requests and compare a figure, and whose old release is kept warm.
fn asking() -> PlanRequest {
    let mut asked = request();
    let named = check("/answer?of={release}", &[("/version", "{release}")]);
    asked.synthetic = Some(SyntheticTraffic {
        rate: Pace {
            requests: 2,
            per_ms: 1_000,
        },
        below: Pace {
            requests: 1,
            per_ms: 1_000,
        },
        requests: vec![SyntheticRequest {
            check: Check {
                timeout_ms: 60_000,
                ..named
            },
            headers: [("authorization".to_owned(), "env:TEST_TOKEN".to_owned())].into(),
        }],
        folder: "/srv".into(),
    });
    asked.metrics = Some(MetricsSource {
        path: "/figures".to_owned(),
        figures: [("queue".to_owned(), "/queue".to_owned())].into(),
    });
    let compared = Test::Beside {
        reading: Reading::Mean,
        over_ms: 1_000,
        tolerated: Bound {
            ratio: 1.5,
            margin: 0.0,
        },
    };
    let queue = Signal::Metric {
        name: "queue".to_owned(),
    };
    asked.analysis.rules.push(Rule::new(queue, compared));
    asked.keep_warm = KeepWarm::lasting(60_000);
    asked
}

fn gates(plan: &Plan) -> Vec<&GateOrder> {
    let gates = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Gate(gate) => Some(gate),
        _ => None,
    });
    gates.collect()
}

#[test]
fn both_releases_are_asked_as_themselves_and_nothing_is_after_the_promotion() {
    let plan = Plan::build(&asking()).unwrap();
    let gates = gates(&plan);
    let [ten, _, all, warm] = gates.as_slice() else {
        panic!("{gates:?}");
    };
    let question = &ten.synthetic.as_ref().unwrap().questions[0];
    let stable = question.stable.as_ref().unwrap();
    assert_eq!(question.canary.path, "/answer?of=1.1");
    assert_eq!(stable.path, "/answer?of=1.0");
    assert_eq!(question.canary.json["/version"], "1.1");
    assert_eq!(stable.json["/version"], "1.0");
    // No answer holds up the next measurement.
    assert_eq!(
        (question.canary.timeout_ms, stable.timeout_ms),
        (1_000, 1_000)
    );
    assert_eq!(question.headers["authorization"], "env:TEST_TOKEN");
    let alone = &all.synthetic.as_ref().unwrap().questions[0];
    assert_eq!(alone.stable, None, "nothing serves beside it");
    assert_eq!((warm.role, &warm.synthetic), (GateRole::KeepWarm, &None));
    let compares = |gate: &GateOrder| gate.compares_figure("queue");
    assert!(compares(ten) && !compares(all) && !compares(warm));
}

#[test]
fn the_plan_says_what_will_be_sent_and_looks_for_the_secrets_first() {
    let plan = Plan::build(&asking()).unwrap();
    let said = |plan: &Plan| {
        let mut notes = plan.notes.iter();
        notes.any(|note| note.ends_with("past the gateway: GET /answer?of={release}"))
    };
    assert!(said(&plan), "{:?}", plan.notes);
    let needs = plan.steps.iter().find_map(|step| match &step.action {
        Action::Preflight(order) => Some(format!("{order:?}")),
        _ => None,
    });
    assert!(needs.unwrap().contains("env:TEST_TOKEN"));
    let mut none = asking();
    none.synthetic = None;
    let plan = Plan::build(&none).unwrap();
    assert!(!said(&plan));
    assert!(gates(&plan).iter().all(|gate| gate.synthetic.is_none()));
}

#[test]
fn a_place_that_does_not_exist_is_refused_for_either_release() {
    let mut wrong = asking();
    let traffic = wrong.synthetic.as_mut().unwrap();
    traffic.requests[0].check.path = "/{store.none}".to_owned();
    assert!(Plan::build(&wrong).is_err());
}

#[test]
fn a_pace_is_kept_over_any_time() {
    let pace = Pace {
        requests: 30,
        per_ms: 60_000,
    };
    assert_eq!(
        [1_999, 2_000, 3_999, 60_000].map(|ms| pace.within(ms)),
        [0, 1, 1, 30]
    );
    assert_eq!(pace.per_second(), 0.5);
}
