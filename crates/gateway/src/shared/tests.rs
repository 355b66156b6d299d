mod connections;
mod counting;
mod decisions;
mod outages;
pub(crate) mod redis_server;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use portcullis_config::{LimitConfig, LimitKey};
use redis::aio::MultiplexedConnection;
use secrecy::SecretString;

use super::*;
use crate::clock::monotonic_ms;
use crate::protect::{Limit, LimitDecision, LimitSubject, LimitTable, RouteLimits};
use redis_server::RedisServer;

fn server(url: &str, timeout_ms: u64) -> Result<SharedServer, SharedError> {
    SharedServer::with_roots(&SecretString::from(url), "test:", timeout_ms, None)
}

/// A gateway with one worker: its server, its way there, and its limits.
struct Gateway {
    server: Arc<SharedServer>,
    store: SharedStore,
    limits: RouteLimits,
}

impl Gateway {
    fn start(url: &str, timeout_ms: u64, limits: &[LimitConfig]) -> Gateway {
        let server = server(url, timeout_ms).unwrap();
        Gateway::with(Arc::new(server), limits)
    }

    fn with(server: Arc<SharedServer>, limits: &[LimitConfig]) -> Gateway {
        let names: Vec<Arc<str>> = limits.iter().map(|limit| limit.name.clone()).collect();
        Gateway {
            store: SharedStore::start(Arc::clone(&server)),
            server,
            limits: LimitTable::new(limits, None).route(&names).unwrap(),
        }
    }

    async fn up(url: &str, limits: &[LimitConfig]) -> Gateway {
        let gateway = Gateway::start(url, 10_000, limits);
        gateway.until_up().await;
        gateway
    }

    async fn until_up(&self) {
        until("the server answers", || self.store.is_up()).await;
    }

    async fn check(&self, client: &str) -> LimitDecision {
        let headers = HeaderMap::new();
        let subject = subject(client, &headers);
        self.store
            .check(&self.limits, &subject, monotonic_ms())
            .await
    }

    async fn admits(&self, client: &str) -> bool {
        matches!(self.check(client).await, LimitDecision::Allowed(_))
    }

    /// How many of these many requests are let in.
    async fn admitted(&self, client: &str, requests: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..requests {
            admitted += usize::from(self.admits(client).await);
        }
        admitted
    }
}

fn subject<'a>(client: &str, headers: &'a HeaderMap) -> LimitSubject<'a> {
    LimitSubject {
        client: client.parse::<IpAddr>().unwrap(),
        caller: None,
        headers,
    }
}

/// So many at once, and practically none after.
fn burst(name: &str, burst: u32, key: LimitKey) -> LimitConfig {
    LimitConfig {
        name: name.into(),
        requests: 1,
        per_ms: 10_000_000,
        burst,
        key,
    }
}

async fn plain(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}
