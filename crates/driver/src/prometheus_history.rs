//! What a Prometheus server has recorded: range queries,
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::bounds::{CHECK_CONNECT_TIMEOUT, HISTORY_ANSWER_BYTES_MAX, HISTORY_TIMEOUT};

/// The past as a Prometheus server knows it.
#[derive(Debug, Clone)]
pub struct PrometheusHistory {
    http: reqwest::Client,
    url: String,
    token: Option<SecretString>,
}

/// One recorded series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What tells it from others.
    pub labels: BTreeMap<String, String>,
    /// Moments in milliseconds since the Unix epoch, ascending, each with a value. Values that are no numbers are left
    /// out.
    pub points: Vec<(u64, f64)>,
}

/// Why the past could not be read, in words for people; never with the address, which may have a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HistoryUnreadable(String);

#[derive(Deserialize)]
struct Answer {
    status: String,
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Matrix>,
}

#[derive(Deserialize)]
struct Matrix {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl PrometheusHistory {
    /// The server at `url`, for example `http://127.0.0.1:9090`, which is shown the token if there is one.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(
        url: &str,
        token: Option<SecretString>,
    ) -> Result<PrometheusHistory, HistoryUnreadable> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CHECK_CONNECT_TIMEOUT)
            .timeout(HISTORY_TIMEOUT)
            .build();
        Ok(PrometheusHistory {
            http: http.map_err(|error| unreadable(&error))?,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The values of a query from a moment to another one, so far apart; all in milliseconds.
    ///
    /// # Errors
    /// When the server does not answer, refuses, or answers with something else.
    pub async fn range(
        &self,
        query: &str,
        (from_ms, to_ms): (u64, u64),
        step_ms: u64,
    ) -> Result<Vec<Series>, HistoryUnreadable> {
        let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let mut request = self.http.get(format!("{}/api/v1/query_range", self.url));
        request = request.query(&[
            ("query", query),
            ("start", &seconds(from_ms)),
            ("end", &seconds(to_ms)),
            ("step", &seconds(step_ms)),
        ]);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut answer = request.send().await.map_err(|error| unreadable(&error))?;
        let status = answer.status();
        if status.as_u16() == 401 || status.as_u16() == 403 {
            let why = format!("the server answered {status}: it wants a token, or another one");
            return Err(HistoryUnreadable(why));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreadable(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > HISTORY_ANSWER_BYTES_MAX {
                let why = "the answer is too long; take a shorter range";
                return Err(HistoryUnreadable(why.to_owned()));
            }
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            HistoryUnreadable(format!("the answer ({status}) is none of Prometheus's"))
        })?;
        match (answer.status.as_str(), answer.data) {
            ("success", Some(data)) => Ok(data.result.into_iter().map(series).collect()),
            _ => {
                let why = answer
                    .error
                    .unwrap_or_else(|| "it does not say why".to_owned());
                Err(HistoryUnreadable(format!(
                    "Prometheus refused the query: {why}"
                )))
            }
        }
    }
}

fn series(matrix: Matrix) -> Series {
    let points = matrix.values.into_iter().filter_map(|(at_s, text)| {
        let value: f64 = text.parse().ok()?;
        let at_ms = (at_s * 1000.0).round() as u64;
        value.is_finite().then_some((at_ms, value))
    });
    Series {
        labels: matrix.metric,
        points: points.collect(),
    }
}

/// The innermost cause; the outer ones name the address.
fn unreadable(error: &reqwest::Error) -> HistoryUnreadable {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let what = if error.is_connect() {
        "could not connect"
    } else if error.is_timeout() {
        "got no answer in time"
    } else {
        "got no answer"
    };
    HistoryUnreadable(format!("{what}: {cause}"))
}
