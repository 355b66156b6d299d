//! Synthetic requests of a gate, to two real servers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use portcullis_analysis::{Analysis, Sample};
use portcullis_api::gateway::Split;
use portcullis_driver::{CheckClient, GatewayMeter, Meter, Query};
use portcullis_rollout::{
    Check, GateOrder, GateRole, MetricsSource, Pace, ReleaseId, RolloutId, ServiceName, SplitArm,
    StepIndex, SyntheticOrder, SyntheticQuestion, Weight,
};

use crate::admin_server::{AdminServer, arm_of};

const INTERVAL_MS: u64 = 500;

/// A release that answers a path with its version, or with 500, and keeps the header fields it was sent.
struct Release {
    address: String,
    asked: Arc<Mutex<Vec<HeaderMap>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Release {
    async fn start(version: &'static str, status: StatusCode) -> Release {
        let asked = Arc::<Mutex<Vec<HeaderMap>>>::default();
        let kept = Arc::clone(&asked);
        let page = get(async move |headers: HeaderMap| {
            kept.lock().unwrap().push(headers);
            (status, format!("{{\"version\": \"{version}\"}}"))
        });
        let queue = if version == "1.1" { 9 } else { 4 };
        let figures = get(async move || format!("{{\"queue\": {queue}}}"));
        let router = Router::new()
            .route("/page", page)
            .route("/figures", figures);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Release {
            address,
            asked,
            task,
        }
    }

    fn asked(&self) -> Vec<HeaderMap> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn check(version: &str) -> Check {
    Check {
        method: "GET".to_owned(),
        path: "/page".to_owned(),
        body_file: None,
        status: 200,
        json: [("/version".to_owned(), version.into())].into(),
        contains: None,
        timeout_ms: 2_000,
    }
}

fn query(canary: &str, stable: Option<&str>) -> Query {
    let arm = |release: &str, address: &str| SplitArm {
        release: ReleaseId::new(release),
        address: address.to_owned(),
    };
    let pace = |requests| Pace {
        requests,
        per_ms: 1_000,
    };
    let headers = [("authorization".to_owned(), "text:Bearer s3cret".to_owned())];
    let gate = GateOrder {
        role: GateRole::Decide,
        service: ServiceName::new("tiny"),
        canary: arm("1.1", canary),
        baseline: stable.map(|address| arm("1.0", address)),
        weight: Weight::new(10).unwrap(),
        analysis: Analysis::new(Vec::new(), 10_000, INTERVAL_MS),
        checks: Vec::new(),
        metrics: None,
        figures: Vec::new(),
        stable_figures: Vec::new(),
        synthetic: Some(SyntheticOrder {
            rate: pace(20),
            below: pace(4),
            questions: vec![SyntheticQuestion {
                canary: check("1.1"),
                stable: stable.map(|_| check("1.0")),
                headers: BTreeMap::from(headers),
            }],
            folder: std::env::temp_dir(),
        }),
        record_ms: 0,
        kept: None,
    };
    Query {
        rollout: RolloutId::new("tiny-1"),
        step: StepIndex(4),
        gate,
    }
}

/// A gateway in whose split both are, with so many requests counted at the canary.
fn counted(server: &AdminServer, canary: &Release, stable: &Release, requests: u64) {
    let split = Split {
        stable: arm_of("1.0", &stable.address),
        canary: Some(arm_of("1.1", &canary.address)),
        weight_percent: 10,
        closed: None,
        mirror_only: false,
    };
    let counts = |requests| (requests, 0, vec![100; requests as usize]);
    server.set(
        "tiny",
        Some(split.clone()),
        &[
            (split.canary.unwrap(), 0, counts(requests)),
            (split.stable, 0, counts(requests * 9)),
        ],
    );
}

fn meter(server: &AdminServer) -> GatewayMeter {
    GatewayMeter::new(server.client(), CheckClient::new().unwrap())
}

#[tokio::test]
async fn both_releases_are_asked_alike_once_users_are_known_to_be_few() {
    let server = AdminServer::start().await;
    let good = Release::start("1.0", StatusCode::OK).await;
    let bad = Release::start("1.1", StatusCode::INTERNAL_SERVER_ERROR).await;
    counted(&server, &bad, &good, 0);
    let (meter, query) = (meter(&server), query(&bad.address, Some(&good.address)));
    let first = meter.sample(&query).await;
    assert_eq!(
        first.synthetic, None,
        "how many users there are is not known"
    );
    assert!(good.asked().is_empty());

    let second = meter.sample(&query).await;
    let synthetic = second.synthetic.unwrap();
    let stable = synthetic.baseline.unwrap();
    assert_eq!((synthetic.canary.requests, stable.requests), (10, 10));
    assert_eq!((synthetic.canary.errors, stable.errors), (10, 0));
    assert_eq!(stable.latency.count(), 10);
    let why = synthetic.last_failure.unwrap();
    assert_eq!(why, "GET /page answered 500, expected 200");
    // They are marked, and have what was configured.
    let asked = good.asked();
    assert_eq!((asked.len(), bad.asked().len()), (10, 10));
    for headers in asked {
        assert_eq!(headers["x-portcullis-synthetic"], "tiny-1");
        assert_eq!(headers["authorization"], "Bearer s3cret");
    }
    // What users sent is untouched.
    assert_eq!(second.canary.unwrap().requests, 0);
}

#[tokio::test]
async fn nothing_is_sent_while_there_are_enough_users() {
    let server = AdminServer::start().await;
    let (stable, canary) = (
        Release::start("1.0", StatusCode::OK).await,
        Release::start("1.1", StatusCode::OK).await,
    );
    counted(&server, &canary, &stable, 0);
    let (meter, query) = (
        meter(&server),
        query(&canary.address, Some(&stable.address)),
    );
    let busy = async |requests| -> Sample {
        let (sample, ()) = tokio::join!(meter.sample(&query), async {
            tokio::time::sleep(Duration::from_millis(INTERVAL_MS / 2)).await;
            counted(&server, &canary, &stable, requests);
        });
        sample
    };
    // Forty a second, then fifty more: each time it is the interval before that decides.
    assert_eq!(busy(20).await.synthetic, None);
    assert_eq!(busy(45).await.synthetic, None);
    let quiet = busy(45).await;
    assert_eq!(quiet.synthetic, None, "the interval before was busy");
    assert!(canary.asked().is_empty() && stable.asked().is_empty());
    assert!(busy(45).await.synthetic.is_some());
}

#[tokio::test]
async fn a_candidate_with_all_the_traffic_is_asked_alone() {
    let server = AdminServer::start().await;
    let canary = Release::start("1.1", StatusCode::OK).await;
    let split = Split {
        stable: arm_of("1.1", &canary.address),
        canary: None,
        weight_percent: 0,
        closed: None,
        mirror_only: false,
    };
    server.set(
        "tiny",
        Some(split.clone()),
        &[(split.stable, 0, (0, 0, vec![]))],
    );
    let (meter, query) = (meter(&server), query(&canary.address, None));
    meter.sample(&query).await;
    let synthetic = meter.sample(&query).await.synthetic.unwrap();
    assert_eq!(synthetic.canary.requests, 10);
    assert_eq!((synthetic.canary.errors, synthetic.baseline), (0, None));
}

#[tokio::test]
async fn a_release_that_hangs_gets_as_many_questions_and_all_of_them_fail() {
    let server = AdminServer::start().await;
    let stable = Release::start("1.0", StatusCode::OK).await;
    // It accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let canary = Release::start("1.1", StatusCode::OK).await;
    let hanging = Release {
        address: address.clone(),
        asked: Arc::default(),
        task: tokio::spawn(async {}),
    };
    counted(&server, &hanging, &stable, 0);
    let (meter, mut query) = (meter(&server), query(&address, Some(&stable.address)));
    let order = query.gate.synthetic.as_mut().unwrap();
    order.questions[0].canary.timeout_ms = 300;
    meter.sample(&query).await;
    let synthetic = meter.sample(&query).await.synthetic.unwrap();
    let stable_arm = synthetic.baseline.unwrap();
    assert_eq!(
        (synthetic.canary.requests, synthetic.canary.errors),
        (10, 10)
    );
    assert_eq!((stable_arm.requests, stable_arm.errors), (10, 0));
    assert_eq!(synthetic.canary.latency.count(), 0);
    drop((silent, canary));
}

#[tokio::test]
async fn figures_that_rules_compare_are_asked_of_both_releases() {
    use portcullis_analysis::{Bound, Reading, Rule, Signal, Test};
    let server = AdminServer::start().await;
    let (stable, canary) = (
        Release::start("1.0", StatusCode::OK).await,
        Release::start("1.1", StatusCode::OK).await,
    );
    counted(&server, &canary, &stable, 0);
    let mut query = query(&canary.address, Some(&stable.address));
    let test = Test::Beside {
        reading: Reading::Mean,
        over_ms: 10_000,
        tolerated: Bound {
            ratio: 1.5,
            margin: 0.0,
        },
    };
    let name = || "queue".to_owned();
    query.gate.synthetic = None;
    query.gate.analysis.rules = vec![Rule::new(Signal::Metric { name: name() }, test)];
    query.gate.metrics = Some(MetricsSource {
        path: "/figures".to_owned(),
        figures: [
            (name(), "/queue".to_owned()),
            ("other".to_owned(), "/queue".to_owned()),
        ]
        .into(),
    });
    let meter = meter(&server);
    let sample = meter.sample(&query).await;
    assert_eq!(sample.metrics[&name()], 9.0);
    // What no rule compares is not asked for.
    assert_eq!(sample.stable_metrics, [(name(), 4.0)].into());
    drop(stable);
    let mut gone = query.clone();
    gone.gate.baseline.as_mut().unwrap().address = "127.0.0.1:1".to_owned();
    let sample = meter.sample(&gone).await;
    let why = &sample.missing[&Sample::stable_figure("queue")];
    assert!(why.contains("could not connect"), "{why}");
}
