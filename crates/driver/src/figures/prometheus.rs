//! An instant query of Prometheus: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
//!
//! Prometheus answers with the last reading of a series for five minutes after it, so an answer by itself does not say
//! that anything was measured lately. Where an age is given, the moments of the readings are asked for too, and both are
//! compared on Prometheus's own clock.

use portcullis_rollout::{FigureOrder, FigureSource};
use serde_json::Value;

use super::{Missing, fetch, first_line, shortened};
use crate::web_client::WebClient;

/// How many series are named in words.
const NAMED_MAX: usize = 3;

/// One number of an answer, with the moment it is for, in seconds since the Unix epoch.
#[derive(Debug, PartialEq)]
struct Point {
    at_s: f64,
    value: f64,
}

pub(super) async fn read(web: &WebClient, order: &FigureOrder) -> Result<f64, Missing> {
    let FigureSource::Prometheus {
        url,
        query,
        label,
        release,
        max_age_ms,
        ..
    } = &order.source
    else {
        return Err("it is no query of Prometheus".to_owned());
    };
    let wanted = label.as_deref().map(|label| (label, release.as_str()));
    let url = format!("{}/api/v1/query", url.trim_end_matches('/'));
    let ask = async |query: &str| {
        let document = fetch(web, &url, &[("query", query)], order).await?;
        point(&document, wanted)
    };
    let Some(max_age_ms) = max_age_ms else {
        return Ok(ask(query).await?.value);
    };
    let moments = format!("timestamp({query})");
    let (point, read_at) = tokio::join!(ask(query), ask(&moments));
    let (point, read_at) = (point?, read_at?);
    let age_ms = ((point.at_s - read_at.value) * 1000.0).max(0.0) as u64;
    if age_ms > *max_age_ms {
        return Err(format!(
            "stale: the newest reading is {} s old, at most {} s are allowed",
            age_ms / 1000,
            max_age_ms / 1000
        ));
    }
    Ok(point.value)
}

/// The one number of an answer.
fn point(document: &Value, wanted: Option<(&str, &str)>) -> Result<Point, Missing> {
    if document["status"] != "success" {
        let why = document["error"].as_str().unwrap_or("it does not say why");
        return Err(format!("Prometheus refused the query: {}", first_line(why)));
    }
    let data = &document["data"];
    let result = &data["result"];
    match data["resultType"].as_str() {
        Some("scalar") => of_pair(result),
        Some("vector") => {
            let series = result.as_array().map_or(&[][..], Vec::as_slice);
            of_pair(&one(series, wanted)?["value"])
        }
        Some("matrix") => Err(
            "the query gives series over a range; aggregate it, for example with avg_over_time"
                .to_owned(),
        ),
        Some("string") => Err("the query gives a text and no number".to_owned()),
        _ => Err("the answer is none of Prometheus's".to_owned()),
    }
}

/// The one series that is meant.
fn one<'a>(series: &'a [Value], wanted: Option<(&str, &str)>) -> Result<&'a Value, Missing> {
    let meant: Vec<&Value> = match wanted {
        None => series.iter().collect(),
        Some((label, release)) => {
            let is_meant = |one: &&Value| one["metric"][label] == release;
            series.iter().filter(is_meant).collect()
        }
    };
    match (meant.as_slice(), wanted) {
        ([one], _) => Ok(one),
        ([], _) if series.is_empty() => {
            Err("the query gives no series; nothing was measured lately".to_owned())
        }
        ([], Some((label, release))) => Err(format!(
            "none of the {} series has {label}=\"{release}\": {}",
            series.len(),
            names(series.iter())
        )),
        (several, wanted) => {
            let hint = match wanted {
                Some(_) => "aggregate it, for example with sum by (LABEL)",
                None => "aggregate it, for example with sum(...), or say with `label` which one",
            };
            Err(format!(
                "the query gives {} series instead of one: {}; {hint}",
                several.len(),
                names(several.iter().copied())
            ))
        }
    }
}

fn names<'a>(series: impl ExactSizeIterator<Item = &'a Value>) -> String {
    let more = series.len().saturating_sub(NAMED_MAX);
    let named: Vec<String> = series
        .take(NAMED_MAX)
        .map(|one| shortened(&one["metric"].to_string()))
        .collect();
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

/// A pair of seconds and a number as text, in which Prometheus writes `NaN`, `+Inf` and `-Inf`.
fn of_pair(pair: &Value) -> Result<Point, Missing> {
    let at_s = pair[0].as_f64().unwrap_or(0.0);
    let text = pair[1].as_str().unwrap_or_default();
    if text == "NaN" {
        let why = "the value is NaN: something was divided by zero, as when there were no requests";
        return Err(why.to_owned());
    }
    if text.ends_with("Inf") {
        return Err(format!(
            "the value is {text}: something was divided by zero"
        ));
    }
    // Prometheus writes all its numbers as texts, so that none loses a digit.
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Point { at_s, value }),
        _ => Err(format!("{:?} is no number", shortened(text))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vector(series: &[(&str, &str)]) -> Value {
        let series = series
            .iter()
            .map(|(release, value)| json!({"metric": {"version": release}, "value": [1.5, value]}));
        json!({"status": "success", "data": {
            "resultType": "vector", "result": series.collect::<Vec<_>>()}})
    }

    fn why(document: &Value, wanted: Option<(&str, &str)>) -> String {
        point(document, wanted).unwrap_err()
    }

    #[test]
    fn one_series_is_a_number() {
        let expected = Point {
            at_s: 1.5,
            value: 0.25,
        };
        assert_eq!(point(&vector(&[("1.0", "0.25")]), None), Ok(expected));
        let scalar =
            json!({"status": "success", "data": {"resultType": "scalar", "result": [2, "7"]}});
        assert_eq!(point(&scalar, None).unwrap().value, 7.0);
    }

    #[test]
    fn a_label_tells_the_candidates_series_from_others() {
        let both = vector(&[("1.0", "1"), ("1.1", "2")]);
        let of = |release| point(&both, Some(("version", release)));
        assert_eq!(of("1.1").unwrap().value, 2.0);
        let why = of("1.2").unwrap_err();
        assert!(
            why.starts_with("none of the 2 series has version=\"1.2\""),
            "{why}"
        );
    }

    #[test]
    fn what_is_no_number_is_explained() {
        let both = vector(&[("1.0", "1"), ("1.1", "2")]);
        assert!(why(&both, None).starts_with("the query gives 2 series instead of one"));
        assert!(why(&vector(&[]), None).contains("gives no series"));
        assert!(why(&vector(&[("1", "NaN")]), None).contains("is NaN"));
        assert!(why(&vector(&[("1", "+Inf")]), None).contains("+Inf"));
        let matrix = json!({"status": "success", "data": {"resultType": "matrix", "result": []}});
        assert!(why(&matrix, None).contains("aggregate it"));
        assert!(why(&vector(&[("1", "many")]), None).contains("\"many\" is no number"));
        let long = format!("1:{}: parse error: unexpected end of input", "9".repeat(80));
        let refused = json!({"status": "error", "error": format!("{long}\nmore")});
        let expected = format!("Prometheus refused the query: {long}");
        assert_eq!(why(&refused, None), expected);
        assert!(why(&json!([]), None).contains("refused"));
    }
}
