//! The routes.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::service::Service;
use super::{Fault, metrics};
use crate::algorithm::Algorithm;
use crate::bounds::{
    BODY_READ_TIMEOUT, LOOKUP_LIMIT_DEFAULT, LOOKUP_LIMIT_MAX, RADIUS_DEFAULT, REQUEST_LIMITS,
    WINDOW_AGE_MAX,
};
use crate::clock;
use crate::extract::{ExtractError, Extraction, hash_bytes};
use crate::hash::{Hash, max_hamming};
use crate::scan::{Match, scan};

const ROUTES: [&str; 6] = [
    "/health",
    "/metrics/dhash",
    "/metrics",
    "/hash",
    "/lookup",
    "/queue",
];

/// All routes over one service.
pub(super) fn router(service: Arc<Service>) -> Router {
    let guarded = Router::new()
        .route("/hash", post(hash))
        .route("/lookup/{hash}", get(lookup))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&service),
            misbehave,
        ));
    Router::new()
        .route("/health", get(health))
        .route("/metrics/dhash", get(metrics_dhash))
        .route("/metrics", get(metrics_text))
        .route("/queue", get(queue))
        .merge(guarded)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&service),
            measure,
        ))
        .with_state(service)
}

async fn measure(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // Only known names become labels: callers must not be able to invent new ones.
    let route = ROUTES
        .into_iter()
        .find(|route| path == *route || *route == "/lookup" && path.starts_with("/lookup/"))
        .unwrap_or("other");
    // Dropped with this future, so that a caller who hangs up is not counted for ever.
    let _in_flight = service.metrics.enter(route);
    let start = clock::instant();
    let response = next.run(request).await;
    let took = clock::instant().saturating_duration_since(start);
    service
        .metrics
        .record_request(route, response.status().as_u16(), took);
    response
}

async fn misbehave(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let number = service.count_request();
    match service.options.fault {
        Fault::Errors { .. } if service.options.fault.fails(number) => {
            return Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "injected by --fault errors",
            )
            .into_response();
        }
        Fault::Latency { delay } => tokio::time::sleep(delay).await,
        // What a process killed by its own assertion looks like: SIGABRT, status 134 in a shell.
        Fault::Crash { after } if number >= after => std::process::abort(),
        Fault::Corrupt { after } if number == after => {
            let service = Arc::clone(&service);
            let outcome = tokio::task::spawn_blocking(move || service.corrupt()).await;
            if let Ok(Err(error)) = outcome {
                tracing::error!(%error, "could not corrupt the library");
            }
        }
        Fault::None | Fault::Errors { .. } | Fault::Crash { .. } | Fault::Corrupt { .. } => {}
    }
    next.run(request).await
}

async fn health(State(service): State<Arc<Service>>) -> Response {
    let snapshot = service.snapshot();
    let library = &snapshot.library;
    let refusal = service.refusal();
    let stopping = service.is_stopping();
    let status = match () {
        () if stopping => "stopping",
        () if refusal.is_some() => "degraded",
        () => "healthy",
    };
    let code = if stopping {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let body = json!({
        "status": status,
        "version": service.options.release_version,
        "algorithm": service.options.algorithm.id(),
        "library": {
            "algorithm": library.algorithm,
            "schema": library.schema,
            "images": library.images.len(),
            "digest": library.digest,
            "refused_reloads": service.metrics.refused_reloads.get(),
            "last_refusal": refusal.as_deref(),
        },
        "uptime_s": service.uptime().as_secs(),
        "timestamp": clock::timestamp(),
    });
    (code, Json(body)).into_response()
}

async fn metrics_dhash(State(service): State<Arc<Service>>) -> Json<Value> {
    let snapshot = service.snapshot();
    let library = &snapshot.library;
    let reading = service.meter.read(clock::instant());
    // "pending": the library still has to be migrated to the algorithm of this release.
    let ready = library.algorithm == service.options.algorithm.id();
    Json(json!({
        "avg_hash_time": reading.average_ms,
        "p95_hash_time": reading.p95_ms,
        "extraction_failures_rate": reading.failures_percent,
        "low_confidence_queue_length": library.queue.len(),
        "total_hashes_generated": service.metrics.hashes(),
        "last_migration": library.migrated_at,
        "migration_status": if ready { "ready" } else { "pending" },
        "timestamp": clock::timestamp(),
        "window": { "samples": reading.samples, "seconds_max": WINDOW_AGE_MAX.as_secs() },
    }))
}

async fn metrics_text(State(service): State<Arc<Service>>) -> Response {
    let snapshot = service.snapshot();
    let as_gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    service
        .metrics
        .images
        .set(as_gauge(snapshot.library.images.len()));
    service
        .metrics
        .queue
        .set(as_gauge(snapshot.library.queue.len()));
    match service.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

async fn queue(State(service): State<Arc<Service>>) -> Json<Value> {
    let snapshot = service.snapshot();
    let queue = &snapshot.library.queue;
    Json(json!({ "length": queue.len(), "queue": queue }))
}

async fn hash(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let busy = || {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many images are waiting",
        )
    };
    let place = Arc::clone(&service.places)
        .try_acquire_owned()
        .map_err(|_| busy())?;
    let bytes = read_body(&headers, body).await?;
    let worker = Arc::clone(&service.workers)
        .acquire_owned()
        .await
        .map_err(|_| busy())?;

    let options = service.hash_options();
    let (outcome, took) = tokio::task::spawn_blocking(move || {
        // The places are free again only when the work is done, even if the caller has gone away.
        let _places = (place, worker);
        let start = clock::instant();
        let outcome = hash_bytes(&bytes, &options);
        (outcome, clock::instant().saturating_duration_since(start))
    })
    .await
    .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "hashing failed"))?;

    let failed = outcome.is_err();
    service.meter.record(clock::instant(), took, failed);
    service.metrics.record_extraction(failed, took);
    match outcome {
        Ok(extraction) => Ok(Json(hash_answer(&extraction, options.algorithm, took))),
        Err(error) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            refusal_of(&error),
        )),
    }
}

fn refusal_of(error: &ExtractError) -> String {
    format!("no hash was made: {error}")
}

fn hash_answer(extraction: &Extraction, algorithm: Algorithm, took: Duration) -> Value {
    let warnings: Vec<String> = extraction
        .findings
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "hash": extraction.hash,
        "algorithm": algorithm.id(),
        "confidence": extraction.confidence,
        "width": extraction.width,
        "height": extraction.height,
        "format": extraction.format.name(),
        "took_ms": took.as_secs_f64() * 1000.0,
        "warnings": warnings,
    })
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let bytes_max = REQUEST_LIMITS.file_max_bytes;
    let too_large = || {
        let detail = format!("the image is too large: at most {bytes_max} bytes are accepted");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if length
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: u64| length > bytes_max)
    {
        return Err(too_large());
    }
    let read = axum::body::to_bytes(body, bytes_max as usize);
    match tokio::time::timeout(BODY_READ_TIMEOUT, read).await {
        Ok(Ok(bytes)) if bytes.is_empty() => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "expected the bytes of an image as the body",
        )),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.source().is_some_and(is_length_limit) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the body ended before it was complete",
        )),
        Err(_) => {
            let detail = format!(
                "the body took longer than {} s",
                BODY_READ_TIMEOUT.as_secs()
            );
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
        }
    }
}

fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<http_body_util::LengthLimitError>()
}

#[derive(Debug, Deserialize)]
struct LookupQuery {
    radius: Option<String>,
    confidence: Option<String>,
    limit: Option<String>,
}

async fn lookup(
    State(service): State<Arc<Service>>,
    Path(text): Path<String>,
    Query(query): Query<LookupQuery>,
) -> Result<Json<Value>, Problem> {
    let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let hash: Hash = text.parse().map_err(|error| wrong(format!("{error}")))?;
    let radius = radius_of(&query)?;
    let range = 1..=LOOKUP_LIMIT_MAX;
    let limit = number("limit", query.limit.as_deref(), LOOKUP_LIMIT_DEFAULT, range)?;

    let snapshot = service.snapshot();
    let mut found = scan(&snapshot.hashes, hash, radius);
    let count = found.len();
    // Stable: equally distant matches stay in the order of the library.
    found.sort_by_key(|found| found.distance);
    found.truncate(limit);
    let describe = |found: &Match| {
        let image = &snapshot.library.images[found.index];
        json!({
            "path": image.path,
            "id": image.id,
            "distance": found.distance,
            "confidence": Hash::likeness(found.distance),
        })
    };
    Ok(Json(json!({
        "query": hash,
        "radius": radius,
        "algorithm": snapshot.library.algorithm,
        "count": count,
        "matches": found.iter().map(describe).collect::<Vec<_>>(),
    })))
}

/// The radius as it is given, or the largest one whose matches have the confidence that is given.
fn radius_of(query: &LookupQuery) -> Result<u32, Problem> {
    let wrong = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    match (&query.radius, &query.confidence) {
        (Some(_), Some(_)) => Err(wrong("give either `radius` or `confidence`, not both")),
        (None, Some(confidence)) => confidence
            .parse()
            .ok()
            .and_then(|confidence| max_hamming(confidence).ok())
            .ok_or_else(|| wrong("`confidence` must be a number from 0.0 to 1.0")),
        (radius, None) => {
            let default = RADIUS_DEFAULT as usize;
            number(
                "radius",
                radius.as_deref(),
                default,
                0..=Hash::BITS as usize,
            )
            .map(|radius| radius as u32)
        }
    }
}

fn number(
    name: &str,
    text: Option<&str>,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(default) };
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (low, high) = range.into_inner();
            let detail = format!("`{name}` must be a whole number from {low} to {high}");
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })
}

async fn not_found() -> Problem {
    let detail = format!("no such route: expected one of {}", ROUTES.join(", "));
    Problem::new(StatusCode::NOT_FOUND, detail)
}
