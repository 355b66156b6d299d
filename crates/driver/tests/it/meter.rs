//! Measuring a gate.

use portcullis_analysis::{Analysis, Sample};
use portcullis_api::gateway::{Arm, Bypass, Follower, FollowerReport, GatewayStatus, Split};
use portcullis_driver::{CheckClient, Driver, GatewayMeter, Meter, Query};
use portcullis_rollout::{
    Check, GateOrder, Launch, MetricsSource, ReleaseId, RolloutId, ServiceName, SplitArm,
    StepIndex, Weight,
};

use crate::admin_server::{AdminServer, Counts, arm_of, client_of};
use crate::world::{World, free_address, health, start};

const STABLE: &str = "127.0.0.1:11";
const CANARY: &str = "127.0.0.1:12";
const INTERVAL_MS: u64 = 100;

fn query(canary: &str, checks: Vec<Check>) -> Query {
    let arm = |release: &str, address: &str| SplitArm {
        release: ReleaseId::new(release),
        address: address.to_owned(),
    };
    let analysis = Analysis {
        rules: vec![],
        window_ms: 1_000,
        interval_ms: INTERVAL_MS,
        samples_min: 1,
        ..portcullis_analysis::Analysis::new(Vec::new(), 1, 1)
    };
    let gate = GateOrder {
        role: portcullis_rollout::GateRole::Decide,
        service: ServiceName::new("tiny"),
        canary: arm("1.1", canary),
        baseline: Some(arm("1.0", STABLE)),
        weight: Weight::new(10).unwrap(),
        analysis,
        checks,
        metrics: None,
        figures: Vec::new(),
        record_ms: 0,
        kept: None,
        stable_figures: Vec::new(),
        synthetic: None,
    };
    Query {
        rollout: RolloutId::new("tiny-1"),
        step: StepIndex(4),
        gate,
    }
}

fn meter(server: &AdminServer) -> GatewayMeter {
    GatewayMeter::new(server.client(), CheckClient::new().unwrap())
}

fn arms(canary: &str, of_canary: Counts, of_stable: Counts) -> [(Arm, u64, Counts); 2] {
    [
        (arm_of("1.1", canary), 0, of_canary),
        (arm_of("1.0", STABLE), 0, of_stable),
    ]
}

/// A split with the canary at this address.
fn split_with(canary_address: &str) -> Split {
    Split {
        stable: arm_of("1.0", STABLE),
        canary: Some(arm_of("1.1", canary_address)),
        weight_percent: 10,
        closed: None,
        mirror_only: false,
    }
}

/// One sample, with the counters set to new values while it waits.
async fn sample_while(
    meter: &GatewayMeter,
    server: &AdminServer,
    query: &Query,
    then: [(Arm, u64, Counts); 2],
) -> Sample {
    let (sample, ()) = tokio::join!(meter.sample(query), async {
        tokio::time::sleep(std::time::Duration::from_millis(INTERVAL_MS / 2)).await;
        server.set("tiny", Some(split_with(CANARY)), &then);
    });
    sample
}

#[tokio::test]
async fn a_sample_is_what_was_counted_between_two_readings() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let canary = "127.0.0.1:12";
    let query = query(canary, vec![]);
    server.set(
        "tiny",
        Some(split_with(CANARY)),
        &arms(canary, (10, 2, vec![100]), (100, 0, vec![50; 3])),
    );
    let then = arms(canary, (15, 3, vec![100, 900]), (160, 1, vec![50; 5]));
    let first = sample_while(&meter, &server, &query, then).await;
    assert!(first.duration_ms() >= INTERVAL_MS - 5, "{first:?}");
    let (of_canary, of_stable) = (first.canary.unwrap(), first.baseline.unwrap());
    assert_eq!((of_canary.requests, of_canary.errors), (5, 1));
    assert_eq!((of_stable.requests, of_stable.errors), (60, 1));
    assert_eq!(
        (of_canary.latency.count(), of_stable.latency.count()),
        (1, 2)
    );
    assert!(of_canary.latency.quantile_us(0.5).unwrap() >= 900);
    assert_eq!(first.health, None, "no check was made");

    // The next sample begins where this one ended, and nothing is counted twice.
    let then = arms(canary, (15, 3, vec![100, 900]), (161, 1, vec![50; 6]));
    let second = sample_while(&meter, &server, &query, then).await;
    assert_eq!(second.from_ms, first.to_ms);
    assert_eq!(
        (
            second.canary.unwrap().requests,
            second.baseline.unwrap().requests
        ),
        (0, 1)
    );

    // Another gate has readings of its own.
    let other = Query {
        step: StepIndex(6),
        ..query
    };
    let then = arms(canary, (16, 3, vec![]), (161, 1, vec![]));
    let third = sample_while(&meter, &server, &other, then).await;
    assert_eq!(third.canary.unwrap().requests, 1);
}

#[tokio::test]
async fn first_errors_refusals_and_times_of_streams_are_subtracted_too() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let query = query(CANARY, vec![]);
    let count = |number: u64| {
        let counts = arms(CANARY, (10, 0, vec![]), (100, 0, vec![]));
        server.set("tiny", Some(split_with(CANARY)), &counts);
        let mut streams = portcullis_api::gateway::StreamStatus::default();
        (0..number).for_each(|_| {
            streams.first_token.record(40_000);
            streams.token_gap.record(20_000);
            streams.token_time.record(10_000);
        });
        for arm in &mut server.status().routes[0].arms {
            (arm.first_errors, arm.refused) = (number, 2 * number);
            arm.streams = Some(streams.clone());
        }
    };
    count(3);
    let (sample, ()) = tokio::join!(meter.sample(&query), async {
        tokio::time::sleep(std::time::Duration::from_millis(INTERVAL_MS / 2)).await;
        count(7);
    });
    assert_eq!(sample.key_share, Some(0.1));
    for arm in [sample.canary.unwrap(), sample.baseline.unwrap()] {
        assert_eq!((arm.first_errors, arm.refused), (Some(4), 8));
        let counts = [&arm.first_token, &arm.token_gap, &arm.token_time].map(|h| h.count());
        assert_eq!(counts, [4, 4, 4]);
    }
}

#[tokio::test]
async fn a_restarted_gateway_gives_no_figures_for_that_interval() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let canary = "127.0.0.1:12";
    let query = query(canary, vec![]);
    server.set(
        "tiny",
        Some(split_with(CANARY)),
        &arms(canary, (10, 0, vec![]), (100, 0, vec![])),
    );
    let (sample, ()) = tokio::join!(meter.sample(&query), async {
        tokio::time::sleep(std::time::Duration::from_millis(INTERVAL_MS / 2)).await;
        // It counts from zero again, and has already passed its old figures.
        server.status().instance = "second".to_owned();
        server.set(
            "tiny",
            Some(split_with(CANARY)),
            &arms(canary, (11, 0, vec![]), (120, 0, vec![])),
        );
    });
    assert_eq!((sample.canary, sample.baseline), (None, None));
    let why = &sample.missing[Sample::CANARY_COUNTS];
    assert!(why.contains("was started anew"), "{why}");
    let then = arms(canary, (14, 1, vec![]), (120, 0, vec![]));
    let next = sample_while(&meter, &server, &query, then).await;
    assert_eq!(
        next.canary.unwrap().requests,
        3,
        "from the new gateway's first reading on"
    );
}

#[tokio::test]
async fn while_a_bypass_keeps_traffic_away_no_time_passes_for_the_gate() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let canary = "127.0.0.1:12";
    let query = query(canary, vec![]);
    let counts = |requests| arms(canary, (10, 0, vec![]), (requests, 0, vec![]));
    let bypass = Bypass {
        by: "ana".to_owned(),
        reason: "orders are lost".to_owned(),
        begun_at_ms: 1,
        until_ms: 2,
    };
    let set = |requests, address: &str, bypass: Option<Bypass>| {
        server.set("tiny", Some(split_with(address)), &counts(requests));
        server.status().routes[0].bypass = bypass;
    };
    set(100, canary, None);
    let (begun, ()) = tokio::join!(meter.sample(&query), async {
        tokio::time::sleep(std::time::Duration::from_millis(INTERVAL_MS / 2)).await;
        set(120, canary, Some(bypass.clone()));
    });
    let during = meter.sample(&query).await;
    set(140, canary, None);
    let ended = meter.sample(&query).await;
    for sample in [&begun, &during, &ended] {
        assert_eq!((&sample.canary, &sample.baseline), (&None, &None));
        assert_eq!(sample.duration_ms(), 0);
        let why = sample.unmeasured.as_deref().unwrap();
        assert!(why.contains("bypassed by ana (orders are lost)"), "{why}");
        assert!(why.contains("1.1 gets no traffic"), "{why}");
    }
    let after = meter.sample(&query).await;
    assert_eq!(after.unmeasured, None);
    assert_eq!(after.canary.as_ref().unwrap().requests, 0);
    assert!(after.duration_ms() >= INTERVAL_MS - 5 && after.from_ms >= ended.to_ms);

    // A bypass takes nothing from a candidate that was promoted.
    let promoted = Split {
        stable: arm_of("1.1", canary),
        canary: None,
        weight_percent: 0,
        closed: None,
        mirror_only: false,
    };
    server.set("tiny", Some(promoted), &counts(140));
    server.status().routes[0].bypass = Some(bypass);
    let other = meter.sample(&query).await;
    assert_eq!(other.unmeasured, None);
    assert!(other.canary.is_some());
}

#[tokio::test]
async fn while_its_candidate_is_not_in_the_split_no_time_passes_for_the_gate() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let query = query(CANARY, vec![]);
    let counts = arms(CANARY, (10, 0, vec![]), (100, 0, vec![]));
    for (split, why) in [
        (None, "the gateway has no split"),
        (
            Some(split_with("127.0.0.1:13")),
            "1.1 is not in the gateway's split",
        ),
    ] {
        server.set("tiny", split, &counts);
        let _ = meter.sample(&query).await;
        let sample = meter.sample(&query).await;
        assert_eq!((&sample.canary, sample.duration_ms()), (&None, 0));
        let told = sample.unmeasured.unwrap();
        assert!(told.contains(why), "{told}");
    }
    server.set("tiny", Some(split_with(CANARY)), &counts);
    let _ = meter.sample(&query).await;
    assert!(meter.sample(&query).await.canary.is_some());
}

#[tokio::test]
async fn an_arm_that_is_missing_or_counts_backwards_gives_no_figures() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let canary = "127.0.0.1:12";
    let query = query(canary, vec![]);
    server.set(
        "tiny",
        Some(split_with(CANARY)),
        &arms("127.0.0.1:99", (10, 0, vec![]), (100, 0, vec![])),
    );
    let then = arms(canary, (11, 0, vec![]), (90, 0, vec![]));
    let sample = sample_while(&meter, &server, &query, then).await;
    assert_eq!((sample.canary, sample.baseline), (None, None));
    let alone = Query {
        gate: GateOrder {
            baseline: None,
            ..query.gate.clone()
        },
        ..query
    };
    let then = arms(canary, (12, 0, vec![]), (91, 0, vec![]));
    let sample = sample_while(&meter, &server, &alone, then).await;
    assert_eq!(sample.canary.unwrap().requests, 1);
    assert_eq!(sample.baseline, None);
}

#[tokio::test]
async fn an_unreachable_gateway_leaves_only_the_checks() {
    let meter = GatewayMeter::new(client_of(&free_address()), CheckClient::new().unwrap());
    let nobody = free_address();
    let sample = meter.sample(&query(&nobody, vec![health("1.1")])).await;
    assert_eq!((sample.canary, sample.baseline), (None, None));
    for counts in [Sample::CANARY_COUNTS, Sample::STABLE_COUNTS] {
        let why = &sample.missing[counts];
        assert!(why.contains("counters could not be read"), "{why}");
    }
    assert_eq!(sample.health.unwrap().failed, 1);
    assert!(sample.to_ms > sample.from_ms);
}

async fn canary_in(world: &World) -> Launch {
    let launch = world.launch("1.1");
    world.driver.apply(&start(&launch)).await.unwrap();
    launch
}

#[tokio::test]
async fn failures_in_a_row_are_counted_across_samples_for_each_check() {
    let (world, server) = (World::new(), AdminServer::start().await);
    let launch = canary_in(&world).await;
    let meter = meter(&server);
    let missing = Check {
        path: "/none".to_owned(),
        ..health("1.1")
    };
    let query = query(&launch.target.address, vec![health("1.1"), missing]);
    for row in 1..=3 {
        let health = meter.sample(&query).await.health.unwrap();
        assert_eq!(
            (health.passed, health.failed, health.consecutive_failures),
            (1, 1, row)
        );
        let seen = health.last_failure.as_deref();
        assert_eq!(seen, Some("GET /none answered 404, expected 200"));
    }
    let mut well = query;
    well.gate.checks.truncate(1);
    let health = meter.sample(&well).await.health.unwrap();
    assert_eq!(
        (health.passed, health.failed, health.consecutive_failures),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn figures_are_numbers_and_texts_are_none() {
    let (world, server) = (World::new(), AdminServer::start().await);
    let launch = canary_in(&world).await;
    let mut query = query(&launch.target.address, vec![]);
    let pointers = [
        ("low", "/queue/low"),
        ("rate", "/rate"),
        ("name", "/name"),
        ("gone", "/gone"),
    ];
    query.gate.metrics = Some(MetricsSource {
        path: "/figures".to_owned(),
        figures: pointers
            .map(|(name, at)| (name.to_owned(), at.to_owned()))
            .into(),
    });
    let sample = meter(&server).sample(&query).await;
    assert_eq!(sample.metrics, [("low".to_owned(), 7.0)].into());
    let why = |sample: &Sample, name: &str| sample.missing[name].clone();
    assert!(why(&sample, "rate").starts_with("/rate: "), "{sample:?}");
    assert!(why(&sample, "name").starts_with("/name: "), "{sample:?}");
    assert!(why(&sample, "gone").starts_with("/gone is missing"));
    query.gate.metrics.as_mut().unwrap().path = "/none".to_owned();
    let sample = meter(&server).sample(&query).await;
    assert_eq!(sample.metrics, [].into());
    assert!(why(&sample, "low").contains("404"), "{sample:?}");
}

/// A follower that has counted what the gateway itself has counted now.
fn follower(server: &AdminServer, instance: &str) -> Follower {
    let status = GatewayStatus {
        instance: instance.to_owned(),
        followers: Vec::new(),
        ..server.status().clone()
    };
    Follower {
        heard_ms_ago: 0,
        report: FollowerReport {
            name: "edge".to_owned(),
            service: "tiny".to_owned(),
            why_not: None,
            status,
        },
    }
}

#[tokio::test]
async fn what_followers_count_is_added_by_instance_and_never_guessed() {
    let server = AdminServer::start().await;
    let meter = meter(&server);
    let canary = "127.0.0.1:12";
    let query = query(canary, vec![]);
    let count = |of_canary: u64| {
        let latencies = |count: u64| vec![100; usize::try_from(count).unwrap()];
        let counts = (of_canary, 0, latencies(of_canary));
        server.set(
            "tiny",
            Some(split_with(CANARY)),
            &arms(canary, counts, (100, 0, vec![])),
        );
    };
    let told = |instances: &[&str]| {
        let followers = instances.iter().map(|one| follower(&server, one)).collect();
        server.status().followers = followers;
    };
    let sample = async |of_canary: u64, instances: &[&str]| {
        count(of_canary);
        told(instances);
        let sample = meter.sample(&query).await;
        sample.canary.map(|arm| (arm.requests, arm.latency.count()))
    };
    // The end of each sample is the beginning of the next one.
    sample(10, &["a"]).await;
    assert_eq!(sample(15, &["a"]).await, Some((10, 10)), "five at each");
    assert_eq!(sample(17, &["a", "b"]).await, Some((4, 4)), "b is new");
    assert_eq!(sample(20, &["a", "b"]).await, Some((9, 9)));
    // Nobody knows what the first life of a has counted last.
    assert_eq!(sample(21, &["c", "b"]).await, None);
    assert_eq!(sample(22, &["c", "b"]).await, Some((3, 3)));
    assert_eq!(sample(23, &["c"]).await, None, "b is gone");
    assert_eq!(sample(24, &["c"]).await, Some((2, 2)));
}
