//! `portcullis gateway key list`.

use std::path::Path;

use jiff::Timestamp;
use portcullis_gateway::protect::{ApiKeyRecord, ApiKeysFile};
use serde::Serialize;

use super::{failed, now, shown};
use crate::command_error::{CommandError, Exit};
use crate::output;

/// A key as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: String,
    prefix: String,
    scopes: Vec<String>,
    created: Timestamp,
    expires: Option<Timestamp>,
    replaces: Option<String>,
    replaced_by: Option<String>,
    /// `valid`, `replaced` (still valid, for the overlap) or `expired`.
    pub(super) state: &'static str,
}

pub(super) fn run(path: &Path, json: bool) -> Result<Exit, CommandError> {
    let file = ApiKeysFile::read(path).map_err(failed)?;
    let exists = file.is_some();
    let rows = rows(&file.unwrap_or_default(), now());
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.gateway-keys/1",
            "file": path,
            "keys": rows,
        }));
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        let path = path.display();
        output::talk(&match exists {
            true => format!(
                "{path} has no keys: nobody is let in; `portcullis gateway key add` makes one"
            ),
            false => format!("there is no {path} yet; `portcullis gateway key add` makes it"),
        });
        return Ok(Exit::Done);
    }
    for line in table(&rows) {
        output::result(&line);
    }
    Ok(Exit::Done)
}

pub(super) fn rows(file: &ApiKeysFile, now: Timestamp) -> Vec<Row> {
    let successor = |key: &ApiKeyRecord| {
        let mut newest_first = file.keys.iter().rev();
        newest_first
            .find(|other| other.replaces.as_deref() == Some(key.id.as_str()))
            .map(|other| other.id.clone())
    };
    let keys = file.keys.iter();
    keys.map(|key| {
        let replaced_by = successor(key);
        let is_over = key.expires.is_some_and(|expires| expires <= now);
        Row {
            id: key.id.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.clone(),
            created: key.created,
            expires: key.expires,
            replaces: key.replaces.clone(),
            state: match (is_over, &replaced_by) {
                (true, _) => "expired",
                (false, Some(_)) => "replaced",
                (false, None) => "valid",
            },
            replaced_by,
        }
    })
    .collect()
}

fn table(rows: &[Row]) -> Vec<String> {
    let head = ["name", "key", "scopes", "made", "expires", "state"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let state = match (row.state, &row.replaced_by) {
            ("expired", Some(by)) => format!("expired, replaced by {by}"),
            (state, Some(by)) => format!("{state} by {by}"),
            (state, None) => state.to_owned(),
        };
        [
            row.id.clone(),
            format!("{}...", row.prefix),
            match row.scopes.is_empty() {
                true => "-".to_owned(),
                false => row.scopes.join(" "),
            },
            shown(row.created),
            row.expires.map_or_else(|| "never".to_owned(), shown),
            state,
        ]
    });
    let table: Vec<[String; 6]> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| {
        let widths = table.iter().map(|cells| cells[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |cells: &[String; 6]| {
        let padded = cells.iter().zip(widths);
        let padded: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}
