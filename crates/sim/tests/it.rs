//! Invariants 2, 3, 4, 6, 7, 15, 16 and 17 over everything that can happen within the budgets, and over
//! long random walks; and the proof that breaking a rule is noticed.

#![allow(clippy::unwrap_used)]

use portcullis_sim::{Budgets, Mutation, Scenario, explore, wander};

fn sound(scenario: Scenario, faults: u8, crashes: u8, aborts: u8) -> portcullis_sim::Explored {
    let budgets = Budgets {
        faults,
        crashes,
        aborts,
        pauses: 0,
    };
    sound_within(scenario, budgets)
}

fn sound_within(scenario: Scenario, budgets: Budgets) -> portcullis_sim::Explored {
    let found = explore(scenario, budgets, None).unwrap();
    assert!(found.violations.is_empty(), "{:#?}", found.violations);
    assert_eq!(
        found.stuck, 0,
        "points from which the rollout can never end"
    );
    found
}

#[test]
fn nothing_going_wrong_promotes_in_one_way() {
    let found = sound(Scenario::Guarded, 0, 0, 0);
    assert_eq!(
        found.ends.into_iter().collect::<Vec<_>>(),
        [("promoted", 1)]
    );
}

#[test]
fn a_guarded_release_keeps_every_invariant() {
    let found = sound(Scenario::Guarded, 2, 2, 1);
    assert!(found.states > 10_000, "{}", found.states);
    assert_eq!(found.ends.len(), 3, "{:?}", found.ends);
}

#[test]
fn a_release_whose_restore_would_lose_writes_keeps_every_invariant() {
    sound(Scenario::LosesWrites, 2, 1, 1);
}

#[test]
fn a_release_whose_migration_is_reversed_keeps_every_invariant() {
    let found = sound(Scenario::Reversed, 2, 1, 1);
    assert_eq!(found.ends.len(), 3, "{:?}", found.ends);
}

#[test]
fn a_backup_put_back_for_a_failed_reverse_without_asking_is_caught() {
    let budgets = Budgets {
        faults: 2,
        crashes: 0,
        aborts: 2,
        pauses: 0,
    };
    let mutation = Some(Mutation::RestoreWithoutConsent);
    let found = explore(Scenario::Reversed, budgets, mutation).unwrap();
    let of_consent = |violation: &portcullis_sim::Violation| violation.invariant == 17;
    assert!(found.violations.keys().any(of_consent), "{found:?}");
}

#[test]
fn a_release_that_waits_for_approval_keeps_every_invariant() {
    sound(Scenario::Approved, 1, 2, 1);
}

#[test]
fn a_release_that_is_paused_and_kept_warm_keeps_every_invariant() {
    let budgets = Budgets {
        faults: 1,
        crashes: 1,
        aborts: 1,
        pauses: 1,
    };
    let found = sound_within(Scenario::KeptWarm, budgets);
    assert_eq!(found.ends.len(), 3, "{:?}", found.ends);
}

#[test]
fn a_first_release_keeps_every_invariant() {
    sound(Scenario::First, 2, 2, 1);
}

#[test]
fn a_release_that_is_paused_between_two_batches_keeps_every_invariant() {
    let budgets = Budgets {
        faults: 1,
        crashes: 1,
        aborts: 1,
        pauses: 2,
    };
    let found = sound_within(Scenario::Phased, budgets);
    assert_eq!(found.ends.len(), 3, "{:?}", found.ends);
}

#[test]
fn every_mutation_is_caught() {
    for mutation in Mutation::ALL {
        // The smallest budgets that reach what each mutation breaks.
        let scenario = match mutation {
            Mutation::RestoreWithoutConsent => Scenario::LosesWrites,
            _ => Scenario::Guarded,
        };
        let budgets = Budgets {
            faults: if mutation == Mutation::UnwindPastPivot {
                2
            } else {
                1
            },
            crashes: 1,
            aborts: 1,
            pauses: 0,
        };
        let found = explore(scenario, budgets, Some(mutation)).unwrap();
        assert!(!found.violations.is_empty(), "{mutation:?} went unnoticed");
    }
}

#[test]
fn long_random_walks_keep_every_invariant_and_end() {
    for seed in 0..200 {
        for scenario in Scenario::ALL {
            let budgets = Budgets {
                faults: 12,
                crashes: 8,
                aborts: 1,
                pauses: 2,
            };
            let walk = wander(scenario, budgets, seed).unwrap();
            assert!(
                walk.violations.is_empty(),
                "{scenario:?} seed {seed}: {:#?}",
                walk.violations
            );
            let ends = ["promoted", "rolled back", "aborted"];
            assert!(
                ends.contains(&walk.end),
                "{scenario:?} seed {seed} is stuck: {}",
                walk.end
            );
        }
    }
}
