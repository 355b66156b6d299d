//! A gateway that follows the split of an engine elsewhere.
//!
//! A few times a second it tells the engine what it has counted and what it has under way, and is told the split
//! in force. That is put in force here by this gateway's own admin API, with the epoch that came with it: so it is
//! saved before it counts, an arm gets traffic only when it is healthy from here, and an engine that lost its lease is
//! refused like anywhere else. While nobody answers, what is saved stays in force.

use std::fmt;
use std::time::Duration;

use portcullis_api::gateway::{
    FollowerReport, GatewayStatus, Lead, RouteStatus, STALE_EPOCH, SplitChange,
};
use portcullis_api::{Client, ClientError, Endpoint};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::bounds::{
    LEAD_CHANGE_PATIENCE, LEAD_PATIENCE, LEAD_PAUSE, LEAD_PAUSE_MAX, NEWS_WAITING_MAX,
};
use crate::command_error::CommandError;

/// Who is followed, and how that goes.
pub(super) struct Follower {
    /// This gateway's admin API.
    own: Client,
    engines: Vec<Client>,
    /// The one that is asked.
    at: usize,
    name: String,
    service: String,
    /// What was told last.
    told: Option<News>,
    why_not: Option<String>,
    next_at: Instant,
    pause: Duration,
}

/// A follower that follows until this is dropped.
pub(super) struct Following {
    /// The engines, for people.
    pub(super) engines: String,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

impl Following {
    /// How it goes, when that has changed.
    pub(super) async fn news(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How following goes, when that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// The engine's split is in force here.
    Follows { engine: String, epoch: u64 },
    /// No engine answers; the last saved split is in force, if there is one.
    Away {
        engine: String,
        why: String,
        serves: Serves,
    },
    /// The engine's split was not put in force here.
    Refuses {
        engine: String,
        why: String,
        serves: Serves,
    },
}

/// By what a gateway serves that does not do as its engine says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// By the split that was saved last.
    Saved,
    /// By none: it never had one.
    Nothing,
    /// It cannot be told.
    Unknown,
}

impl Serves {
    fn by(status: &GatewayStatus, service: &str) -> Serves {
        let route = status.routes.iter().find(|route| route.service == service);
        match route.is_some_and(|route| route.split.is_some()) {
            true => Serves::Saved,
            false => Serves::Nothing,
        }
    }

    /// The end of a sentence about the engine.
    fn words(self) -> &'static str {
        match self {
            Serves::Saved => "; serving from the last saved split",
            Serves::Nothing => {
                "; no split was ever saved here: requests get 503 until the engine gives one"
            }
            Serves::Unknown => "",
        }
    }
}

impl Follower {
    /// Follows the first of some engines that answers.
    ///
    /// # Errors
    /// When a client cannot be set up.
    pub(super) fn new(
        own: Client,
        engines: &[Endpoint],
        token: &SecretString,
        (name, service): (String, String),
    ) -> Result<Follower, CommandError> {
        let engines = engines
            .iter()
            .map(|engine| Client::new(engine.clone(), Some(token.clone())));
        Ok(Follower {
            own,
            engines: engines.collect::<Result<_, _>>()?,
            at: 0,
            name,
            service,
            told: None,
            why_not: None,
            next_at: Instant::now(),
            pause: LEAD_PAUSE,
        })
    }

    /// Begins to follow, in a task of its own: a step takes as long as an arm takes to say how it is.
    pub(super) fn start(mut self) -> Following {
        let engines = self.engine();
        let (sender, news) = mpsc::channel(NEWS_WAITING_MAX);
        let task = tokio::spawn(async move {
            loop {
                let news = self.next().await;
                if sender.send(news).await.is_err() {
                    return;
                }
            }
        });
        Following {
            engines,
            news,
            task,
        }
    }

    /// The engines, for people.
    fn engine(&self) -> String {
        let engines = self.engines.iter();
        let all: Vec<String> = engines
            .map(|engine| engine.endpoint().to_string())
            .collect();
        all.join(", ")
    }

    /// Goes on following until there is news.
    async fn next(&mut self) -> News {
        loop {
            sleep_until(self.next_at).await;
            let news = self.step().await;
            self.pause = match &news {
                News::Follows { .. } | News::Refuses { .. } => LEAD_PAUSE,
                News::Away { .. } => {
                    self.at = (self.at + 1) % self.engines.len().max(1);
                    (self.pause * 2).min(LEAD_PAUSE_MAX)
                }
            };
            self.next_at = Instant::now() + self.pause;
            self.why_not = match &news {
                News::Refuses { why, .. } => Some(why.clone()),
                News::Follows { .. } | News::Away { .. } => None,
            };
            if self.told.as_ref() != Some(&news) {
                self.told = Some(news.clone());
                return news;
            }
        }
    }

    async fn step(&self) -> News {
        let Some(client) = self.engines.get(self.at) else {
            return std::future::pending().await;
        };
        let engine = client.endpoint().to_string();
        let status = match timeout(LEAD_PATIENCE, self.own.get("/v1/gateway")).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return refuses(engine, &error, Serves::Unknown),
            Err(_) => {
                let why = "this gateway's admin API does not answer";
                return away(engine, why, Serves::Unknown);
            }
        };
        let serves = Serves::by(&status, &self.service);
        let lead = match timeout(LEAD_PATIENCE, self.ask(client, status)).await {
            Ok(Ok(lead)) => lead,
            Ok(Err(error)) => return away(engine, &sentence(&error), serves),
            Err(_) => return away(engine, "it does not answer in time", serves),
        };
        let epoch = lead.epoch;
        let Some(split) = lead.split else {
            let why = "no release was put into service by it yet";
            return News::Refuses {
                engine,
                why: why.to_owned(),
                serves,
            };
        };
        let change = SplitChange {
            split,
            epoch,
            if_changes: None,
        };
        let path = format!("/v1/routes/{}/split", self.service);
        let changed = self.own.put::<RouteStatus>(&path, &change);
        match timeout(LEAD_CHANGE_PATIENCE, changed).await {
            Ok(Ok(_)) => News::Follows { engine, epoch },
            Ok(Err(error)) => refuses(engine, &error, serves),
            Err(_) => News::Refuses {
                engine,
                why: "this gateway did not answer in time".to_owned(),
                serves,
            },
        }
    }

    async fn ask(&self, client: &Client, status: GatewayStatus) -> Result<Lead, ClientError> {
        let path = format!("/api/v1/gateways/{}", status.instance);
        let report = FollowerReport {
            name: self.name.clone(),
            service: self.service.clone(),
            why_not: self.why_not.clone(),
            status: GatewayStatus {
                followers: Vec::new(),
                ..status
            },
        };
        client.put(&path, &report).await
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            News::Follows { engine, epoch } => {
                write!(f, "following the engine at {engine}, epoch {epoch}")
            }
            News::Away {
                engine,
                why,
                serves,
            } => {
                let rest = serves.words();
                write!(f, "the engine at {engine} cannot be followed: {why}{rest}")
            }
            News::Refuses {
                engine,
                why,
                serves,
            } => {
                let rest = serves.words();
                write!(
                    f,
                    "what the engine at {engine} says is not put in force: {why}{rest}"
                )
            }
        }
    }
}

fn away(engine: String, why: &str, serves: Serves) -> News {
    News::Away {
        engine,
        why: why.to_owned(),
        serves,
    }
}

/// An engine that lost its lease is as good as away: another one may answer that has it.
fn refuses(engine: String, error: &ClientError, serves: Serves) -> News {
    let why = sentence(error);
    match error {
        ClientError::Refused(problem) if problem.code.as_deref() == Some(STALE_EPOCH) => {
            News::Away {
                engine,
                why,
                serves,
            }
        }
        _ => News::Refuses {
            engine,
            why,
            serves,
        },
    }
}

fn sentence(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
