//! What a Prometheus server has recorded: range queries,
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::bounds::{HISTORY_ANSWER_BYTES_MAX, HISTORY_TIMEOUT};
use crate::web_client::{Question, Shown, WebClient};

/// The past as a Prometheus server knows it.
#[derive(Debug, Clone)]
pub struct PrometheusHistory {
    web: WebClient,
    url: String,
    token: Option<SecretString>,
    ca: Option<PathBuf>,
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
    /// The server at `url`, for example `http://127.0.0.1:9090`, which is shown the token if there is one. Over HTTPS its
    /// certificate must be of an authority in the PEM file `ca`; without one, of an authority that the system trusts.
    pub fn new(url: &str, token: Option<SecretString>, ca: Option<PathBuf>) -> PrometheusHistory {
        PrometheusHistory {
            web: WebClient::default(),
            url: url.trim_end_matches('/').to_owned(),
            token,
            ca,
        }
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
        let question = Question {
            url: &format!("{}/api/v1/query_range", self.url),
            query: &[
                ("query", query),
                ("start", &seconds(from_ms)),
                ("end", &seconds(to_ms)),
                ("step", &seconds(step_ms)),
            ],
            shown: self.token.clone().map(Shown::Token),
            ca: self.ca.clone(),
            bytes_max: HISTORY_ANSWER_BYTES_MAX,
        };
        let answer = tokio::time::timeout(HISTORY_TIMEOUT, self.web.get(&question)).await;
        let answer = match answer {
            Ok(answer) => answer.map_err(HistoryUnreadable)?,
            Err(_) => return Err(HistoryUnreadable("got no answer in time".to_owned())),
        };
        let (status, body) = (answer.status, answer.body);
        if status.as_u16() == 401 || status.as_u16() == 403 {
            let why = format!("the server answered {status}: it wants a token, or another one");
            return Err(HistoryUnreadable(why));
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
