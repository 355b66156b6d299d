//! Users who come independently of each other, as in the simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::RngExt;
use reqwest::Client;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::bench::clock;

/// Requests under way at the same time, at most; more would mean that nobody answers.
const UNDER_WAY_MAX: usize = 400;
/// After this long without an answer a request counts as dropped.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running load. Dropping it ends it.
pub struct Load {
    counts: Arc<Counts>,
    begun: Instant,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    dropped: AtomicU64,
}

impl Load {
    /// Asks `gateway` so many times a second, each time as somebody else. Must be called on a runtime.
    pub fn start(gateway: &str, per_second: f64) -> Result<Load> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let (counts, url) = (Arc::<Counts>::default(), format!("http://{gateway}/"));
        let task = tokio::spawn(ask(client, url, per_second, Arc::clone(&counts)));
        Ok(Load {
            counts,
            begun: clock::now(),
            task,
        })
    }

    /// How many requests a second were answered so far, and how many were not at all.
    pub fn so_far(&self) -> (f64, u64) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let answered = self.counts.answered.load(Relaxed) as f64;
        (answered / seconds, self.counts.dropped.load(Relaxed))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask(client: Client, url: String, per_second: f64, counts: Arc<Counts>) {
    let places = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut due = tokio::time::Instant::now();
    loop {
        let (gap_s, user) = {
            let mut random = rand::rng();
            // Exponential gaps make a Poisson process.
            let even: f64 = random.random();
            (-(1.0 - even).ln() / per_second, random.random::<u64>())
        };
        due += Duration::from_secs_f64(gap_s);
        tokio::time::sleep_until(due).await;
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let request = client.get(&url).header("x-user", user.to_string());
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let answer = async { request.send().await?.bytes().await };
            let counter = match answer.await {
                Ok(_) => &counts.answered,
                Err(_) => &counts.dropped,
            };
            counter.fetch_add(1, Relaxed);
            drop(place);
        });
    }
}
