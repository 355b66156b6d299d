//! What `/healthz` and `/readyz` of the admin side answer.
//!
//! *Alive* means that the process answers: who restarts it when it is not must not do so because a release is
//! down. *Ready* means that clients should be sent here: it accepts connections, and every route has something healthy
//! behind it. A gateway that hands over or drains is alive and not ready.

use http::StatusCode;
use serde::Serialize;

/// Routes that are not ready and are told by name; more of them are only counted.
const ROUTES_TOLD_MAX: usize = 20;

/// What stands behind a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behind {
    /// The gateway answers itself.
    Gateway,
    /// Something healthy.
    Healthy,
    /// No release was put into service yet.
    NoRelease,
    /// Releases or servers, and none of them is healthy.
    Unhealthy,
}

/// What readiness depends on.
#[derive(Debug)]
pub(crate) struct Readiness<'a> {
    /// Whether connections are accepted.
    pub(crate) accepting: bool,
    /// Whether it only finishes what is under way.
    pub(crate) draining: bool,
    /// Every route by name.
    pub(crate) routes: Vec<(&'a str, Behind)>,
}

/// An answer: its status and its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthAnswer {
    /// 200 or 503.
    pub(crate) status: StatusCode,
    /// `application/json`, never to be kept by a cache.
    pub(crate) body: String,
}

#[derive(Serialize)]
struct Alive {
    status: &'static str,
    uptime_s: u64,
}

#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    accepting: bool,
    draining: bool,
    routes: usize,
    routes_not_ready: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_ready: Vec<NotReady<'a>>,
}

#[derive(Serialize)]
struct NotReady<'a> {
    route: &'a str,
    reason: &'static str,
}

/// `/healthz`: that somebody answers is the answer.
pub(crate) fn healthz(uptime_ms: u64) -> HealthAnswer {
    answer(
        StatusCode::OK,
        &Alive {
            status: "alive",
            uptime_s: uptime_ms / 1000,
        },
    )
}

/// `/readyz`: whether clients should be sent here, and if not, why. A gateway without routes has nothing that
/// could be unhealthy.
pub(crate) fn readyz(readiness: &Readiness<'_>) -> HealthAnswer {
    let routes = readiness.routes.iter();
    let not_ready: Vec<NotReady<'_>> = routes
        .filter_map(|(route, behind)| {
            let reason = behind.reason()?;
            Some(NotReady { route, reason })
        })
        .collect();
    let is_ready = readiness.accepting && !readiness.draining && not_ready.is_empty();
    let (status, word) = match is_ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let body = Ready {
        status: word,
        accepting: readiness.accepting,
        draining: readiness.draining,
        routes: readiness.routes.len(),
        routes_not_ready: not_ready.len(),
        not_ready: not_ready.into_iter().take(ROUTES_TOLD_MAX).collect(),
    };
    answer(status, &body)
}

impl Behind {
    /// Why a route with this behind it is not ready.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Behind::Gateway | Behind::Healthy => None,
            Behind::NoRelease => Some("no release was put into service yet"),
            Behind::Unhealthy => Some("no server is healthy"),
        }
    }
}

fn answer(status: StatusCode, body: &impl Serialize) -> HealthAnswer {
    // Texts and numbers always become JSON.
    let body = serde_json::to_string(body).unwrap_or_default();
    HealthAnswer { status, body }
}

#[cfg(test)]
mod tests;
