//! A steady load of users who look pictures up and have pictures hashed.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use reqwest::Client;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::tally::{Answered, Outcome, Tally};

/// Users who send at the same time.
const SENDERS: u32 = 24;
/// Users in all; each keeps to one arm of a split.
const USERS: u64 = 500;
/// One request in this many has a picture hashed.
const HASH_EVERY: u64 = 10;
/// After this long without an answer a request counts as dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that users ask.
#[derive(Debug, Clone)]
pub enum Question {
    /// Which pictures look like this hash? `path` must be among them.
    Lookup { hash: String, path: String },
    /// What is the hash of this picture?
    Hash { body: bytes::Bytes },
}

/// A running load.
pub struct Load {
    stop: watch::Sender<bool>,
    senders: Vec<JoinHandle<Vec<Answered>>>,
}

impl Load {
    /// Starts sending `rate` requests per second to `gateway`.
    pub fn start(gateway: String, rate: u32, questions: Vec<Question>) -> Result<Load> {
        let (stop, stopped) = watch::channel(false);
        let questions = Arc::new(questions);
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let pause = Duration::from_secs(1) * SENDERS / rate;
        let senders = (0..SENDERS)
            .map(|sender| {
                let (client, questions, gateway) =
                    (client.clone(), questions.clone(), gateway.clone());
                tokio::spawn(send(
                    client,
                    gateway,
                    questions,
                    sender,
                    pause,
                    stopped.clone(),
                ))
            })
            .collect();
        Ok(Load { stop, senders })
    }

    /// Stops, waits for the last answers and returns all.
    pub async fn stop(self) -> Tally {
        let _ = self.stop.send(true);
        let mut tally = Tally::default();
        for sender in self.senders {
            tally.answers.extend(sender.await.unwrap_or_default());
        }
        tally
    }
}

async fn send(
    client: Client,
    gateway: String,
    questions: Arc<Vec<Question>>,
    sender: u32,
    pause: Duration,
    stopped: watch::Receiver<bool>,
) -> Vec<Answered> {
    let (lookups, hashes): (Vec<_>, Vec<_>) = questions
        .iter()
        .partition(|question| matches!(question, Question::Lookup { .. }));
    let mut answers = Vec::new();
    // Senders start one after the other, so that requests are spread evenly.
    tokio::time::sleep(pause * sender / SENDERS).await;
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut number = u64::from(sender);
    while !*stopped.borrow() {
        ticks.tick().await;
        number += u64::from(SENDERS);
        let kind = if number / u64::from(SENDERS) % HASH_EVERY == 0 {
            &hashes
        } else {
            &lookups
        };
        let question = kind[(number % kind.len() as u64) as usize];
        let user = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % USERS;
        answers.push(ask(&client, &gateway, question, user).await);
    }
    answers
}

// Measuring is what this is for.
#[allow(clippy::disallowed_methods)]
async fn ask(client: &Client, gateway: &str, question: &Question, user: u64) -> Answered {
    let request = match question {
        Question::Lookup { hash, .. } => {
            client.get(format!("http://{gateway}/lookup/{hash}?radius=10&limit=50"))
        }
        Question::Hash { body } => client
            .post(format!("http://{gateway}/hash"))
            .body(body.clone()),
    };
    let sent_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as u64);
    let begun = Instant::now();
    let response = request
        .header("x-user", format!("user-{user}"))
        .send()
        .await;
    let (release, outcome) = match response {
        Err(_) => (None, Outcome::Dropped),
        Ok(response) => {
            let named = response.headers().get("x-portcullis-release");
            let release = named
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let good_status = response.status().is_success();
            match response.json::<Value>().await {
                Ok(answer) if good_status && is_right(question, &answer) => {
                    (release, Outcome::Served)
                }
                Ok(_) => (release, Outcome::Failed),
                // A body that breaks off is no answer; a failure without JSON still is one.
                Err(_) if good_status => (release, Outcome::Dropped),
                Err(_) => (release, Outcome::Failed),
            }
        }
    };
    Answered {
        sent_ms,
        took_us: begun.elapsed().as_micros() as u64,
        release,
        outcome,
    }
}

/// Whether the answer is what it must be, not only a good status.
fn is_right(question: &Question, answer: &Value) -> bool {
    match question {
        Question::Lookup { path, .. } => {
            let matches = answer["matches"].as_array();
            matches.is_some_and(|matches| matches.iter().any(|found| found["path"] == **path))
        }
        Question::Hash { .. } => answer["hash"].as_str().is_some_and(|hash| hash.len() == 16),
    }
}
