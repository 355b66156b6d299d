use std::collections::HashMap;

use portcullis_config::{EjectConfig, HealthConfig, ServerWeight, UpstreamProtocol, UpstreamTls};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::upstream::tests::Authority;

fn config(choice: UpstreamChoice, servers: &[(u16, u32)]) -> UpstreamConfig {
    let server = |&(port, weight): &(u16, u32)| ServerWeight {
        address: format!("127.0.0.1:{port}"),
        weight,
    };
    UpstreamConfig {
        name: "models".into(),
        servers: servers.iter().map(server).collect(),
        choice,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        health: None,
        eject: EjectConfig {
            failures: 1,
            min_ms: 1000,
            max_ms: 1000,
            share_max_percent: 50,
        },
    }
}

fn set(choice: UpstreamChoice, weights: &[u32]) -> UpstreamSet {
    let servers: Vec<_> = (1u16..).zip(weights.iter().copied()).collect();
    UpstreamSet::new(&config(choice, &servers), 2, None).expect("set")
}

const NOTHING: Pick<'_> = Pick {
    worker: 0,
    now_ms: 0,
    client: b"",
    tried: &[],
};

/// How often each server is chosen of `times`.
fn shares(set: &UpstreamSet, times: usize, now_ms: u64) -> Vec<usize> {
    let mut random = SmallRng::seed_from_u64(7);
    let mut counts = vec![0; set.servers().len()];
    for request in 0..times {
        let client = request.to_be_bytes();
        let pick = Pick {
            now_ms,
            client: &client,
            ..NOTHING
        };
        let place = set.pick(&pick, || random.random()).expect("a server");
        counts[place] += 1;
    }
    counts
}

fn eject(set: &UpstreamSet, place: usize) {
    let out = set.server(place).begin(0).ended(Outcome::Failed, 0);
    assert_eq!(out, Some(1000));
}

fn make_unhealthy(set: &UpstreamSet, place: usize) {
    let health = HealthConfig {
        path: "/".to_owned(),
        interval_ms: 1,
        timeout_ms: 1,
        unhealthy_after: 1,
        healthy_after: 1,
    };
    let changed = set
        .server(place)
        .record_check(Err("refused".to_owned()), &health);
    assert!(changed);
}

const CHOICES: [UpstreamChoice; 3] = [
    UpstreamChoice::LeastLoaded,
    UpstreamChoice::RoundRobin,
    UpstreamChoice::ClientHash,
];

#[test]
fn shares_follow_the_weights() {
    for choice in CHOICES {
        for weights in [[2, 1], [3, 2], [1, 1], [9, 1]] {
            let counts = shares(&set(choice, &weights), 9_000, 0);
            let expected = 9_000 * weights[0] as usize / (weights[0] + weights[1]) as usize;
            assert!(
                counts[0].abs_diff(expected) <= 200,
                "{choice:?} {weights:?}: {counts:?}"
            );
        }
        let counts = shares(&set(choice, &[1, 2, 0, 7]), 10_000, 0);
        for (count, expected) in counts.iter().zip([1000, 2000, 0, 7000]) {
            assert!(count.abs_diff(expected) <= 200, "{choice:?}: {counts:?}");
        }
    }
}

#[test]
fn an_idle_server_is_chosen_before_a_busy_one_whatever_their_weights() {
    for busy in [0, 1] {
        let set = set(UpstreamChoice::LeastLoaded, &[2, 1]);
        let _held = set.server(busy).begin(0);
        assert_eq!(shares(&set, 100, 0)[busy], 0);
    }
}

/// Requests that last as long as it takes to send so many more: as many are always under way.
#[test]
fn least_loaded_keeps_shares_near_the_weights_while_so_many_are_under_way() {
    for weights in [[2, 1], [3, 2], [1, 1]] {
        for at_once in [6, 30, 120] {
            let set = set(UpstreamChoice::LeastLoaded, &weights);
            let mut random = SmallRng::seed_from_u64(11);
            let mut held = Vec::new();
            let mut counts = [0_usize; 2];
            for _ in 0..9_000 {
                if held.len() == at_once {
                    held.swap_remove(random.random_range(0..at_once));
                }
                let place = set.pick(&NOTHING, || random.random()).expect("a server");
                counts[place] += 1;
                held.push(set.server(place).begin(0));
            }
            let expected = 9_000 * weights[0] as usize / (weights[0] + weights[1]) as usize;
            assert!(
                counts[0].abs_diff(expected) <= 600,
                "{weights:?} {at_once}: {counts:?}"
            );
        }
    }
}

#[test]
fn least_loaded_gives_shares_by_weight_under_load() {
    let set = set(UpstreamChoice::LeastLoaded, &[1, 3]);
    let mut random = SmallRng::seed_from_u64(1);
    let mut held: Vec<_> = Vec::new();
    for _ in 0..400 {
        let place = set.pick(&NOTHING, || random.random()).expect("a server");
        held.push(set.server(place).begin(1));
    }
    let counts: Vec<u64> = set.servers().map(|server| server.in_flight()).collect();
    assert_eq!(counts, [100, 300]);
}

#[test]
fn round_robin_spreads_the_turns_of_a_heavy_server() {
    let set = set(UpstreamChoice::RoundRobin, &[5, 1, 1]);
    let turns: Vec<_> = (0..7)
        .map(|_| set.pick(&NOTHING, || 0).expect("a server"))
        .collect();
    assert_eq!(turns, [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn servers_that_are_out_get_nothing_until_they_are_back() {
    for choice in CHOICES {
        let set = set(choice, &[1, 1, 1, 1]);
        eject(&set, 0);
        make_unhealthy(&set, 2);
        let counts = shares(&set, 400, 999);
        assert!(counts[0] == 0 && counts[2] == 0, "{choice:?}: {counts:?}");
        assert!(counts[1] > 0 && counts[3] > 0, "{choice:?}: {counts:?}");
        assert!(shares(&set, 400, 1000)[0] > 0, "{choice:?}: it is back");
        assert!(set.is_healthy(0));
    }
}

#[test]
fn beyond_the_share_ejections_do_not_count_but_failed_checks_do() {
    for choice in CHOICES {
        let set = set(choice, &[1, 1, 1, 1]);
        (0..2).for_each(|place| eject(&set, place));
        let counts = shares(&set, 400, 0);
        assert!(counts[0] == 0 && counts[1] == 0, "{choice:?}: {counts:?}");
        eject(&set, 2);
        make_unhealthy(&set, 3);
        let counts = shares(&set, 400, 0);
        assert!(counts[..3].iter().all(|count| *count > 0), "{counts:?}");
        assert_eq!(counts[3], 0, "{choice:?}: {counts:?}");
    }
}

#[test]
fn beyond_the_share_ejected_servers_get_their_whole_share() {
    for choice in CHOICES {
        let servers: Vec<_> = (1..=4).map(|port| (port, 1)).collect();
        let mut config = config(choice, &servers);
        config.eject.share_max_percent = 25;
        let set = UpstreamSet::new(&config, 1, None).expect("set");
        (0..2).for_each(|place| eject(&set, place));
        let counts = shares(&set, 4000, 0);
        assert!(
            counts.iter().all(|count| count.abs_diff(1000) < 120),
            "{choice:?}: {counts:?}"
        );
    }
}

#[test]
fn when_all_are_out_all_with_a_weight_are_used() {
    for choice in CHOICES {
        let set = set(choice, &[1, 1, 0]);
        (0..3).for_each(|place| make_unhealthy(&set, place));
        assert!(!set.is_healthy(0));
        let counts = shares(&set, 200, 0);
        assert!(
            counts[0] > 0 && counts[1] > 0 && counts[2] == 0,
            "{counts:?}"
        );
    }
}

#[test]
fn weight_zero_is_a_reserve() {
    for choice in CHOICES {
        let set = set(choice, &[1, 0, 0]);
        assert_eq!(shares(&set, 50, 0), [50, 0, 0]);
        make_unhealthy(&set, 0);
        let counts = shares(&set, 200, 0);
        assert!(
            counts[0] == 0 && counts[1] > 0 && counts[2] > 0,
            "{counts:?}"
        );
    }
}

#[test]
fn a_retry_goes_to_a_server_that_was_not_tried() {
    for choice in CHOICES {
        let set = set(choice, &[1000, 1, 0]);
        let mut tried = Vec::new();
        let mut random = SmallRng::seed_from_u64(3);
        for _ in 0..3 {
            let pick = Pick {
                tried: &tried,
                ..NOTHING
            };
            let place = set.pick(&pick, || random.random()).expect("a server");
            assert!(!tried.contains(&place), "{choice:?}: {tried:?}");
            tried.push(place);
        }
        let pick = Pick {
            tried: &tried,
            ..NOTHING
        };
        assert_eq!(set.pick(&pick, || 0), None, "{choice:?}");
        assert_eq!(tried[2], 2, "{choice:?}: the reserve is last");
    }
}

#[test]
fn new_settings_keep_what_is_known_of_the_servers_that_stay() {
    let choice = UpstreamChoice::RoundRobin;
    let old = UpstreamSet::new(&config(choice, &[(1, 1), (2, 1)]), 1, None).expect("set");
    eject(&old, 1);
    let held = old.server(1).begin(0);
    let changed = config(choice, &[(3, 1), (2, 5), (4, 1)]);
    let new = UpstreamSet::new(&changed, 1, Some(&old)).expect("set");
    assert!(new.server(1).is_ejected(0));
    assert_eq!(new.server(1).in_flight(), 1);
    drop(held);
    assert_eq!(new.server(1).in_flight(), 0);
    assert!(!new.server(0).is_ejected(0));
}

#[test]
fn servers_that_are_spoken_to_in_another_way_are_new_and_the_old_ones_retire() {
    let choice = UpstreamChoice::RoundRobin;
    let plain = config(choice, &[(1, 1), (2, 1)]);
    let old = UpstreamSet::new(&plain, 1, None).expect("set");
    eject(&old, 1);
    let mut changed = config(choice, &[(2, 1), (3, 1)]);
    let same = UpstreamSet::new(&changed, 1, Some(&old)).expect("set");
    assert!(same.server(0).is_ejected(0));
    old.retire_others(Some(&same));
    let retired = |set: &UpstreamSet| -> Vec<bool> {
        let endpoints = set.servers().map(|server| &server.endpoint);
        endpoints.map(|endpoint| endpoint.is_retired()).collect()
    };
    assert_eq!(
        (retired(&old), retired(&same)),
        (vec![true, false], vec![false; 2])
    );
    changed.protocol = UpstreamProtocol::Http2;
    let other = UpstreamSet::new(&changed, 1, Some(&same)).expect("set");
    assert!(!other.server(0).is_ejected(0));
    let authority = Authority::new();
    changed.tls = Some(UpstreamTls {
        server_name: None,
        ca_file: Some(authority.ca_file()),
        client: None,
    });
    let secure = UpstreamSet::new(&changed, 1, Some(&other)).expect("set");
    assert!(!Arc::ptr_eq(secure.server(0), other.server(0)));
    let again = UpstreamSet::new(&changed, 1, Some(&secure)).expect("set");
    assert!(
        Arc::ptr_eq(secure.server(0), again.server(0)),
        "the same TLS"
    );
    changed.tls = Some(UpstreamTls {
        server_name: None,
        ca_file: Some("/nowhere/ca.pem".into()),
        client: None,
    });
    let error = UpstreamSet::new(&changed, 1, Some(&again)).expect_err("no file");
    assert!(
        error.contains("`models`") && error.contains("/nowhere/ca.pem"),
        "{error}"
    );
}

#[test]
fn without_checks_no_server_stays_unhealthy() {
    let choice = UpstreamChoice::RoundRobin;
    let plain = config(choice, &[(1, 1), (2, 1)]);
    let old = UpstreamSet::new(&plain, 1, None).expect("set");
    make_unhealthy(&old, 0);
    let new = UpstreamSet::new(&plain, 1, Some(&old)).expect("set");
    assert!(old.server(0).is_unhealthy(), "it may not be used after all");
    new.put_in_force(&plain);
    assert!(!new.server(0).is_unhealthy());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_server_that_goes_takes_only_its_own_clients_with_it(
        weights in prop_oneof![
            prop::collection::vec(1..20u32, 2..10),
            (2..10usize).prop_map(|servers| vec![3; servers]),
        ],
        gone in any::<prop::sample::Index>(),
        seed in any::<u32>(),
    ) {
        let choice = UpstreamChoice::ClientHash;
        let servers: Vec<_> = (1u16..).zip(weights.iter().copied()).collect();
        let all = UpstreamSet::new(&config(choice, &servers), 1, None).expect("set");
        let gone = gone.index(servers.len());
        let mut fewer = servers.clone();
        fewer.remove(gone);
        fewer.reverse();
        let fewer = UpstreamSet::new(&config(choice, &fewer), 1, None).expect("set");
        let address = |set: &UpstreamSet, client: &[u8]| {
            let place = set.pick(&Pick { client, ..NOTHING }, || 0).expect("a server");
            set.server(place).address.clone()
        };
        let mut moved: HashMap<String, u32> = HashMap::new();
        for client in 0..500u32 {
            let client = (client ^ seed).to_be_bytes();
            let (before, after) = (address(&all, &client), address(&fewer, &client));
            if before != after {
                *moved.entry(before).or_default() += 1;
            }
        }
        let name = format!("127.0.0.1:{}", servers[gone].0);
        prop_assert!(moved.keys().all(|from| *from == name), "{:?}", moved);
    }

    #[test]
    fn a_choice_never_panics_and_is_found_whenever_there_is_an_untried_server(
        weights in prop::collection::vec(0..=1000u32, 1..8),
        choice in prop::sample::select(CHOICES.to_vec()),
        tried in prop::collection::vec(0..9usize, 0..8),
        ejected in prop::collection::vec(any::<bool>(), 8),
        unhealthy in prop::collection::vec(any::<bool>(), 8),
        draws in prop::collection::vec(any::<u64>(), 10),
    ) {
        let set = set(choice, &weights);
        for place in 0..weights.len() {
            if ejected[place] { eject(&set, place); }
            if unhealthy[place] { make_unhealthy(&set, place); }
        }
        let mut draws = draws.into_iter().cycle();
        let pick = Pick { tried: &tried, ..NOTHING };
        let found = set.pick(&pick, || draws.next().unwrap_or(0));
        let untried = (0..weights.len()).any(|place| !tried.contains(&place));
        prop_assert_eq!(found.is_some(), untried);
        if let Some(place) = found {
            prop_assert!(!tried.contains(&place));
            let better = |other: usize| {
                !tried.contains(&other) && weights[other] > 0 && !set.server(other).is_out(0)
            };
            if (0..weights.len()).any(better) {
                prop_assert!(!set.server(place).is_unhealthy());
                prop_assert!(weights[place] > 0);
            }
        }
    }
}
