//! Synthetic requests, as a file has them.

use portcullis_rollout::{Pace, SyntheticTraffic};
use toml::{Table, Value};

use super::{check, table, variables};

pub(super) fn synthetic(traffic: &SyntheticTraffic) -> Table {
    let requests = traffic.requests.iter().map(|request| {
        let mut out = check(&request.check);
        if !request.headers.is_empty() {
            out.insert("headers".to_owned(), variables(&request.headers));
        }
        Value::Table(out)
    });
    table([
        ("rate", pace(traffic.rate)),
        ("below", pace(traffic.below)),
        ("request", Value::Array(requests.collect())),
    ])
}

fn pace(pace: Pace) -> Value {
    Value::String(format!("{}/{}ms", pace.requests, pace.per_ms))
}
