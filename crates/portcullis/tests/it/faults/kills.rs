//! `kill -9` of Portcullis, at every step boundary and at random moments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::siege::Siege;

/// How many random kills there are in all; `cargo xtask faults` sets it to 200.
pub(super) const ROUNDS_VARIABLE: &str = "PORTCULLIS_FAULT_ROUNDS";
const ROUNDS_USUAL: u64 = 24;
/// So many rollouts are enough to be killed at every boundary of one.
const ROLLOUTS_MAX: usize = 30;
/// The longest random wait before a kill.
const WAIT_MAX_MS: u64 = 2_000;
/// So many entries lie between two kills of one rollout, so that it gets on.
const ENTRIES_BETWEEN: usize = 3;

const FORWARD: [&str; 3] = ["deploy", "--release", "1.1"];
const BACK: [&str; 3] = ["deploy", "--release", "1.2"];

/// Kills the server at each place that an undisturbed rollout passes through and that is `wanted`,
/// several times in one rollout where it goes on after it.
fn kill_at_every_boundary(deploy: &[&str], release: &str, is_wanted: impl Fn(&str) -> bool) {
    let mut siege = Siege::begin();
    siege.deploy(deploy);
    let mut wanted = BTreeSet::new();
    loop {
        wanted.insert(siege.diary.place());
        if siege.is_over() || !siege.next_entry() {
            break;
        }
    }
    siege.reset();
    wanted.retain(|place| is_wanted(place));
    assert!(wanted.len() >= 4, "{wanted:?}");
    let mut killed_at = BTreeSet::new();
    for _ in 0..ROLLOUTS_MAX {
        if wanted.is_subset(&killed_at) {
            break;
        }
        let before = siege.library();
        siege.deploy(deploy);
        let mut struck_at = 0;
        loop {
            let place = siege.diary.place();
            let far = siege.diary.entries.len() >= struck_at + ENTRIES_BETWEEN;
            if far && wanted.contains(&place) && !killed_at.contains(&place) {
                siege.strike();
                killed_at.insert(place);
                struck_at = siege.diary.entries.len();
            }
            if siege.is_over() || !siege.next_entry() {
                break;
            }
        }
        siege.settle();
        siege.check_end(release, &before);
        siege.reset();
    }
    let missed: Vec<_> = wanted.difference(&killed_at).collect();
    assert!(missed.is_empty(), "never killed at {missed:?}");
    println!("{} kills at {wanted:?}", siege.end());
}

/// Kills the server at random moments while rollouts go on, one after the other. One that was promoted is
/// followed by a `rollback`, which is killed in the same way.
fn kill_at_random(deploy: &[&str], release: &str, seed: u64) {
    let rounds = std::env::var(ROUNDS_VARIABLE).map_or(ROUNDS_USUAL, |n| n.parse().unwrap()) / 2;
    let mut siege = Siege::begin();
    let mut random = Random(seed);
    let mut ends = Vec::new();
    let mut kills = 0;
    while kills < rounds {
        let back = siege.rig.serving_release() == release;
        let (command, to): (&[&str], _) = if back {
            (&["rollback"], "1.0")
        } else {
            siege.reset();
            (deploy, release)
        };
        let before = siege.library();
        siege.deploy(command);
        while kills < rounds && strike_within(&mut siege, random.below(WAIT_MAX_MS)) {
            kills += 1;
        }
        let end = siege.settle();
        siege.check_end(to, &before);
        ends.push(format!("{} {end}", command[0]));
    }
    ends.sort();
    let mut counted = BTreeMap::new();
    for end in &ends {
        *counted.entry(end).or_insert(0) += 1;
    }
    println!("{} kills; the rollouts ended {counted:?}", siege.end());
}

/// Kills the server after a time, if the rollout is not over by then. Returns whether it did.
fn strike_within(siege: &mut Siege, wait_ms: u64) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(wait_ms) {
        siege.diary.catch_up();
        if siege.is_over() || siege.diary.question().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    siege.strike();
    true
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same seed kills at the same moments.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn killed_in_a_gate_each_user_stays_with_their_release() {
    let mut siege = Siege::begin();
    // Long enough to compare before and after within one gate.
    siege.rig.edit("window = \"600ms\"", "window = \"6s\"");
    siege.deploy(&FORWARD);
    while siege.diary.place() != "gate 8 opened" {
        assert!(siege.next_entry(), "{}", siege.diary.sentence());
    }
    let releases = |siege: &Siege| -> Vec<&str> {
        let release = |user| {
            let answer = siege.rig.get("/health", &format!("user-{user}"));
            ["1.0", "1.1"]
                .into_iter()
                .find(|release| answer.contains(&format!("\"version\":\"{release}\"")))
        };
        (0..60).map(|user| release(user).unwrap()).collect()
    };
    let before = releases(&siege);
    let canary = before.iter().filter(|release| **release == "1.1").count();
    assert!((3..30).contains(&canary), "{canary} of 60 users at 20 %");
    siege.strike();
    let after = releases(&siege);
    siege.diary.catch_up();
    assert!(
        siege.diary.place().starts_with("gate 8"),
        "the gate is over too early to compare: {}",
        siege.diary.place()
    );
    assert_eq!(before, after);
    siege.settle();
    siege.end();
}

#[test]
fn killed_at_every_boundary_of_a_rollout_it_comes_to_an_end() {
    kill_at_every_boundary(&FORWARD, "1.1", |_| true);
}

#[test]
fn killed_at_every_boundary_of_going_back_it_comes_to_an_end() {
    let going_back = |place: &str| place.starts_with("undo") || place == "RolledBack";
    kill_at_every_boundary(&BACK, "1.2", going_back);
}

#[test]
fn killed_at_random_moments_of_rollouts_it_comes_to_an_end() {
    kill_at_random(&FORWARD, "1.1", 1);
}

#[test]
fn killed_at_random_moments_of_going_back_it_comes_to_an_end() {
    kill_at_random(&BACK, "1.2", 2);
}
