//! The admin API over HTTP; its types and meaning are in `portcullis_api::gateway`.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use portcullis_api::gateway::{
    BypassEnd, BypassWish, FollowerReport, PauseEnd, PauseWish, ReloadWish, SplitChange,
};
use portcullis_api::masking::MaskingStanding;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::bounds::{ADMIN_BODY_BYTES_MAX, FOLLOWER_BYTES_MAX};
use crate::control::{ChangeError, Control};
use crate::masking;
use crate::observe::{Gathering, endpoints};
use crate::problem::{PROBLEM_JSON, Problem};
use crate::reload::{NotPassedOn, ReloadDesk};
use crate::unread::as_problem;

/// The admin API, for everybody who may connect or for those who have the token. `/healthz` and `/readyz` need no
/// token: they tell little, and who asks them seldom can have one. `/metrics` needs it, because metrics tell who
/// serves how much and where; the address of the settings for metrics alone is the way without one.
pub(crate) fn router(
    control: Arc<Control>,
    gathering: Arc<Gathering>,
    token: Option<SecretString>,
    desk: ReloadDesk,
) -> Router {
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&gathering));
    let masking = Router::new()
        .route("/masking/health", get(masking_health))
        .route("/masking/stats", get(masking_stats))
        .route("/masking/config", get(masking_config))
        .route("/masking/version", get(masking_version))
        .with_state(Arc::clone(&gathering));
    let health = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(gathering);
    let reloads = Router::new()
        .route("/v1/reload", post(reload))
        .layer(DefaultBodyLimit::max(ADMIN_BODY_BYTES_MAX))
        .with_state(desk);
    let followers = Router::new()
        .route("/v1/followers/{instance}", put(hear_follower))
        .layer(DefaultBodyLimit::max(FOLLOWER_BYTES_MAX))
        .with_state(Arc::clone(&control));
    let router = Router::new()
        .route("/v1/gateway", get(gateway))
        .route("/v1/routes/{service}", get(route))
        .route("/v1/routes/{service}/split", put(change_split))
        .route("/v1/routes/{service}/bypass", put(begin_bypass))
        .route("/v1/routes/{service}/bypass/end", post(end_bypass))
        .route("/v1/routes/{service}/pause", put(begin_pause))
        .route("/v1/routes/{service}/pause/end", post(end_pause))
        .fallback(async || not_found("nothing is here; try GET /v1/gateway"))
        .layer(DefaultBodyLimit::max(ADMIN_BODY_BYTES_MAX))
        .with_state(control)
        .merge(followers)
        .merge(reloads)
        .merge(metrics)
        .merge(masking);
    let router = match token {
        Some(token) => router.layer(from_fn_with_state(Arc::new(token), require_token)),
        None => router,
    };
    router.merge(health).layer(from_fn(as_problem))
}

/// Lets a request through when it carries the token. The comparison takes the same time wherever the
/// texts differ.
async fn require_token(
    State(token): State<Arc<SecretString>>,
    request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, given)| {
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(given.trim())
        });
    let token = token.expose_secret().as_bytes();
    if given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(token))) {
        return next.run(request).await;
    }
    let refused = answer(&Problem::new(
        StatusCode::UNAUTHORIZED,
        "urn:portcullis:problem:not-authorised",
        "Not authorised",
        "the admin API needs `Authorization: Bearer TOKEN`, with the token of the state folder",
    ));
    ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
}

async fn metrics(State(gathering): State<Arc<Gathering>>, headers: HeaderMap) -> Response {
    endpoints::metrics(&gathering, &headers)
        .await
        .map(Body::new)
}

async fn masking_health(State(gathering): State<Arc<Gathering>>) -> Response {
    let health = gathering.masking().health().await;
    let status = match health.status {
        MaskingStanding::Error => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    told(status, health)
}

async fn masking_stats(State(gathering): State<Arc<Gathering>>) -> Response {
    told(StatusCode::OK, gathering.masking().stats().await)
}

async fn masking_config(State(gathering): State<Arc<Gathering>>) -> Response {
    told(StatusCode::OK, gathering.masking().config().await)
}

async fn masking_version() -> Response {
    told(StatusCode::OK, masking::status::version())
}

/// What is true for a moment only.
fn told(status: StatusCode, body: impl Serialize) -> Response {
    let fresh = [(header::CACHE_CONTROL, "no-store")];
    (status, fresh, axum::Json(body)).into_response()
}

async fn alive(State(gathering): State<Arc<Gathering>>) -> Response {
    endpoints::alive(&gathering).map(Body::new)
}

async fn ready(State(gathering): State<Arc<Gathering>>) -> Response {
    endpoints::ready(&gathering).await.map(Body::new)
}

async fn gateway(State(control): State<Arc<Control>>) -> Response {
    axum::Json(control.status().await).into_response()
}

async fn route(State(control): State<Arc<Control>>, Path(service): Path<String>) -> Response {
    match control.route_status(&service).await {
        Ok(status) => axum::Json(status).into_response(),
        Err(error) => refuse(&error),
    }
}

async fn change_split(
    State(control): State<Arc<Control>>,
    Path(service): Path<String>,
    body: Bytes,
) -> Response {
    let change: SplitChange = match serde_json::from_slice(&body) {
        Ok(change) => change,
        Err(error) => {
            return answer(&Problem::new(
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:not-a-split-change",
                "The body is not a split change",
                format!("the body is not a JSON object with `split` and `epoch`: {error}"),
            ));
        }
    };
    finish(async move { control.change(&service, change).await }).await
}

async fn begin_bypass(
    State(control): State<Arc<Control>>,
    Path(service): Path<String>,
    body: Bytes,
) -> Response {
    let wish: BypassWish = match serde_json::from_slice(&body) {
        Ok(wish) => wish,
        Err(error) => return not_a_bypass("`by`, `reason` and `for_ms`", &error),
    };
    finish(async move { control.begin_bypass(&service, wish).await }).await
}

async fn end_bypass(
    State(control): State<Arc<Control>>,
    Path(service): Path<String>,
    body: Bytes,
) -> Response {
    let end: BypassEnd = match serde_json::from_slice(&body) {
        Ok(end) => end,
        Err(error) => return not_a_bypass("`by`", &error),
    };
    finish(async move { control.end_bypass(&service, end).await }).await
}

async fn begin_pause(
    State(control): State<Arc<Control>>,
    Path(service): Path<String>,
    body: Bytes,
) -> Response {
    let wish: PauseWish = match serde_json::from_slice(&body) {
        Ok(wish) => wish,
        Err(error) => return not_a_pause("`by`, `reason`, `closure` and `for_ms`", &error),
    };
    finish(async move { control.begin_pause(&service, wish).await }).await
}

async fn end_pause(
    State(control): State<Arc<Control>>,
    Path(service): Path<String>,
    body: Bytes,
) -> Response {
    let end: PauseEnd = match serde_json::from_slice(&body) {
        Ok(end) => end,
        Err(error) => return not_a_pause("`id`", &error),
    };
    finish(async move { control.end_pause(&service, end.id).await }).await
}

fn not_a_pause(fields: &str, error: &serde_json::Error) -> Response {
    answer(&Problem::new(
        StatusCode::BAD_REQUEST,
        "urn:portcullis:problem:not-a-pause",
        "The body is not about a pause of writes",
        format!("the body is not a JSON object with {fields}: {error}"),
    ))
}

fn not_a_bypass(fields: &str, error: &serde_json::Error) -> Response {
    answer(&Problem::new(
        StatusCode::BAD_REQUEST,
        "urn:portcullis:problem:not-a-bypass",
        "The body is not about a bypass",
        format!("the body is not a JSON object with {fields}: {error}"),
    ))
}

/// Makes a change in a task of its own: once begun, it is finished even if the asker goes away.
async fn finish<T: Serialize + Send + 'static>(
    change: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
) -> Response {
    match tokio::spawn(change).await {
        Ok(Ok(status)) => axum::Json(status).into_response(),
        Ok(Err(error)) => refuse(&error),
        Err(error) => {
            tracing::error!(%error, "a change of a split ended in a panic");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn hear_follower(
    State(control): State<Arc<Control>>,
    Path(instance): Path<String>,
    body: Bytes,
) -> Response {
    let unreadable = |detail: String| {
        answer(&Problem::new(
            StatusCode::BAD_REQUEST,
            "urn:portcullis:problem:request-unreadable",
            "The body is not a follower's report",
            detail,
        ))
    };
    match serde_json::from_slice::<FollowerReport>(&body) {
        Err(error) => unreadable(format!("the body is not a follower's report: {error}")),
        Ok(report) if report.status.instance != instance => {
            unreadable("the instance in the path is not the one of the report".to_owned())
        }
        Ok(report) => match control.hear_follower(report).await {
            Ok(lead) => axum::Json(lead).into_response(),
            Err(error) => refuse(&error),
        },
    }
}

async fn reload(State(desk): State<ReloadDesk>, body: Bytes) -> Response {
    let wish: ReloadWish = match serde_json::from_slice(&body) {
        Ok(wish) => wish,
        Err(error) => {
            return answer(&Problem::new(
                StatusCode::BAD_REQUEST,
                "urn:portcullis:problem:request-unreadable",
                "The body is not a request for a reload",
                format!("the body is not a JSON object with `by`: {error}"),
            ));
        }
    };
    // In a task of its own: once begun, it is finished even if the asker goes away.
    let asked = tokio::spawn(async move { desk.ask(wish).await });
    let answered = match asked.await {
        Ok(answered) => answered,
        Err(error) => {
            tracing::error!(%error, "a reload ended in a panic");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    match answered {
        Ok(Ok(reloaded)) => axum::Json(reloaded).into_response(),
        Ok(Err(problem)) => {
            let status = StatusCode::from_u16(problem.status);
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, axum::Json(problem)).into_response();
            let kind = header::HeaderValue::from_static(PROBLEM_JSON);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(why) => answer(&not_passed_on(why)),
    }
}

fn not_passed_on(why: NotPassedOn) -> Problem {
    let title = "The configuration was not read again";
    let (status, kind, detail) = match why {
        NotPassedOn::NobodyReads => (
            StatusCode::NOT_IMPLEMENTED,
            "urn:portcullis:problem:not-reloaded",
            "the process that runs this gateway reads no configuration file again",
        ),
        NotPassedOn::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:portcullis:problem:not-reloaded",
            "several others have asked for the same and wait; ask again in a moment",
        ),
        NotPassedOn::Ended => (
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:portcullis:problem:succeeded",
            "this process ends, or is succeeded by another one; ask again",
        ),
    };
    Problem::new(status, kind, title, detail)
}

fn not_found(detail: &str) -> Response {
    let title = "Not found";
    answer(&Problem::new(
        StatusCode::NOT_FOUND,
        "urn:portcullis:problem:not-found",
        title,
        detail,
    ))
}

fn refuse(error: &ChangeError) -> Response {
    let detail = match error.source() {
        Some(source) => {
            tracing::error!(%error, source, "nothing was changed");
            format!("{error}: {source}")
        }
        None => error.to_string(),
    };
    let (status, kind, title) = match error {
        ChangeError::UnknownService(_) => return not_found(&detail),
        ChangeError::Invalid(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "urn:portcullis:problem:invalid-split",
            "The split is not valid",
        ),
        ChangeError::Stale { .. } => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:stale-epoch",
            "The epoch is fenced off",
        ),
        ChangeError::Unhealthy { .. } => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:unhealthy-arm",
            "An arm is not healthy",
        ),
        ChangeError::TooManyFollowers => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:too-many-followers",
            "Too many gateways follow",
        ),
        ChangeError::Overtaken => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:overtaken",
            "Another change was first",
        ),
        ChangeError::Succeeded => (
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:portcullis:problem:succeeded",
            "Another process takes over",
        ),
        ChangeError::Save(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:portcullis:problem:not-saved",
            "The change could not be saved",
        ),
        ChangeError::InvalidBypass(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "urn:portcullis:problem:invalid-bypass",
            "The bypass is not valid",
        ),
        ChangeError::NoBypass(_) => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:no-bypass",
            "No bypass is in force",
        ),
        ChangeError::InvalidPause(_) | ChangeError::NotPaused(_) | ChangeError::NoPause(_) => {
            return refuse_pause(error);
        }
        ChangeError::Audit(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:portcullis:problem:not-recorded",
            "The bypass could not be recorded",
        ),
    };
    let mut problem = Problem::new(status, kind, title, detail);
    if let ChangeError::Stale { current, .. } = error {
        problem = problem.with_epoch(*current);
    }
    answer(&problem)
}

fn refuse_pause(error: &ChangeError) -> Response {
    let (status, kind, title) = match error {
        ChangeError::InvalidPause(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "urn:portcullis:problem:invalid-pause",
            "The pause is not valid",
        ),
        ChangeError::NoPause(_) => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:no-pause",
            "No such pause is known",
        ),
        _ => (
            StatusCode::CONFLICT,
            "urn:portcullis:problem:not-paused",
            "Writes cannot be paused now",
        ),
    };
    answer(&Problem::new(status, kind, title, error.to_string()))
}

fn answer(problem: &Problem) -> Response {
    let headers = [(header::CONTENT_TYPE, PROBLEM_JSON)];
    (problem.status(), headers, problem.to_json()).into_response()
}
