//! A small gateway admin API for the tests: routes with splits and counters that a test sets, epochs
//! refused as documented.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use portcullis_analysis::Histogram;
use portcullis_api::gateway::{
    Arm, ArmStatus, GatewayStatus, RouteStatus, STALE_EPOCH, Split, SplitChange, UNHEALTHY_ARM,
};
use portcullis_api::{Client, Endpoint, Problem};
use tokio::task::JoinHandle;

pub(crate) type Shared = Arc<Mutex<GatewayStatus>>;

/// A running admin API; it stops when dropped.
pub(crate) struct AdminServer {
    pub(crate) status: Shared,
    pub(crate) address: String,
    task: JoinHandle<()>,
}

/// What an arm counted: requests, errors, latencies in microseconds.
pub(crate) type Counts = (u64, u64, Vec<u64>);

impl AdminServer {
    pub(crate) async fn start() -> AdminServer {
        let status: Shared = Arc::new(Mutex::new(GatewayStatus {
            followers: Vec::new(),
            instance: "first".to_owned(),
            started_at_ms: 1,
            now_ms: 2,
            listen: "127.0.0.1:1".to_owned(),
            routes: Vec::new(),
        }));
        let router = Router::new()
            .route("/v1/gateway", get(gateway))
            .route("/v1/routes/{service}", get(route))
            .route("/v1/routes/{service}/split", put(change))
            .with_state(Arc::clone(&status));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        AdminServer {
            status,
            address,
            task,
        }
    }

    pub(crate) fn client(&self) -> Client {
        client_of(&self.address)
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, GatewayStatus> {
        self.status.lock().unwrap()
    }

    /// Sets a route with its arms and what they counted.
    pub(crate) fn set(&self, service: &str, split: Option<Split>, arms: &[(Arm, u64, Counts)]) {
        let arms = arms.iter().map(|(arm, in_flight, counts)| {
            let mut status = arm_status(arm.clone(), counts);
            status.in_flight = *in_flight;
            status
        });
        let new = RouteStatus {
            service: service.to_owned(),
            split,
            epoch: 0,
            changes: 0,
            changed_at_ms: 0,
            arms: arms.collect(),
            unrouted: 0,
            held: 0,
            turned_away: 0,
            bypass: None,
            pause: None,
        };
        let mut status = self.status();
        status.routes.retain(|route| route.service != service);
        status.routes.push(new);
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn client_of(address: &str) -> Client {
    Client::new(Endpoint::Tcp(address.to_owned()), None).unwrap()
}

pub(crate) fn arm_of(release: &str, address: &str) -> Arm {
    Arm {
        release: release.to_owned(),
        address: address.to_owned(),
    }
}

fn arm_status(arm: Arm, (requests, errors, latencies_us): &Counts) -> ArmStatus {
    let mut latency = Histogram::default();
    for value_us in latencies_us {
        latency.record(*value_us);
    }
    ArmStatus {
        arm,
        requests: *requests,
        errors: *errors,
        failed_over: 0,
        in_flight: 0,
        writes_in_flight: 0,
        by_class: [0; 5],
        latency,
        last_sent_at_ms: 0,
        health: Default::default(),
        shadow: None,
        first_errors: 0,
        refused: 0,
        streams: None,
    }
}

async fn gateway(State(status): State<Shared>) -> Json<GatewayStatus> {
    Json(status.lock().unwrap().clone())
}

async fn route(
    State(status): State<Shared>,
    Path(service): Path<String>,
) -> Result<Json<RouteStatus>, (StatusCode, Json<Box<Problem>>)> {
    let found = status
        .lock()
        .unwrap()
        .routes
        .iter()
        .find(|r| r.service == service)
        .cloned();
    found
        .map(Json)
        .ok_or_else(|| refuse(StatusCode::NOT_FOUND, "not_found", "there is no such route"))
}

async fn change(
    State(status): State<Shared>,
    Path(service): Path<String>,
    Json(change): Json<SplitChange>,
) -> Result<Json<RouteStatus>, (StatusCode, Json<Box<Problem>>)> {
    // In a task of its own: once begun, a change is finished even if the asker goes away.
    tokio::spawn(async move {
        if change
            .split
            .canary
            .as_ref()
            .is_some_and(|canary| canary.release == "slow")
        {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        put_in_force(&status, &service, change)
    })
    .await
    .unwrap()
}

fn put_in_force(
    status: &Shared,
    service: &str,
    change: SplitChange,
) -> Result<Json<RouteStatus>, (StatusCode, Json<Box<Problem>>)> {
    let mut status = status.lock().unwrap();
    let Some(route) = status
        .routes
        .iter_mut()
        .find(|route| route.service == service)
    else {
        return Err(refuse(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is no such route",
        ));
    };
    if change.epoch < route.epoch {
        return Err(refuse(
            StatusCode::CONFLICT,
            STALE_EPOCH,
            "epoch 1 is fenced off",
        ));
    }
    if change
        .split
        .canary
        .as_ref()
        .is_some_and(|canary| canary.release == "sick")
    {
        return Err(refuse(
            StatusCode::CONFLICT,
            UNHEALTHY_ARM,
            "release sick is not healthy",
        ));
    }
    route.epoch = change.epoch;
    if route.split.as_ref() != Some(&change.split) {
        route.changes += 1;
        route.split = Some(change.split);
    }
    Ok(Json(route.clone()))
}

fn refuse(status: StatusCode, code: &str, detail: &str) -> (StatusCode, Json<Box<Problem>>) {
    let problem = Problem {
        status: status.as_u16(),
        title: "refused".to_owned(),
        detail: Some(detail.to_owned()),
        code: Some(code.to_owned()),
        ..Problem::default()
    };
    (status, Json(Box::new(problem)))
}

/// Keeps the type of a map of routes in one place for tests that compare them.
pub(crate) fn changes_of(status: &GatewayStatus) -> BTreeMap<String, u64> {
    status
        .routes
        .iter()
        .map(|route| (route.service.clone(), route.changes))
        .collect()
}
