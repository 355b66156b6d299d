//! The service: an answer to everything, good or bad as the file says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::behaviour::Behaviour;

/// The size of a page of memory on the machines that this runs on.
const PAGE_BYTES: u64 = 4096;

/// One running service.
#[derive(Debug)]
pub(crate) struct Service {
    release: String,
    behaviour: PathBuf,
    served: AtomicU64,
    leaked: Mutex<Vec<Vec<u8>>>,
}

impl Service {
    /// A service that says it is this release and behaves as this file says.
    pub(crate) fn new(release: String, behaviour: PathBuf) -> Service {
        Service {
            release,
            behaviour,
            served: AtomicU64::new(0),
            leaked: Mutex::default(),
        }
    }

    /// Its routes.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/figures", get(figures))
            .fallback(work)
            .with_state(Arc::new(self))
    }

    fn leak(&self, kib: usize) {
        if kib > 0 {
            let mut leaked = self.leaked.lock().unwrap_or_else(PoisonError::into_inner);
            // Written to, so that it is resident.
            leaked.push(vec![1; kib * 1024]);
        }
    }
}

async fn health(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(json!({ "status": "healthy", "version": service.release }))
}

async fn figures(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(json!({
        "resident_mib": resident_mib(),
        "served": service.served.load(Relaxed),
    }))
}

async fn work(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let behaviour = match Behaviour::read(&service.behaviour) {
        Ok(behaviour) => behaviour,
        Err(error) => return answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let served = service.served.fetch_add(1, Relaxed);
    if behaviour.exit_after > 0 && served >= behaviour.exit_after {
        // What a process that is killed by its own assertion looks like.
        std::process::abort();
    }
    let user = headers.get("x-user");
    let user = user.and_then(|user| user.to_str().ok()).unwrap_or_default();
    let (takes_ms, fails) = {
        let mut random = rand::rng();
        let takes_ms = behaviour.takes_ms(served, &mut random);
        (takes_ms, behaviour.fails(user, &mut random))
    };
    service.leak(behaviour.leak_kib);
    if takes_ms > 0.0 {
        tokio::time::sleep(Duration::from_secs_f64(takes_ms / 1000.0)).await;
    }
    match fails {
        true => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "it went wrong".to_owned(),
        ),
        false => answer(StatusCode::OK, service.release.clone()),
    }
}

fn answer(status: StatusCode, text: String) -> Response {
    (status, text).into_response()
}

/// How much memory of this process is resident, in MiB; nothing where /proc does not say.
fn resident_mib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some((pages * PAGE_BYTES) as f64 / (1024.0 * 1024.0))
}
