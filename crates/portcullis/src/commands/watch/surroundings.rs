//! What can be seen of a rollout beside its record: the gateway's route, and what the candidate writes.

use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use portcullis_api::Client;
use portcullis_api::engine::Detail;
use portcullis_api::gateway::RouteStatus;

use crate::bounds::{LOG_TAIL_BYTES, LOG_TAIL_LINES};
use crate::connect;
use crate::site::Site;

/// Where to look. All of it is a bonus: what cannot be read is not shown.
#[derive(Debug, Default)]
pub(in crate::commands) struct Surroundings {
    gateway: Option<Client>,
    logs: Option<PathBuf>,
}

impl Surroundings {
    /// What the configuration names; nothing when it cannot be read now.
    pub(in crate::commands) fn of(site: &Site) -> Surroundings {
        let Ok(config) = connect::config(site) else {
            return Surroundings::default();
        };
        let gateway = Client::new(connect::endpoint(&config.gateway.admin), None);
        Surroundings {
            gateway: gateway.ok(),
            logs: Some(config.state.folder.join("logs")),
        }
    }

    /// The gateway's route of a service, if it says so
    /// within `limit`.
    pub(super) async fn route(&self, service: &str, limit: Duration) -> Option<RouteStatus> {
        let client = self.gateway.as_ref()?;
        let path = format!("/v1/routes/{service}");
        within(limit, client.get(&path)).await
    }

    /// The last lines that the rollout's new release wrote, oldest first.
    pub(super) fn log(&self, detail: &Detail) -> Vec<String> {
        self.read_log(detail).unwrap_or_default()
    }

    fn read_log(&self, detail: &Detail) -> Option<Vec<String>> {
        let plan = &detail.plan.plan;
        let address = plan.target.address.replace(':', "_");
        let name = format!("{}@{address}.log", plan.release.id);
        let path = self.logs.as_ref()?.join(plan.service.as_str()).join(name);
        let mut file = std::fs::File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        let from = length.saturating_sub(LOG_TAIL_BYTES);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        // Where the read began in the middle of a line, that line is not shown.
        let whole = text.lines().skip(usize::from(from > 0));
        let lines: Vec<String> = whole.map(without_escapes).collect();
        Some(lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].to_vec())
    }
}

/// A line without the escape sequences with which programs colour their logs.
fn without_escapes(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\x1b' && rest.next_if_eq(&'[').is_some() {
            // A control sequence ends with its first byte in this range (ECMA-48, 5.4).
            for c in rest.by_ref() {
                if ('\x40'..='\x7e').contains(&c) {
                    break;
                }
            }
        } else {
            text.push(c);
        }
    }
    text
}

async fn within<T, E>(limit: Duration, answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    tokio::time::timeout(limit, answer).await.ok()?.ok()
}

#[cfg(test)]
mod tests;
