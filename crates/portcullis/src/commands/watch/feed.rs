//! News of a rollout: its record whenever something may have happened, across restarts of the server.

use std::pin::Pin;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use portcullis_api::engine::Detail;
use portcullis_api::{Client, ClientError};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::bounds::GLANCE_TIMEOUT;

/// The event stream; it only says that something happened, what is read from the rollout.
type News = Pin<Box<dyn Stream<Item = ()>>>;

/// A rollout that is watched.
pub(in crate::commands) struct Feed<'a> {
    client: &'a Client,
    path: String,
    news: Option<News>,
    resized: Option<Signal>,
}

impl<'a> Feed<'a> {
    pub(in crate::commands) fn new(client: &'a Client, id: &str) -> Feed<'a> {
        Feed {
            client,
            path: format!("/api/v1/rollouts/{id}"),
            news: None,
            resized: signal(SignalKind::window_change()).ok(),
        }
    }

    /// The rollout as it is now.
    pub(in crate::commands) async fn look(&self) -> Result<Detail, ClientError> {
        self.client.get(&self.path).await
    }

    /// Returns when something may have happened, the terminal changed its size, or `at_most` has passed.
    pub(in crate::commands) async fn wait(&mut self, at_most: Duration) {
        if self.news.is_none() {
            self.news = open(self.client).await;
        }
        let ended = {
            let mut news = self.news.as_mut();
            let next = async {
                match &mut news {
                    Some(news) => news.next().await.is_none(),
                    None => std::future::pending().await,
                }
            };
            let resized = async {
                match &mut self.resized {
                    Some(resized) => resized.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = next => ended,
                _ = resized => false,
                () = tokio::time::sleep(at_most) => false,
            }
        };
        if ended {
            self.news = None;
            // A stream that ends at once must not keep this process busy.
            tokio::time::sleep(GLANCE_TIMEOUT).await;
        }
    }

    /// Takes what has arrived already, so that many events cause one look.
    pub(in crate::commands) fn catch_up(&mut self) {
        while let Some(news) = &mut self.news {
            match news.next().now_or_never() {
                Some(Some(())) => {}
                Some(None) => self.news = None,
                None => return,
            }
        }
    }
}

/// Opens the stream; without it the rollout is looked at every now and then all the same.
async fn open(client: &Client) -> Option<News> {
    let stream = client.stream("/api/v1/events");
    let stream = tokio::time::timeout(GLANCE_TIMEOUT, stream).await.ok()?;
    let good = stream.ok()?.take_while(|chunk| {
        let good = chunk.is_ok();
        async move { good }
    });
    Some(good.map(|_| ()).boxed_local())
}
