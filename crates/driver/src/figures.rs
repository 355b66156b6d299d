//! Figures from elsewhere: one number for each, or the reason in words why there is none.
//!
//! Nothing is ever filled in. A source that does not answer in its time, that is stale, that gives several numbers or
//! something that is none gives no figure, and its words say which of these it was and what to do. Words never have a
//! secret in them.

use std::time::Duration;

use portcullis_rollout::{Authorization, FigureOrder, FigureSource};
use serde_json::Value;

use crate::bounds::{EVIDENCE_LINE_CHARS_MAX as LINE_CHARS_MAX, FIGURE_ANSWER_BYTES_MAX};
use crate::causes::with_causes;
use crate::evidence::body_excerpt;
use crate::resolve_secret;
use crate::web_client::{Question, Shown, WebClient};

mod command;
mod json;
mod prometheus;
mod sql;

/// So much is shown of a value that is not ours.
const SHORT_CHARS_MAX: usize = 60;

/// Asks for figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct FigureReader {
    web: WebClient,
}

/// Why there is no figure, in words that follow `no data: `.
type Missing = String;

impl FigureReader {
    /// The figure now, within its time.
    pub(crate) async fn read(&self, order: &FigureOrder) -> Result<f64, Missing> {
        let limit = Duration::from_millis(order.timeout_ms);
        let figure = match &order.source {
            // It ends the command itself, with all that it started.
            FigureSource::Command { command, reads } => {
                command::read(command, *reads, limit).await?
            }
            _ => {
                let read = tokio::time::timeout(limit, self.ask(order)).await;
                read.unwrap_or_else(|_| Err(format!("no answer within {} ms", order.timeout_ms)))?
            }
        };
        // A database has infinities too.
        if figure.is_finite() {
            Ok(figure)
        } else {
            Err(format!("the value is {figure}, which is no number"))
        }
    }

    async fn ask(&self, order: &FigureOrder) -> Result<f64, Missing> {
        match &order.source {
            FigureSource::Json {
                url,
                pointer,
                fresh,
                ..
            } => {
                let document = fetch(&self.web, url, &[], order).await?;
                json::figure(&document, pointer, fresh.as_ref())
            }
            FigureSource::Prometheus { .. } => prometheus::read(&self.web, order).await,
            FigureSource::Sql { database, query } => sql::read(database, query, order).await,
            FigureSource::Command { .. } => Err("a command is run, not asked".to_owned()),
        }
    }
}

/// The document that a server answers with, whatever its status, unless it says in words why there is none.
async fn fetch(
    web: &WebClient,
    url: &str,
    query: &[(&str, &str)],
    order: &FigureOrder,
) -> Result<Value, Missing> {
    let question = Question {
        url,
        query,
        shown: shown(order).await?,
        ca: order.source.ca().map(|ca| order.folder.join(ca)),
        bytes_max: FIGURE_ANSWER_BYTES_MAX,
    };
    let answer = web.get(&question).await?;
    let (status, body) = (answer.status, answer.body);
    let document: Option<Value> = serde_json::from_slice(&body).ok();
    let excerpt = || body_excerpt(&body).map_or(String::new(), |text| format!(": {text}"));
    match (status.is_success(), document) {
        (true, Some(document)) => Ok(document),
        (true, None) => Err(format!("the answer is not JSON{}", excerpt())),
        (false, _) if status.as_u16() == 401 || status.as_u16() == 403 => Err(format!(
            "the server answered {status}: it wants another token, user or password"
        )),
        // Prometheus tells in its document what is wrong with a query.
        (false, Some(document)) if document["error"].is_string() => Ok(document),
        (false, _) => Err(format!("the server answered {status}{}", excerpt())),
    }
}

/// What is shown to the server, if it wants something.
async fn shown(order: &FigureOrder) -> Result<Option<Shown>, Missing> {
    let secret = async |text: &str| {
        let resolved = resolve_secret(text, &order.folder).await;
        resolved.map_err(|error| with_causes(&error))
    };
    Ok(match order.authorization() {
        None => None,
        Some(Authorization::Token { token }) => Some(Shown::Token(secret(token).await?)),
        Some(Authorization::Basic { user, password }) => {
            Some(Shown::Basic(user.clone(), secret(password).await?))
        }
    })
}

/// A number. A text is none, even if it looks like one: who writes `"1.0"` may mean a version.
pub(crate) fn number(value: &Value) -> Result<f64, Missing> {
    let number = match value {
        Value::Number(number) => number
            .as_f64()
            .ok_or_else(|| format!("{number} is too large")),
        Value::String(text) => Err(text_words(text)),
        Value::Null => Err("the value is null".to_owned()),
        Value::Bool(_) => Err("the value is true or false and no number".to_owned()),
        Value::Array(_) => Err("the value is a list and no number".to_owned()),
        Value::Object(_) => Err("the value is an object and no number".to_owned()),
    }?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(format!("the value is {number}, which is no number"))
    }
}

/// That a text is no number, and what to do where it looks like one.
fn text_words(text: &str) -> Missing {
    let words = format!("{:?} is a text and no number", shortened(text));
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => {
            format!("{words}; a number is written without quotes")
        }
        _ => words,
    }
}

/// The beginning of a text that is not ours.
fn shortened(text: &str) -> String {
    cut(text, SHORT_CHARS_MAX)
}

/// The first line of what a server or a database says of a mistake: as a rule the rest only repeats what was asked.
fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    cut(&line.chars().map(shown).collect::<String>(), LINE_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mistake_the_whole_first_line_is_told() {
        let long = "1:78: parse error: unexpected identifier \"version\" in aggregation, expected one of ...";
        assert_eq!(first_line(&format!("\n  {long}\nLINE 2: SELECT")), long);
        assert_eq!(
            first_line(&"x".repeat(400)),
            format!("{}...", "x".repeat(300))
        );
        assert_eq!(first_line("a\tb\u{1b}[31m"), "a b [31m");
        assert_eq!(first_line(" \n"), "");
    }
}
