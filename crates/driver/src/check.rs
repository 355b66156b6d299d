//! Asking a release a question over HTTP and comparing the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_api::grpc_health;
use portcullis_rollout::{Check, Fact, FigureOrder, MetricsSource};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::time::error::Elapsed;

use crate::bounds::{
    CHECK_ANSWER_BYTES_MAX, CHECK_BODY_BYTES_MAX, CHECK_CONNECT_TIMEOUT, METRICS_TIMEOUT_MS,
};
use crate::clock::Stopwatch;
use crate::evidence::body_excerpt;
use crate::figures::{FigureReader, number};

/// Puts checks to releases: no proxy, no redirects, a new connection for every question, so that an
/// answer always comes from the process that listens now.
#[derive(Debug, Clone)]
pub struct CheckClient {
    http: reqwest::Client,
    figures: FigureReader,
}

/// Which protocol releases speak, in plain text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CheckProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, without asking first.
    Http2,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for checks could not be set up")]
pub struct CheckSetupError(#[source] reqwest::Error);

/// A check whose answer was as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckPassed {
    /// Time from the question to the end of the answer, in milliseconds.
    pub took_ms: u64,
    /// What was compared, for example `/version` = `"1.1"`.
    pub facts: Vec<Fact>,
}

/// A check that was put to a release and timed.
#[derive(Debug)]
pub(crate) struct Timed {
    /// Time from the question to the answer's head, in microseconds; `None` without an answer.
    pub(crate) head_us: Option<u64>,
    /// Whether the answer was the expected one.
    pub(crate) outcome: Result<(), CheckFailed>,
}

/// What a release answered.
struct Answer {
    status: u16,
    body: Vec<u8>,
    head_us: u64,
}

/// A check whose answer was not as expected, or that had none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CheckFailed {
    /// What was asked, what came and what was expected, for example
    /// `GET /health answered 503, expected 200`.
    pub message: String,
    /// The beginning of the answer's body, at most 300 printable characters.
    pub body_excerpt: Option<String>,
}

impl CheckClient {
    /// A client of releases that speak HTTP/1.1.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new() -> Result<CheckClient, CheckSetupError> {
        CheckClient::speaking(CheckProtocol::Http1)
    }

    /// A client of releases that speak `protocol`.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn speaking(protocol: CheckProtocol) -> Result<CheckClient, CheckSetupError> {
        let builder = reqwest::Client::builder();
        let builder = match protocol {
            CheckProtocol::Http1 => builder.http1_only(),
            CheckProtocol::Http2 => builder.http2_prior_knowledge(),
        };
        let http = builder
            .no_proxy()
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .connect_timeout(CHECK_CONNECT_TIMEOUT)
            .build()
            .map_err(CheckSetupError)?;
        Ok(CheckClient {
            http,
            figures: FigureReader::default(),
        })
    }

    /// Asks what `check` says at `address` (`host:port`) and compares status, JSON values and text. The path
    /// [`grpc_health::PATH`] is asked in gRPC.
    ///
    /// # Errors
    /// When there is no answer within the check's time, or it is not the expected one.
    pub async fn run(&self, check: &Check, address: &str) -> Result<CheckPassed, CheckFailed> {
        let method = match check.path.as_str() {
            grpc_health::PATH => "POST",
            _ => &check.method,
        };
        let what = format!("{method} {}", check.path);
        let watch = Stopwatch::start();
        let timeout = Duration::from_millis(check.timeout_ms);
        let none = HeaderMap::new();
        let asked = tokio::time::timeout(timeout, self.ask(check, address, &none)).await;
        let answer = answered(asked, check, &what)?;
        let facts = judge(check, &what, &answer)?;
        Ok(CheckPassed {
            took_ms: watch.elapsed_ms(),
            facts,
        })
    }

    /// The same with header fields, timed.
    pub(crate) async fn timed(&self, check: &Check, address: &str, headers: &HeaderMap) -> Timed {
        let what = format!("{} {}", check.method, check.path);
        let timeout = Duration::from_millis(check.timeout_ms);
        let asked = tokio::time::timeout(timeout, self.ask(check, address, headers)).await;
        match answered(asked, check, &what) {
            Ok(answer) => Timed {
                head_us: Some(answer.head_us),
                outcome: judge(check, &what, &answer).map(|_| ()),
            },
            Err(failed) => Timed {
                head_us: None,
                outcome: Err(failed),
            },
        }
    }

    /// A figure from elsewhere, within its time.
    ///
    /// # Errors
    /// Why there is none, in words that follow `no data: `.
    pub async fn figure(&self, order: &FigureOrder) -> Result<f64, String> {
        self.figures.read(order).await
    }

    /// The figures that a release reports of itself, by name, each as a number or with the reason why there is none.
    pub async fn figures(
        &self,
        source: &MetricsSource,
        address: &str,
    ) -> BTreeMap<String, Result<f64, String>> {
        let document = self.document(source, address).await;
        let figure = |(name, pointer): (&String, &String)| {
            let figure = match &document {
                Ok(document) => document
                    .pointer(pointer)
                    .ok_or_else(|| format!("{pointer} is missing in the answer to {}", source.path))
                    .and_then(|found| number(found).map_err(|why| format!("{pointer}: {why}"))),
                Err(failed) => Err(failed.message.clone()),
            };
            (name.clone(), figure)
        };
        source.figures.iter().map(figure).collect()
    }

    async fn document(&self, source: &MetricsSource, address: &str) -> Result<Value, CheckFailed> {
        let check = Check {
            method: "GET".to_owned(),
            path: source.path.clone(),
            body_file: None,
            status: 200,
            json: Default::default(),
            contains: None,
            timeout_ms: METRICS_TIMEOUT_MS,
        };
        let what = format!("GET {}", source.path);
        let timeout = Duration::from_millis(METRICS_TIMEOUT_MS);
        let none = HeaderMap::new();
        let answer = tokio::time::timeout(timeout, self.ask(&check, address, &none)).await;
        let answer = answer.unwrap_or_else(|_| Err("got no answer in time".to_owned()));
        let answer = answer.map_err(|why| failed(format!("{what} {why}"), b""))?;
        let (status, body) = (answer.status, answer.body);
        let document: Option<Value> = serde_json::from_slice(&body).ok().filter(|_| status == 200);
        document.ok_or_else(|| {
            failed(
                format!("{what} answered {status} without JSON figures"),
                &body,
            )
        })
    }

    /// The answer, or what went wrong, to be put behind method and path.
    async fn ask(
        &self,
        check: &Check,
        address: &str,
        headers: &HeaderMap,
    ) -> Result<Answer, String> {
        let watch = Stopwatch::start();
        let method = reqwest::Method::from_bytes(check.method.as_bytes())
            .map_err(|_| format!("cannot be asked: {:?} is not an HTTP method", check.method))?;
        let url = format!("http://{address}{}", check.path);
        let in_grpc = check.path == grpc_health::PATH;
        let mut request = if in_grpc {
            let question = self.http.post(&url).header(TE, "trailers");
            let question = question.header(CONTENT_TYPE, grpc_health::CONTENT_TYPE);
            question.body(grpc_health::QUESTION.to_vec())
        } else {
            self.http.request(method, &url)
        }
        .headers(headers.clone());
        if let Some(file) = &check.body_file {
            let json = file
                .extension()
                .is_some_and(|extension| extension == "json");
            let kind = if json {
                "application/json"
            } else {
                "application/octet-stream"
            };
            request = request
                .header(CONTENT_TYPE, kind)
                .body(read_body(file).await?);
        }
        let mut response = request
            .send()
            .await
            .map_err(|error| no_answer(&error, address))?;
        let head_us = watch.elapsed().as_micros() as u64;
        let status = response.status().as_u16();
        let answer = |body| Answer {
            status,
            body,
            head_us,
        };
        let head_field = response.headers().get(grpc_health::STATUS_FIELD).cloned();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= CHECK_ANSWER_BYTES_MAX => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return Err(format!("answered more than {CHECK_ANSWER_BYTES_MAX} bytes"));
                }
                Ok(None) if in_grpc && status == 200 => {
                    let grpc_status = head_field.as_ref().map(HeaderValue::as_bytes);
                    grpc_health::judge(grpc_status, &body)?;
                    return Ok(answer(body));
                }
                Ok(None) => return Ok(answer(body)),
                Err(_) => {
                    return Err(format!("answered {status} and then broke off the answer"));
                }
            }
        }
    }
}

impl CheckFailed {
    /// This failure as evidence.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::new("check", &self.message)];
        facts.extend(
            self.body_excerpt
                .as_ref()
                .map(|body| Fact::new("answer", body)),
        );
        facts
    }
}

/// The answer, if one came in its time.
fn answered(
    asked: Result<Result<Answer, String>, Elapsed>,
    check: &Check,
    what: &str,
) -> Result<Answer, CheckFailed> {
    match asked {
        Ok(answer) => answer.map_err(|why| failed(format!("{what} {why}"), b"")),
        Err(_) => {
            let ms = check.timeout_ms;
            Err(failed(format!("{what} got no answer within {ms} ms"), b""))
        }
    }
}

/// What of the answer was compared, if it is the expected one.
fn judge(check: &Check, what: &str, answer: &Answer) -> Result<Vec<Fact>, CheckFailed> {
    let (status, expected) = (answer.status, check.status);
    if status != expected {
        return Err(failed(
            format!("{what} answered {status}, expected {expected}"),
            &answer.body,
        ));
    }
    compare(check, what, &answer.body)
}

fn failed(message: String, body: &[u8]) -> CheckFailed {
    CheckFailed {
        message,
        body_excerpt: body_excerpt(body),
    }
}

async fn read_body(file: &std::path::Path) -> Result<Vec<u8>, String> {
    let cannot = |why: String| format!("cannot be asked: {} {why}", file.display());
    match tokio::fs::metadata(file).await {
        Ok(metadata) if metadata.len() > CHECK_BODY_BYTES_MAX => {
            return Err(cannot(format!(
                "is larger than {CHECK_BODY_BYTES_MAX} bytes"
            )));
        }
        Ok(_) => {}
        Err(error) => return Err(cannot(format!("cannot be read ({error})"))),
    }
    tokio::fs::read(file)
        .await
        .map_err(|error| cannot(format!("cannot be read ({error})")))
}

fn no_answer(error: &reqwest::Error, address: &str) -> String {
    if error.is_builder() {
        return format!("cannot be asked: http://{address} with this path is not a URL");
    }
    // The innermost cause is the system's own words, for example "Connection refused".
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_connect() {
        format!("could not connect to {address}: {cause}")
    } else {
        format!("got no answer from {address}: {cause}")
    }
}

fn compare(check: &Check, what: &str, body: &[u8]) -> Result<Vec<Fact>, CheckFailed> {
    let mut facts = Vec::new();
    if !check.json.is_empty() {
        let document: Value = serde_json::from_slice(body).map_err(|error| {
            failed(
                format!("{what}: the answer is not JSON ({error}), expected values in it"),
                body,
            )
        })?;
        for (pointer, expected) in &check.json {
            match document.pointer(pointer) {
                Some(found) if equal(found, expected) => facts.push(Fact::new(pointer, found)),
                Some(found) => {
                    let message = format!("{what}: {pointer} is {found}, expected {expected}");
                    return Err(failed(message, body));
                }
                None => {
                    let message = format!("{what}: {pointer} is missing, expected {expected}");
                    return Err(failed(message, body));
                }
            }
        }
    }
    if let Some(text) = &check.contains
        && !String::from_utf8_lossy(body).contains(text.as_str())
    {
        return Err(failed(
            format!("{what}: the answer does not contain {text:?}"),
            body,
        ));
    }
    Ok(facts)
}

/// JSON equality in which `1` and `1.0` are the same number.
pub(crate) fn equal(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => found == expected,
    }
}
