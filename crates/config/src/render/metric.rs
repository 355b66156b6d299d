//! Figures from elsewhere, as a file has them.

use portcullis_rollout::{Authorization, CommandReading, FigureOrder, FigureSource};
use toml::{Table, Value};

use super::{duration, path, variables};

pub(super) fn metric(order: &FigureOrder) -> Table {
    let mut out = Table::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("name", order.name.as_str().into());
    put("timeout", duration(order.timeout_ms));
    match &order.source {
        FigureSource::Json {
            url,
            pointer,
            fresh,
            ..
        } => {
            put("from", "json".into());
            put("url", url.as_str().into());
            put("pointer", pointer.as_str().into());
            if let Some(fresh) = fresh {
                put("moment", fresh.pointer.as_str().into());
                put("max_age", duration(fresh.max_age_ms));
            }
        }
        FigureSource::Prometheus {
            url,
            query,
            label,
            max_age_ms,
            ..
        } => {
            put("from", "prometheus".into());
            put("url", url.as_str().into());
            put("query", query.as_str().into());
            if let Some(label) = label {
                put("label", label.as_str().into());
            }
            if let Some(max_age_ms) = max_age_ms {
                put("max_age", duration(*max_age_ms));
            }
        }
        FigureSource::Command { command, reads } => {
            put("from", "command".into());
            put("command", command.argv.clone().into());
            if !command.env.is_empty() {
                put("env", variables(&command.env));
            }
            let reads = match reads {
                CommandReading::ExitCode => "exit-code",
                CommandReading::Number => "number",
            };
            put("reads", reads.into());
        }
        FigureSource::Sql { database, query } => {
            put("from", "sql".into());
            put("database", database.as_str().into());
            put("query", query.as_str().into());
        }
    }
    if let Some(ca) = order.source.ca() {
        put("ca", path(ca));
    }
    match order.authorization() {
        Some(Authorization::Token { token }) => {
            put("token", token.as_str().into());
        }
        Some(Authorization::Basic { user, password }) => {
            put("user", user.as_str().into());
            put("password", password.as_str().into());
        }
        None => {}
    }
    out
}
