//! Refusals as `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_api::Problem;
use portcullis_engine::{EngineError, PlanningError, ServiceError};

/// The media type of refusals.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Answer(Box<Problem>);

impl Answer {
    fn new(status: StatusCode, code: &str, detail: String) -> Answer {
        let title = status.canonical_reason().unwrap_or("refused").to_owned();
        Answer::from(Problem::new(status.as_u16(), title, code, detail))
    }

    pub(crate) fn unauthorized() -> Answer {
        let detail = "this call needs `Authorization: Bearer TOKEN`; the token is in the file \
                      `token` of the state folder, made by `portcullis init`";
        Answer::new(
            StatusCode::UNAUTHORIZED,
            "not_authorised",
            detail.to_owned(),
        )
    }

    pub(crate) fn other_environment(detail: String) -> Answer {
        Answer::new(StatusCode::CONFLICT, "other_environment", detail)
    }

    /// This refusal with what may be said to the live rollout, if that is why it was refused.
    pub(crate) fn about_live(mut self, takes: Option<String>) -> Answer {
        let concerns_live = matches!(
            self.0.code.as_deref(),
            Some("still_live" | "not_now" | "not_live")
        );
        if concerns_live {
            self.0.hint = takes;
        }
        self
    }

    pub(crate) fn unknown_rollout(detail: String) -> Answer {
        Answer::new(StatusCode::NOT_FOUND, "unknown_rollout", detail)
    }

    pub(crate) fn gateway_unreachable(detail: String) -> Answer {
        Answer::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "gateway_unreachable",
            detail,
        )
    }

    pub(crate) fn not_found(detail: String) -> Answer {
        Answer::new(StatusCode::NOT_FOUND, "not_found", detail)
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Answer {
        Answer(Box::new(problem))
    }
}

impl From<ServiceError> for Answer {
    fn from(error: ServiceError) -> Answer {
        match &error {
            ServiceError::Config(problems) => {
                let mut answer = Answer::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "configuration",
                    problems.to_string(),
                );
                answer.0.problems = problems.into_iter().map(ToString::to_string).collect();
                answer
            }
            ServiceError::Planning(planning) => {
                let mut detail = planning.to_string();
                if let Some(source) = std::error::Error::source(planning) {
                    detail = format!("{detail}: {source}");
                }
                let code = planning_code(planning);
                let mut answer = Answer::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
                match planning {
                    PlanningError::Refused(problems) => {
                        answer.0.problems = problems.iter().map(ToString::to_string).collect();
                    }
                    PlanningError::Moved(all) | PlanningError::LiveData(all) => {
                        answer.0.problems = all.clone();
                    }
                    PlanningError::Migrations { problems, .. } => {
                        answer.0.problems = problems.clone();
                    }
                    _ => {}
                }
                answer
            }
            ServiceError::Engine(engine) => engine_answer(engine),
            ServiceError::Died(_) => Answer::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                error.to_string(),
            ),
        }
    }
}

impl From<EngineError> for Answer {
    fn from(error: EngineError) -> Answer {
        engine_answer(&error)
    }
}

/// The word for why no plan can be made.
fn planning_code(error: &PlanningError) -> &'static str {
    match error {
        PlanningError::UnknownRelease { .. } => "unknown_release",
        PlanningError::NoPredecessor(_) => "no_predecessor",
        PlanningError::Artifact { .. } => "artifact_unreadable",
        PlanningError::Address(_) => "no_free_port",
        PlanningError::Moved(_) => "plan_moved",
        PlanningError::Migrations { .. } => "migration_refused",
        _ => "plan_refused",
    }
}

fn engine_answer(error: &EngineError) -> Answer {
    let (status, code) = match error {
        EngineError::Refused(_) => (StatusCode::CONFLICT, "not_now"),
        EngineError::NothingLive => (StatusCode::CONFLICT, "nothing_live"),
        EngineError::StillLive(_) => (StatusCode::CONFLICT, "still_live"),
        EngineError::NotLive(_) => (StatusCode::CONFLICT, "not_live"),
        EngineError::Past(_) => (StatusCode::SERVICE_UNAVAILABLE, "journal_unreadable"),
        EngineError::Stopped(_) => (StatusCode::SERVICE_UNAVAILABLE, "engine_stopped"),
    };
    Answer::new(status, code, error.to_string())
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.0)).into_response();
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
