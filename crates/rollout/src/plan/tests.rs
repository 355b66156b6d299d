use std::collections::BTreeMap;

use portcullis_analysis::{Analysis, Rule, Signal, Test};
use proptest::prelude::{any, prop_assert, proptest};

use crate::{Strategy, *};

pub(crate) mod closing;
mod room;
mod signals;

/// A release with everything: stores, a migration, a canary, a restore.
pub(crate) fn request() -> PlanRequest {
    let migration = CommandMigration {
        command: words(&["{artifact}", "migrate", "--library", "{store.library}"]),
        proof: Proof::Json {
            file: "{store.library}".into(),
            pointer: "/schema".to_owned(),
            equals: 2.into(),
        },
        reverse: None,
    };
    PlanRequest {
        id: RolloutId::new("dhash-2"),
        created_at_ms: 1_000,
        environment: "production".to_owned(),
        purpose: Purpose::Deploy,
        release: release("1.1", Some(Migration::Command(migration))),
        target: target("127.0.0.1:41001"),
        previous: Some(Running {
            release: release("1.0", None),
            target: target("127.0.0.1:41000"),
        }),
        strategy: Strategy::Canary {
            weights: [10, 50, 100]
                .map(|percent| Weight::new(percent).unwrap())
                .to_vec(),
        },
        policy: DataPolicy {
            compatible: true,
            restore: true,
            service_writes: false,
            accept_loss: false,
            read_only: false,
            reverse: false,
            longest_lock_ms: None,
        },
        stores: vec![StoreRef {
            name: "library".to_owned(),
            location: StoreLocation::File {
                path: "/srv/library.json".into(),
            },
        }],
        folder: "/srv".into(),
        scratch: "/srv/scratch".into(),
        trial_addresses: ["127.0.0.1:41002".to_owned(), "127.0.0.1:41003".to_owned()],
        backup_age: None,
        backup_name: Some("dhash_production_19700101T000001Z".to_owned()),
        ready: check("/health", &[("/version", "{release}")]),
        smoke: vec![check("/lookup/0011223344556677", &[])],
        analysis: Analysis {
            rules: vec![
                Rule {
                    signal: Signal::ErrorRate,
                    test: Test::Limit { max: 0.01 },
                    requests_min: 10,
                    enough: portcullis_analysis::Enough::Requests,
                    breaker: false,
                    alone: false,
                },
                Rule {
                    signal: Signal::Latency { quantile: 0.95 },
                    test: Test::Baseline {
                        ratio_max: 2.0,
                        margin: 20.0,
                    },
                    requests_min: 10,
                    enough: portcullis_analysis::Enough::Requests,
                    breaker: false,
                    alone: false,
                },
            ],
            window_ms: 1_000,
            interval_ms: 1_000,
            samples_min: 1,
            ..portcullis_analysis::Analysis::new(Vec::new(), 1, 1)
        },
        metrics: None,
        figures: Vec::new(),
        synthetic: None,
        ledger: None,
        closing: Closing::default(),
        final_backup_name: Some("dhash_production_19700101T000002Z".to_owned()),
        restores: None,
        approval: None,
        hooks: Vec::new(),
        keep_warm: crate::KeepWarm::default(),
        timeouts: Timeouts {
            ready_ms: 1_000,
            stop_ms: 2_000,
            drain_ms: 3_000,
            backup_ms: 4_000,
            migrate_ms: 5_000,
            short_ms: 6_000,
        },
    }
}

fn release(id: &str, migration: Option<Migration>) -> Release {
    Release {
        id: ReleaseId::new(id),
        service: ServiceName::new("dhash"),
        artifact: Artifact {
            path: format!("/srv/releases/{id}/dhash").into(),
            sha256: "ab".repeat(32),
        },
        command: ["{artifact}", "serve", "--port", "{port}"]
            .map(str::to_owned)
            .to_vec(),
        env: BTreeMap::from([("DHASH_RELEASE".to_owned(), "{release}".to_owned())]),
        migration,
    }
}

fn target(address: &str) -> Target {
    Target {
        name: "local".to_owned(),
        driver: "process".to_owned(),
        address: address.to_owned(),
    }
}

fn words(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::new(),
        folder: "/srv".into(),
    }
}

fn check(path: &str, json: &[(&str, &str)]) -> Check {
    Check {
        method: "GET".to_owned(),
        path: path.to_owned(),
        body_file: None,
        status: 200,
        json: json
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).into()))
            .collect(),
        contains: None,
        timeout_ms: 500,
    }
}

fn outline(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let undo = match &step.undo {
                Undo::Nothing => "-".to_owned(),
                Undo::Impossible => "impossible".to_owned(),
                Undo::Run { action } => action.word().to_owned(),
                Undo::Restore { loses_writes, .. } => format!("restore, loses {loses_writes}"),
                Undo::Reverse { loses_writes, .. } => format!("reverse, else loses {loses_writes}"),
            };
            format!("{} | {undo}", step.name)
        })
        .collect()
}

fn problems(request: &PlanRequest) -> Vec<String> {
    let problems = Plan::build(request).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_guarded_release_has_these_steps_and_inverses() {
    let plan = Plan::build(&request()).unwrap();
    assert_eq!(
        outline(&plan),
        [
            "preflight | -",
            "backup | -",
            "rehearse | -",
            "migrate | restore, loses false",
            "start | retire",
            "smoke | -",
            "shift-10 | shift",
            "gate-10 | -",
            "shift-50 | shift",
            "gate-50 | -",
            "shift-100 | shift",
            "gate-100 | -",
            "promote | shift",
            "retire | impossible",
        ]
    );
    assert_eq!(plan.pivot, StepIndex(13));
}

#[test]
fn going_back_takes_the_new_release_out_of_the_split() {
    let plan = Plan::build(&request()).unwrap();
    let undone = plan.steps.iter().filter_map(|step| step.undo.action());
    let splits: Vec<Split> = undone
        .filter_map(|action| match action {
            Action::Shift(split) => Some(split),
            _ => None,
        })
        .collect();
    assert_eq!(splits.len(), 4);
    assert!(splits.iter().all(|split| split.canary.is_none()
        && split.weight == Weight::NONE
        && split.stable.release.as_str() == "1.0"));
}

#[test]
fn places_are_filled_in_for_the_place_where_a_release_runs() {
    let plan = Plan::build(&request()).unwrap();
    let rehearsal = plan.steps.iter().find_map(|step| match &step.action {
        Action::Rehearse(rehearsal) => Some(rehearsal),
        _ => None,
    });
    let rehearsal = rehearsal.unwrap();
    let Some(MigrationOrder::Command(migration)) = &rehearsal.migration else {
        panic!("a command: {rehearsal:?}");
    };
    assert_eq!(
        migration.command.argv,
        [
            "/srv/releases/1.1/dhash",
            "migrate",
            "--library",
            "/srv/scratch/library/library.json"
        ]
    );
    let old = rehearsal.old.as_ref().unwrap();
    assert_eq!(old.launch.command.argv.last().unwrap(), "41002");
    assert_eq!(old.launch.command.env["DHASH_RELEASE"], "1.0");
    assert_eq!(old.smoke.checks[0].json["/version"], "1.0");
    assert_eq!(rehearsal.new.smoke.checks[0].json["/version"], "1.1");
}

#[test]
fn at_full_weight_only_fixed_limits_remain() {
    let plan = Plan::build(&request()).unwrap();
    let gate = |name: &str| match &plan.steps.iter().find(|s| s.name == name).unwrap().action {
        Action::Gate(gate) => gate.clone(),
        _ => unreachable!(),
    };
    assert_eq!(gate("gate-10").analysis.rules.len(), 2);
    assert!(gate("gate-10").baseline.is_some());
    assert_eq!(gate("gate-100").analysis.rules.len(), 1);
    assert!(gate("gate-100").baseline.is_none());
    assert!(plan.notes.iter().any(|note| note.contains("100 %")));
}

/// A database that the old release keeps open cannot be put back under it: the plan says so where that can happen.
#[test]
fn a_plan_says_what_an_open_database_keeps_from_going_back() {
    let told = |request: &PlanRequest| {
        let plan = Plan::build(request).unwrap();
        let mut notes = plan.notes.into_iter();
        notes.find(|note| note.contains("only while no program has it open"))
    };
    let mut request = request();
    assert_eq!(told(&request), None, "a file is replaced while it is open");
    request.stores[0].location = StoreLocation::Sqlite {
        path: "/srv/library.json".into(),
    };
    let note = told(&request).unwrap();
    assert!(note.starts_with("a backup of library can"), "{note}");
    assert!(note.contains("until somebody stops 1.0"), "{note}");
    let mut kept = request.clone();
    kept.policy.restore = false;
    assert_eq!(told(&kept), None);
    let mut cut_over = request.clone();
    cut_over.strategy = Strategy::CutOver {
        weights: vec![Weight::new(100).unwrap()],
    };
    assert_eq!(told(&cut_over), None);
    request.previous = None;
    assert_eq!(told(&request), None);
}

#[test]
fn every_problem_is_reported_at_once() {
    let mut bad = request();
    bad.policy.compatible = false;
    bad.backup_name = None;
    bad.strategy = Strategy::Canary {
        weights: vec![Weight::new(50).unwrap(), Weight::new(10).unwrap()],
    };
    bad.release.command.push("{stroe.library}".to_owned());
    let told = problems(&bad).join("\n");
    for part in [
        "compatible",
        "no name for it",
        "must rise and end with 100",
        "{stroe.library}",
        "no verified backup before it",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
}

#[test]
fn a_release_that_serves_is_not_released_again() {
    let mut again = request();
    again.previous.as_mut().unwrap().release = again.release.clone();
    assert!(problems(&again)[0].contains("already serves"));
}

#[test]
fn a_gate_without_a_rule_that_can_be_judged_is_refused() {
    let mut blind = request();
    blind.analysis.rules.remove(0);
    let told = problems(&blind);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("the gate at 100 percent has no rule"));
}

#[test]
fn a_first_release_has_nothing_to_go_back_to() {
    let mut first = request();
    first.previous = None;
    let plan = Plan::build(&first).unwrap();
    assert_eq!(plan.steps.last().unwrap().name, "promote");
    assert_eq!(plan.pivot, StepIndex(plan.steps.len() - 1));
}

#[test]
fn equal_requests_give_plans_of_equal_hash() {
    let plan = Plan::build(&request()).unwrap();
    assert_eq!(plan.hash(), Plan::build(&request()).unwrap().hash());
    let mut other = request();
    other.release.artifact.sha256 = "cd".repeat(32);
    assert_ne!(plan.hash(), Plan::build(&other).unwrap().hash());
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

proptest! {
    /// Whatever is asked: a plan that is made keeps the rules, and one that breaks them is not made.
    #[test]
    fn every_plan_that_is_built_keeps_the_rules(
        weights in proptest::collection::vec(0u8..=100, 0..6),
        flags in proptest::array::uniform8(any::<bool>()),
        read_only in any::<bool>(),
        strategy in 0..4,
    ) {
        let [migrates, stores, first, compatible, restore, writes, approval, back] = flags;
        let mut wanted = request();
        wanted.strategy = match strategy {
            0 => Strategy::Canary {
                weights: weights.iter().filter_map(|w| Weight::new(*w).ok()).collect(),
            },
            1 => Strategy::BlueGreen,
            2 => Strategy::CutOver {
                weights: weights.iter().filter_map(|w| Weight::new(*w).ok()).collect(),
            },
            _ => Strategy::AtOnce,
        };
        if !migrates { wanted.release.migration = None; }
        if !stores { wanted.stores.clear(); }
        if first { wanted.previous = None; }
        wanted.policy =
            DataPolicy { compatible, restore, service_writes: writes, accept_loss: false, read_only, reverse: false, longest_lock_ms: None };
        wanted.approval = approval.then(|| "Go?".to_owned());
        if back { wanted.purpose = Purpose::Rollback; }
        let cuts_over = matches!(wanted.strategy, Strategy::CutOver { .. });
        let Ok(plan) = Plan::build(&wanted) else { return Ok(()) };
        let index = |word: &str| plan.steps.iter().position(|step| step.action.word() == word);
        if let Some(migrate) = index("migrate") {
            prop_assert!(index("backup").unwrap() < migrate);
            prop_assert!(index("rehearse").unwrap() < migrate);
            prop_assert!(migrate < plan.pivot.0);
            prop_assert!(wanted.previous.is_none() || compatible || cuts_over);
        }
        let shared = |step: &Step| match &step.action {
            Action::Shift(split) => split.canary.is_some(),
            _ => false,
        };
        if let Some(shift) = plan.steps.iter().position(shared) {
            prop_assert!(index("start").unwrap() < shift);
        }
        // Whoever is stopped before another release serves gets no request from then on.
        let promote = index("promote").unwrap();
        if let Some(stop) = index("retire").filter(|stop| *stop < promote) {
            prop_assert!(cuts_over);
            for step in &plan.steps[stop..promote] {
                if let Action::Shift(split) = &step.action {
                    prop_assert!(split.shuts_stable());
                }
            }
        }
        for step in &plan.steps[..plan.pivot.0] {
            prop_assert!(step.undo != Undo::Impossible);
        }
        let full = plan.steps.iter().rev().find_map(|step| match &step.action {
            Action::Shift(split) => Some(split.weight),
            _ => None,
        });
        prop_assert!(full.is_none_or(|weight| weight == Weight::ALL));
    }
}
